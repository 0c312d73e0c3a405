//! What of WASI a component gets: what a standard library asks for, with nothing behind it.
//!
//! Interfaces are linked one by one, so that what is new in a later version is not given by accident. There are no
//! files, no arguments and no environment, input is closed, output goes to the log, and clocks and randomness are the
//! invocation's own. There are no sockets.

mod clock;
mod output;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use codex_manager_model::limits;
use semver::Version;
use wasmtime::component::Linker;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{WasiCtx, WasiView};
use wasmtime_wasi_io::bindings::wasi::io;

use self::clock::Clock;
use self::output::Output;
use crate::log_lines::{Level, LogLines};
use crate::{Invocation, Package, Record};

/// The version of WASI that is linked; a component may have been built against any 0.2.
const VERSION: Version = Version::new(0, 2, 0);

/// Every interface that is linked.
const INTERFACES: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
];

/// What every component may import without asking.
pub(crate) fn ambient() -> impl Iterator<Item = Package> {
    INTERFACES.iter().map(|name| Package::new(*name, VERSION))
}

/// Adds all of it to a linker.
pub(crate) fn link(linker: &mut Linker<Invocation>) -> wasmtime::Result<()> {
    type I = Invocation;
    io::error::add_to_linker::<I, HasTable>(linker, |i| i.ctx().table)?;
    io::poll::add_to_linker::<I, HasTable>(linker, |i| i.ctx().table)?;
    io::streams::add_to_linker::<I, HasTable>(linker, |i| i.ctx().table)?;
    clocks::wall_clock::add_to_linker::<I, WasiClocks>(linker, I::clocks)?;
    clocks::monotonic_clock::add_to_linker::<I, WasiClocks>(linker, I::clocks)?;
    random::random::add_to_linker::<I, WasiRandom>(linker, I::random)?;
    random::insecure::add_to_linker::<I, WasiRandom>(linker, I::random)?;
    random::insecure_seed::add_to_linker::<I, WasiRandom>(linker, I::random)?;
    filesystem::preopens::add_to_linker::<I, WasiFilesystem>(linker, I::filesystem)?;
    filesystem::types::add_to_linker::<I, WasiFilesystem>(linker, I::filesystem)?;
    cli::exit::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::environment::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::stdin::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::stdout::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::stderr::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::terminal_input::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::terminal_output::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::terminal_stdin::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::terminal_stdout::add_to_linker::<I, WasiCli>(linker, I::cli)?;
    cli::terminal_stderr::add_to_linker::<I, WasiCli>(linker, I::cli)
}

/// The world as one invocation sees it.
pub(crate) fn context(record: &Record, log: &LogLines) -> WasiCtx {
    let random = |stream| {
        let mut random = ChaCha20Rng::from_seed(record.seed);
        random.set_stream(stream);
        random
    };
    let mut context = WasiCtx::builder();
    context
        .wall_clock(Clock::new(record.at))
        .monotonic_clock(Clock::new(record.at))
        .secure_random(random(0))
        .insecure_random(random(1))
        .insecure_random_seed(seed_of(&record.seed))
        .max_random_size(limits::EXTENSION_RANDOM_BYTES_MAX)
        .stdout(Output::new(log.clone(), Level::Info))
        .stderr(Output::new(log.clone(), Level::Warn));
    context.build()
}

/// It seeds the guest's hash maps and need not be a secret from the guest.
fn seed_of(seed: &[u8; 32]) -> u128 {
    u128::from_le_bytes(*seed.first_chunk().expect("32 bytes hold 16"))
}

/// Tells the interfaces of `wasi:io` where handles are.
struct HasTable;

impl wasmtime::component::HasData for HasTable {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}
