//! From the author's function to a component's export.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, ItemFn, LitStr, ReturnType};

use crate::capability::{Capability, Reach, undeclared};
use crate::manifest::Manifest;
use crate::shape::Shape;
use crate::world::world;

/// The expansion of `#[handler]`.
///
/// # Errors
///
/// Where the function's name is no handler's, its shape is not that of one, or the manifest does not list it.
pub(crate) fn handler(arguments: TokenStream, function: TokenStream) -> Result<TokenStream, Error> {
    let function: ItemFn = syn::parse2(function)?;
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let path = folder.join(manifest_file(arguments)?);
    let manifest = Manifest::read(&path).map_err(|told| Error::new(Span::call_site(), told))?;
    let expanded = expand(&function, &manifest, &folder)?;
    let path = path.display().to_string();
    Ok(quote! {
        #expanded

        // So that the component is built again when the manifest changes.
        const _: &str = ::core::include_str!(#path);
    })
}

/// `extension.toml`, or what `manifest = "…"` says.
fn manifest_file(arguments: TokenStream) -> Result<String, Error> {
    let mut file = "extension.toml".to_owned();
    let parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("manifest") {
            return Err(meta.error("only `manifest = \"…\"` is known here"));
        }
        file = meta.value()?.parse::<LitStr>()?.value();
        Ok(())
    });
    syn::parse::Parser::parse2(parser, arguments)?;
    Ok(file)
}

fn expand(function: &ItemFn, manifest: &Manifest, folder: &Path) -> Result<TokenStream, Error> {
    let name = &function.sig.ident;
    let refuse = |what: String| Error::new(name.span(), what);
    if name != "on_event" {
        return Err(refuse(format!("no handler is called `{name}`; there is `on_event`")));
    }
    if !manifest.handlers.iter().any(|handler| handler == "on-event") {
        let what = "extension.toml does not list this handler: add [handlers.on-event] with its `kinds`";
        return Err(refuse(what.to_owned()));
    }
    let shape = Shape::of(&function.sig)?;
    let capabilities = manifest.capabilities.iter().map(|name| Capability::find(name, folder).map_err(refuse));
    let capabilities = capabilities.collect::<Result<Vec<_>, _>>()?;
    let module = module(&capabilities, &undeclared(&manifest.capabilities));
    let names = names(shape, &capabilities);
    let export = export(function, shape);
    Ok(quote! {
        #function
        #names
        #module
        #export
    })
}

/// What the expansion declares beside the function: `Host`, and the bindings that have no trait.
fn names(shape: Shape, capabilities: &[Capability]) -> TokenStream {
    let host = (shape == Shape::WithHost).then(|| {
        quote!(
            use __handler::Host;
        )
    });
    let own = capabilities.iter().filter(|capability| matches!(capability.reach, Reach::Bindings(_)));
    let namespaces: BTreeSet<_> = own.map(|capability| capability.package.namespace()).collect();
    let namespaces = namespaces.iter().map(|namespace| Ident::new(namespace, Span::call_site()));
    quote! {
        #host
        #(use __handler::#namespaces;)*
    }
}

