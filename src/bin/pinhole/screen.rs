//! What is printed: its stream, its colours, its columns.
//!
//! Colours are written always and taken out by `anstream` where they are not wanted: in a pipe, with
//! `NO_COLOR`, with `--color never`. Belongs here: how text looks. Does not belong here: any text.
//! INVARIANT: what a stranger wrote goes through [`shown`], so that nothing in a log drives the terminal.

use std::fmt::Display;
use std::io::{ErrorKind, Result, Write};

use anstyle::{AnsiColor, Style};

/// What is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is not.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What an operator should look at.
pub const NOTE: Style = AnsiColor::Yellow.on_default();
/// Headings.
pub const HEAD: Style = Style::new().bold();
/// What is there for completeness.
pub const FAINT: Style = Style::new().dimmed();

/// Text in a style.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints a line to standard output.
pub fn say(line: impl Display) {
    let mut out = anstream::stdout().lock();
    written(writeln!(out, "{line}"));
}

/// Prints bytes to standard output, as they are.
pub fn pour(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Prints a line to standard error. There is nowhere to tell that it failed.
pub fn tell(line: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Says what stopped a verb.
pub fn failed(message: impl Display) {
    tell(format_args!("{} {message}", styled(BAD, "pinhole:")));
}

/// A reader that has seen enough, such as `head`, is no failure; a full disk is one.
fn written(result: Result<()>) {
    match result {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            failed(error);
            std::process::exit(1)
        }
    }
}

/// What a stranger wrote, on one line, without control characters, at most `most` characters of it.
pub fn shown(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(most).map(printable).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// One cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    style: Style,
    right: bool,
}

/// A cell of text.
pub fn text(text: impl Display) -> Cell {
    Cell { text: text.to_string(), style: Style::new(), right: false }
}

/// A cell whose text ends where the column ends: a number.
pub fn number(number: u64) -> Cell {
    Cell { text: grouped(number), style: Style::new(), right: true }
}

impl Cell {
    /// The cell in a style.
    pub fn styled(self, style: Style) -> Cell {
        Cell { style, ..self }
    }

    /// The cell, its text at the end of the column.
    pub fn right(self) -> Cell {
        Cell { right: true, ..self }
    }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in (1..=digits.len()).rev().zip(digits.chars()) {
        grouped.push(digit);
        if place > 1 && place % 3 == 1 {
            grouped.push(',');
        }
    }
    grouped
}

/// Rows as lines whose columns begin below each other, two blanks between them.
pub fn aligned(rows: &[Vec<Cell>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let length = |cell: &Cell| cell.text.chars().count();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(length).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let line = |row: &Vec<Cell>| {
        let last = row.len().saturating_sub(1);
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let room = " ".repeat(width.saturating_sub(length(cell)));
            let text = if cell.text.is_empty() { String::new() } else { styled(cell.style, &cell.text) };
            match (cell.right, column == last) {
                (true, _) => format!("{room}{text}"),
                (false, true) => text,
                (false, false) => format!("{text}{room}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let all = [0, 12, 999, 1000, 12_345, 1_234_567].map(grouped);
        assert_eq!(all, ["0", "12", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn colours_do_not_move_columns() {
        let rows = [
            vec![text("a").styled(GOOD), number(1), text("x")],
            vec![text("long"), number(1000).styled(BAD), text("")],
        ];
        let lines = aligned(&rows).map_lines();
        assert_eq!(lines, ["a         1  x", "long  1,000"]);
    }

    #[test]
    fn nothing_in_a_log_drives_the_terminal() {
        assert_eq!(shown(b"/a\x1b[31m\r\n\xff", 60), "/a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(shown("ééé".as_bytes(), 2), "éé…");
    }

    trait MapLines {
        fn map_lines(self) -> Vec<String>;
    }

    impl MapLines for Vec<String> {
        fn map_lines(self) -> Vec<String> {
            self.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
        }
    }
}
