//! Guests in a few lines of WebAssembly text.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// An action: its kind, its payload, and under which name it is done once.
pub(super) type Asked<'a> = (&'a str, &'a str, Option<&'a str>);

/// A guest that always asks for these.
pub(super) fn asking(actions: &[Asked<'_>]) -> Vec<u8> {
    let (mut texts, mut stores) = (String::new(), String::new());
    let mut put = |at: usize, text: &str| {
        let from = 4096 + texts.len();
        texts.push_str(text);
        format!(
            "(i32.store (i32.const {at}) (i32.const {from})) (i32.store (i32.const {}) (i32.const {}))",
            at + 4,
            text.len()
        )
    };
    for (number, (kind, payload, key)) in actions.iter().enumerate() {
        let at = 2048 + 28 * number;
        stores += &put(at, kind);
        stores += &put(at + 8, payload);
        if let Some(key) = key {
            stores += &format!("(i32.store (i32.const {}) (i32.const 1))", at + 16);
            stores += &put(at + 20, key);
        }
    }
    let escaped: String = texts.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let handle = format!(
        "{stores} (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const {}))
         (i32.const 1024)",
        actions.len()
    );
    component("", &format!("(data (i32.const 4096) \"{escaped}\")"), &handle, "")
}

/// A guest that traps.
pub(super) fn trapping() -> Vec<u8> {
    component("", "", "(unreachable)", "")
}

/// A guest that asks for nothing and writes one more `x` under the key `n`, wherever it is.
pub(super) fn counting() -> Vec<u8> {
    let imports = r#"(import "codex-manager:kv/store@1.0.0" "get" (func $get (param i32 i32 i32)))
                     (import "codex-manager:kv/store@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#;
    // What was there is copied behind 8192, with an x after it. `get` answers ok, some, address, length.
    let handle = "(local $long i32)
        (call $get (i32.const 4096) (i32.const 1) (i32.const 512))
        (if (i32.load (i32.const 516)) (then
            (local.set $long (i32.load (i32.const 524)))
            (memory.copy (i32.const 8192) (i32.load (i32.const 520)) (local.get $long))))
        (i32.store8 (i32.add (i32.const 8192) (local.get $long)) (i32.const 120))
        (call $set (i32.const 4096) (i32.const 1) (i32.const 8192) (i32.add (local.get $long) (i32.const 1)) (i32.const 512))
        (i32.const 1024)";
    component(imports, r#"(data (i32.const 4096) "n")"#, handle, "import codex-manager:kv/store@1.0.0;")
}

/// A component with this handler. What it returns lies at 1024, where there is an empty group.
fn component(imports: &str, data: &str, handle: &str, world: &str) -> Vec<u8> {
    let core = format!(
        r#"(module
          {imports}
          (memory (export "memory") 4)
          (global $next (mut i32) (i32.const 65536))
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
            (global.set $next (i32.add (local.get $at) (local.get 3)))
            (local.get $at))
          {data}
          (func (export "codex-manager:on-event/handler@1.0.0#handle") (param $event i32) (result i32)
            {handle}))"#
    );
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    for package in ["events", "actions", "kv", "on-event"] {
        resolve.push_dir(wit.join(package)).expect(package);
    }
    let world = format!("package test:guest; world guest {{ {world} export codex-manager:on-event/handler@1.0.0; }}");
    let package = resolve.push_str("guest.wit", &world).expect("the world");
    let world = resolve.select_world(&[package], None).expect("one world");
    let mut module = wat::parse_str(&core).unwrap_or_else(|error| panic!("{error}\n{core}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).expect("the metadata");
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).expect("the module").validate(true);
    encoder.encode().unwrap_or_else(|error| panic!("{error:?}\n{core}"))
}
