//! Every format is read back from lines that a writer of its own makes, with the bytes that a stranger chose in them.
//!
//! Does not belong here: what a request of a log would get (`judge`).

use proptest::prelude::*;

use super::*;

/// A request as a log would have it.
#[derive(Debug, Clone)]
struct Logged {
    method: String,
    host: String,
    target: Vec<u8>,
    referer: Option<Vec<u8>>,
    agent: Vec<u8>,
    status: Option<u16>,
}

/// Bytes that servers escape, and pieces that look like the ends of fields.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"a",
        b"/",
        b"%20",
        b"\"",
        b"\\",
        b"\\x22",
        b"\" 200 5 \"-\" \"",
        b"\" \"evil.example.com\" \"u",
        b"?",
        b"\xff",
        b"\xc3\xa9",
        b"~",
        b"'",
        b"[",
        b"] ",
        b"\x01",
        b"GET /b HTTP/1.1",
    ];
    prop::collection::vec(prop::sample::select(pieces), 1..8).prop_map(|pieces| pieces.concat())
}

fn logged() -> impl Strategy<Value = Logged> {
    let method = prop::sample::select(vec!["GET", "HEAD", "POST", "OPTIONS"]).prop_map(str::to_owned);
    let host = "[a-z]{1,8}(\\.[a-z]{2,5})?(:[1-9][0-9]{1,3})?";
    let target = tricky().prop_map(|rest| [b"/", rest.as_slice()].concat());
    let referer = prop::option::of(tricky().prop_map(|rest| [b"http", rest.as_slice()].concat()));
    (method, host, target, referer, tricky(), prop::option::of(200_u16..599)).prop_map(
        |(method, host, target, referer, agent, status)| Logged {
            method,
            host,
            target,
            referer,
            agent,
            status,
        },
    )
}

/// What a value is written as where there is none.
fn or_dash(value: Option<Vec<u8>>) -> Vec<u8> {
    value.unwrap_or_else(|| b"-".to_vec())
}

/// nginx's escapes.
fn nginx(text: &[u8]) -> Vec<u8> {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | 0..0x20 | 0x7f.. => format!("\\x{byte:02X}").into_bytes(),
        byte => vec![*byte],
    };
    text.iter().flat_map(escaped).collect()
}

/// Apache's escapes.
fn apache(text: &[u8]) -> Vec<u8> {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' => vec![b'\\', *byte],
        b'\n' => b"\\n".to_vec(),
        0..0x20 | 0x7f.. => format!("\\x{byte:02x}").into_bytes(),
        byte => vec![*byte],
    };
    text.iter().flat_map(escaped).collect()
}

/// CloudFront's.
fn cloudfront(text: &[u8]) -> Vec<u8> {
    let encoded = |byte: &u8| match byte {
        0..=0x20
        | 0x7f..
        | b'<'
        | b'>'
        | b'"'
        | b'#'
        | b'%'
        | b'{'
        | b'}'
        | b'|'
        | b'\\'
        | b'^'
        | b'~'
        | b'['
        | b']'
        | b'`'
        | b'\'' => format!("%{byte:02X}").into_bytes(),
        byte => vec![*byte],
    };
    text.iter().flat_map(encoded).collect()
}

fn joined(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

fn read_back(format: Format, line: &[u8]) -> Entry<'_> {
    let told = || String::from_utf8_lossy(line).into_owned();
    match Reader::new(Some(format)).read(line) {
        Ok(Line::Entry(entry)) => entry,
        other => panic!("{other:?}: {}", told()),
    }
}

#[track_caller]
fn check(want: &Logged, entry: &Entry<'_>, has_host: bool, has_referer: bool) {
    assert_eq!(&*entry.method, want.method.as_bytes());
    assert_eq!(&*entry.target, want.target, "{}", String::from_utf8_lossy(&entry.target));
    assert_eq!(entry.status, want.status);
    assert_eq!(entry.at, Some(1_795_521_600));
    if has_host {
        assert_eq!(entry.host.as_deref(), Some(want.host.as_bytes()));
    }
    if has_referer {
        let referer =
            entry.headers.iter().find(|(name, _)| *name == "referer").map(|(_, value)| value.as_deref());
        assert_eq!(referer, Some(want.referer.as_deref()));
    }
}

