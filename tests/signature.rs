//! Signed URLs as a stranger meets them: only what was signed is served, spelled as it was signed.
//! Every request goes the whole way, from its headers on.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by panicking"
)]

use std::collections::BTreeSet;

use pinhole::options::OptionName;
use pinhole::request::{MOST_TARGET, Request};
use pinhole::secret::Secret;
use pinhole::signature::grant::Grant;
use pinhole::signature::key::{KeyId, SigningKey, Tag};
use pinhole::signature::{Cause, KeyRing, Terms, Verified};
use proptest::prelude::*;

const NOW: u64 = 1_900_000_000;
const HOST: &str = "img.example.com";

fn ring(keys: &[(&str, u8)]) -> KeyRing {
    let key = |byte| SigningKey::from_bytes(&Secret::new([byte; 32])).unwrap();
    KeyRing::new(keys.iter().map(|(id, byte)| (KeyId::parse(id).unwrap(), key(*byte))).collect()).unwrap()
}

fn pairs(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn grant() -> Grant {
    Grant {
        host: HOST.into(),
        path: "/photos/été/cat.jpg".into(),
        parameters: pairs(&[("width", "100"), ("format", "webp")]),
        free: Vec::new(),
        exp: NOW + 60,
        kid: "k1".into(),
    }
}

fn terms() -> Terms {
    Terms { free: vec![OptionName::Width], max_life: 3600 }
}

/// What becomes of a request, from its headers on. `None`: it does not get as far as its signature.
fn meet(
    ring: &KeyRing,
    host: &[u8],
    target: &[u8],
    terms: &Terms,
    now: Option<u64>,
) -> Option<Result<Verified, Cause>> {
    let headers = [(":method", &b"GET"[..]), (":authority", host), (":path", target)]
        .map(|(name, value)| (name.to_owned(), value.to_vec()));
    let request = Request::parse(&headers, true, MOST_TARGET).ok()?;
    let query = request.query().ok()?;
    let verified = ring.verify(request.host(), request.target(), query, terms, now);
    Some(verified.map_err(|refused| refused.for_operator()))
}

fn is_served(target: &[u8]) -> bool {
    meet(&ring(&[("k1", 1)]), HOST.as_bytes(), target, &terms(), Some(NOW)).is_some_and(|met| met.is_ok())
}

/// Why the request is refused at its signature.
#[track_caller]
fn cause(ring: &KeyRing, target: &str) -> Cause {
    meet(ring, HOST.as_bytes(), target.as_bytes(), &terms(), Some(NOW)).unwrap().unwrap_err()
}

#[test]
fn what_was_signed_is_served_without_the_signature() {
    let ring = ring(&[("k1", 1)]);
    let target = ring.sign(&grant()).unwrap();
    let (target, tag) = target.split_at(target.len() - 43);
    assert_eq!(target, "/photos/%C3%A9t%C3%A9/cat.jpg?exp=1900000060&format=webp&kid=k1&width=100&sig=");
    let target = format!("{target}{tag}");
    let met = meet(&ring, b"IMG.example.com:8443", target.as_bytes(), &terms(), Some(NOW));
    let verified = met.unwrap().unwrap();
    assert_eq!(verified.query.iter().collect::<Vec<_>>(), [("format", "webp"), ("width", "100")]);
    assert_eq!(verified.life, 60);
}

#[test]
fn operators_are_told_the_names_of_the_keys() {
    assert_eq!(ring(&[("k2", 2), ("k1", 1)]).ids().collect::<Vec<_>>(), ["k1", "k2"]);
}

#[test]
fn a_url_is_signed_as_long_as_it_is_not_longer_than_what_is_read() {
    let ring = ring(&[("k1", 1)]);
    // Many segments and parameters, because each has a limit of its own.
    let long = |more: usize| {
        let path = format!("/{}", "a".repeat(99)).repeat(4);
        let parameters = (0..8).map(|n| (format!("p{n}"), "v".repeat(80))).collect();
        let mut grant = Grant { path, parameters, ..grant() };
        let base = ring.sign(&grant).map_err(|error| error.to_string()).unwrap().len();
        grant.path.extend((0..MOST_TARGET - base + more).map(|at| if at % 100 == 0 { '/' } else { 'b' }));
        ring.sign(&grant).map(|target| target.len())
    };
    assert_eq!(long(0).ok(), Some(MOST_TARGET));
    assert!(long(1).is_err());
}

#[test]
fn i32_every_other_bit_is_refused() {
    let target = ring(&[("k1", 1)]).sign(&grant()).unwrap();
    assert!(is_served(target.as_bytes()));
    for index in 0..target.len() {
        for bit in 0..8 {
            let mut flipped = target.clone().into_bytes();
            flipped[index] ^= 1 << bit;
            assert!(!is_served(&flipped), "bit {bit} of byte {index}: {}", flipped.escape_ascii());
        }
    }
    for index in 0..HOST.len() {
        for bit in 0..8 {
            let mut host = HOST.as_bytes().to_vec();
            host[index] ^= 1 << bit;
            let same = host.eq_ignore_ascii_case(HOST.as_bytes());
            let met = meet(&ring(&[("k1", 1)]), &host, target.as_bytes(), &terms(), Some(NOW));
            assert_eq!(met.is_some_and(|met| met.is_ok()), same, "{}", host.escape_ascii());
        }
    }
}

#[test]
fn i32_every_bit_of_tag_and_message_counts() {
    let key = SigningKey::from_bytes(&Secret::new([1; 32])).unwrap();
    let message = b"pinhole-url-v1\nGET\nimg.example.com\n/photos/cat.jpg\nexp=1900000060\nkid=k1\n";
    let spelled = key.sign(message).to_string();
    let tag = || Tag::parse(&spelled).unwrap();
    assert!(key.verify(message, &tag()));
    for bit in 0..message.len() * 8 {
        let mut flipped = message.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.verify(&flipped, &tag()), "bit {bit} of the message");
    }
    let digit = |character: u8| {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (alphabet, alphabet.iter().position(|other| *other == character).unwrap())
    };
    let mut refused = 0;
    for bit in 0..43 * 6 {
        let mut flipped = spelled.clone().into_bytes();
        let (alphabet, value) = digit(flipped[bit / 6]);
        flipped[bit / 6] = alphabet[value ^ (1 << (5 - bit % 6))];
        let flipped = String::from_utf8(flipped).unwrap();
        match Tag::parse(&flipped) {
            Some(tag) => assert!(!key.verify(message, &tag), "bit {bit} of the tag"),
            // The two bits that stand for nothing.
            None => refused += 1,
        }
    }
    assert_eq!(refused, 2);
}

