//! Sealed sources: what was sealed is opened, what was changed is not, and what only a holder of the key could have
//! written does no harm either.
//!
//! The input is read by `arbitrary`: a source, another source, and a change of the token.

use arbitrary::{Result, Unstructured};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use pinhole::credentials::CredentialName;
use pinhole::request::path::SourcePath;
use pinhole::seal::{SealKey, SealKeys, Source};
use pinhole::secret::Secret;

use super::super::policies;

/// Runs one input.
pub fn run(data: &[u8]) {
    // Where it is too short, what is there was tried.
    let _ = read(&mut Unstructured::new(data));
}

fn read(u: &mut Unstructured<'_>) -> Result<()> {
    let key = policies::seal_key();
    if u.ratio(1, 4)? {
        return written_by_a_holder(&key, u);
    }
    let Some(one) = source(u)? else { return Ok(()) };
    let Some(token) = key.seal(&one) else {
        assert!(one.path.as_str().len() > 65_535 || one.origin.len() > 65_535 || !one.forwarded.is_empty());
        return Ok(());
    };
    assert_eq!(key.open(&token).as_ref(), Some(&one), "what was sealed is opened");
    assert_eq!(key.seal(&one).as_ref(), Some(&token), "I2: one source, one token");
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "I8: {token}");
    let carried = one.origin.len()
        + one.path.as_str().len()
        + one
            .forwarded
            .iter()
            .map(|(name, value)| name.as_str().len() + value.expose().len() + 4)
            .sum::<usize>();
    assert!(token.len() <= (carried + 44) * 4 / 3 + 4, "I3: {} bytes for {carried}", token.len());

    let other = SealKey::from_hex(&Secret::new("5eed".repeat(16))).unwrap_or_else(|| panic!("a key"));
    assert_eq!(other.open(&token), None, "another key opens it");
    let keys = SealKeys::new(other.clone(), Some(key.clone()));
    assert_eq!(keys.open(&token).as_ref(), Some(&one), "the previous key");
    assert_eq!(keys.seal(&one), other.seal(&one), "the previous key seals nothing");

    let changed = changed(&token, u)?;
    if changed != token {
        assert_eq!(key.open(&changed), None, "a changed token: {changed}");
    }
    if let Some(second) = source(u)? {
        assert_eq!(key.seal(&second).as_ref() == Some(&token), second == one, "I10: two sources, one token");
    }
    Ok(())
}

fn source(u: &mut Unstructured<'_>) -> Result<Option<Source>> {
    let origin: String = u.arbitrary()?;
    let path: String = u.arbitrary()?;
    let mut forwarded = Vec::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let (name, value): (&str, &[u8]) = (u.arbitrary()?, u.arbitrary()?);
        forwarded.extend(CredentialName::parse(name).map(|name| (name, Secret::new(value))));
    }
    Ok(SourcePath::parse(&path).ok().map(|path| Source { origin, path, forwarded }))
}

/// The token after one change, as a resizer or a stranger may make it.
fn changed(token: &str, u: &mut Unstructured<'_>) -> Result<String> {
    let mut bytes = token.as_bytes().to_vec();
    let place = u.choose_index(bytes.len())?;
    match u.int_in_range(0..=8)? {
        0 => bytes.truncate(place),
        1 => drop(bytes.remove(place)),
        2 => bytes.insert(place, u.arbitrary()?),
        3 => bytes.extend_from_slice(u.arbitrary()?),
        4 => drop(bytes.splice(
            place..=place,
            token.bytes().skip(place).take(1).flat_map(|byte| format!("%{byte:02X}").into_bytes()),
        )),
        5 => bytes.extend_from_within(place..),
        7 => bytes.extend_from_slice(b"="),
        6 => bytes.swap(place, 0),
        _ => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= u.arbitrary().unwrap_or(1)),
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Any plaintext under the right key: what the gate would read if a key were lost, or an older version had written it.
fn written_by_a_holder(key: &SealKey, u: &mut Unstructured<'_>) -> Result<()> {
    let nonce: [u8; 24] = u.arbitrary()?;
    let mut plain: Vec<u8> = Vec::new();
    if u.ratio(3, 4)? {
        for _ in 0..u.int_in_range(0..=6)? {
            let part: &[u8] = u.arbitrary()?;
            plain.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            plain.extend_from_slice(part);
        }
    }
    plain.extend_from_slice(u.arbitrary()?);
    let sealed = || {
        let bytes: Vec<u8> = policies::SEAL_KEY
            .as_bytes()
            .chunks(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let derived = Secret::derive(&bytes, b"pinhole seal v1: encryption")?;
        let cipher = XChaCha20Poly1305::new_from_slice(&derived).ok()?;
        let payload = Payload { msg: &plain, aad: b"pinhole source v2" };
        let sealed = cipher.encrypt(&XNonce::try_from(&nonce[..]).ok()?, payload).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    };
    let token = sealed().unwrap_or_else(|| panic!("a token that is not pinhole's"));
    if let Some(source) = key.open(&token) {
        assert!(SourcePath::parse(source.path.as_str()).is_ok(), "I7");
        let again = key.seal(&source).and_then(|token| key.open(&token));
        assert_eq!(again, Some(source), "read in two ways");
    }
    Ok(())
}