/// What Envoy lets into a path: no blanks, no controls.
fn as_envoy(mut request: Logged) -> Logged {
    request.target.retain(|byte| byte.is_ascii_graphic());
    request.agent.retain(|byte| *byte != b'\x01');
    request
}

proptest! {
    #[test]
    fn what_nginx_writes_is_read_back(want in logged()) {
        let status = want.status.map_or("000".to_owned(), |status| status.to_string());
        let referer = or_dash(want.referer.as_deref().map(nginx));
        let line = joined(&[
            b"203.0.113.7 - - [24/Nov/2026:13:00:00 +0100] \"", want.method.as_bytes(), b" ", &nginx(&want.target),
            b" HTTP/1.1\" ", status.as_bytes(), b" 12 \"", &referer, b"\" \"", &nginx(&want.agent), b"\" \"-\"",
        ]);
        let entry = read_back(Format::Combined, &line);
        check(&want, &entry, false, true);
        prop_assert_eq!(entry.host, None);
    }

    #[test]
    fn what_apache_writes_is_read_back_with_the_host_before_it(mut want in logged()) {
        want.host = want.host.split(':').next().unwrap().to_owned();
        let status = want.status.map_or("-".to_owned(), |status| status.to_string());
        let referer = or_dash(want.referer.as_deref().map(apache));
        let line = joined(&[
            want.host.as_bytes(), b":443 2001:db8::1 - frank [24/Nov/2026:12:00:00 +0000] \"", want.method.as_bytes(),
            b" ", &apache(&want.target), b" HTTP/1.1\" ", status.as_bytes(), b" - \"", &referer, b"\" \"",
            &apache(&want.agent), b"\"",
        ]);
        check(&want, &read_back(Format::Combined, &line), true, true);
    }

    #[test]
    fn what_envoy_and_istio_write_is_read_back(
        want in logged(),
        // Those of a module's own answer are empty.
        details in prop::sample::select(vec![
            "via_upstream - \"-\"", " - \"-\"", "upstream_reset{x} delayed: 111 \"TLS_error: \"a\" b\"",
        ]),
    ) {
        let want = as_envoy(want);
        let status = want.status.map_or("0".to_owned(), |status| status.to_string());
        let begin = joined(&[
            b"[2026-11-24T12:00:00.310Z] \"", want.method.as_bytes(), b" ", &want.target, b" HTTP/2\" ",
            status.as_bytes(), b" -",
        ]);
        let end = joined(&[
            b"0 226 100 - \"10.0.35.28\" \"", &want.agent, b"\" \"cc21d9b0-cf5c\" \"", want.host.as_bytes(),
            b"\" \"10.0.2.1:80\"",
        ]);
        let line = joined(&[&begin, b" ", &end]);
        check(&want, &read_back(Format::Envoy, &line), true, false);
        let istio = joined(&[
            &begin, b" ", details.as_bytes(), b" ", &end,
            b" inbound|80|| 127.0.0.6:1 10.0.0.1:80 10.0.0.2:5 outbound_.80_._.a.b default",
        ]);
        check(&want, &read_back(Format::Istio, &istio), true, false);
        // Neither is taken for the other.
        prop_assert!(Reader::new(Some(Format::Istio)).read(&line).is_err());
        prop_assert!(Reader::new(Some(Format::Envoy)).read(&istio).is_err());
    }

    #[test]
    fn what_cloudfront_writes_is_read_back(want in logged()) {
        let status = want.status.map_or("000".to_owned(), |status| status.to_string());
        let mut parts = want.target.splitn(2, |byte| *byte == b'?');
        let stem = cloudfront(parts.next().unwrap());
        let query = parts.next().filter(|query| !query.is_empty());
        let mut want = want.clone();
        if query.is_none() {
            want.target.retain(|byte| *byte != b'?');
        }
        let query = or_dash(query.map(cloudfront));
        let referer = or_dash(want.referer.as_deref().map(cloudfront));
        let fields: Vec<&[u8]> = vec![
            b"2026-11-24", b"12:00:00", b"FRA50-C1", b"335", b"203.0.113.7", want.method.as_bytes(),
            b"d111111abcdef8.cloudfront.net", &stem, status.as_bytes(), &referer, b"-", &query, b"-", b"Miss", b"id==",
            want.host.as_bytes(), b"https", b"123", b"0.338",
        ];
        let line = fields.join(&b'\t');
        check(&want, &read_back(Format::Cloudfront, &line), true, true);
    }

    #[test]
    fn what_is_written_as_json_is_read_back(want in logged()) {
        let want = as_envoy(want);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut want = want;
        want.referer = want.referer.map(|referer| referer.into_iter().filter(u8::is_ascii).collect());
        let line = serde_json::json!({
            "start_time": "2026-11-24T12:00:00.310Z",
            "method": want.method,
            "path": text(&want.target),
            "authority": want.host,
            "response_code": want.status.unwrap_or_default(),
            "referer": want.referer.as_deref().map(text),
            "bytes_received": 0,
        });
        let line = line.to_string();
        check(&want, &read_back(Format::Json, line.as_bytes()), true, true);
    }

    #[test]
    fn no_line_can_panic(line in prop::collection::vec(any::<u8>(), 0..200), pieces in tricky()) {
        for format in Format::value_variants() {
            let _ = Reader::new(Some(*format)).read(&line);
            let _ = Reader::new(Some(*format)).read(&pieces);
        }
    }
}

