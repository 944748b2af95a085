//! The tables of `envoy/migration.md`: what becomes of each request, and how imgproxy's options are spelled.

use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use serde_json::json;

use crate::page::{self, Part, quoted};
use crate::policies::{load, whole};

type Headers = Vec<(String, Vec<u8>)>;

/// A cell such as `` `POST /a.jpg` `accept: image/webp` ``.
fn request(cell: &str) -> Headers {
    let mut parts = quoted(cell).into_iter();
    let line = parts.next().unwrap_or_else(|| panic!("no request: {cell}"));
    let (method, target) = line.split_once(' ').unwrap_or(("GET", line));
    assert!(target.starts_with('/'), "no path: {cell}");
    let own =
        [(":method", method), (":scheme", "http"), (":authority", "img.example.com"), (":path", target)];
    let more = parts.map(|header| header.split_once(": ").unwrap_or_else(|| panic!("no header: {cell}")));
    own.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
}

/// What becomes of it, as a cell says it.
fn outcome(policy: &Policy, cell: &str) -> String {
    match policy.decide(&request(cell), true, None) {
        Decision::Forward(forward) => format!("served: `{}`", forward.transform.expect("a transform")),
        Decision::Reject(refusal) => {
            format!("{} `{}`", refusal.rejection.status(), refusal.rejection.reason())
        }
    }
}

#[test]
fn every_request_is_decided_as_its_row_says() {
    let page = page::page("envoy/migration.md");
    let (mut policy, mut served, mut refused) = (None, 0_u32, 0_u32);
    let mut wrong = Vec::new();
    for part in page.parts() {
        match part {
            Part::Block(block) if block.language == "json" => {
                policy = Some(load(&block.about, &whole(&page, &block)))
            }
            Part::Table(table) if table.begins(&["request", "pinhole", "the Worker"]) => {
                let policy = policy.as_ref().expect("a policy above");
                for row in table.rows() {
                    let said = outcome(policy, &row[0]);
                    *if said.starts_with("served") { &mut served } else { &mut refused } += 1;
                    if said != row[1] {
                        wrong.push(format!("{}: {said}, but the page says {}", row[0], row[1]));
                    }
                }
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(served >= 10 && refused >= 20, "{served} served, {refused} refused");
}

#[test]
fn imgproxy_is_asked_in_the_words_of_the_table() {
    let page = page::page("envoy/migration.md");
    let tables = page.tables(&["imgproxy", "options of a preset"]);
    let [table] = tables.as_slice() else { panic!("{} tables", tables.len()) };
    assert!(table.rows().len() >= 15);
    for row in table.rows() {
        let (spelled, options) = (quoted(&row[0])[0], quoted(&row[1])[0]);
        let options: serde_json::Value = serde_json::from_str(options).expect(options);
        let routes = json!([{ "path": "/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos" }]);
        let mut document: serde_json::Value =
            serde_json::from_str(&page::page("envoy/policy-imgproxy.json").text).unwrap();
        document["presets"] = json!({ "one": options });
        document["routes"] = routes;
        let policy = load(spelled, &document);
        let Decision::Forward(forward) = policy.decide(&request("`/one/cat.jpg`"), true, None) else {
            panic!("{spelled}: refused")
        };
        let path = forward.upstream.path;
        assert!(path.contains(&format!("/{spelled}/")), "{spelled} is not in {path}");
    }
}
