//! Arrows: the steps from an event to the child's stdin. They can be watched, and at any of them a daemon can be made to
//! die.
//!
//! A daemon takes a step with a tracing event of the target `codex_manager::arrow`, whose `at` names it. Dying is dying as
//! by `kill -9`: nothing is flushed, closed or told.

use std::fmt::Debug;
use std::io::stderr;
use std::thread::park;

use rustix::process::{Signal, getpid, kill_process};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt, registry};

/// The variable that names the arrow.
pub(crate) const DIE_AT: &str = "CODEX_MANAGER_TESTS_DIE_AT";
/// The target of those events.
const TARGET: &str = "codex_manager::arrow";

/// Has this process die at the arrow that its environment names, if it names one.
///
/// # Panics
/// When the process has a log already.
pub fn die_as_told() {
    let Ok(arrow) = std::env::var(DIE_AT) else { return };
    let log = fmt::layer().with_writer(stderr).with_filter(LevelFilter::INFO);
    let death = arrows(move |passed| {
        if passed == arrow {
            die();
        }
    });
    set_global_default(registry().with(log).with(death)).expect("the process has no log yet");
}

/// Has `seen` called with the name of each arrow that a daemon in this process passes from now on, by the thread that
/// passes it.
///
/// # Panics
/// When the process has a log already.
pub fn watch_arrows(seen: impl Fn(&str) + Send + Sync + 'static) {
    set_global_default(registry().with(arrows(seen))).expect("the process has no log yet");
}

fn die() -> ! {
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    // Whatever comes after this arrow does not happen.
    loop {
        park();
    }
}

fn arrows<S>(seen: impl Fn(&str) + Send + Sync + 'static) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Watch(seen).with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE))
}

/// Tells of each arrow.
struct Watch<F>(F);

impl<S: Subscriber, F: Fn(&str) + 'static> Layer<S> for Watch<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Look(&self.0));
    }
}

/// Looks at one event.
struct Look<'a, F>(&'a F);

impl<F: Fn(&str)> Visit for Look<'_, F> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "at" {
            self.0(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
