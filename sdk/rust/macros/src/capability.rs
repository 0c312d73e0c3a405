//! The capabilities of an extension, and what joins each to the boundary: a trait of the SDK, or, for one that the SDK
//! does not know, the bare bindings of the package in the extension's own folder.

use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;

use crate::package::Package;

/// One capability that a manifest declares.
#[derive(Debug)]
pub(crate) struct Capability {
    /// What it imports.
    pub(crate) package: Package,
    /// How it is reached.
    pub(crate) reach: Reach,
}

/// How an author reaches a capability.
#[derive(Debug)]
pub(crate) enum Reach {
    /// By a trait of the SDK, which `Host` implements so.
    Trait(fn() -> TokenStream),
    /// By the bindings of the package in this file.
    Bindings(PathBuf),
}

impl Capability {
    /// The capability of this name, of the extension whose crate lies in `folder`.
    ///
    /// # Errors
    ///
    /// A sentence, where the SDK has no trait for it and the folder no package that can be used.
    pub(crate) fn find(name: &str, folder: &Path) -> Result<Self, String> {
        let (package, implementation): (_, fn() -> TokenStream) = match name {
            "log" => (Package::LOG, log),
            "config" => (Package::CONFIG, config),
            "kv" => (Package::KV, kv),
            "sessions" => (Package::SESSIONS, sessions),
            _ => return Self::own(name, folder),
        };
        Ok(Self { package, reach: Reach::Trait(implementation) })
    }

    fn own(name: &str, folder: &Path) -> Result<Self, String> {
        let file = folder.join("wit").join(format!("{name}.wit"));
        let text = std::fs::read_to_string(&file).map_err(|error| {
            format!(
                "extension.toml declares the capability `{name}`. This SDK knows log, config, kv and sessions; the \
                 package of another one has to lie in wit/{name}.wit, and {}: {error}",
                file.display()
            )
        })?;
        let package = Package::own(text).map_err(|lacks| format!("{}: {lacks}", file.display()))?;
        Ok(Self { package, reach: Reach::Bindings(file) })
    }
}

/// The methods of the SDK's capabilities that are not among `declared`, where the compiler looks for a method last: each
/// needs the trait that is missing, and what that trait says of it is the error.
pub(crate) fn undeclared(declared: &[String]) -> TokenStream {
    let missing = METHODS.iter().filter(|(name, _)| !declared.iter().any(|declared| declared == name));
    let methods = missing.map(|(_, methods)| methods());
    quote! {
        pub struct Undeclared;

        impl ::core::ops::Deref for Host {
            type Target = Undeclared;

            fn deref(&self) -> &Undeclared {
                &Undeclared
            }
        }

        impl Undeclared {
            #(#methods)*
        }
    }
}

/// A capability, and what makes the methods that stand in for it.
type Methods = (&'static str, fn() -> TokenStream);

/// What each capability of the SDK has, as methods of what lacks it. A bound that is plainly false is refused where it
/// stands, unless it is one for every lifetime.
const METHODS: [Methods; 4] = [
    ("log", || {
        quote! {
            pub fn log(&self, _: sdk::Level, _: &str) where for<'a> Host: sdk::Log { unreachable!() }
        }
    }),
    ("config", || {
        quote! {
            pub fn setting(&self, _: &str) -> Option<sdk::serde_json::Value> where for<'a> Host: sdk::Config {
                unreachable!()
            }
        }
    }),
    ("kv", || {
        quote! {
            pub fn get(&self, _: &str) -> Result<Option<String>, sdk::Fault> where for<'a> Host: sdk::Kv {
                unreachable!()
            }
            pub fn set(&self, _: &str, _: &str) -> Result<(), sdk::Fault> where for<'a> Host: sdk::Kv {
                unreachable!()
            }
            pub fn delete(&self, _: &str) -> Result<(), sdk::Fault> where for<'a> Host: sdk::Kv {
                unreachable!()
            }
            pub fn keys(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, sdk::Fault>
            where
                for<'a> Host: sdk::Kv,
            {
                unreachable!()
            }
        }
    }),
    ("sessions", || {
        quote! {
            pub fn session(&self, _: &str) -> Result<Option<sdk::serde_json::Value>, sdk::Fault>
            where
                for<'a> Host: sdk::Sessions,
            {
                unreachable!()
            }
            pub fn sessions(&self, _: Option<&str>, _: u32) -> Result<Vec<sdk::serde_json::Value>, sdk::Fault>
            where
                for<'a> Host: sdk::Sessions,
            {
                unreachable!()
            }
            pub fn items(
                &self,
                _: &str,
                _: Option<&str>,
                _: u32,
            ) -> Result<Option<Vec<sdk::serde_json::Value>>, sdk::Fault>
            where
                for<'a> Host: sdk::Sessions,
            {
                unreachable!()
            }
        }
    }),
];

