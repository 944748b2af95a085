//! Reads a [`Tree`] into serde types and goes on after an error, so that all errors are reported at once.
//!
//! serde stops at the first error. Each error says where it is, so [`read`] notes it, punches a hole
//! there, and reads again until nothing is left to report: the `Raw` types have only optional fields
//! and pass over holes. Does not belong here: any knowledge of the policy.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{ConfigError, MOST_ERRORS, Place, quote};
use super::tree::{Member, Step, Tree};

/// Reads as much of `tree` as can be read; every place that cannot be is an error and counts as absent.
pub fn read<T: for<'de> Deserialize<'de> + Default>(mut tree: Tree<'_>) -> (T, Vec<ConfigError>) {
    let mut errors: Vec<_> =
        tree.remove_duplicates().iter().map(|path| ConfigError::duplicate_key(path)).collect();
    loop {
        let problem = match T::deserialize(Node(&tree)) {
            Ok(value) => return (value, errors),
            Err(Problem(report)) => *report,
        };
        let mut path: Vec<Step> = problem.outward.into_iter().rev().collect();
        if tree.punch(&path) {
            errors.push(problem.cause.into_error(Place::of(&path)));
            if errors.len() >= MOST_ERRORS {
                return (T::default(), errors);
            }
            continue;
        }
        // Nothing can be read around this hole, so the value that holds it counts as absent as well.
        while path.pop().is_some() && !tree.punch(&path) {}
        if path.is_empty() {
            return (T::default(), errors);
        }
    }
}

/// Why a value could not be read, and the way from it to the root of the document. In a box, and made by
/// functions that are never inlined: all derived readers pass it on, and most of their code would be that.
#[derive(Debug)]
struct Problem(Box<Report>);

#[derive(Debug)]
struct Report {
    cause: Cause,
    outward: Vec<Step>,
}

#[derive(Debug)]
enum Cause {
    Mismatch { found: String, wanted: String },
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownWord { word: String, known: &'static [&'static str] },
}

impl Cause {
    fn into_error(self, place: Place) -> ConfigError {
        match self {
            Cause::Mismatch { found, wanted } => ConfigError::new(place, found, wanted),
            Cause::UnknownKey { key, known } => ConfigError::unknown_key(place, &key, known),
            Cause::UnknownWord { word, known } => ConfigError::unknown_word(place, &word, known),
        }
    }
}

impl Problem {
    #[cold]
    #[inline(never)]
    fn new(cause: Cause) -> Problem {
        Problem(Box::new(Report { cause, outward: Vec::new() }))
    }

    #[cold]
    #[inline(never)]
    fn mismatch(found: &str, wanted: &dyn Expected) -> Problem {
        // serde's own words for what JSON calls otherwise.
        let wanted = match wanted.to_string().as_str() {
            "a sequence" => "an array".to_owned(),
            "a map" => "an object".to_owned(),
            other => other.to_owned(),
        };
        Problem::new(Cause::Mismatch { found: found.to_owned(), wanted })
    }

    #[cold]
    #[inline(never)]
    fn malformed(message: &dyn fmt::Display) -> Problem {
        let found = "a value of the wrong form".to_owned();
        Problem::new(Cause::Mismatch { found, wanted: message.to_string() })
    }

    #[cold]
    #[inline(never)]
    fn inside_key(mut self, key: &str) -> Problem {
        self.0.outward.push(Step::Key(key.to_owned()));
        self
    }

