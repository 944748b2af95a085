//! `pinhole sign` and `pinhole verify`: signed URLs by the keys and routes of a policy.

use std::path::PathBuf;

use clap::ValueHint;
use pinhole::config::error::ConfigError;
use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use pinhole::policy::route::SignatureRule;
use pinhole::request::parse_host;
use pinhole::request::path::Path;
use pinhole::request::query::Query;
use pinhole::signature::grant::Grant;

use serde_json::json;

use crate::screen::{BAD, GOOD, failed, say, styled};
use crate::url::VisitorUrl;
use crate::{Outcome, load, now};

/// Sign a URL with a key of the policy, and print it.
///
/// The form of signed URLs, and functions that make them in other languages, are in
/// envoy/signed-urls.md. Exit codes: 0 signed and served, 1 not signed, 2 signed, but refused for something
/// else, 3 invalid policy.
#[derive(clap::Args)]
pub struct SignArguments {
    /// The policy document, JSON. Secrets are taken from the environment.
    #[arg(value_hint = ValueHint::FilePath)]
    policy: PathBuf,
    /// The URL to sign: `http://host/path?query`. Its parameters are covered by the signature.
    url: String,
    /// The name of the key; may be left out where the route has one key only.
    #[arg(long)]
    key: Option<String>,
    /// How many seconds the URL shall be served; as many as the route allows where left out.
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u64>,
    /// Parameters that whoever holds the URL may add and change, such as `width` for a srcset.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    free: Vec<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Verify the signature of a URL, and say what is wrong with it.
///
/// Exit codes: 0 valid, 1 failure, 2 refused, 3 invalid policy.
#[derive(clap::Args)]
pub struct VerifyArguments {
    /// The policy document, JSON. Secrets are taken from the environment.
    #[arg(value_hint = ValueHint::FilePath)]
    policy: PathBuf,
    /// The URL.
    url: String,
    /// The time to verify at, in seconds since 1970; now where left out.
    #[arg(long, value_name = "SECONDS")]
    at: Option<u64>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Says what stopped a verb.
fn failure(message: impl std::fmt::Display) -> Outcome {
    failed(message);
    Outcome::Failure
}

/// What the route of a URL asks of signatures.
fn rule_of<'p>(
    policy: &'p Policy,
    url: &VisitorUrl<'_>,
) -> Result<(String, Path, &'p SignatureRule), String> {
    let host = parse_host(url.authority.as_bytes());
    let host = host.ok_or_else(|| format!("URL: found the host `{}`; wanted a host name", url.authority))?;
    let raw = url.target.split_once('?').map_or(url.target, |(path, _)| path);
    let path = Path::parse(raw).map_err(|rejection| format!("URL: {}", rejection.text()))?;
    match policy.signature_of(&host, &path) {
        None => Err("URL: no route matches it".to_owned()),
        Some((index, None)) => Err(format!("routes[{index}] has no `signature`: it serves URLs without one")),
        Some((_, Some(rule))) => Ok((host, path, rule)),
    }
}

/// Runs `pinhole sign`.
pub fn sign(arguments: &SignArguments) -> Outcome {
    let policy = match load(&arguments.policy) {
        Ok(loaded) => loaded.policy,
        Err(outcome) => return outcome,
    };
    match signed(&policy, arguments) {
        Err(message) => failure(message),
        Ok(url) => {
            // Signing says yes to the URL; what the route says to its options is told here, not later
            // by a broken picture.
            let decided = VisitorUrl::parse(&url).map(|url| policy.decide(&url.headers("GET"), true, now()));
            let refusal = match decided {
                Ok(Decision::Forward(_)) => None,
                Ok(Decision::Reject(refusal)) => Some(refusal),
                Err(message) => return failure(message),
            };
            if arguments.json {
                let rule = refusal.as_ref().map(|refusal| refusal.rule.to_string());
                let reason = refusal.as_ref().map(|refusal| refusal.rejection.reason());
                say(format_args!("{:#}", json!({ "url": url, "refused_by": rule, "reason": reason })));
            } else {
                say(url);
            }
            match refusal {
                None => Outcome::Good,
                Some(refusal) => {
                    let reason = refusal.rejection.reason();
                    failed(format_args!("signed, but refused by {}: {reason}", refusal.rule));
                    Outcome::Refused
                }
            }
        }
    }
}

fn signed(policy: &Policy, arguments: &SignArguments) -> Result<String, String> {
    let url = VisitorUrl::parse(&arguments.url)?;
    let (host, path, rule) = rule_of(policy, &url)?;
    let query = Query::parse(url.target.split_once('?').map(|(_, query)| query));
    let query = query.map_err(|rejection| format!("URL: {}", rejection.text()))?;
    let ids: Vec<&str> = rule.ring.ids().collect();
    let kid = match (&arguments.key, ids.as_slice()) {
        (Some(key), known) if !known.contains(&key.as_str()) => {
            let found = ConfigError::word(key, known);
            return Err(format!("--key: found {found}; wanted one of {}", known.join(", ")));
        }
        (Some(key), _) => key.clone(),
        (None, [only]) => (*only).to_owned(),
        (None, several) => return Err(format!("--key: found nothing; wanted one of {}", several.join(", "))),
    };
    let life = arguments.expires_in.unwrap_or(u64::from(rule.terms.max_life));
    let exp = now().and_then(|now| now.checked_add(life)).ok_or("the time is not known")?;
    let parameters = query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut free = arguments.free.clone();
    free.sort_unstable();
    let grant = Grant { host, path: path.as_str().to_owned(), parameters, free, exp, kid };
    let target = rule.ring.sign(&grant).map_err(|invalid| invalid.to_string())?;
    Ok(format!("{}://{}{target}", url.scheme, url.authority))
}

/// Runs `pinhole verify`.
pub fn verify(arguments: &VerifyArguments) -> Outcome {
    let policy = match load(&arguments.policy) {
        Ok(loaded) => loaded.policy,
        Err(outcome) => return outcome,
    };
    let url = match VisitorUrl::parse(&arguments.url) {
        Ok(url) => url,
        Err(message) => return failure(message),
    };
    let (host, rule) = match rule_of(&policy, &url) {
        Ok((host, _, rule)) => (host, rule),
        Err(message) => return failure(message),
    };
    let query = match Query::parse(url.target.split_once('?').map(|(_, query)| query)) {
        Ok(query) => query,
        Err(rejection) => return answer(Err(rejection.text().to_owned()), arguments.json),
    };
    let verified = rule.ring.verify(&host, url.target, query, &rule.terms, arguments.at.or_else(now));
    answer(
        verified.map(|verified| verified.life).map_err(|refused| refused.for_operator().to_string()),
        arguments.json,
    )
}

/// Says for how many seconds a signature is valid, or why it is not.
fn answer(life: Result<u32, String>, as_json: bool) -> Outcome {
    match (&life, as_json) {
        (Ok(life), false) => say(format_args!("{} for {life} seconds", styled(GOOD, "valid"))),
        (Err(reason), false) => say(format_args!("{} {reason}", styled(BAD, "refused:"))),
        (life, true) => {
            let reason = life.as_ref().err();
            let life = life.as_ref().ok();
            say(format_args!("{:#}", json!({ "valid": life.is_some(), "seconds": life, "reason": reason })));
        }
    }
    if life.is_ok() { Outcome::Good } else { Outcome::Refused }
}
