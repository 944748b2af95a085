//! What the documents refer to exists: files, headings, tests by their names, and every reason of a refusal.

use std::collections::BTreeSet;
use std::path::Path;

use pinhole::policy::rejection::Rejection;

use crate::page::{self, STRICT, file, quoted};

/// A page's headings as they are linked to.
fn anchors(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut in_code = false;
    let heading = |line: &str| {
        in_code ^= line.trim_start().starts_with("```");
        let text = line.trim_start_matches('#').trim();
        let plain = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        (!in_code && line.starts_with('#'))
            .then(|| plain.collect::<String>().to_lowercase().replace(' ', "-"))
    };
    text.lines().filter_map(heading).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0_u32;
    for page in page::pages() {
        let links =
            page.text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://") && !link.contains(['\n', ' ', '`'])) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let itself = page.name.rsplit('/').next().unwrap();
            let path = if path.is_empty() { itself } else { path };
            let beside = page::root().join(Path::new(&page.name).parent().unwrap()).join(path);
            assert!(beside.exists(), "{}: {link} does not exist", page.name);
            assert!(
                anchor.is_empty() || anchors(&beside).contains(anchor),
                "{}: {link} is no heading",
                page.name
            );
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} links");
}

/// All of `src` and `tests`.
pub fn sources() -> String {
    fn read(directory: &Path, text: &mut String) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "py") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    ["src", "tests"].iter().for_each(|directory| read(&page::root().join(directory), &mut text));
    text
}

/// Whether a quoted text is the path of a file of the project.
fn is_path(text: &str) -> bool {
    let ends = [".rs", ".py", ".md", ".json", ".yaml"].iter().any(|ending| text.ends_with(ending));
    ends && text.contains('/') && !text.starts_with('/') && !text.contains([' ', '*', '{'])
}

/// Whether a quoted text is the name of a test: of settings, only some of Envoy's have so many words.
fn is_test(text: &str) -> bool {
    let word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    word && text.matches('_').count() >= 4 && !text.starts_with("pinhole_")
}

#[test]
fn every_file_and_test_that_is_named_exists() {
    let (sources, settings) = (sources(), page::page("envoy/envoy.yaml").text);
    let (mut files, mut tests) = (0_u32, 0_u32);
    for name in STRICT {
        for line in page::page(name).text.lines() {
            for text in quoted(line) {
                if is_path(text) {
                    assert!(file(name, text).is_some(), "{name}: there is no file {text}");
                    files += 1;
                } else if is_test(text) && !settings.contains(text) {
                    let known = [format!("fn {text}("), format!("def {text}(")];
                    assert!(
                        known.iter().any(|text| sources.contains(text)),
                        "{name}: there is no test {text}"
                    );
                    tests += 1;
                }
            }
        }
    }
    assert!(files >= 10 && tests >= 8, "{files} files, {tests} tests");
}

#[test]
fn operations_tells_of_every_refusal_what_to_do() {
    let page = page::page("envoy/operations.md");
    let tables = page.tables(&["reason", "likely cause", "what to do"]);
    let told: Vec<&str> =
        tables.iter().flat_map(|table| table.rows()).map(|row| quoted(&row[0])[0]).collect();
    let reasons: BTreeSet<&str> = Rejection::ALL.iter().map(|rejection| rejection.reason()).collect();
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), reasons);
    assert_eq!(told.len(), reasons.len(), "a reason is told of twice");
    for row in tables.iter().flat_map(|table| table.rows()) {
        assert!(row.iter().all(|cell| cell.len() > 5), "{row:?}");
    }
}

#[test]
fn operations_tells_of_every_alert_what_to_do() {
    let page = page::page("envoy/operations.md");
    let tables = page.tables(&["alert", "what to do"]);
    let told: Vec<&str> =
        tables.iter().flat_map(|table| table.rows()).map(|row| quoted(&row[0])[0]).collect();
    let rules = page::page("envoy/observability/alerts.yml").text;
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 10);
    assert_eq!(told, alerts);
}

#[test]
fn security_has_every_invariant_of_the_crate() {
    let map = page::page("src/lib.rs").text;
    let section = map.split_once("//! # Invariants").unwrap().1;
    let numbered =
        |line: &&str| line.strip_prefix("//! ").is_some_and(|line| line.as_bytes()[0].is_ascii_digit());
    let count = section.lines().filter(|line| line.len() > 4).filter(numbered).count();
    let page = page::page("envoy/security.md");
    let tables = page.tables(&["invariant", "held in", "tested by"]);
    let [table] = tables.as_slice() else { panic!("{} tables", tables.len()) };
    assert_eq!(table.rows().len(), count);
    for (index, row) in table.rows().iter().enumerate() {
        assert!(row[0].starts_with(&format!("{}. ", index + 1)), "{row:?}");
        assert!(quoted(&row[1]).iter().any(|text| is_path(text)), "{row:?}");
        assert!(quoted(&row[2]).iter().any(|text| is_path(text) || is_test(text)), "{row:?}");
    }
}
