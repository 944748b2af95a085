//! Every way in which pinhole answers a request itself: one closed set, told three ways.
//!
//! A rejection has a status, a reason for machines (`x-pinhole-reason`, also the name in logs and
//! metrics) and a short text for people; [`crate::reply`] puts them on the wire. INVARIANT: none of them names an origin, a resizer, a
//! cluster, a preset or a limit; what the operator needs to know beyond the reason, `pinhole explain`
//! tells. The set is documented in the README; a test holds the two together.

/// Why a request was not answered with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// A pseudo-header is absent or repeated.
    MalformedRequest,
    /// The authority is absent, repeated, or not a host with an optional port.
    MalformedHost,
    /// Neither GET nor HEAD.
    MethodNotAllowed,
    /// A body, trailers, an upgrade or an expectation.
    BodyNotAllowed,
    /// The request target is longer than is read.
    PathTooLong,
    /// The path has no single reading.
    MalformedPath,
    /// The query is not `name=value` pairs.
    MalformedQuery,
    /// No route matches the host and the path.
    NoRoute,
    /// The path names a preset that does not exist.
    UnknownPreset,
    /// The query names an option that the route does not list.
    UnknownOption,
    /// The query names an option twice.
    RepeatedOption,
    /// An option's value is not of its form.
    MalformedOption,
    /// An option's value is below what the route allows.
    UnderLimit,
    /// An option's value, or the picture, is larger than the route allows.
    OverLimit,
    /// An option's value is not one of those that the route allows.
    ValueNotAllowed,
    /// Neither the request nor the route says how large the picture shall be.
    MissingSize,
    /// The picture's proportions are none that the route allows.
    AspectNotAllowed,
    /// The source is outside of what the route allows.
    SourceNotAllowed,
    /// The picture is shown on a site that the route does not allow.
    ReferrerNotAllowed,
    /// The signature of the URL is absent, wrong or expired.
    BadSignature,
    /// A credential that is forwarded occurs twice.
    RepeatedCredential,
    /// A credential that is forwarded is none that a header can carry.
    MalformedCredential,
    /// The credentials that are forwarded do not fit into a URL.
    CredentialsTooLarge,
    /// The source cannot be resized.
    NotResizable,
    /// The gate was asked for something that the edge did not seal.
    NotSealed,
    /// The origin wants the source kept private, and the policy shares what is fetched there.
    PrivateSource,
    /// The source is larger than what is resized.
    SourceTooLarge,
    /// The upstream has no such picture.
    SourceNotFound,
    /// The upstream answered with something that is not a picture.
    NotAnImage,
    /// The upstream answered with a redirect.
    UpstreamRedirected,
    /// The upstream cannot be reached, or is busy.
    UpstreamUnavailable,
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// The upstream asked pinhole itself for the source.
    UpstreamLooped,
    /// The upstream answered with any other error.
    UpstreamFailed,
}

impl Rejection {
    /// All rejections, in the order in which they are checked.
    pub const ALL: [Rejection; 34] = [
        Rejection::MalformedRequest,
        Rejection::MalformedHost,
        Rejection::MethodNotAllowed,
        Rejection::BodyNotAllowed,
        Rejection::PathTooLong,
        Rejection::MalformedPath,
        Rejection::MalformedQuery,
        Rejection::NoRoute,
        Rejection::UnknownPreset,
        Rejection::UnknownOption,
        Rejection::RepeatedOption,
        Rejection::MalformedOption,
        Rejection::UnderLimit,
        Rejection::OverLimit,
        Rejection::ValueNotAllowed,
        Rejection::MissingSize,
        Rejection::AspectNotAllowed,
        Rejection::SourceNotAllowed,
        Rejection::ReferrerNotAllowed,
        Rejection::BadSignature,
        Rejection::RepeatedCredential,
        Rejection::MalformedCredential,
        Rejection::CredentialsTooLarge,
        Rejection::NotResizable,
        Rejection::NotSealed,
        Rejection::PrivateSource,
        Rejection::SourceTooLarge,
        Rejection::SourceNotFound,
        Rejection::NotAnImage,
        Rejection::UpstreamRedirected,
        Rejection::UpstreamUnavailable,
        Rejection::UpstreamTimeout,
        Rejection::UpstreamLooped,
        Rejection::UpstreamFailed,
    ];

