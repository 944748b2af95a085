//! Every message about a policy document, each with the place it is about, what was found there and
//! what is wanted.
//!
//! Belongs here: wording. Does not belong here: the rules themselves (see the `compile` module).
//! Messages are made by functions that are never inlined: without, they would be most of the compiler of
//! policies. INVARIANT: no message holds the value of a secret, not even of one written in the wrong place;
//! values are quoted only where the caller knows that they are none.

use std::fmt;

use super::tree::Step;

/// At most so many errors are collected; a document with more is not a policy.
pub const MOST_ERRORS: usize = 100;

/// One reason why a policy document is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{place}: found {found}; wanted {wanted}")]
pub struct ConfigError {
    place: Place,
    found: String,
    wanted: String,
}

/// Something an operator should know about a policy that is valid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigWarning {
    place: Place,
    message: String,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Where in the document: `routes[0].query.width`, or `policy` for the whole of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "policy" } else { &self.0 })
    }
}

impl Place {
    /// The place of a path through the document.
    pub fn of(path: &[Step]) -> Place {
        path.iter().fold(Place::default(), |place, step| match step {
            Step::Key(key) => place.key(key),
            Step::Index(index) => place.index(*index),
        })
    }

    /// The member `key` of the object at this place.
    #[inline(never)]
    pub fn key(&self, key: &str) -> Place {
        let plain = !key.is_empty()
            && key.len() <= 64
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let quoted = if plain { None } else { Some(quote(key)) };
        let key = quoted.as_deref().unwrap_or(key);
        let dot = if self.0.is_empty() { "" } else { "." };
        Place([&self.0, dot, key].concat())
    }

    /// The item at `index`, from 0, of the array at this place.
    #[inline(never)]
    pub fn index(&self, index: usize) -> Place {
        Place(format!("{}[{index}]", self.0))
    }

    /// Whether `other` is this place or inside it.
    pub fn holds(&self, other: &Place) -> bool {
        self.0.is_empty()
            || other
                .0
                .strip_prefix(&self.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

/// A value in backticks: shortened, control characters replaced, so that it stays on one line of a log.
#[inline(never)]
pub fn quote(value: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = value.chars().take(60).map(printable).collect();
    if value.chars().nth(60).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The known name that a mistyped one most likely means: at most two slips away, in whichever case.
#[cold]
#[inline(never)]
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_ascii_lowercase();
    let slips = |candidate: &str| strsim::damerau_levenshtein(&name, &candidate.to_ascii_lowercase());
    let near = known.iter().map(|candidate| (slips(candidate), *candidate));
    let near = near.filter(|(slips, candidate)| *slips <= 2 && *slips < candidate.len());
    near.min().map(|(_, candidate)| candidate)
}

/// The same as the end of what was found.
#[cold]
#[inline(never)]
fn meant(name: &str, known: &[&str]) -> String {
    nearest(name, known).map(|near| format!(" (did you mean {}?)", quote(near))).unwrap_or_default()
}

/// More names than this are counted, not named: a policy may have ten thousand presets.
const MOST_NAMED: usize = 50;

/// Names in backticks, joined by commas. They may be a document's own, so they are quoted as what it says is.
#[cold]
#[inline(never)]
fn list(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(MOST_NAMED).map(|name| quote(name)).collect();
    match names.len().checked_sub(MOST_NAMED) {
        None | Some(0) => {}
        Some(more) => shown.push(format!("and {more} more")),
    }
    shown.join(", ")
}

impl ConfigError {
    /// A message of the common form.
    #[cold]
    #[inline(never)]
    pub fn new(place: Place, found: impl Into<String>, wanted: impl Into<String>) -> ConfigError {
        ConfigError { place, found: found.into(), wanted: wanted.into() }
    }

    /// Where the error is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What was found there.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What is wanted.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }

    /// The document is not JSON.
    #[cold]
    #[inline(never)]
    pub fn syntax(error: &serde_json::Error) -> ConfigError {
        ConfigError::new(Place::default(), format!("text that is not JSON: {error}"), "one JSON object")
    }

    /// A required key is absent.
    #[cold]
    #[inline(never)]
    pub fn missing(place: Place, wanted: impl Into<String>) -> ConfigError {
        ConfigError::new(place, "nothing", wanted)
    }

    /// An object names a key twice.
    #[cold]
    #[inline(never)]
    pub fn duplicate_key(path: &[Step]) -> ConfigError {
        ConfigError::new(Place::of(path), "the same key a second time", "each key once")
    }

    /// An object has a key that the policy does not know.
    #[cold]
    #[inline(never)]
    pub fn unknown_key(place: Place, key: &str, known: &[&str]) -> ConfigError {
        let found = format!("an unknown key{}", meant(key, known));
        ConfigError::new(place, found, format!("one of {}", list(known)))
    }

    /// A word that is not one of a closed set, as what was found.
    #[cold]
    #[inline(never)]
    pub fn word(word: &str, known: &[&str]) -> String {
        format!("{}{}", quote(word), meant(word, known))
    }

    /// A word is not one of a closed set.
    #[cold]
    #[inline(never)]
    pub fn unknown_word(place: Place, word: &str, known: &[&str]) -> ConfigError {
        let found = ConfigError::word(word, known);
        ConfigError::new(place, found, format!("one of {}", list(known)))
    }

    /// A name refers to something that the document does not define.
    pub fn undefined<'a>(
        place: Place,
        name: &str,
        section: &str,
        defined: impl IntoIterator<Item = &'a str>,
    ) -> ConfigError {
        ConfigError::none_of(place, name, section, &defined.into_iter().collect::<Vec<_>>())
    }

    #[cold]
    #[inline(never)]
    fn none_of(place: Place, name: &str, section: &str, defined: &[&str]) -> ConfigError {
        let found = format!("{}{}", quote(name), meant(name, defined));
        let wanted = if defined.is_empty() {
            format!("a name defined in `{section}`, which defines none")
        } else {
            format!("a name defined in `{section}`: {}", list(defined))
        };
        ConfigError::new(place, found, wanted)
    }

    /// The environment has no such variable.
    #[cold]
    #[inline(never)]
    pub fn unset_variable(place: Place, name: &str) -> ConfigError {
        ConfigError::new(
            place,
            format!("{}, which is not set or empty", quote(name)),
            "the name of an environment variable that the host passes to the module",
        )
    }
}

impl ConfigWarning {
    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Something is defined that nothing uses.
    pub fn unused(place: Place) -> ConfigWarning {
        ConfigWarning { place, message: "defined, but no route uses it".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undefined(name: &str, defined: &[&str]) -> String {
        ConfigError::undefined(Place::default(), name, "presets", defined.iter().copied()).to_string()
    }

    #[test]
    fn names_of_a_document_are_quoted_and_too_many_are_counted() {
        let message = undefined("tell", &["small", "a\nline: of a log", "tell\u{1b}"]);
        let wanted = "policy: found `tell` (did you mean `tell\u{fffd}`?); wanted a name defined in `presets`: \
                      `small`, `a\u{fffd}line: of a log`, `tell\u{fffd}`";
        assert_eq!(message, wanted);
        let names: Vec<String> = (0..52).map(|number| format!("n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(undefined("x", &names).ends_with("`n48`, `n49`, and 2 more"));
        assert!(undefined("x", &names[..50]).ends_with("`n48`, `n49`"));
    }
}