#[test]
fn every_byte_deleted_inserted_or_swapped_is_refused() {
    let target = ring(&[("k1", 1)]).sign(&grant()).unwrap().into_bytes();
    for index in 0..target.len() {
        let mut shorter = target.clone();
        shorter.remove(index);
        assert!(!is_served(&shorter), "{}", shorter.escape_ascii());
        let mut swapped = target.clone();
        let next = (index + 1) % target.len();
        swapped.swap(index, next);
        assert_eq!(is_served(&swapped), swapped == target, "{}", swapped.escape_ascii());
        assert!(!is_served(&target[..index]), "cut at {index}");
    }
    for index in 0..=target.len() {
        for byte in *b"\0\n %&+,-/0;=?AZ_az.#\xff" {
            let mut longer = target.clone();
            longer.insert(index, byte);
            assert!(!is_served(&longer), "{}", longer.escape_ascii());
        }
    }
    for suffix in
        ["=", "==", "A", "AAAA", "%3D", "&", "&&", "&a=", "&width=100", "&sig=", "?", "#", "/", "%00"]
    {
        let longer = [&target, suffix.as_bytes()].concat();
        assert!(!is_served(&longer), "with {suffix}");
    }
}

#[test]
fn the_order_of_parameters_is_free_and_their_spelling_is_not() {
    let target = ring(&[("k1", 1)]).sign(&grant()).unwrap();
    let (path, query) = target.split_once('?').unwrap();
    let mut parameters: Vec<&str> = query.split('&').collect();
    for _ in 0..parameters.len() {
        parameters.rotate_left(1);
        assert!(is_served(format!("{path}?{}", parameters.join("&")).as_bytes()), "{parameters:?}");
        parameters.swap(0, 2);
        assert!(is_served(format!("{path}?{}", parameters.join("&")).as_bytes()), "{parameters:?}");
    }
    // Every character that need not be escaped, escaped.
    for (index, character) in target.char_indices() {
        if character != '%' && character != '?' {
            let mut respelled = target.clone();
            respelled.replace_range(index..=index, &format!("%{:02X}", u32::from(character)));
            assert!(!is_served(respelled.as_bytes()), "{respelled}");
        }
    }
    assert!(!is_served(target.replace("%C3", "%c3").as_bytes()));
    assert!(!is_served(target.replace("%C3%A9", "é").as_bytes()));
    for decorated in [format!("/.{target}"), format!("/{target}"), target.replace("/photos/", "/photos/./")] {
        assert!(!is_served(decorated.as_bytes()), "{decorated}");
    }
}