    /// Status, reason and text, side by side so that a copied one is seen.
    fn faces(self) -> (u16, &'static str, &'static str) {
        match self {
            Rejection::MalformedRequest => (400, "malformed-request", "the request is malformed"),
            Rejection::MalformedHost => (400, "malformed-host", "the host is malformed"),
            Rejection::MethodNotAllowed => (405, "method-not-allowed", "only GET and HEAD are answered"),
            Rejection::BodyNotAllowed => (400, "body-not-allowed", "the request must not have a body"),
            Rejection::PathTooLong => (414, "path-too-long", "the path is too long"),
            Rejection::MalformedPath => (400, "malformed-path", "the path is malformed"),
            Rejection::MalformedQuery => (400, "malformed-query", "the query is malformed"),
            Rejection::NoRoute => (404, "no-route", "there is nothing at this path"),
            Rejection::UnknownPreset => (404, "unknown-preset", "there is no such preset"),
            Rejection::UnknownOption => (400, "unknown-option", "an option is not known here"),
            Rejection::RepeatedOption => (400, "repeated-option", "an option is given twice"),
            Rejection::MalformedOption => (400, "malformed-option", "an option's value is malformed"),
            Rejection::UnderLimit => (400, "under-limit", "an option's value is too small"),
            Rejection::OverLimit => (400, "over-limit", "an option's value is too large"),
            Rejection::ValueNotAllowed => (400, "value-not-allowed", "an option's value is not allowed"),
            Rejection::MissingSize => (400, "missing-size", "the size of the picture is missing"),
            Rejection::AspectNotAllowed => (400, "aspect-not-allowed", "these proportions are not allowed"),
            Rejection::SourceNotAllowed => (403, "source-not-allowed", "this source is not allowed"),
            Rejection::ReferrerNotAllowed => (403, "referrer-not-allowed", "not from here"),
            Rejection::BadSignature => (403, "bad-signature", "the signature is not valid"),
            Rejection::RepeatedCredential => (400, "repeated-credential", "a credential is given twice"),
            Rejection::MalformedCredential => (400, "malformed-credential", "a credential is malformed"),
            Rejection::CredentialsTooLarge => (431, "credentials-too-large", "the credentials are too large"),
            Rejection::NotResizable => (415, "not-resizable", "the source cannot be resized"),
            Rejection::NotSealed => (403, "not-sealed", "forbidden"),
            Rejection::PrivateSource => (403, "private-source", "the picture is private"),
            Rejection::SourceTooLarge => (413, "source-too-large", "the source is too large"),
            Rejection::SourceNotFound => (404, "source-not-found", "there is no such picture"),
            Rejection::NotAnImage => (502, "not-an-image", "the source is not a picture"),
            Rejection::UpstreamRedirected => (502, "upstream-redirected", "the picture cannot be fetched"),
            Rejection::UpstreamUnavailable => (503, "upstream-unavailable", "try again later"),
            Rejection::UpstreamTimeout => (504, "upstream-timeout", "the picture took too long"),
            Rejection::UpstreamLooped => (508, "upstream-looped", "the picture cannot be fetched"),
            Rejection::UpstreamFailed => (502, "upstream-failed", "the picture could not be made"),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.faces().0
    }

    /// The name for machines: lower case letters and hyphens.
    pub fn reason(self) -> &'static str {
        self.faces().1
    }

    /// The text for people: the body, but for the line feed at its end.
    pub fn text(self) -> &'static str {
        self.faces().2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rejection_is_in_the_list_with_a_reason_of_its_own() {
        let reasons: BTreeSet<_> = Rejection::ALL.iter().map(|rejection| rejection.reason()).collect();
        assert_eq!(reasons.len(), Rejection::ALL.len());
        let last = Rejection::UpstreamFailed as usize;
        assert_eq!(last, Rejection::ALL.len() - 1, "`ALL` lacks a variant");
    }

    #[test]
    fn what_a_request_did_wrong_is_a_4xx_and_what_an_upstream_did_is_not_blamed_on_it() {
        for rejection in Rejection::ALL {
            let ours = rejection.status() < 500;
            let upstream = rejection.reason().starts_with("upstream") || rejection == Rejection::NotAnImage;
            assert_eq!(ours, !upstream, "{rejection:?}");
        }
    }

    #[test]
    fn people_are_told_in_words() {
        for rejection in Rejection::ALL {
            let text = rejection.text();
            assert!(text.len() > 8 && !text.ends_with('.'), "{rejection:?}: {text}");
        }
        assert_eq!(Rejection::UpstreamTimeout.text(), "the picture took too long");
    }

    #[test]
    fn the_readme_lists_every_rejection_with_its_status() {
        let readme = include_str!("../../README.md");
        for rejection in Rejection::ALL {
            let row = format!("| `{}` | {} |", rejection.reason(), rejection.status());
            assert!(readme.contains(&row), "README.md lacks the row {row}");
        }
    }
}
