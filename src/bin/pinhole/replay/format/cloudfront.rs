//! CloudFront's standard logs: W3C extended, tab separated, the columns named by `#Fields`.
//!
//! Values are URL-encoded once by CloudFront, over whatever the visitor encoded: `%2520` stands for `%20`.
//! Source: AWS's "Standard logging reference".

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::Line;
use crate::replay::entry::{Entry, Text, Unread, given, status};
use crate::replay::moment::seconds;

/// The columns that are read, each with its place where no `#Fields` is: files that were cut or joined.
const USUAL: [(&str, usize); 10] = [
    ("date", 0),
    ("time", 1),
    ("cs-method", 5),
    ("cs(Host)", 6),
    ("cs-uri-stem", 7),
    ("sc-status", 8),
    ("cs(Referer)", 9),
    ("cs-uri-query", 11),
    ("x-host-header", 15),
    ("cs-protocol", 16),
];

/// Which column is where.
pub struct Columns([Option<usize>; 10]);

impl Default for Columns {
    fn default() -> Columns {
        Columns(USUAL.map(|(_, place)| Some(place)))
    }
}

impl Columns {
    /// Reads a line; one with `#Fields` says how the next ones are read.
    pub fn read<'l>(&mut self, line: &'l [u8]) -> Result<Line<'l>, Unread> {
        if let Some(fields) = line.strip_prefix(b"#Fields:") {
            let separator = if fields.contains(&b'\t') { b'\t' } else { b' ' };
            let mut names = fields.trim_ascii().split(|byte| *byte == separator).map(<[u8]>::trim_ascii);
            self.0 = USUAL.map(|(name, _)| names.clone().position(|other| other == name.as_bytes()));
            return if names.any(|name| name == b"cs-uri-stem") {
                Ok(Line::Other)
            } else {
                Err(Unread::Missing("`cs-uri-stem` among the fields"))
            };
        }
        if line.starts_with(b"#Version:") {
            return Ok(Line::Other);
        }
        self.entry(line).map(Line::Entry)
    }

    fn entry<'l>(&self, line: &'l [u8]) -> Result<Entry<'l>, Unread> {
        let form = || Unread::Form("CloudFront's standard logs");
        let fields: Vec<&[u8]> = line.trim_ascii_end().split(|byte| *byte == b'\t').collect();
        let [date, time, method, distribution, stem, code, referer, query, host, protocol] =
            self.0.map(|place| place.and_then(|place| fields.get(place).copied()));
        let (stem, method) = (stem.ok_or_else(form)?, method.unwrap_or(b"GET"));
        let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_alphabetic);
        if !stem.starts_with(b"/") && stem != b"*" || !is_method {
            return Err(form());
        }
        let mut target = plain(stem).into_owned();
        if let Some(query) = query.and_then(given) {
            target.push(b'?');
            target.extend_from_slice(&plain(query));
        }
        let at = date.zip(time).and_then(|(date, time)| seconds(&[date, b"T", time, b"Z"].concat()));
        let mut headers = Vec::new();
        if let Some(referer) = referer {
            headers.push(("referer", given(referer).map(plain)));
        }
        if protocol.is_some_and(|protocol| protocol.starts_with(b"ws")) {
            headers.push(("upgrade", Some(Cow::Borrowed(&b"websocket"[..]))));
        }
        Ok(Entry {
            method: Cow::Borrowed(method),
            target: Cow::Owned(target),
            host: host.and_then(given).or(distribution.and_then(given)).map(plain),
            at,
            status: code.and_then(status),
            by_envoy: false,
            has_body: false,
            headers,
        })
    }
}

/// Undoes CloudFront's encoding.
fn plain(value: &[u8]) -> Text<'_> {
    percent_decode(value).into()
}
