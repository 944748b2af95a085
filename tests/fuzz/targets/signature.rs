//! Signed URLs: any target, and targets that were signed and then changed, each judged a second time by what
//! `envoy/signed-urls.md` says, written here without any of pinhole's code.
//!
//! ```text
//! knobs: bits: no clock, is a grant │ key │ seconds that the grant lives, high │ low │ changes (how, place high, low) × 3
//! parts: host │ target
//!        host │ path │ free names, joined by commas │ name: value …      where it is a grant
//! ```

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use pinhole::options::OptionName;
use pinhole::request::{MOST_TARGET, Request};
use pinhole::secret::Secret;
use pinhole::signature::grant::Grant;
use pinhole::signature::key::{KeyId, SigningKey};
use pinhole::signature::{KeyRing, Terms};
use sha2::Sha256;

use super::super::input::{Headers, Input};
use super::super::policies::Known;

/// The time in all targets: some seconds before the URLs of `tests/signed-urls.json` expire.
pub const NOW: u64 = 1_899_999_000;

/// How long a signed URL may live here.
const MAX_LIFE: u32 = 3600;

/// Keys by name, as bytes.
pub type Keys = BTreeMap<String, Vec<u8>>;

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .filter_map(|pair| u8::try_from(pair.iter().fold(0, |sum: u32, digit| sum << 4 | digit)).ok())
        .collect()
}

/// The keys that sign `tests/signed-urls.json`.
fn keys() -> Keys {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../signed-urls.json")).unwrap_or_default();
    let keys = file["keys"].as_object().map(|keys| {
        keys.iter().map(|(name, key)| (name.clone(), bytes_of(key.as_str().unwrap_or_default())))
    });
    keys.map(Iterator::collect).unwrap_or_default()
}

/// The keys of a policy's document.
pub fn keys_of(known: &Known) -> Keys {
    let keys = known.document["signing"]["keys"].as_object().into_iter().flatten();
    let value = |key: &serde_json::Value| match key["value"].as_str() {
        Some(value) => bytes_of(value),
        None => bytes_of(
            &super::super::policies::environment(key["env"].as_str().unwrap_or_default()).unwrap_or_default(),
        ),
    };
    keys.map(|(name, key)| (name.clone(), value(key))).collect()
}

/// Runs one input.
pub fn run(data: &[u8]) {
    let input = Input::read(data, 13);
    let keys = keys();
    let ring = keys.iter().filter_map(|(name, key)| {
        Some((KeyId::parse(name)?, SigningKey::from_bytes(&Secret::new(key.clone()))?))
    });
    let ring = KeyRing::new(ring.collect()).unwrap_or_else(|| panic!("a ring of keys"));
    let now = (!input.bit(0, 0)).then_some(NOW);

    let host = input.text(0);
    if !input.bit(0, 1) {
        check(&keys, &ring, host.as_bytes(), input.part(1), now);
        return;
    }
    let grant = grant(&input, &keys);
    let Ok(target) = ring.sign(&grant) else { return };
    let left = grant.exp.saturating_sub(NOW);
    let is_free = |name: &String| OptionName::named(name) == Some(OptionName::Width);
    let granted = (1..=u64::from(MAX_LIFE)).contains(&left) && grant.free.iter().all(is_free);
    // I31: what was signed is served.
    let served = check(&keys, &ring, host.as_bytes(), target.as_bytes(), Some(NOW));
    assert_eq!(served, granted, "I31: {target}");
    // I28, I35: and it ends.
    let late = check(&keys, &ring, host.as_bytes(), target.as_bytes(), Some(grant.exp));
    assert!(!late, "I35: {target}");

    if served && let Some(forged) = forged(&target, usize::from(input.knob(4))) {
        assert!(!check(&keys, &ring, host.as_bytes(), forged.as_bytes(), Some(NOW)), "I32: {forged}");
    }

    // I32: what was changed is judged as if it had never been signed.
    let mut target = target.into_bytes();
    for index in [4, 7, 10] {
        let place = u16::from_be_bytes([input.knob(index + 1), input.knob(index + 2)]);
        change(&mut target, input.knob(index), usize::from(place));
    }
    check(&keys, &ring, host.as_bytes(), &target, now);
}

fn grant(input: &Input<'_>, keys: &Keys) -> Grant {
    let free = input.text(2);
    let parameters = input.headers(3).into_iter();
    let kid = keys.keys().nth(usize::from(input.knob(1)).checked_rem(keys.len()).unwrap_or_default());
    Grant {
        host: input.text(0),
        path: input.text(1),
        parameters: parameters
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect(),
        free: free.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        exp: NOW.saturating_add(u64::from(u16::from_be_bytes([input.knob(2), input.knob(3)]))),
        kid: kid.cloned().unwrap_or_default(),
    }
}