fn log() -> TokenStream {
    quote! {
        impl sdk::Log for Host {
            fn log(&self, level: sdk::Level, message: &str) {
                codex_manager::log::lines::write(level.name(), message);
            }
        }
    }
}

fn config() -> TokenStream {
    quote! {
        impl sdk::Config for Host {
            fn setting(&self, name: &str) -> Option<sdk::serde_json::Value> {
                sdk::serde_json::from_str(&codex_manager::config::settings::get(name)?).ok()
            }
        }
    }
}

fn kv() -> TokenStream {
    quote! {
        impl sdk::Kv for Host {
            fn get(&self, key: &str) -> Result<Option<String>, sdk::Fault> {
                codex_manager::kv::store::get(key).map_err(store_fault)
            }

            fn set(&self, key: &str, value: &str) -> Result<(), sdk::Fault> {
                codex_manager::kv::store::set(key, value).map_err(store_fault)
            }

            fn delete(&self, key: &str) -> Result<(), sdk::Fault> {
                codex_manager::kv::store::delete(key).map_err(store_fault)
            }

            fn keys(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, sdk::Fault> {
                codex_manager::kv::store::keys(prefix, after, limit).map_err(store_fault)
            }
        }

        fn store_fault(fault: codex_manager::kv::store::Fault) -> sdk::Fault {
            sdk::Fault { code: fault.code, message: fault.message }
        }
    }
}

fn sessions() -> TokenStream {
    quote! {
        impl sdk::Sessions for Host {
            fn session(&self, session: &str) -> Result<Option<sdk::serde_json::Value>, sdk::Fault> {
                codex_manager::sessions::reader::get(session).map_err(reader_fault)?.map(parsed).transpose()
            }

            fn sessions(&self, after: Option<&str>, limit: u32) -> Result<Vec<sdk::serde_json::Value>, sdk::Fault> {
                let page = codex_manager::sessions::reader::list(after, limit).map_err(reader_fault)?;
                page.into_iter().map(parsed).collect()
            }

            fn items(
                &self,
                session: &str,
                after: Option<&str>,
                limit: u32,
            ) -> Result<Option<Vec<sdk::serde_json::Value>>, sdk::Fault> {
                let page = codex_manager::sessions::reader::items(session, after, limit).map_err(reader_fault)?;
                page.map(|page| page.into_iter().map(parsed).collect()).transpose()
            }
        }

        fn reader_fault(fault: codex_manager::sessions::reader::Fault) -> sdk::Fault {
            sdk::Fault { code: fault.code, message: fault.message }
        }

        fn parsed(text: String) -> Result<sdk::serde_json::Value, sdk::Fault> {
            sdk::serde_json::from_str(&text).map_err(|error| sdk::Fault::new("bad-answer", error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_that_the_sdk_does_not_know_says_where_its_package_belongs() {
        let told = Capability::find("doors", Path::new("/nowhere")).unwrap_err();
        assert!(told.contains("the package of another one has to lie in wit/doors.wit"), "{told}");
    }
}
