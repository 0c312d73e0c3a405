//! Telling a person what takes so long: a bar on a terminal, plain lines elsewhere. All of it goes to stderr.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// How much more must be there before a plain line says so: a quarter.
const LINE_PARTS: u64 = 4;

/// Where progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A bar that is redrawn.
    Bar,
    /// A line now and then, for logs.
    Lines,
}

impl Progress {
    /// A bar if stderr is a terminal, else lines.
    pub fn on_stderr() -> Self {
        if stderr().is_terminal() { Self::Bar } else { Self::Lines }
    }

    /// Says one line.
    pub(super) fn say(self, line: &str) {
        eprintln!("{line}");
    }

    /// Starts to count up to `total` bytes.
    pub(super) fn bytes(self, total: u64) -> Meter {
        match self {
            Self::Bar => Meter::Bar(ProgressBar::new(total).with_style(style())),
            Self::Lines => Meter::Lines { total, told: 0 },
        }
    }
}

/// One count of bytes.
pub(super) enum Meter {
    Bar(ProgressBar),
    Lines { total: u64, told: u64 },
}

impl Meter {
    /// So many bytes are there.
    pub(super) fn at(&mut self, bytes: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(bytes),
            Self::Lines { total, told } => {
                let part = bytes * LINE_PARTS / *total;
                if part > *told {
                    *told = part;
                    eprintln!("  {} of {} MB", bytes / 1_000_000, *total / 1_000_000);
                }
            }
        }
    }

    /// No more will come.
    pub(super) fn finish(&self, complete: bool) {
        match self {
            Self::Bar(bar) if complete => bar.finish(),
            Self::Bar(bar) => bar.abandon(),
            Self::Lines { .. } => {}
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("  {bar:32} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}")
        .expect("the template is a constant that a test draws")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_can_be_drawn() {
        let mut meter = Progress::Bar.bytes(10);
        meter.at(4);
        let Meter::Bar(bar) = &meter else { panic!("a bar was asked for") };
        assert_eq!(bar.position(), 4);
        meter.finish(true);
    }

    #[test]
    fn a_line_is_told_once_for_each_part() {
        let mut meter = Progress::Lines.bytes(400);
        for (bytes, expected) in [(99, 0), (100, 1), (150, 1), (399, 3)] {
            meter.at(bytes);
            assert!(matches!(meter, Meter::Lines { told, .. } if told == expected), "{bytes} of 400");
        }
    }
}
