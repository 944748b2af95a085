//! Policy documents, with as many presets and routes as asked for.

use std::fmt::Write;

use pinhole::config;
use pinhole::policy::Policy;

/// The key that seals, as the environment gives it.
pub const SEAL_KEY: &str = "5ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea15ea1";

/// What every document has beside presets and routes: a thumbor, a gate, and an origin of each kind that is measured.
const REST: &str = r#""origins": {
    "photos": { "url": "https://photos.example.com/hidden-directory", "cluster": "photos",
      "credentials": { "set": { "authorization": { "env": "PHOTOS_TOKEN" } } }, "origin_auth": "share-publicly" },
    "s3": { "url": "https://bucket.s3.eu-central-1.amazonaws.com", "cluster": "s3", "credentials": {
      "aws": { "access_key_id": { "value": "AKIDEXAMPLE" }, "region": "eu-central-1",
               "secret_access_key": { "value": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } } } }
  },
  "resizer": { "thumbor": { "cluster": "resizer", "authority": "thumbor.internal", "key": { "env": "THUMBOR_KEY" } } },
  "gate": { "url": "http://127.0.0.1:10001", "seal_key": { "env": "PINHOLE_SEAL_KEY" } },
  "signing": { "keys": { "k1": { "env": "SIGNING_KEY" } } }"#;

/// The four kinds of routes.
const KINDS: &str = r#"
    { "path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos" },
    { "path": "/photos/(?<source>.+)", "origin": "photos", "default": { "width": 600 },
      "query": { "width": { "max": 1000, "over": "clamp" }, "format": { "one_of": ["auto", "webp", "jpeg"] } } },
    { "path": "/cdn-cgi/image/(?<options>[^/]+)/(?<source>.+)", "origin": "photos",
      "query": { "width": { "max": 2000 }, "height": { "max": 2000 }, "quality": {},
                 "fit": { "one_of": ["cover", "contain", "scale-down"] }, "format": { "one_of": ["auto", "webp"] } } },
    { "path": "/signed/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos", "signature": { "max_life": 604800 } }"#;

/// Presets as operators write them; the first three are the demo's.
fn presets(count: usize) -> String {
    let mut presets = String::from(
        r#""small": { "width": 300 }, "medium": { "width": 600 },
           "large": { "width": 900, "format": "auto", "quality": 80 }"#,
    );
    for index in 3..count {
        let (width, height) = (100 + index % 900, 100 + index % 700);
        write!(
            presets,
            r#", "preset-{index}": {{ "width": {width}, "height": {height}, "fit": "cover", "quality": 80,
               "format": "auto" }}"#
        )
        .unwrap();
    }
    presets
}

/// A document with the four kinds of routes.
pub fn with_presets(count: usize) -> String {
    format!(r#"{{ "presets": {{ {} }}, "routes": [{KINDS}], {REST} }}"#, presets(count))
}

/// A document with one route for each of so many tenants. They have everything in common but the directory.
pub fn with_routes(count: usize) -> String {
    let route = |index| {
        format!(r#"{{ "path": "/tenant-{index}/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos" }}"#)
    };
    let routes: Vec<String> = (0..count).map(route).collect();
    format!(r#"{{ "presets": {{ {} }}, "routes": [{}], {REST} }}"#, presets(3), routes.join(", "))
}

/// A document with one route for each of so many hosts, all with the same path.
pub fn with_hosts(count: usize) -> String {
    let route = |index| {
        format!(
            r#"{{ "hosts": ["img-{index}.example.com"], "origin": "photos",
                  "path": "/images/(?<preset>[^/]+)/(?<source>.+)" }}"#
        )
    };
    let routes: Vec<String> = (0..count).map(route).collect();
    format!(r#"{{ "presets": {{ {} }}, "routes": [{}], {REST} }}"#, presets(3), routes.join(", "))
}

/// The environment of every document.
pub fn environment(name: &str) -> Option<String> {
    let value = match name {
        "PHOTOS_TOKEN" => "Bearer a-token-of-the-origin",
        "THUMBOR_KEY" => "a-key-of-the-resizer-a-key-of-the-resizer",
        "PINHOLE_SEAL_KEY" => SEAL_KEY,
        "SIGNING_KEY" => "0ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba110",
        _ => return None,
    };
    Some(value.to_owned())
}

/// The policy of a document.
pub fn load(document: &str) -> Policy {
    match config::load(document.as_bytes(), &environment) {
        Ok(loaded) => loaded.policy,
        Err(errors) => panic!("{errors:#?}"),
    }
}