#[test]
fn the_parameters_of_the_signature_occur_once_under_their_own_names() {
    let ring = ring(&[("k1", 1)]);
    let target = ring.sign(&grant()).unwrap();
    let (unsigned, tag) = target.split_once("&sig=").unwrap();
    for (spelled, want) in [
        (unsigned.to_owned(), Cause::Missing("sig")),
        (format!("{unsigned}&SIG={tag}"), Cause::Missing("sig")),
        (format!("{unsigned}&Sig={tag}"), Cause::Missing("sig")),
        (format!("{unsigned}&sig%5B%5D={tag}"), Cause::Missing("sig")),
        (format!("{unsigned}&signature={tag}"), Cause::Missing("sig")),
        (format!("{unsigned}&%73ig={tag}"), Cause::Spelling),
        (format!("{unsigned}&si%67={tag}"), Cause::Spelling),
        (format!("{unsigned}&sig=%{:02X}{}", tag.as_bytes()[0], &tag[1..]), Cause::Spelling),
        (format!("{unsigned}&sig="), Cause::Malformed("sig")),
        (format!("{unsigned}&sig={tag}="), Cause::Malformed("sig")),
        (format!("{unsigned}&sig={tag}%3D"), Cause::Malformed("sig")),
        (format!("{unsigned}&sig={}", &tag[..42]), Cause::Malformed("sig")),
        (format!("{unsigned}&sig={}", &tag[..22]), Cause::Malformed("sig")),
        (format!("{unsigned}&sig={}", "0".repeat(64)), Cause::Malformed("sig")),
        (format!("{unsigned}&sig={}", "A".repeat(43)), Cause::WrongTag),
        (format!("{unsigned}&sig={tag}&SIG={tag}"), Cause::WrongTag),
        (format!("{unsigned}&sig={tag}&Kid=k1"), Cause::WrongTag),
        // No word opens what a tag does not (imgproxy's trusted list, thumbor's `unsafe`).
        (format!("{unsigned}&sig=unsafe"), Cause::Malformed("sig")),
        (format!("{unsigned}&sig=insecure"), Cause::Malformed("sig")),
        (format!("{unsigned}&sig=_"), Cause::Malformed("sig")),
        // The tag elsewhere in the URL (thumbor's replaced hash, commit e3ae3e25).
        (target.replace("/cat", &format!("/{tag}/cat")), Cause::WrongTag),
        (target.replace("/cat", &format!("/sig={tag}/cat")), Cause::WrongTag),
        (target.replace("/cat", &format!("/&sig={tag}/cat")), Cause::WrongTag),
        (target.replace("webp", &format!("webp{tag}")), Cause::WrongTag),
        (target.replace("exp=1", "exp=01"), Cause::Malformed("exp")),
        (target.replace("exp=1900000060", "exp=1900000060000"), Cause::Malformed("exp")),
        (target.replace("exp=1900000060", "exp=18446744073709551617"), Cause::Malformed("exp")),
        (target.replace("exp=1900000060", "exp=1900000061"), Cause::WrongTag),
    ] {
        // What is repeated or no query at all is refused before, whatever its tag.
        assert_eq!(cause(&ring, &spelled), want, "{spelled}");
    }
    for spelled in [
        format!("{target}&sig={tag}"),
        format!("{target}&%73ig={tag}"),
        format!("{target}&exp=1900000060"),
        format!("{target}&kid=k1"),
        format!("{unsigned}&sig[]={tag}"),
        format!("{unsigned}&sig"),
        format!("{unsigned}&sig= {tag}"),
        format!("{unsigned}&sig=+{tag}"),
    ] {
        let met = meet(&ring, HOST.as_bytes(), spelled.as_bytes(), &terms(), Some(NOW));
        assert_eq!(met, None, "{spelled}");
    }
}

