//! What the host adds to a call, and what one extension costs another, measured in one run on this machine.
//!
//! The same component answers the same event of 1 KiB with the same two actions: called through the host, and called by
//! the engine alone. Rounds of the two alternate, and the ratio is the median over the rounds, so a machine that is busy
//! with something else slows both. Nothing here passes or fails: a bound is printed beside its figure, for people to read.

mod bare;
mod beside;
mod figures;
mod guard;
mod hosted;
mod told;

use std::fs;
use std::time::{Duration, Instant};

use bare::Bare;
use codex_manager_extension::{Component, Config, Limits};
use figures::{compare, machine, micros};
use guard::{Guard, SIZE_MAX};
use hosted::Hosted;

/// What dispatching to one extension, or to ten, may cost at most, as a multiple of the engine's own calls.
const RATIO_MAX: f64 = 1.5;
/// How many calls of an extension a side has in one turn.
const CALLS: u32 = 100;

fn main() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the scratch folder can be written");
    let guard = match Guard::build(scratch.path()) {
        Ok(guard) => guard,
        Err(why) => return eprintln!("SKIPPED: the guard cannot be built here: {why}"),
    };
    let bytes = fs::read(&guard.component).expect("it was built");
    machine();
    println!("guard     {} bytes (at most {SIZE_MAX})", bytes.len());
    let engine = Config::default().build().expect("an engine");
    println!("engine    {:?}, limits {:?}", engine.allocation(), Limits::default());

    let component = Component::compile(&engine, &bytes).expect("it compiles");
    let bare = Bare::new(&engine, &component);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for extensions in [1, 10] {
        let mut hosted = Hosted::new(&engine, &component, &guard, extensions as usize);
        let alone = async || called(&bare, extensions).await;
        let compared = runtime.block_on(compare(CALLS / extensions, alone, async || dispatched(&mut hosted).await));
        println!(
            "dispatch  one event to {extensions:>2}: {} alone, {} through the host, ratio {:.2} (at most {RATIO_MAX})",
            micros(compared.one),
            micros(compared.other),
            compared.ratio,
        );
    }
    told::measure(&engine, &component, &guard);
    beside::measure(&engine, scratch.path());
    machine();
}

/// How long so many calls by the engine alone take.
async fn called(bare: &Bare, extensions: u32) -> Duration {
    let begun = Instant::now();
    for _ in 0..extensions {
        assert_eq!(bare.call().await, 2, "it declines and says so");
    }
    begun.elapsed()
}

/// How long the host takes to deal with an event.
async fn dispatched(hosted: &mut Hosted) -> Duration {
    let begun = Instant::now();
    assert_eq!(hosted.dispatch().await, 2, "one of them declines and says so");
    begun.elapsed()
}
