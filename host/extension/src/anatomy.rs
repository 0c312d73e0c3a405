//! What a component's file is made of: the interfaces that it imports and exports.
//!
//! This reads and validates bytes. It compiles nothing, runs nothing, and needs no engine, so a dropped file can be
//! judged before anybody trusts it.

mod census;

use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use self::census::Census;
use crate::Interface;
use crate::component::{HANDLE, ON_EVENT};

/// The imports and exports of a component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// The interfaces it needs.
    pub imports: Vec<Interface>,
    /// What else it needs, by name. No host gives anything but interfaces.
    pub other_imports: Vec<String>,
    /// The interfaces it offers.
    pub exports: Vec<Interface>,
}

/// Why some bytes are no component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnatomyError {
    /// Not WebAssembly at all.
    #[error("the file is not WebAssembly")]
    NotWasm,
    /// WebAssembly, but a module.
    #[error("the file is a WebAssembly module and not a component")]
    Module,
    /// It ends too early.
    #[error("the file ends too early")]
    Truncated,
    /// It is whole and wrong.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// It can never run: it needs more than any invocation may have.
    #[error("the component has {needed} {what}, and {max} are the most")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much it needs.
        needed: u64,
        /// How much there may be.
        max: u64,
    },
    /// It has something by the name of a handler that cannot be called.
    #[error("the component exports {export} without its function {HANDLE}")]
    NoHandle {
        /// The handler's name.
        export: Interface,
    },
}

impl Anatomy {
    /// Reads and validates a component.
    ///
    /// # Errors
    ///
    /// [`AnatomyError`], if it is none.
    pub fn of(bytes: &[u8]) -> Result<Self, AnatomyError> {
        header(bytes)?;
        // Whether the engine has what a component uses is the engine's to say, when it compiles it.
        let types = Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(told)?;
        let mut anatomy = Self::default();
        let mut census = Census::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(told)?;
            census.read(&payload).map_err(told)?;
            match payload {
                Payload::ComponentImportSection(section) if census.is_outermost() => {
                    for import in section {
                        anatomy.import(import.map_err(told)?.name.name);
                    }
                }
                Payload::ComponentExportSection(section) if census.is_outermost() => {
                    for export in section {
                        anatomy.export(export.map_err(told)?.name.name, &types)?;
                    }
                }
                _ => {}
            }
        }
        census.tally().check()?;
        Ok(anatomy)
    }

    fn import(&mut self, name: &str) {
        match name.parse() {
            Ok(interface) => self.imports.push(interface),
            Err(_) => self.other_imports.push(name.to_owned()),
        }
    }

    fn export(&mut self, name: &str, types: &Types) -> Result<(), AnatomyError> {
        let Ok(export) = name.parse::<Interface>() else { return Ok(()) };
        if export.path() == ON_EVENT && !can_be_called(name, types) {
            return Err(AnatomyError::NoHandle { export });
        }
        self.exports.push(export);
        Ok(())
    }
}

/// Whether an export is an instance with the function of a handler.
fn can_be_called(name: &str, types: &Types) -> bool {
    let Some(ComponentEntityType::Instance(instance)) = types.component_item_for_export(name).map(|item| item.ty)
    else {
        return false;
    };
    types[instance].exports.get(HANDLE).is_some_and(|item| matches!(item.ty, ComponentEntityType::Func(_)))
}

/// Tells strangers and modules apart before anything is parsed.
fn header(bytes: &[u8]) -> Result<(), AnatomyError> {
    const MAGIC: &[u8] = b"\0asm";
    match bytes.get(..8) {
        _ if bytes.is_empty() => Err(AnatomyError::Truncated),
        None if MAGIC.starts_with(bytes) || bytes.starts_with(MAGIC) => Err(AnatomyError::Truncated),
        Some(_) if Parser::is_component(bytes) => Ok(()),
        Some(_) if Parser::is_core_wasm(bytes) => Err(AnatomyError::Module),
        _ => Err(AnatomyError::NotWasm),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where a closure would")]
fn told(error: wasmparser::BinaryReaderError) -> AnatomyError {
    if error.message().starts_with("unexpected end") {
        AnatomyError::Truncated
    } else {
        AnatomyError::Invalid(error.message().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::component;

    #[test]
    fn imports_and_exports_are_read() {
        let anatomy = Anatomy::of(&component(&["house:kv/store@1.0.0", "plain"], &["house:on-event/handler@1.0.0"]));
        let anatomy = anatomy.expect("it is a component");
        assert_eq!(anatomy.imports[0].path(), "house:kv/store");
        assert_eq!(anatomy.other_imports, ["plain"]);
        assert_eq!(anatomy.exports[0].to_string(), "house:on-event/handler@1.0.0");
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        let whole = component(&["house:kv/store@1.0.0"], &[]);
        let cases: [(&[u8], AnatomyError); 6] = [
            (b"", AnatomyError::Truncated),
            (b"\0as", AnatomyError::Truncated),
            (b"#!/bin/sh\n", AnatomyError::NotWasm),
            (b"hello", AnatomyError::NotWasm),
            (b"\0asm\x01\0\0\0", AnatomyError::Module),
            (&whole[..whole.len() - 3], AnatomyError::Truncated),
        ];
        for (bytes, error) in cases {
            assert_eq!(Anatomy::of(bytes), Err(error), "{bytes:?}");
        }
        let mut wrong = whole.clone();
        wrong.extend([200, 0]);
        assert!(matches!(Anatomy::of(&wrong), Err(AnatomyError::Invalid(_))));
    }

    #[test]
    fn a_handler_of_events_has_its_function() {
        let with = |exports: &str| {
            let text = format!(
                r#"(component
                  (core module $m (func (export "f")))
                  (core instance $i (instantiate $m))
                  (func $f (canon lift (core func $i "f")))
                  (instance $e {exports})
                  (export "codex-manager:on-event/handler@1.0.0" (instance $e)))"#
            );
            Anatomy::of(&wat::parse_str(text).expect("it is well formed"))
        };
        assert!(with(r#"(export "handle" (func $f))"#).is_ok());
        let fault = with(r#"(export "handles" (func $f))"#).expect_err("there is nothing to call");
        assert_eq!(
            fault.to_string(),
            "the component exports codex-manager:on-event/handler@1.0.0 without its function handle"
        );
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(at in 0_usize..200, byte: u8, cut in 0_usize..200) {
            let mut bytes = component(&["house:kv/store@1.0.0"], &["house:on-event/handler@1.0.0"]);
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(cut.max(1));
            let _ = Anatomy::of(&bytes);
        }
    }
}
