//! How the bytes of an input are read as a request or an answer, and how seeds are written.
//!
//! ```text
//! knobs, so many bytes │ first part │ fe │ second part │ fe │ name: value │ fe │ name: value …
//! ```
//!
//! A form that a fuzzer can cut and join, and that a person can read in a crash. Between the parts stands a byte that no
//! text in UTF-8 has; the other such bytes are left to be tried. What each target reads its knobs for, it says.

/// What stands between two parts.
const BETWEEN: u8 = 0xfe;

/// Header names and values, as the host gives them.
pub type Headers = Vec<(String, Vec<u8>)>;

/// An input, taken apart. What is missing at its end counts as zero, or as empty.
pub struct Input<'d> {
    knobs: &'d [u8],
    parts: Vec<&'d [u8]>,
}

impl<'d> Input<'d> {
    /// Takes an input apart that has so many knobs.
    pub fn read(data: &'d [u8], knobs: usize) -> Input<'d> {
        let (knobs, rest) = data.split_at(knobs.min(data.len()));
        Input { knobs, parts: rest.split(|byte| *byte == BETWEEN).collect() }
    }

    /// A knob.
    pub fn knob(&self, index: usize) -> u8 {
        self.knobs.get(index).copied().unwrap_or_default()
    }

    /// Whether a bit of a knob is set.
    pub fn bit(&self, knob: usize, bit: u8) -> bool {
        self.knob(knob) & (1 << bit) != 0
    }

    /// A part.
    pub fn part(&self, index: usize) -> &'d [u8] {
        self.parts.get(index).copied().unwrap_or_default()
    }

    /// A part as text, other bytes replaced.
    pub fn text(&self, index: usize) -> String {
        String::from_utf8_lossy(self.part(index)).into_owned()
    }

    /// The parts from the one at `index` on as headers: each a name, up to its first colon but one at its beginning,
    /// and a value behind the blank that follows.
    pub fn headers(&self, index: usize) -> Headers {
        let header = |part: &&[u8]| {
            let colon = part.iter().skip(1).position(|byte| *byte == b':')?.saturating_add(1);
            let (name, value) = part.split_at(colon);
            let value = value.get(1..)?;
            let value = value.strip_prefix(b" ").unwrap_or(value);
            Some((String::from_utf8_lossy(name).into_owned(), value.to_vec()))
        };
        self.parts.iter().skip(index).filter_map(header).collect()
    }

    /// Method, authority and path in three parts, and headers behind them: a request.
    pub fn request(&self, index: usize) -> Headers {
        let mut headers: Headers = [":method", ":authority", ":path"]
            .into_iter()
            .zip(index..)
            .map(|(name, index)| (name.to_owned(), self.part(index).to_vec()))
            .collect();
        headers.extend(self.headers(index.saturating_add(3)));
        headers
    }
}

/// Writes an input.
pub fn write(knobs: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    [knobs, &parts.join(&BETWEEN)].concat()
}

/// A header as a part.
pub fn header(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b": ", value].concat()
}
