//! Whatever is asked in a dialect, the resizer reads what was decided, and the gate gives away what was asked for.
//!
//! The input is read by `arbitrary`: which of the dialect's resizers, options, source, credentials; or the text in the
//! place of a token.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use pinhole::options::{self, OptionName, SPECS};
use pinhole::policy::Policy;
use pinhole::policy::rejection::Rejection;
use pinhole::transform::Transform;

use super::super::dialects::round_trip::{self, Asked};
use super::super::dialects::subjects::{self, Subject};

thread_local! {
    /// The resizers of each dialect, with the policies that leave all that they have to the request.
    static SUBJECTS: BTreeMap<&'static str, Vec<(Subject, Policy)>> = {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for subject in subjects::all() {
            let policy = subject.policy();
            all.entry(subject.resizer.dialect().name).or_default().push((subject, policy));
        }
        all
    };
}

/// A picture that every dialect has.
static COVERED: LazyLock<Transform> = LazyLock::new(|| {
    let mut options = options::Options::default();
    for (option, text) in
        [(OptionName::Width, "300"), (OptionName::Height, "200"), (OptionName::Fit, "cover")]
    {
        options.set(option, option.spec().kind.parse(text).unwrap_or_else(|| panic!("{text}")));
    }
    Transform::new(options, None).unwrap_or_else(|error| panic!("{error:?}"))
});

/// Runs one input in this dialect.
pub fn run(dialect: &str, data: &[u8]) {
    SUBJECTS.with(|subjects| {
        let subjects = subjects.get(dialect).unwrap_or_else(|| panic!("nothing speaks {dialect}"));
        // Where it is too short, what is there was tried.
        let _ = read(subjects, &mut Unstructured::new(data));
    });
}

fn read(subjects: &[(Subject, Policy)], u: &mut Unstructured<'_>) -> Result<()> {
    let (subject, policy) = u.choose(subjects)?;
    let complaint = if u.ratio(1, 5)? {
        let text: String = u.arbitrary()?;
        // Cloudflare gets the source as it is, which is right for what a token is made of.
        let is_token = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        // No part of a source that the gate serves is a control character, at which some parsers stop.
        let is_none = text.is_empty() || text.contains(char::is_control);
        if is_none || (subject.name == "cloudflare" && !is_token) {
            return Ok(());
        }
        round_trip::any_text(subject, &COVERED, &text).err()
    } else {
        asked(subject, policy, u)?
    };
    assert_eq!(complaint, None, "{}", subject.name);
    Ok(())
}

fn asked(subject: &Subject, policy: &Policy, u: &mut Unstructured<'_>) -> Result<Option<String>> {
    let mut chosen = Vec::new();
    for _ in 0..u.int_in_range(0..=9)? {
        chosen.push((u.choose_index(SPECS.len())?, u.arbitrary()?));
    }
    let raw = u.arbitrary()?;
    let accept = *u.choose(&["image/avif", "image/webp", "*/*", "", "image/avif;q=0, image/webp;q=0.1"])?;
    let secret = |u: &mut Unstructured<'_>| {
        let text: &str = u.arbitrary()?;
        let visible = text
            .chars()
            .filter(|c| c.is_ascii_graphic() && !",;\"\\".contains(*c))
            .take(40)
            .collect::<String>();
        Ok(if visible.is_empty() { "a".to_owned() } else { visible })
    };
    let (authorization, session) = (secret(u)?, secret(u)?);
    let source = std::str::from_utf8(u.bytes(u.len())?).unwrap_or("a.jpg");
    let asked =
        Asked { chosen: &chosen, source, raw, accept, authorization: &authorization, session: &session };
    Ok(match round_trip::whole(subject, policy, &asked) {
        Ok(Ok(())) => None,
        Ok(Err(refused)) => {
            // A resizer may have options that it does not have together; a source may be none.
            let expected = [
                Rejection::ValueNotAllowed,
                Rejection::MissingSize,
                Rejection::MalformedPath,
                Rejection::NoRoute,
                Rejection::NotResizable,
                Rejection::PathTooLong,
            ];
            (!expected.contains(&refused)).then(|| format!("{asked:?}: {refused:?}"))
        }
        Err(complaint) => Some(complaint),
    })
}