#[test]
fn a_signature_is_for_one_host_one_path_one_size_and_one_key() {
    let both = ring(&[("k1", 1), ("k2", 2)]);
    let target = both.sign(&grant()).unwrap();
    assert!(is_served(target.as_bytes()));
    for host in ["cdn.example.com", "example.com", "img.example.com.evil.net", "127.0.0.1"] {
        let met = meet(&both, host.as_bytes(), target.as_bytes(), &terms(), Some(NOW));
        assert_eq!(met, Some(Err(Cause::WrongTag)), "{host}");
    }
    for (from, to, want) in [
        ("width=100", "width=101", Cause::WrongTag),
        ("width=100&", "", Cause::WrongTag),
        ("&width=100", "&width=100&height=100", Cause::WrongTag),
        ("&width", "&free=width&width", Cause::WrongTag),
        ("cat", "dog", Cause::WrongTag),
        ("cat", "Cat", Cause::WrongTag),
        ("kid=k1", "kid=k2", Cause::WrongTag),
        ("kid=k1", "kid=k3", Cause::UnknownKey),
        ("kid=k1", "kid=K1", Cause::UnknownKey),
        ("exp=1900000060", "exp=1900000059", Cause::WrongTag),
    ] {
        assert!(target.contains(from));
        assert_eq!(cause(&both, &target.replacen(from, to, 1)), want, "{from} {to}");
    }
}

#[test]
fn what_is_free_may_change_and_nothing_else() {
    let ring = ring(&[("k1", 1)]);
    let free = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let target = ring
        .sign(&Grant { free: free(&["width"]), parameters: pairs(&[("format", "webp")]), ..grant() })
        .unwrap();
    for suffix in ["", "&width=640", "&width=1", "&width="] {
        assert!(is_served(format!("{target}{suffix}").as_bytes()), "{suffix}");
    }
    for suffix in ["&height=1", "&Width=640", "&quality=1"] {
        assert_eq!(cause(&ring, &format!("{target}{suffix}")), Cause::WrongTag, "{suffix}");
    }
    // `free` itself is covered.
    for other in ["free=height", "free=height,width", "free=format,width"] {
        assert_eq!(cause(&ring, &target.replace("free=width", other)), Cause::WrongTag, "{other}");
    }
    // A valid tag frees no more than the route does.
    for names in [&["height"][..], &["height", "width"], &["nonsense"]] {
        let target = ring.sign(&Grant { free: free(names), ..grant() }).unwrap();
        assert_eq!(cause(&ring, &target), Cause::NotFree, "{names:?}");
    }
}

#[test]
fn i37_nothing_is_told_about_the_expiry_or_the_route_without_a_valid_tag() {
    let ring = ring(&[("k1", 1)]);
    let target = ring.sign(&Grant { free: vec!["height".into()], ..grant() }).unwrap();
    let (unsigned, _) = target.split_once("&sig=").unwrap();
    let forged = format!("{unsigned}&sig={}", "A".repeat(43));
    for now in [None, Some(0), Some(NOW), Some(NOW + 60), Some(u64::MAX)] {
        let met = meet(&ring, HOST.as_bytes(), forged.as_bytes(), &terms(), now).unwrap();
        assert_eq!(met, Err(Cause::WrongTag), "{now:?}");
    }
}

