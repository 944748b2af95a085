//! `pinhole explain`: what the edge decides about one request, by which rule, and what goes upstream.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pinhole::policy::decision::{Decision, Forward, Refusal};
use pinhole::transform::{Fit, Transform, name_in};
use serde_json::{Value, json};

use crate::{Outcome, load};

/// Explain what the edge does with a request: the decision, the rule that made it, and the upstream
/// requests with secrets masked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The policy document, JSON. Secrets are taken from the environment.
    policy: PathBuf,
    /// What a visitor asks for: `http://host/path?query`, or `/path?query` for any host.
    url: String,
    /// A header of the request, such as `accept: image/webp`. May be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The method of the request.
    #[arg(short = 'X', long, default_value = "GET")]
    method: String,
    /// Print the decision as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let headers = match request_headers(arguments) {
        Ok(headers) => headers,
        Err(message) => {
            eprintln!("pinhole: {message}");
            return Outcome::Failure;
        }
    };
    let loaded = match load(&arguments.policy) {
        Ok(loaded) => loaded,
        Err(outcome) => return outcome,
    };
    let decision = loaded.policy.decide(&headers, true);
    match (&decision, arguments.json) {
        (Decision::Forward(forward), false) => print_forward(forward),
        (Decision::Reject(refusal), false) => print_refusal(refusal),
        (Decision::Forward(forward), true) => println!("{:#}", json_of_forward(forward)),
        (Decision::Reject(refusal), true) => println!("{:#}", json_of_refusal(refusal)),
    }
    match decision {
        Decision::Forward(_) => Outcome::Good,
        Decision::Reject(_) => Outcome::Refused,
    }
}

/// The headers as Envoy would deliver them. The URL is taken apart without changing it: a library
/// would resolve the dot segments that are to be explained.
fn request_headers(arguments: &Arguments) -> Result<Vec<(String, Vec<u8>)>, String> {
    let url = &arguments.url;
    let after_scheme = url.split_once("://").filter(|(scheme, _)| !scheme.contains('/'));
    let (scheme, authority, path) = match after_scheme {
        None if url.starts_with('/') => ("http", "localhost", url.as_str()),
        None => return Err(format!("URL: found `{url}`; wanted `http://host/path` or `/path`")),
        Some((scheme, rest)) => match rest.find('/') {
            Some(at) => {
                rest.split_at_checked(at).map(|(host, path)| (scheme, host, path)).unwrap_or_default()
            }
            None => (scheme, rest, "/"),
        },
    };
    let mut headers = vec![
        (":method".to_owned(), arguments.method.clone().into_bytes()),
        (":scheme".to_owned(), scheme.as_bytes().to_vec()),
        (":authority".to_owned(), authority.as_bytes().to_vec()),
        (":path".to_owned(), path.as_bytes().to_vec()),
    ];
    for header in &arguments.headers {
        let (name, value) = header
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| format!("-H: found `{header}`; wanted `name: value`"))?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().as_bytes().to_vec()));
    }
    Ok(headers)
}

fn print_forward(forward: &Forward<'_>) {
    println!("served by {}", forward.rule);
    if let Some(preset) = forward.preset {
        println!("  preset      {preset}");
    }
    if let Some(transform) = &forward.transform {
        println!("  transform   {}", describe(transform));
    }
    println!("  cache       {}", forward.answer.cache.control());
    println!("  vary        {}", if forward.answer.negotiated { "accept" } else { "nothing" });
    println!("\nto the resizer");
    for (name, value) in forward.upstream.headers() {
        println!("  {name}: {}", String::from_utf8_lossy(value));
    }
    let origin = forward.origin;
    println!("\nfrom the gate to origin `{}`", origin.name());
    println!("  x-pinhole-cluster: {}", origin.cluster().as_str());
    println!("  :scheme: {}", origin.url().scheme().name());
    println!("  :authority: {}", origin.url().authority().as_str());
    println!("  :path: {}", origin.path_of(&forward.source));
    for (name, _) in origin.credentials().iter() {
        println!("  {name}: ***");
    }
}

fn print_refusal(refusal: &Refusal) {
    let rejection = refusal.rejection;
    println!("refused by {}", refusal.rule);
    println!("  status      {}", rejection.status());
    println!("  reason      {}", rejection.reason());
    println!("  body        {}", rejection.text());
}

/// The transform on one line.
fn describe(transform: &Transform) -> String {
    let frame = transform.frame;
    let side = |pixels: u32| if pixels == 0 { "any".to_owned() } else { pixels.to_string() };
    let mut words = vec![
        format!("{} x {}", side(frame.width()), side(frame.height())),
        name_in(Fit::NAMES, &frame.fit()).to_owned(),
    ];
    words.extend(transform.quality.map(|quality| format!("quality {}", quality.get())));
    words.push(transform.format.map_or("format of the original", |format| format.media_type()).to_owned());
    words.join(", ")
}

fn json_of_forward(forward: &Forward<'_>) -> Value {
    let transform = forward.transform.map(|transform| {
        let mut value = json!({
            "width": transform.frame.width(),
            "height": transform.frame.height(),
            "fit": name_in(Fit::NAMES, &transform.frame.fit()),
        });
        if let (Some(quality), Some(members)) = (transform.quality, value.as_object_mut()) {
            members.insert("quality".to_owned(), json!(quality.get()));
        }
        if let (Some(format), Some(members)) = (transform.format, value.as_object_mut()) {
            members.insert("format".to_owned(), json!(format.media_type().trim_start_matches("image/")));
        }
        value
    });
    let upstream: BTreeMap<_, _> = forward
        .upstream
        .headers()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    json!({
        "decision": "served",
        "rule": forward.rule.to_string(),
        "preset": forward.preset,
        "origin": forward.origin.name(),
        "source": forward.source.as_str(),
        "transform": transform,
        "cache": forward.answer.cache.control(),
        "negotiated": forward.answer.negotiated,
        "upstream": upstream,
    })
}

fn json_of_refusal(refusal: &Refusal) -> Value {
    json!({
        "decision": "refused",
        "rule": refusal.rule.to_string(),
        "reason": refusal.rejection.reason(),
        "status": refusal.rejection.status(),
    })
}
