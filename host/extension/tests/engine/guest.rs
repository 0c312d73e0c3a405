//! Guests, written as core WebAssembly text and made into components the way a compiler's tools do it.

use std::path::PathBuf;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What of WASI these guests use, as a standard library of an earlier 0.2 has it, and a package of an embedder.
const OTHERS: [&str; 7] = [
    "package wasi:io@0.2.3;
     interface error { resource error; }
     interface poll { resource pollable { block: func(); } }
     interface streams {
       use error.{error};
       variant stream-error { last-operation-failed(error), closed }
       resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
     }",
    "package wasi:clocks@0.2.3;
     interface monotonic-clock {
       use wasi:io/poll@0.2.3.{pollable};
       now: func() -> u64;
       subscribe-duration: func(when: u64) -> pollable;
     }
     interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }",
    "package wasi:random@0.2.3;
     interface random { get-random-u64: func() -> u64; get-random-bytes: func(len: u64) -> list<u8>; }
     interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }",
    "package wasi:cli@0.2.3;
     interface exit { exit: func(status: result); }
     interface stderr { use wasi:io/streams@0.2.3.{output-stream}; get-stderr: func() -> output-stream; }
     interface environment { get-environment: func() -> list<tuple<string, string>>; }",
    "package wasi:filesystem@0.2.3;
     interface types { resource descriptor; }
     interface preopens {
       use types.{descriptor};
       get-directories: func() -> list<tuple<descriptor, string>>;
     }",
    "package wasi:sockets@0.2.3;
     interface instance-network { resource network; instance-network: func() -> network; }",
    "package acme:doors@2.1.0;
     interface door { knock: func(times: u32) -> u32; wait: func(ms: u64); }",
];

/// A guest's parts. Its handler gets the address of its event in `$event` and leaves the address of its answer; the
/// memory at [`EMPTY`] is an empty group.
#[derive(Default)]
pub(crate) struct Guest<'a> {
    /// Interfaces that it imports.
    pub(crate) imports: &'a [&'a str],
    /// The core functions of them, and whatever else must come first.
    pub(crate) first: &'a str,
    /// Globals, data, functions.
    pub(crate) rest: &'a str,
    /// The body of the handler.
    pub(crate) handle: &'a str,
    /// How many pages of memory it begins with, if not 4.
    pub(crate) pages: Option<u32>,
}

/// The address of an empty group.
pub(crate) const EMPTY: &str = "(i32.const 1024)";

impl Guest<'_> {
    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let Self { first, rest, handle, .. } = self;
        let pages = self.pages.unwrap_or(4);
        let core = format!(
            r#"(module
              {first}
              (memory (export "memory") {pages})
              (global $next (mut i32) (i32.const 65536))
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
              {rest}
              (func (export "codex-manager:on-event/handler@1.0.0#handle") (param $event i32) (result i32)
                {handle}))"#
        );
        let imports: String = self.imports.iter().map(|name| format!("import {name};")).collect();
        component(&core, &format!("{imports} export codex-manager:on-event/handler@1.0.0;"))
    }
}

/// A guest that returns an empty group and imports nothing.
pub(crate) fn abstainer() -> Vec<u8> {
    Guest { handle: EMPTY, ..Guest::default() }.build()
}

/// A component of this core module and this world.
pub(crate) fn component(core: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    for package in ["events", "actions", "log", "config", "kv", "sessions", "on-event"] {
        resolve.push_dir(wit.join(package)).expect(package);
    }
    for (number, package) in OTHERS.iter().enumerate() {
        resolve.push_str(format!("other-{number}.wit"), package).expect(package);
    }
    let world = format!("package test:guest; world guest {{ {world} }}");
    let package = resolve.push_str("guest.wit", &world).expect("the world");
    let world = resolve.select_world(&[package], None).expect("one world");
    let mut module = wat::parse_str(core).unwrap_or_else(|error| panic!("{error}\n{core}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).expect("the metadata");
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).expect("the module").validate(true);
    encoder.encode().unwrap_or_else(|error| panic!("{error:?}\n{core}"))
}
