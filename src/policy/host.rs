//! Host names of the policy: whom a route serves, and on whose pages its pictures may be shown.
//!
//! INVARIANT: a pattern is a whole name or `*.` before one; it is compared label by label, so that
//! `*.example.com` is neither `example.com` nor `badexample.com`.

/// A host, or all hosts below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exactly(String),
    /// Every host whose name ends in a dot and this, at least one label more.
    Below(String),
}

impl HostPattern {
    /// Takes a host name, or `*.` and one, without port.
    pub fn parse(text: &str) -> Option<HostPattern> {
        let text = text.to_ascii_lowercase();
        match text.strip_prefix("*.") {
            Some(rest) => is_name(rest).then(|| HostPattern::Below(rest.to_owned())),
            None => is_name(&text).then_some(HostPattern::Exactly(text)),
        }
    }

    /// Whether a host, in lower case, is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            HostPattern::Exactly(name) => name == host,
            HostPattern::Below(name) => host
                .strip_suffix(name.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }
}

/// Whether a text is a host name of the characters that DNS uses, at most 253 bytes (RFC 1035 2.3.4),
/// without a dot at its end.
pub fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_at_least_one_label() {
        let below = HostPattern::parse("*.Example.com").unwrap();
        for (host, want) in [
            ("img.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            ("badexample.com", false),
            (".example.com", false),
            ("img.example.com.evil.org", false),
        ] {
            assert_eq!(below.matches(host), want, "{host}");
        }
        assert!(HostPattern::parse("img.example.com").unwrap().matches("img.example.com"));
    }

    #[test]
    fn other_patterns_are_refused() {
        for text in
            ["", "*", "*.", "a.*.b", "img*.example.com", "a..b", "a:80", "a/b", "example.com.", "*.*.a"]
        {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
    }
}
