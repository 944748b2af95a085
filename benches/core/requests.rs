//! Requests and answers as they come: what a browser sends for an image, what a resizer asks, what it answers.

/// Names and values, as the host gives them.
pub type Headers = Vec<(String, Vec<u8>)>;

/// The time of every decision.
pub const NOW: Option<u64> = Some(1_800_000_000);

fn owned(headers: &[(&str, &str)]) -> Headers {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// An image request of Chrome on the page of a shop, with what Envoy adds.
pub fn visitor(target: &str) -> Headers {
    owned(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "img.example.com"),
        (":path", target),
        ("sec-ch-ua-platform", "\"Linux\""),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        ),
        ("sec-ch-ua", "\"Not)A;Brand\";v=\"8\", \"Chromium\";v=\"138\", \"Google Chrome\";v=\"138\""),
        ("sec-ch-ua-mobile", "?0"),
        ("accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "image"),
        ("referer", "https://www.example.com/products/shoes?page=2"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("cookie", "session=0123456789abcdef0123456789abcdef; consent=all"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "198.51.100.7"),
        ("x-request-id", "2f1c6f0e-5f0f-4d1b-9b8e-6a0b7f1c2d3e"),
    ])
}

/// thumbor's request for a sealed source.
pub fn resizer(token: &str) -> Headers {
    owned(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "127.0.0.1:10001"),
        (":path", &format!("/{token}")),
        ("user-agent", "Thumbor/7.8.0"),
        ("accept", "image/*;q=0.9,*/*;q=0.1"),
        ("accept-encoding", "gzip"),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "2f1c6f0e-5f0f-4d1b-9b8e-6a0b7f1c2d3e"),
    ])
}

/// thumbor's answer with a picture.
pub fn answer() -> Headers {
    owned(&[
        (":status", "200"),
        ("server", "TornadoServer/6.5"),
        ("content-type", "image/webp"),
        ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("cache-control", "max-age=86400,public"),
        ("expires", "Sat, 16 Jan 2027 08:00:00 GMT"),
        ("vary", "Accept"),
        ("etag", "\"0123456789abcdef0123456789abcdef01234567\""),
        ("content-length", "20480"),
        ("x-envoy-upstream-service-time", "41"),
    ])
}
