//! Every policy of the documents loads: whole ones as they are, parts of one laid over `envoy/policy-imgproxy.json`.
//!
//! `envoy/origins.md` has origins alone, which `tests/config.rs` loads.

use pinhole::config;
use pinhole::policy::Policy;
use serde_json::{Value, json};

use crate::page::{self, Block, Page, Part, STRICT};

/// The keys by which a document is known for a policy.
const KEYS: [&str; 9] =
    ["$schema", "version", "presets", "routes", "origins", "resizer", "gate", "signing", "fallbacks"];

/// A value for every variable: as many hexadecimal digits as any key takes, another for each name.
pub fn secret(name: &str) -> String {
    name.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect()
}

pub fn load(context: &str, document: &Value) -> Policy {
    let loaded = config::load(document.to_string().as_bytes(), &|name| Some(secret(name)));
    loaded.unwrap_or_else(|errors| panic!("{context}: {errors:#?}\n{document:#}")).policy
}

/// The whole policy that a block of a page stands for.
pub fn whole(page: &Page, block: &Block) -> Value {
    let context = format!("{}:\n{}", page.name, block.text);
    let part: Value = serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{error}: {context}"));
    let part = part.as_object().unwrap_or_else(|| panic!("no object: {context}"));
    for key in part.keys() {
        assert!(KEYS.contains(&key.as_str()), "{key} is no key of a policy: {context}");
    }
    let mut document: Value =
        serde_json::from_str(&page::page("envoy/policy-imgproxy.json").text).expect("a policy");
    let base = document.as_object_mut().expect("an object");
    // Presets that no route of the block can name would only be warned of.
    if part.get("routes").is_some_and(|routes| !routes.to_string().contains("<preset>")) {
        base.remove("presets");
    }
    // The presets of the base ask for more than every resizer has.
    if part.contains_key("resizer") && !part.contains_key("routes") {
        base.insert("presets".to_owned(), json!({ "small": { "width": 300 } }));
        let route = json!({ "path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos" });
        base.insert("routes".to_owned(), json!([route]));
    }
    base.extend(part.clone());
    document
}

/// Whether a block is a policy or a part of one. What else is written in JSON says so behind its language.
pub fn is_policy(page: &Page, block: &Block) -> bool {
    block.language == "json" && block.about != "not a policy" && page.name != "envoy/origins.md"
}

/// The policies of a page that have a name, each with it.
pub fn named(page: &Page) -> Vec<(String, Value)> {
    let blocks = page.blocks();
    let named = blocks.iter().filter(|block| is_policy(page, block) && !block.about.is_empty());
    let named: Vec<_> = named.map(|block| (block.about.clone(), whole(page, block))).collect();
    for (index, (name, _)) in named.iter().enumerate() {
        assert!(name.ends_with(".json"), "{}: {name} is no name for a policy", page.name);
        assert!(named.iter().skip(index + 1).all(|(other, _)| other != name), "{}: {name} twice", page.name);
    }
    named
}

#[test]
fn every_policy_loads() {
    let mut counts = Vec::new();
    for page in page::pages() {
        let blocks = page.blocks();
        let policies: Vec<_> = blocks.iter().filter(|block| is_policy(&page, block)).collect();
        for block in &policies {
            load(&page.name, &whole(&page, block));
        }
        counts.push((page.name.clone(), policies.len()));
    }
    let least =
        [("README.md", 1), ("envoy/policy.md", 15), ("envoy/resizers.md", 8), ("envoy/migration.md", 6)];
    for (name, least) in least {
        let (_, count) = counts.iter().find(|(other, _)| other == name).unwrap();
        assert!(*count >= least, "{name} has {count} policies");
    }
}

#[test]
fn every_table_of_requests_stands_below_a_named_policy() {
    for name in STRICT {
        let mut above = None;
        for part in page::page(name).parts() {
            match part {
                Part::Block(block) if block.language == "json" => above = Some(block.about),
                Part::Table(table) if table.begins(&["request"]) => {
                    assert!(above.as_ref().is_some_and(|name| !name.is_empty()), "{name}: {:?}", table.0[1]);
                }
                _ => {}
            }
        }
    }
}
