//! A URL on the command line, and the headers that go with it. The URL is taken apart without changing it: a library would resolve the dot
//! segments and unescape the letters that are to be explained.

/// A URL as a visitor asks for it.
pub struct VisitorUrl<'a> {
    /// `http` or `https`, or whatever stood there.
    pub scheme: &'a str,
    /// Host and perhaps port.
    pub authority: &'a str,
    /// Path and query, as written.
    pub target: &'a str,
}

impl<'a> VisitorUrl<'a> {
    /// Takes `http://host/path?query`, or `/path?query` for the host `localhost`.
    pub fn parse(url: &'a str) -> Result<VisitorUrl<'a>, String> {
        if url.starts_with('/') {
            return Ok(VisitorUrl { scheme: "http", authority: "localhost", target: url });
        }
        let found = url.split_once("://").filter(|(scheme, _)| !scheme.contains('/'));
        let Some((scheme, rest)) = found else {
            return Err(format!("URL: found `{url}`; wanted `http://host/path` or `/path`"));
        };
        let (authority, target) =
            rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, "/"));
        Ok(VisitorUrl { scheme, authority, target })
    }

    /// The pseudo-headers of a request for it, as Envoy would deliver them.
    pub fn headers(&self, method: &str) -> Vec<(String, Vec<u8>)> {
        let pairs = [
            (":method", method),
            (":scheme", self.scheme),
            (":authority", self.authority),
            (":path", self.target),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec()
    }
}

/// A header as `-H` has it: `name: value`.
pub fn header(text: &str) -> Result<(String, Vec<u8>), String> {
    let (name, value) = text
        .split_once(':')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("-H: found `{text}`; wanted `name: value`"))?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
}
