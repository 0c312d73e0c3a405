//! The attribute macro of `codex-manager-extension-sdk`: it makes the world that a component is built against from the
//! extension's manifest, and the glue between that world and the SDK.
//!
//! It checks nothing that the host checks: a manifest is judged there, with every problem and its line.

mod capability;
mod expand;
mod manifest;
mod package;
mod shape;
mod world;

use proc_macro::TokenStream;

/// Makes a function a handler of this extension. Its name says which: `on_event` is the handler `on-event`.
///
/// ```ignore
/// #[handler]
/// fn on_event(event: Event) -> Result<Group, Fault> { … }
///
/// #[handler]
/// fn on_event(event: Event, host: &Host) -> Result<Group, Fault> { … }
/// ```
///
/// The second form declares `Host` beside the function. It has the traits of the capabilities that `extension.toml`, in
/// the folder of the crate, declares: one that is not declared is an error where it is used.
///
/// A capability that the SDK has no trait for, `[capabilities.doors]`, is reached by the bindings of its package, which
/// lies in `wit/doors.wit`: they are declared beside the function by the package's namespace, `acme::doors::…`.
///
/// The manifest lies elsewhere? `#[handler(manifest = "other/extension.toml")]`, seen from the folder of the crate.
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, function: TokenStream) -> TokenStream {
    expand::handler(arguments.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
