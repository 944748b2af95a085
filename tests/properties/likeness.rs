//! I27, I28 and I30: requests and documents that differ in nothing that counts. `properties.rs`, `options.rs` and
//! `strictness.rs` have I26 and I29.

use pinhole::config;
use proptest::prelude::*;
use serde_json::Value;

use super::invariants::same::face;
use super::invariants::{Asked, Subject};
use super::subjects::{RICH, SUBJECT, asked, get, secrets, served, target};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i27_an_unknown_parameter_is_refused_or_changes_nothing(target in target(), name in "[!-~]{1,12}|w[a-z]{0,5}", value in "[1-9][0-9]{0,3}|[a-z0-9%]{0,6}") {
        let joined = if target.contains('?') { "&" } else { "?" };
        let options = ["width", "w", "height", "h", "dpr", "fit", "format", "f", "quality", "q"];
        prop_assume!(!options.contains(&name.split('=').next().unwrap()) && !name.contains(['%', '&']));
        let more = get(&format!("{target}{joined}{name}={value}"));
        if let Some(more) = served(&SUBJECT, &more)? {
            let plain = served(&SUBJECT, &get(&target))?;
            prop_assert_eq!(plain.map(|plain| plain.upstream.path), Some(more.upstream.path));
        }
    }

    #[test]
    fn i28_head_is_decided_like_get(asked in asked()) {
        let mut head = asked.clone();
        for (name, value) in &mut head.headers {
            if name == ":method" {
                *value = b"HEAD".to_vec();
            }
        }
        let decide = |asked: &Asked| face(&SUBJECT.policy.decide(&asked.headers, true, asked.now), false);
        prop_assert_eq!(decide(&asked), decide(&head));
    }

    #[test]
    fn i30_a_document_written_in_any_other_way_is_the_same_policy(seed: u64, targets in prop::collection::vec(asked(), 5)) {
        let written = Writer(seed).write(&serde_json::from_str(RICH).unwrap());
        let number = |document: &[u8]| config::load(document, &secrets).map(|loaded| loaded.fingerprint);
        prop_assert_eq!(number(written.as_bytes()), number(RICH.as_bytes()), "{}", written);
        let again = Subject::load(written.as_bytes(), &secrets).map_err(TestCaseError::fail)?;
        for asked in targets {
            let decide = |subject: &Subject| face(&subject.policy.decide(&asked.headers, true, asked.now), true);
            prop_assert_eq!(decide(&again), decide(&SUBJECT));
        }
    }

    #[test]
    fn i30_an_unknown_or_repeated_key_is_an_error_wherever_it_stands(place: prop::sample::Index, name in "zz-[a-z]{1,8}") {
        let document: Value = serde_json::from_str(RICH).unwrap();
        let places = objects(&document, String::new());
        let place = &places[place.index(places.len())];
        let mut more = document.clone();
        let members = more.pointer_mut(place).unwrap().as_object_mut().unwrap();
        members.insert(name.clone(), Value::Bool(true));
        let errors = config::load(more.to_string().as_bytes(), &secrets).map(|_| ()).unwrap_err();
        let is_told = |key: &str| errors.iter().any(|error| error.to_string().contains(key));
        // Of a resizer that is none, it is told that there are two.
        prop_assert!(is_told(&name) || (place == "/resizer" && is_told("2 keys")), "{}: {:?}", place, errors);
        // The first key of the object once more, with the value that it has.
        let members = document.pointer(place).unwrap().as_object().unwrap();
        let Some((key, value)) = members.iter().next() else { return Ok(()) };
        let marked = format!("\"{name}\":true");
        let twice = more.to_string().replacen(&marked, &format!("{}:{value}", Value::String(key.clone())), 1);
        let errors = config::load(twice.as_bytes(), &secrets).map(|_| ()).unwrap_err();
        prop_assert!(errors.iter().any(|error| error.to_string().contains(key.as_str())), "{}: {:?}", place, errors);
    }
}

/// Where all objects of a document are.
fn objects(value: &Value, place: String) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let own = value.is_object().then(|| place.clone());
    own.into_iter()
        .chain(inner.into_iter().flat_map(|(key, value)| objects(value, format!("{place}/{key}"))))
        .collect()
}

/// Writes JSON in one of many ways: order of keys, blanks, escapes, whole numbers as Istio writes them.
struct Writer(u64);

impl Writer {
    fn choose(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % count
    }

    fn blank(&mut self) -> &'static str {
        ["", " ", "\n", "\t\r\n"][usize::try_from(self.choose(4)).unwrap()]
    }

    fn text(&mut self, text: &str) -> String {
        let mut written = String::from("\"");
        for character in text.chars() {
            let unit = u32::from(character);
            if self.choose(8) == 0 && unit < 0xd800 {
                written.push_str(&format!("\\u{unit:04x}"));
            } else {
                written.push_str(
                    serde_json::to_string(&character)
                        .unwrap()
                        .trim_matches('"')
                        .replace("\\\"", "\"")
                        .as_str(),
                );
            }
        }
        written + "\""
    }

    fn write(&mut self, value: &Value) -> String {
        let inner = match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                for last in (1..members.len()).rev() {
                    let other = usize::try_from(self.choose(last as u64 + 1)).unwrap();
                    members.swap(last, other);
                }
                let members = members
                    .into_iter()
                    .map(|(key, value)| format!("{}{}:{}", self.text(key), self.blank(), self.write(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            Value::Array(items) => {
                format!("[{}]", items.iter().map(|item| self.write(item)).collect::<Vec<_>>().join(","))
            }
            Value::String(text) => self.text(text),
            Value::Number(number) if self.choose(2) == 0 && number.is_u64() => format!("{number}.0"),
            other => other.to_string(),
        };
        format!("{}{inner}{}", self.blank(), self.blank())
    }
}
