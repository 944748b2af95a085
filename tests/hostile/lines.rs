//! Files of payloads and their lines, from any directory: as bytes, whatever they hold.
//!
//! A line ends at a line feed; one carriage return before that belongs to the end. An empty line is a payload, too.
//! What cannot be read is named, never left out in silence. Lines are given in passes: a hash of seed and content
//! says in which, so that the first passes of a corpus that is too large are a fair sample of it, and only the lines
//! of one pass are remembered at a time.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Longer lines are taken by their beginning: Envoy takes no request of that length, nor does pinhole.
pub const MOST_LINE: usize = 65_536;

/// Bytes of files for each pass. What fits takes a minute or two to run, so that wherever time ends, most of what was
/// run is whole passes; reading everything again for the next one takes a second where there is a gigabyte.
const BYTES_OF_A_PASS: u64 = 256 << 10;

/// The payload files below some directories.
#[derive(Default)]
pub struct Corpus {
    /// What can be read, sorted.
    pub files: Vec<PathBuf>,
    /// What cannot, with the reason.
    pub unread: Vec<String>,
    /// How many lines there are in all.
    pub lines: u64,
    bytes: u64,
}

/// One payload, and where it first stands.
#[derive(Clone)]
pub struct Line {
    pub file: usize,
    pub number: u64,
    pub hash: u64,
    pub bytes: Vec<u8>,
}

/// What a walk over lines has seen.
#[derive(Default)]
pub struct Seen {
    pub lines: u64,
    pub distinct: u64,
    pub cut: u64,
}

impl Corpus {
    /// Adds all files below a directory. Links to directories are not followed, and `.git` holds no payloads.
    pub fn add(&mut self, directory: &Path) {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return self.unread.push(format!("{}: {error}", directory.display())),
        };
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => paths.push(entry.path()),
                Err(error) => self.unread.push(format!("{}: {error}", directory.display())),
            }
        }
        paths.sort();
        for path in paths {
            let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() && is_link => {
                    self.unread.push(format!("{}: a link to a directory", path.display()));
                }
                Ok(metadata) if metadata.is_dir() => {
                    if path.file_name().is_some_and(|name| name != ".git") {
                        self.add(&path);
                    }
                }
                Ok(metadata) if metadata.is_file() => match count_lines(&path) {
                    Ok(lines) => {
                        self.bytes += metadata.len();
                        self.lines += lines;
                        self.files.push(path);
                    }
                    Err(error) => self.unread.push(format!("{}: {error}", path.display())),
                },
                Ok(_) => self.unread.push(format!("{}: not a regular file", path.display())),
                Err(error) => self.unread.push(format!("{}: {error}", path.display())),
            }
        }
    }

    /// How many passes give every line: a power of two.
    pub fn passes(&self) -> u64 {
        (self.bytes / BYTES_OF_A_PASS + 1).next_power_of_two()
    }

    /// Gives the lines of one pass, each content once, until `take` says false.
    pub fn pass(
        &mut self,
        pass: u64,
        seed: u64,
        seen: &mut Seen,
        mut take: impl FnMut(Line) -> bool,
    ) -> bool {
        let shift = 64 - self.passes().trailing_zeros();
        let mut known = HashSet::new();
        let mut goes_on = true;
        for (file, path) in self.files.iter().enumerate() {
            let read = each_line(path, |number, bytes, cut| {
                let hash = hash(seed, bytes);
                if hash.checked_shr(shift).unwrap_or(0) != pass {
                    return true;
                }
                seen.lines += 1;
                seen.cut += u64::from(cut);
                if !known.insert(hash) {
                    return true;
                }
                seen.distinct += 1;
                goes_on = take(Line { file, number, hash, bytes: bytes.to_vec() });
                goes_on
            });
            if let Err(error) = read {
                let text = format!("{}: {error}", path.display());
                if !self.unread.contains(&text) {
                    self.unread.push(text);
                }
            }
            if !goes_on {
                break;
            }
        }
        goes_on
    }
}

/// Where a payload comes in the order of a seed.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, bytes).hash(&mut hasher);
    hasher.finish()
}

fn count_lines(path: &Path) -> io::Result<u64> {
    let mut lines = 0;
    each_line(path, |_, _, _| {
        lines += 1;
        true
    })?;
    Ok(lines)
}

/// Gives each line with its number and whether it was cut, until `take` says false.
fn each_line(path: &Path, mut take: impl FnMut(u64, &[u8], bool) -> bool) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        let (mut cut, mut any) = (false, false);
        // Not `read_until`, which would hold a file without line feeds in memory as a whole.
        loop {
            let buffer = reader.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = MOST_LINE - line.len();
            cut |= part.len() > room;
            line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(());
        }
        number += 1;
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        if !take(number, text, cut) {
            return Ok(());
        }
    }
}
