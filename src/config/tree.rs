//! The policy document as a tree: JSON that remembers what serde's own value type forgets.
//!
//! Belongs here: duplicate keys (kept, so that they can be reported), whole numbers written as
//! `300.0` (Istio's `pluginConfig` arrives like that), and [`Tree::Hole`], which marks a place whose
//! error is already reported. Does not belong here: what any key means (see [`super::raw`]).

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// One JSON value. Members keep their order and their duplicates; what needs no unescaping is lent by the document.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree<'d> {
    /// `null`, which no key of the policy accepts.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that is not negative.
    Whole(u64),
    /// Any other number.
    Number(f64),
    /// A string.
    Text(Cow<'d, str>),
    /// An array.
    List(Vec<Tree<'d>>),
    /// An object.
    Table(Vec<Member<'d>>),
    /// A value that was reported already: readers pass over it.
    Hole,
}

/// One member of an object.
pub type Member<'d> = (Cow<'d, str>, Tree<'d>);

/// One step from a value to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into an object, by key.
    Key(String),
    /// Into an array, by position from 0.
    Index(usize),
}

impl<'d> Tree<'d> {
    /// Parses JSON text. The error is serde_json's, with line and column.
    pub fn parse(text: &'d [u8]) -> Result<Tree<'d>, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// What kind of value this is, as an error message calls it; never the value itself, which may
    /// be a secret that was written in the wrong place.
    pub fn kind(&self) -> &'static str {
        match self {
            Tree::Null | Tree::Hole => "null",
            Tree::Bool(_) => "a boolean",
            Tree::Whole(_) | Tree::Number(_) => "a number",
            Tree::Text(_) => "a string",
            Tree::List(_) => "an array",
            Tree::Table(_) => "an object",
        }
    }

    /// Removes every member that repeats a key of its object, and gives the paths of those.
    pub fn remove_duplicates(&mut self) -> Vec<Vec<Step>> {
        let mut removed = Vec::new();
        // Paths are put together only where there is something to tell.
        if self.has_duplicates() {
            self.remove_duplicates_below(&mut Vec::new(), &mut removed);
        }
        removed
    }

    fn has_duplicates(&self) -> bool {
        match self {
            Tree::List(items) => items.iter().any(Tree::has_duplicates),
            Tree::Table(members) => {
                repeats_a_key(members) || members.iter().any(|(_, value)| value.has_duplicates())
            }
            _ => false,
        }
    }

    fn remove_duplicates_below(&mut self, at: &mut Vec<Step>, removed: &mut Vec<Vec<Step>>) {
        match self {
            Tree::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    at.push(Step::Index(index));
                    item.remove_duplicates_below(at, removed);
                    at.pop();
                }
            }
            Tree::Table(members) => {
                let mut seen = std::collections::BTreeSet::new();
                members.retain_mut(|(key, value)| {
                    at.push(Step::Key(key.clone().into_owned()));
                    let first = seen.insert(key.clone());
                    if first {
                        value.remove_duplicates_below(at, removed);
                    } else {
                        removed.push(at.clone());
                    }
                    at.pop();
                    first
                });
            }
            _ => {}
        }
    }

    /// Replaces the value at `path` by a hole. Says whether there was a value that was not a hole.
    pub fn punch(&mut self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return std::mem::replace(self, Tree::Hole) != Tree::Hole;
        };
        let inner = match (self, step) {
            (Tree::Table(members), Step::Key(key)) => {
                members.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            (Tree::List(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        };
        inner.is_some_and(|inner| inner.punch(rest))
    }
}

fn repeats_a_key(members: &[Member<'_>]) -> bool {
    // Most objects are small.
    if members.len() <= 8 {
        let mut rest = members;
        while let Some(((key, _), after)) = rest.split_first() {
            if after.iter().any(|(other, _)| other == key) {
                return true;
            }
            rest = after;
        }
        return false;
    }
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    keys.iter().zip(keys.iter().skip(1)).any(|(key, next)| key == next)
}

impl<'de> Deserialize<'de> for Tree<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree<'de>, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree<'de>, E> {
        Ok(u64::try_from(value).map_or(Tree::Number(value as f64), Tree::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree<'de>, E> {
        // 2^53: beyond it a float no longer tells neighbouring whole numbers apart.
        let whole = value.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&value);
        Ok(if whole { Tree::Whole(value as u64) } else { Tree::Number(value) })
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree<'de>, A::Error> {
        let mut table = Vec::new();
        while let Some(member) = members.next_entry()? {
            let (Key(key), value) = member;
            table.push((key, value));
        }
        Ok(Tree::Table(table))
    }
}

/// The key of a member. serde's own reader of a `Cow` always copies.
struct Key<'d>(Cow<'d, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(key)))
    }

    fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(key.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Tree<'_> {
        Tree::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        assert_eq!(parse("300.0"), Tree::Whole(300));
        assert_eq!(parse("3e2"), Tree::Whole(300));
        assert_eq!(parse("300.5"), Tree::Number(300.5));
        assert_eq!(parse("-1"), Tree::Number(-1.0));
    }

    #[test]
    fn duplicate_keys_are_found_at_every_depth() {
        let mut tree = parse(r#"{"a": [{"x": 1, "x": 2}], "a": 3}"#);
        let paths = tree.remove_duplicates();
        assert_eq!(paths.len(), 2);
        assert_eq!(paths[0], [Step::Key("a".into()), Step::Index(0), Step::Key("x".into())]);
        assert_eq!(paths[1], [Step::Key("a".into())]);
        assert_eq!(tree, parse(r#"{"a": [{"x": 1}]}"#), "the first one of each stays");
    }

    #[test]
    fn a_place_is_punched_once() {
        let mut tree = parse(r#"{"a": [1, 2]}"#);
        let second = [Step::Key("a".into()), Step::Index(1)];
        assert!(tree.punch(&second));
        assert!(!tree.punch(&second), "a hole is not punched again");
        assert!(!tree.punch(&[Step::Key("b".into())]), "nothing there");
    }
}
