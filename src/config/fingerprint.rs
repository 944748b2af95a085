//! By which number a policy document is known: the same on every proxy that has the same policy.
//!
//! What means the same has the same number: order of keys, white space, escapes in strings and `300.0` for `300` do
//! not count, since Istio hands documents on in other spellings than they were written in. INVARIANT: a number is
//! all that is told of a document; it is too short to tell what a secret in it is.

use sha2::{Digest, Sha256};

use super::tree::Tree;

/// The first 32 bits of the SHA-256 of a document's canonical form.
pub(super) fn of(document: &Tree<'_>) -> u32 {
    let mut hash = Sha256::new();
    write(document, &mut hash);
    hash.finalize().first_chunk().copied().map_or(0, u32::from_be_bytes)
}

/// A letter for the kind, then the value; what has no fixed length is told how long it is.
fn write(tree: &Tree<'_>, hash: &mut Sha256) {
    match tree {
        Tree::Null | Tree::Hole => hash.update(b"n"),
        Tree::Bool(value) => hash.update([b'b', u8::from(*value)]),
        Tree::Whole(value) => sized(b'w', *value, hash),
        Tree::Number(value) => sized(b'f', value.to_bits(), hash),
        Tree::Text(text) => {
            sized(b't', text.len() as u64, hash);
            hash.update(text.as_bytes());
        }
        Tree::List(items) => {
            sized(b'l', items.len() as u64, hash);
            items.iter().for_each(|item| write(item, hash));
        }
        Tree::Table(members) => {
            sized(b'o', members.len() as u64, hash);
            let mut members: Vec<(&str, &Tree<'_>)> =
                members.iter().map(|(key, value)| (&**key, value)).collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in members {
                sized(b't', key.len() as u64, hash);
                hash.update(key.as_bytes());
                write(value, hash);
            }
        }
    }
}

fn sized(kind: u8, value: u64, hash: &mut Sha256) {
    hash.update([kind]);
    hash.update(value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(text: &str) -> u32 {
        of(&Tree::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn another_spelling_has_the_same_number() {
        let plain = fingerprint(r#"{"a":{"width":300,"format":"auto"},"b":[1,2]}"#);
        for same in [
            r#"{ "b": [1, 2], "a": { "format": "auto", "width": 300 } }"#,
            r#"{"a":{"width":300.0,"format":"\u0061uto"},"b":[1.0,2]}"#,
        ] {
            assert_eq!(fingerprint(same), plain, "{same}");
        }
    }

    #[test]
    fn another_document_has_another_number() {
        let documents = [
            r#"{}"#,
            r#"[]"#,
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"a":"1"}"#,
            r#"{"a":0.5}"#,
            r#"{"a":true}"#,
            r#"{"a":null}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":[[1],2]}"#,
            r#"{"ab":"c"}"#,
            r#"{"a":"bc"}"#,
        ];
        let numbers: std::collections::BTreeSet<u32> = documents.map(fingerprint).into();
        assert_eq!(numbers.len(), documents.len());
    }
}