#[test]
fn a_visitor_cannot_write_another_request_into_the_log() {
    // Envoy escapes nothing: the user agent ends its field and writes what looks like the rest of a line.
    let agent = br#"x" "id" "evil.example.com" "10.0.0.1:80"#;
    let line = joined(&[
        b"[2026-11-24T12:00:00.310Z] \"GET /a HTTP/2\" 200 - 0 226 100 99 \"-\" \"",
        agent,
        b"\" \"real-id\" \"img.example.com\" \"10.0.2.1:80\"",
    ]);
    assert_eq!(read_back(Format::Envoy, &line).host.as_deref(), Some(&b"img.example.com"[..]));
    // A path cannot hold a blank; a line that has one there is not guessed at.
    let line =
        b"[2026-11-24T12:00:00.310Z] \"GET /a b HTTP/2\" 200 - 0 226 100 99 \"-\" \"-\" \"-\" \"-\" \"-\"";
    assert!(Reader::new(Some(Format::Envoy)).read(line).is_err());
}

#[test]
fn the_format_is_that_of_the_first_line_that_can_be_read() {
    let mut reader = Reader::new(None);
    assert_eq!(reader.read(b"what a shell printed"), Err(Unread::NoFormat));
    assert_eq!(reader.read(b""), Ok(Line::Other));
    let line = br#"1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 5"#;
    assert!(matches!(reader.read(line), Ok(Line::Entry(_))));
    assert_eq!(reader.format(), Some(Format::Combined));
    assert_eq!(
        reader.read(br#"{"method":"GET","path":"/a"}"#),
        Err(Unread::Form("the common or combined format"))
    );
}

#[test]
fn columns_are_those_that_the_heading_names() {
    let mut reader = Reader::new(None);
    assert_eq!(reader.read(b"#Version: 1.0"), Ok(Line::Other));
    let heading = b"#Fields: cs-uri-stem date time sc-status cs-method";
    assert_eq!(reader.read(heading), Ok(Line::Other));
    let Ok(Line::Entry(entry)) = reader.read(b"/a%2520b\t2026-11-24\t12:00:00\t200\tHEAD") else { panic!() };
    assert_eq!((&*entry.method, &*entry.target, entry.status), (&b"HEAD"[..], &b"/a%20b"[..], Some(200)));
    assert_eq!((entry.host, entry.at), (None, Some(1_795_521_600)));
    assert!(reader.read(b"#Fields: date time").is_err());
}

#[test]
fn this_projects_own_format_passes_over_the_gate() {
    let mut reader = Reader::new(None);
    let line = b"[2026-11-24T12:00:00.310Z] gate GET - 200 - reason=- bytes=5 ms=3";
    assert_eq!(reader.read(line), Ok(Line::Other));
    let line =
        b"[2026-11-24T12:00:00.310Z] edge GET /images/huge/a.jpg?b 404 - reason=unknown-preset bytes=5 ms=3";
    let Ok(Line::Entry(entry)) = reader.read(line) else { panic!() };
    assert_eq!((&*entry.target, entry.status, entry.host), (&b"/images/huge/a.jpg?b"[..], Some(404), None));
}