/// The bindings of the world, and `Host` on top of them.
fn module(capabilities: &[Capability], undeclared: &TokenStream) -> TokenStream {
    let packages: Vec<_> = capabilities.iter().map(|capability| &capability.package).collect();
    let (world, without_handler) = (world(&packages, true), world(&packages, false));
    let bindings = |world: String| {
        quote! {
            sdk::glue::wit_bindgen::generate!({
                inline: #world,
                // Or it would read the folder `wit`, whose packages are in the world already.
                path: [],
                world: "made",
                runtime_path: "::codex_manager_extension_sdk::glue::wit_bindgen::rt",
                generate_all,
            });
        }
    };
    let (bindings, without_handler) = (bindings(world), bindings(without_handler));
    let reached = capabilities.iter().map(|capability| match &capability.reach {
        Reach::Trait(implementation) => implementation(),
        Reach::Bindings(file) => {
            let file = file.display().to_string();
            // So that the component is built again when the package changes.
            quote!(
                const _: &str = ::core::include_str!(#file);
            )
        }
    });
    quote! {
        #[doc(hidden)]
        // No `expect`: which lints an author has switched on, and so which of them the bindings break, is not known here.
        #[allow(warnings, clippy::all, clippy::pedantic, clippy::allow_attributes)]
        mod __handler {
            use ::codex_manager_extension_sdk as sdk;

            #[cfg(not(doctest))]
            #bindings
            // What makes the export has an example in its text, which would be run as one of the author's.
            #[cfg(doctest)]
            #without_handler

            /// What this extension may call: it has the traits of the capabilities that its manifest declares.
            #[derive(Debug, Clone, Copy)]
            pub struct Host;

            #(#reached)*

            #undeclared

            pub struct Component;

            // A native linker cannot take the names that a component's exports have.
            #[cfg(target_family = "wasm")]
            export!(Component with_types_in self);
        }
    }
}

/// The component's export: the author's function between the two shapes of an event.
fn export(function: &ItemFn, shape: Shape) -> TokenStream {
    let name = &function.sig.ident;
    let host = (shape == Shape::WithHost).then(|| quote!(, &__handler::Host));
    // A type that is not the handler's is an error at the author's word for it, and not at the attribute.
    let answer = quote_spanned!(answer_span(function)=> let group: Result<sdk::Group, sdk::Fault> = answer;);
    quote! {
        #[cfg(not(doctest))]
        const _: () = {
            use ::codex_manager_extension_sdk as sdk;
            use __handler::codex_manager::actions::types::Action;
            use __handler::codex_manager::events::types::Event;
            use __handler::exports::codex_manager::on_event::handler::{Fault, Guest};

            impl Guest for __handler::Component {
                fn handle(event: Event) -> Result<Vec<Action>, Fault> {
                    let event = sdk::Event {
                        id: event.header.id,
                        seq: event.header.seq,
                        kind: event.header.kind,
                        session: event.header.session,
                        turn: event.header.turn,
                        at_ms: event.header.at_ms,
                        caused_by: event.header.caused_by,
                        hops: event.header.hops,
                        payload: event.payload,
                    };
                    let answer = #name(event #host);
                    #answer
                    match group {
                        Ok(group) => Ok(group
                            .into_parts()
                            .map(|(kind, payload, idempotency_key)| Action { kind, payload, idempotency_key })
                            .collect()),
                        Err(fault) => Err(Fault { code: fault.code, message: fault.message }),
                    }
                }
            }
        };
    }
}

fn answer_span(function: &ItemFn) -> Span {
    match &function.sig.output {
        ReturnType::Type(_, answer) => answer.span(),
        ReturnType::Default => function.sig.ident.span(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(handlers: &[&str], capabilities: &[&str]) -> Manifest {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Manifest { handlers: owned(handlers), capabilities: owned(capabilities) }
    }

    fn expanded(function: &str, manifest: &Manifest) -> Result<String, String> {
        let function = syn::parse_str(function).unwrap();
        let expanded = expand(&function, manifest, Path::new("/nowhere"));
        expanded.map(|tokens| tokens.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn host_has_the_capabilities_of_the_manifest() {
        let manifest = manifest(&["on-event"], &["kv"]);
        let text = expanded("fn on_event(event: Event, host: &Host) -> R { x }", &manifest).unwrap();
        assert!(text.contains("impl sdk :: Kv for Host"));
        assert!(!text.contains("impl sdk :: Log for Host"));
        // What it lacks is there to be missed.
        assert!(text.contains("pub fn log") && !text.contains("pub fn keys"));
        assert!(text.contains("use __handler :: Host"));
        let without = expanded("fn on_event(event: Event) -> R { x }", &manifest).unwrap();
        assert!(!without.contains("use __handler :: Host"));
    }

    #[test]
    fn what_cannot_be_a_handler_is_told_with_what_to_do() {
        let listed = manifest(&["on-event"], &[]);
        for (function, manifest, expected) in [
            ("fn on_rain(event: Event) -> R { x }", &listed, "no handler is called `on_rain`; there is `on_event`"),
            ("fn on_event() -> R { x }", &listed, "a handler takes an `Event`, and a `&Host` if it needs one"),
            (
                "fn on_event(event: Event) -> R { x }",
                &manifest(&[], &[]),
                "extension.toml does not list this handler: add [handlers.on-event] with its `kinds`",
            ),
        ] {
            assert_eq!(expanded(function, manifest).unwrap_err(), expected);
        }
    }
}
