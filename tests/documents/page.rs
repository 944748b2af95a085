//! Reads a page: its fenced blocks and its tables, in the order in which they stand.
//!
//! Does not belong here: what any of them means.

use std::path::{Path, PathBuf};

/// The pages that are held to all rules; in the others, commands of other programs are not looked at.
pub const STRICT: [&str; 3] = ["envoy/migration.md", "envoy/operations.md", "envoy/security.md"];

/// A fenced block.
pub struct Block {
    /// The first word behind the fence.
    pub language: String,
    /// The words after it.
    pub about: String,
    pub text: String,
}

/// A table: rows of cells, its heading first.
pub struct Table(pub Vec<Vec<String>>);

pub enum Part {
    Block(Block),
    Table(Table),
}

/// A page of the project.
pub struct Page {
    /// Its path from the project's root.
    pub name: String,
    pub text: String,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn page(name: &str) -> Page {
    let text = std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Page { name: name.to_owned(), text }
}

/// README.md and all of `envoy/*.md`.
pub fn pages() -> Vec<Page> {
    let mut names: Vec<String> = std::fs::read_dir(root().join("envoy"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| format!("envoy/{}", path.file_name().unwrap().to_str().unwrap()))
        .collect();
    names.push("README.md".to_owned());
    names.sort();
    assert!(STRICT.iter().all(|name| names.iter().any(|other| other == name)), "{names:?}");
    names.iter().map(|name| page(name)).collect()
}

impl Page {
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut lines = self.text.lines().peekable();
        while let Some(line) = lines.next() {
            let indent = line.len().saturating_sub(line.trim_start().len());
            if let Some(info) = line.trim_start().strip_prefix("```") {
                let (language, about) = info.split_once(' ').unwrap_or((info, ""));
                let inside = lines.by_ref().take_while(|line| line.trim() != "```");
                let text: String =
                    inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
                let (language, about) = (language.to_owned(), about.trim().to_owned());
                parts.push(Part::Block(Block { language, about, text }));
            } else if line.starts_with('|') {
                let mut rows = vec![cells(line)];
                while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
                    rows.push(cells(line));
                }
                let width = rows[0].len();
                assert!(rows.iter().all(|row| row.len() == width), "{}: a row of {line} is short", self.name);
                // The line of hyphens.
                rows.remove(1);
                parts.push(Part::Table(Table(rows)));
            }
        }
        parts
    }

    pub fn blocks(&self) -> Vec<Block> {
        let block = |part| match part {
            Part::Block(block) => Some(block),
            Part::Table(_) => None,
        };
        self.parts().into_iter().filter_map(block).collect()
    }

    /// The tables whose heading begins with these cells.
    pub fn tables(&self, heading: &[&str]) -> Vec<Table> {
        let table = |part| match part {
            Part::Table(table) => Some(table),
            Part::Block(_) => None,
        };
        self.parts().into_iter().filter_map(table).filter(|table| table.begins(heading)).collect()
    }
}

impl Table {
    pub fn begins(&self, heading: &[&str]) -> bool {
        self.0[0].iter().zip(heading).all(|(cell, wanted)| cell == wanted)
    }

    /// All rows but the heading.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.0[1..]
    }
}

/// A bar in a cell is written `\|`.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.replace("\\|", "\u{0}").split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// The texts between backquotes.
pub fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The file that a link or a quoted path of a page means: relative to the page, else to the root.
pub fn file(page: &str, path: &str) -> Option<PathBuf> {
    let beside = root().join(Path::new(page).parent().unwrap()).join(path);
    [beside, root().join(path)].into_iter().find(|path| path.exists())
}
