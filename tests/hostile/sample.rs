//! The lines that the live half runs: those that come first by their hash, which makes them a fair sample.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;

use super::lines::{Corpus, Line};

/// So many lines, each content once, in the order of their hashes.
pub struct Sample {
    most: usize,
    lines: BTreeMap<u64, Line>,
}

impl Sample {
    /// Keeps at most so many.
    pub fn new(most: usize) -> Sample {
        Sample { most, lines: BTreeMap::new() }
    }

    /// Keeps a line if it comes before one that is kept.
    pub fn offer(&mut self, line: &Line) {
        let is_full = self.lines.len() >= self.most;
        if is_full && self.lines.last_key_value().is_none_or(|(last, _)| *last <= line.hash) {
            return;
        }
        self.lines.insert(line.hash, line.clone());
        if self.lines.len() > self.most {
            self.lines.pop_last();
        }
    }

    /// How many it has.
    pub fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Writes one JSON document a line. Each character of a payload is one byte, as in `tests/cases`.
    pub fn write(&self, path: &Path, corpus: &Corpus) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for line in self.lines.values() {
            let payload: String = line.bytes.iter().copied().map(char::from).collect();
            let place = format!("{}:{}", corpus.files[line.file].display(), line.number);
            writeln!(file, "{}", json!({ "place": place, "payload": payload }))?;
        }
        file.flush()
    }
}
