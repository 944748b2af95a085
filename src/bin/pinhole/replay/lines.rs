//! The lines of an access log: a file or standard input, gzip or not, each line of bounded length.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Result};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// Longest line that is read, in bytes. Servers read less of a request.
pub const MOST_LINE: usize = 65_536;

/// The lines of a log.
pub struct Lines {
    bytes: Box<dyn BufRead>,
    line: Vec<u8>,
    /// Bytes of the file that were read, before they were unpacked.
    read: Arc<AtomicU64>,
    /// Bytes of the file, where it is one.
    size: Option<u64>,
}

/// The next line of a log.
pub enum Next<'l> {
    /// Without its end.
    Line(&'l [u8]),
    /// One that is longer than is read.
    TooLong,
    /// There is none.
    End,
}

/// Counts what is read.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::Relaxed);
        Ok(count)
    }
}

impl Lines {
    /// Opens a log; `-` is standard input. Whether it is packed is told by its first two bytes.
    pub fn open(path: &Path) -> Result<Lines> {
        let is_input = path == Path::new("-");
        let (source, size): (Box<dyn Read>, _) = if is_input {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path)?;
            let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
            (Box::new(file), size)
        };
        let read = Arc::new(AtomicU64::new(0));
        let mut bytes = BufReader::with_capacity(1 << 16, Counted(source, Arc::clone(&read)));
        // A pipe may hand over one byte at first; then it is no gzip, or a very slow one.
        let packed = bytes.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let bytes: Box<dyn BufRead> = if packed {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(bytes)))
        } else {
            Box::new(bytes)
        };
        Ok(Lines { bytes, line: Vec::new(), read, size })
    }

    /// Bytes of the file that were read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes of the file, where it is one.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The next line.
    pub fn next(&mut self) -> Result<Next<'_>> {
        self.line.clear();
        let mut is_long = false;
        let mut is_end = true;
        loop {
            let buffer = self.bytes.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            is_end = false;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(buffer.len());
            let piece = buffer.get(..taken).unwrap_or_default();
            // What is too long is read to its end, and not kept.
            is_long = is_long || self.line.len().saturating_add(piece.len()) > MOST_LINE;
            if is_long {
                self.line.clear();
            } else {
                self.line.extend_from_slice(piece);
            }
            let used = taken.saturating_add(usize::from(end.is_some()));
            self.bytes.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(match (is_end, is_long) {
            (true, _) => Next::End,
            (_, true) => Next::TooLong,
            _ => Next::Line(self.line.strip_suffix(b"\r").unwrap_or(&self.line)),
        })
    }
}
