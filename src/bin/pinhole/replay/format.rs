//! The formats of access logs: which one a log is in, and the door to their readers.
//!
//! One file per family. INVARIANT: a line that is not wholly of its format is told, never guessed at: what
//! visitors wrote into a log must not pass for another request.

mod cloudfront;
mod common;
mod envoy;
mod json;

use clap::ValueEnum;

use super::entry::{Entry, Unread};
use cloudfront::Columns;

/// The format of an access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Envoy's default text format
    Envoy,
    /// Istio's default text format
    Istio,
    /// JSON, with the keys of Envoy, Istio or nginx
    #[value(alias = "envoy-json")]
    Json,
    /// That of envoy/envoy.yaml
    Pinhole,
    /// Common and combined log format of nginx and Apache, also with the host before it
    #[value(aliases = ["common", "nginx", "apache"])]
    Combined,
    /// CloudFront's standard logs
    Cloudfront,
}

impl Format {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Envoy => "envoy",
            Format::Istio => "istio",
            Format::Json => "json",
            Format::Pinhole => "pinhole",
            Format::Combined => "combined",
            Format::Cloudfront => "cloudfront",
        }
    }
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'l> {
    /// A request.
    Entry(Entry<'l>),
    /// No request, as it should be: an empty line, a heading, a line of the gate.
    Other,
}

/// Reads the lines of one log.
pub struct Reader {
    format: Option<Format>,
    columns: Columns,
}

impl Reader {
    /// A reader for a log of this format, or of the one that its first readable line is in.
    pub fn new(format: Option<Format>) -> Reader {
        Reader { format, columns: Columns::default() }
    }

    /// The format, as far as it is known.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// Reads a line.
    pub fn read<'l>(&mut self, line: &'l [u8]) -> Result<Line<'l>, Unread> {
        if line.trim_ascii().is_empty() {
            return Ok(Line::Other);
        }
        if let Some(format) = self.format {
            return self.read_as(format, line);
        }
        for format in Format::value_variants() {
            if let Ok(read) = self.read_as(*format, line) {
                self.format = Some(*format);
                return Ok(read);
            }
        }
        Err(Unread::NoFormat)
    }

    fn read_as<'l>(&mut self, format: Format, line: &'l [u8]) -> Result<Line<'l>, Unread> {
        match format {
            Format::Envoy => envoy::read(line).map(Line::Entry),
            Format::Istio => envoy::read_istio(line).map(Line::Entry),
            Format::Pinhole => envoy::read_pinhole(line),
            Format::Json => json::read(line).map(Line::Entry),
            Format::Combined => common::read(line).map(Line::Entry),
            Format::Cloudfront => self.columns.read(line),
        }
    }
}

#[cfg(test)]
mod tests;