/// A signed target with another bit in the bytes of its tag, spelled as a tag is.
fn forged(target: &str, bit: usize) -> Option<String> {
    let (before, rest) = target.split_once("sig=")?;
    let (tag, after) = rest.split_at(rest.find('&').unwrap_or(rest.len()));
    let mut bytes = URL_SAFE_NO_PAD.decode(tag).ok()?;
    let place = (bit / 8).checked_rem(bytes.len())?;
    *bytes.get_mut(place)? ^= 1 << (bit % 8);
    Some(format!("{before}sig={}{after}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Changes a target at one place.
fn change(target: &mut Vec<u8>, how: u8, place: usize) {
    let Some(place) = place.checked_rem(target.len()) else { return };
    let Some(byte) = target.get(place).copied() else { return };
    match how {
        0 => {}
        1..=8 => target.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << (how - 1)),
        9 => drop(target.remove(place)),
        10 => target.insert(place, byte),
        11 => drop(target.splice(place..=place, format!("%{byte:02X}").into_bytes())),
        12 => drop(target.splice(place..=place, format!("%{byte:02x}").into_bytes())),
        13 => target.truncate(place),
        14 => target.reverse(),
        15 => target.extend_from_slice(b"&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        16 => target.extend_from_slice(b"&width=5"),
        17 => target.extend_from_slice(b"="),
        // Parameters change places.
        18..=40 => {
            let text = String::from_utf8_lossy(target).into_owned();
            let Some((path, query)) = text.split_once('?') else { return };
            let mut parameters: Vec<&str> = query.split('&').collect();
            let middle = usize::from(how).checked_rem(parameters.len()).unwrap_or_default();
            parameters.rotate_left(middle);
            *target = format!("{path}?{}", parameters.join("&")).into_bytes();
        }
        how => target.insert(place, how),
    }
}

/// Judges a target in both ways, which must agree. Says whether it is served.
fn check(keys: &Keys, ring: &KeyRing, host: &[u8], target: &[u8], now: Option<u64>) -> bool {
    let headers: Headers = [(":method", &b"GET"[..]), (":authority", host), (":path", target)]
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .into();
    let Ok(request) = Request::parse(&headers, true, MOST_TARGET) else { return false };
    let Ok(query) = request.query() else { return false };
    let terms = Terms { free: vec![OptionName::Width], max_life: MAX_LIFE };
    let verified = ring.verify(request.host(), request.target(), query, &terms, now);
    let is_free = |name: &str| ["width", "w"].contains(&name);
    let holds = holds(keys, request.host(), request.target(), &is_free, u64::from(MAX_LIFE), now);
    assert_eq!(verified.is_ok(), holds, "I32: {} on {}", request.target(), request.host());
    if let Ok(verified) = &verified {
        let own = ["sig", "exp", "kid", "free"];
        assert!(verified.query.iter().all(|(name, _)| !own.contains(&name)), "the signature goes on");
        assert!((1..=MAX_LIFE).contains(&verified.life), "I35: {}", verified.life);
        // I36: with fewer keys, no more is served; another ring serves nothing of this.
        let others = SigningKey::from_bytes(&Secret::new([7; 32])).and_then(|key| {
            Some(BTreeMap::from([
                (KeyId::parse("k1")?, key.clone()),
                (KeyId::parse("a")?, key.clone()),
                (KeyId::parse("2030_b-Z")?, key),
            ]))
        });
        let query = request.query().unwrap_or_default();
        let other = others
            .and_then(KeyRing::new)
            .map(|ring| ring.verify(request.host(), request.target(), query, &terms, now).is_ok());
        assert_eq!(other, Some(false), "I36");
    }
    verified.is_ok()
}

/// Whether a text is spelled in the one way: these bytes as they are, others as `%HH` in capitals.
fn decoded(text: &str, raw: &str) -> Option<Vec<u8>> {
    let is_raw = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"-._~!$'()*,=:@/".contains(&byte) || raw.as_bytes().contains(&byte)
    };
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            is_raw(*byte).then_some(())?;
            decoded.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        rest = after;
        let digits = std::str::from_utf8(digits).ok()?;
        let is_capital = |digit: char| digit.is_ascii_digit() || ('A'..='F').contains(&digit);
        digits.chars().all(is_capital).then_some(())?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        (!is_raw(byte)).then_some(())?;
        decoded.push(byte);
    }
    Some(decoded)
}

/// Whether the signature of a target holds, by the words of `envoy/signed-urls.md`.
pub fn holds(
    keys: &Keys,
    host: &str,
    target: &str,
    is_free: &dyn Fn(&str) -> bool,
    max_life: u64,
    now: Option<u64>,
) -> bool {
    tag_is_right(keys, host, target, is_free, max_life, now).unwrap_or(false)
}

fn tag_is_right(
    keys: &Keys,
    host: &str,
    target: &str,
    is_free: &dyn Fn(&str) -> bool,
    max_life: u64,
    now: Option<u64>,
) -> Option<bool> {
    let (path, query) = target.split_once('?')?;
    decoded(path, "&+;")?;
    let mut parameters: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=')?;
        if parameters.insert(decoded(name, "?;")?, decoded(value, "?;")?).is_some() {
            return None;
        }
    }
    let tag = parameters.remove(&b"sig"[..])?;
    let text = |name: &str| String::from_utf8(parameters.get(name.as_bytes())?.clone()).ok();
    let free = text("free");
    let free: Vec<&str> = free.as_deref().map(|free| free.split(',').collect()).unwrap_or_default();
    let sorted = free.windows(2).all(|pair| pair.first() < pair.last());
    let named = free.iter().all(|name| is_free(name));
    if !sorted || !named {
        return None;
    }
    let key = keys.get(&text("kid")?)?;
    let exp = text("exp")?;
    let digits = (1..=10).contains(&exp.len())
        && exp.bytes().all(|byte| byte.is_ascii_digit())
        && !exp.starts_with('0');
    let expires: u64 = exp.parse().ok().filter(|_| digits)?;
    let left = expires.checked_sub(now?)?;
    if left == 0 || left > max_life {
        return None;
    }
    let mut message = format!("pinhole-url-v1\nGET\n{host}\n{path}\n").into_bytes();
    for (name, value) in &parameters {
        if !free.iter().any(|free| free.as_bytes() == name) {
            message.extend([name, &b"="[..], value, b"\n"].concat());
        }
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).ok()?;
    mac.update(&message);
    let wanted = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Some(wanted.into_bytes() == tag)
}
