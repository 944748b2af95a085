//! How far a long run is: a line on a terminal, written over and over.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::lines::Lines;
use crate::screen::grouped;

/// How often it is written, and how many lines lie between two looks at the clock.
const EVERY: Duration = Duration::from_millis(200);
const LOOK: u64 = 1024;

/// The line that says how far it is.
pub struct Progress {
    /// Nothing is written where it is `None`.
    begun: Option<Instant>,
    written: Option<Instant>,
    on_terminal: bool,
    lines: u64,
}

impl Progress {
    /// Written on a terminal, or where it was asked for.
    pub fn new(is_wanted: bool) -> Progress {
        let on_terminal = std::io::stderr().is_terminal();
        let begun = (is_wanted || on_terminal).then(Instant::now);
        Progress { begun, written: None, on_terminal, lines: 0 }
    }

    /// One line more.
    pub fn step(&mut self, lines: &Lines) {
        self.lines = self.lines.saturating_add(1);
        if let Some(begun) = self.begun
            && self.lines.is_multiple_of(LOOK)
            && self.written.unwrap_or(begun).elapsed() >= EVERY
        {
            self.write(begun, lines);
        }
    }

    fn write(&mut self, begun: Instant, lines: &Lines) {
        self.written = Some(Instant::now());
        let seconds = begun.elapsed().as_secs_f64().max(0.001);
        let rate = (self.lines as f64 / seconds) as u64;
        let percent = |size| lines.read().saturating_mul(100).checked_div(size);
        let of = lines
            .size()
            .and_then(|size| Some(format!(", {} % of {} MB", percent(size)?, grouped(size / 1_000_000))));
        let of = of.unwrap_or_default();
        let (begin, end) = if self.on_terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        let text = format!("{begin}{} lines{of}, {} a second{end}", grouped(self.lines), grouped(rate));
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// Takes the line away again.
    pub fn end(&self) {
        if self.on_terminal && self.written.is_some() {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}