    #[cold]
    #[inline(never)]
    fn inside_index(mut self, index: usize) -> Problem {
        self.0.outward.push(Step::Index(index));
        self
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.cause)
    }
}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Problem {
        Problem::malformed(&message)
    }

    // No object has a key twice by now.
    #[cold]
    #[inline(never)]
    fn duplicate_field(key: &'static str) -> Problem {
        Problem::malformed(&format_args!("`{key}` once"))
    }

    // A value of the wrong kind is not quoted: it may be a secret written in the wrong place.
    #[cold]
    #[inline(never)]
    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Problem {
        let kind = match found {
            Unexpected::Str(_) => "a string",
            Unexpected::Unit => "null",
            Unexpected::Seq => "an array",
            Unexpected::Map => "an object",
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            _ => "a value of the wrong kind",
        };
        Problem::mismatch(kind, wanted)
    }

    // A value of the right kind is quoted: no type that holds a secret refuses a value by this way.
    #[cold]
    #[inline(never)]
    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Problem {
        let found = match found {
            Unexpected::Str(text) => quote(text),
            Unexpected::Unsigned(number) => quote(&number.to_string()),
            Unexpected::Float(number) => quote(&number.to_string()),
            other => return Problem::invalid_type(other, wanted),
        };
        Problem::mismatch(&found, wanted)
    }

    #[cold]
    #[inline(never)]
    fn unknown_field(key: &str, known: &'static [&'static str]) -> Problem {
        // The derived reader reports the object; the place to report, and to punch, is the key in it.
        Problem::new(Cause::UnknownKey { key: key.to_owned(), known }).inside_key(key)
    }

    #[cold]
    #[inline(never)]
    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Problem {
        Problem::new(Cause::UnknownWord { word: word.to_owned(), known })
    }
}

/// A value on its way into a serde type.
struct Node<'de>(&'de Tree<'de>);

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Tree::Null | Tree::Hole => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Whole(value) => visitor.visit_u64(*value),
            Tree::Number(value) => visitor.visit_f64(*value),
            Tree::Text(value) => visitor.visit_borrowed_str(value),
            Tree::List(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Tree::Table(members) => visitor.visit_map(Members { members: members.iter(), current: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Tree::Hole => visitor.visit_none(),
            value => visitor.visit_some(Node(value)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.0 {
            Tree::Text(word) => visitor.visit_enum(Variant { word, content: None }),
            Tree::Table(members) => match members.as_slice() {
                [(word, content)] => visitor.visit_enum(Variant { word, content: Some(content) }),
                _ => Err(Problem::mismatch(&format!("an object with {} keys", members.len()), &visitor)),
            },
            other => Err(Problem::mismatch(other.kind(), &visitor)),
        }
    }

    // What can only be of one kind is asked for that kind alone: each other arm would be one more error in
    // every derived reader. An array is no object either: serde would take its items for the fields in order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Tree::Table(members) => visitor.visit_map(Members { members: members.iter(), current: None }),
            other => Err(Problem::mismatch(other.kind(), &visitor)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Tree::List(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            other => Err(Problem::mismatch(other.kind(), &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.0 {
            Tree::Text(text) => visitor.visit_borrowed_str(text),
            other => Err(Problem::mismatch(other.kind(), &visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit
        unit_struct newtype_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Tree<'de>>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index = index.saturating_add(1);
        seed.deserialize(Node(item)).map(Some).map_err(|problem| problem.inside_index(index))
    }
}

struct Members<'de> {
    members: std::slice::Iter<'de, Member<'de>>,
    current: Option<&'de Member<'de>>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        self.current = self.members.find(|(_, value)| *value != Tree::Hole);
        let Some((key, _)) = self.current else { return Ok(None) };
        let key: StrDeserializer<'_, Problem> = (&**key).into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let Some((key, value)) = self.current else {
            return Err(de::Error::custom("a key before its value"));
        };
        seed.deserialize(Node(value)).map_err(|problem| problem.inside_key(key))
    }
}

/// `"word"`, or `{ "word": content }`: a variant that carries something.
struct Variant<'de> {
    word: &'de str,
    content: Option<&'de Tree<'de>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Problem> {
        let word: StrDeserializer<'_, Problem> = self.word.into_deserializer();
        seed.deserialize(word).map(|word| (word, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        match self.content {
            None => Ok(()),
            Some(content) => Err(Problem::mismatch(content.kind(), &"the word alone")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Problem> {
        let Some(content) = self.content else {
            return Err(Problem::mismatch("the word alone", &"an object with that word as its key"));
        };
        seed.deserialize(Node(content)).map_err(|problem| problem.inside_key(self.word))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Problem> {
        Err(Problem::mismatch("a variant", &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        Err(Problem::mismatch("a variant", &visitor))
    }
}