#[test]
fn i36_adding_a_key_refuses_nothing_and_removing_one_serves_nothing_more() {
    let names = [("k1", 1), ("k2", 2), ("k3", 3)];
    let all = ring(&names);
    let targets = names.map(|(kid, _)| all.sign(&Grant { kid: kid.into(), ..grant() }).unwrap());
    for subset in 1..8_usize {
        let kept: Vec<_> = names
            .iter()
            .enumerate()
            .filter(|(index, _)| subset >> index & 1 == 1)
            .map(|(_, key)| *key)
            .collect();
        let some = ring(&kept);
        for (index, target) in targets.iter().enumerate() {
            let met = meet(&some, HOST.as_bytes(), target.as_bytes(), &terms(), Some(NOW)).unwrap();
            match subset >> index & 1 {
                1 => assert!(met.is_ok(), "{target}"),
                _ => assert_eq!(met, Err(Cause::UnknownKey), "{target}"),
            }
        }
    }
    // The same name for another key is another key.
    assert_eq!(cause(&ring(&[("k1", 9)]), &targets[0]), Cause::WrongTag);
    // A key opens nothing under a name that is not its own, though a live one is tried for every name.
    assert_eq!(cause(&ring(&[("k4", 1), ("k5", 2)]), &targets[0]), Cause::UnknownKey);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn i31_whatever_is_signed_is_served_until_it_expires(
        path in "(/[ !$&'()*+,.0-9:<=>@A-Za-z~é日😀|\"^-]{1,8}){1,3}",
        parameters in prop::collection::btree_map("[^=\\p{Cc}]{1,6}|width|format", "[^\\p{Cc}]{0,8}", 0..6),
        free in prop::collection::btree_set("width|height", 0..3),
        exp in 1_u64..=9_999_999_999,
        life in 1_u32..1_000_000,
    ) {
        let ring = ring(&[("k1", 1), ("k2", 2)]);
        let parameters: Vec<_> = parameters.into_iter().collect();
        let free: Vec<_> = free.into_iter().collect();
        let grant = Grant { host: HOST.into(), path, parameters, free, exp, kid: "k2".into() };
        let terms = Terms { free: vec![OptionName::Width, OptionName::Height], max_life: life };
        let target = ring.sign(&grant);
        prop_assume!(target.is_ok());
        let target = target.unwrap();
        let at = |now| meet(&ring, HOST.as_bytes(), target.as_bytes(), &terms, now).unwrap();
        for left in [1, u64::from(life) / 2 + 1, u64::from(life)] {
            if let Some(now) = exp.checked_sub(left) {
                let verified = at(Some(now)).unwrap();
                prop_assert_eq!(u64::from(verified.life), left);
                let query: BTreeSet<_> = verified.query.iter().collect();
                let given = grant.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                prop_assert_eq!(query, given.collect());
            }
        }
        if let Some(now) = exp.checked_sub(u64::from(life) + 1) {
            prop_assert_eq!(at(Some(now)), Err(Cause::TooFar));
        }
        for late in [exp, exp + 1, exp + u64::from(life), u64::MAX] {
            prop_assert_eq!(at(Some(late)), Err(Cause::Expired));
        }
        prop_assert_eq!(at(None), Err(Cause::NoClock));
    }

    #[test]
    fn no_other_target_is_served(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4)) {
        let target = ring(&[("k1", 1)]).sign(&grant()).unwrap().into_bytes();
        let mut edited = target.clone();
        for (index, byte, what) in edits {
            let index = index.index(edited.len());
            match what {
                0 => edited[index] = byte,
                1 => edited.insert(index, byte),
                _ => drop(edited.remove(index)),
            }
        }
        prop_assert_eq!(is_served(&edited), edited == target);
    }
}
