//! pinhole serves resized images without giving anybody access to the originals, to the server that
//! holds them, or to the credentials that open it. It is an Envoy HTTP filter: this crate, compiled to
//! WebAssembly (proxy-wasm), is loaded into Envoy or an Istio sidecar.
//!
//! ```text
//!             public                       private: only the resizer may call it
//! visitor ──▶ Envoy listener ──▶ resizer ──▶ Envoy listener ──▶ hidden origin
//!             pinhole `edge`     (imgproxy,   pinhole `gate`     (S3, Azure, GCS,
//!             decides, rewrites   thumbor …)  unseals, signs      any web server)
//! ```
//!
//! A pure core decides, a thin shell carries out:
//!
//! ```text
//! bytes ──parse──▶ config::raw ──compile──▶ Policy              once, in on_configure
//! host ──read──▶ Request ──▶ Policy::decide ──▶ Decision ──apply──▶ host    per request
//! ```
//!
//! # Map
//!
//! | module | what it is for |
//! |---|---|
//! | [`config`] | the policy document: reading it, all its errors at once |
//! | [`policy`] | [`Policy::decide`](policy::Policy::decide) for the edge, [`Policy::open`](policy::Policy::open) for the gate; routes, limits, every [`Rejection`](policy::rejection::Rejection) |
//! | [`request`] | a request as received; [`request::path`] holds the only percent-decoder |
//! | [`options`] | the options of a picture: names, kinds and ranges, in one table |
//! | [`transform`] | what a resizer is told: every choice made, one form for one picture |
//! | [`negotiate`], [`hints`] | `format: auto` from `accept`; `width=auto` and slow connections from client hints |
//! | [`reply`] | responses that pinhole makes itself; [`fallback`] images in them |
//! | [`origin`] | the hidden server; [`credentials`] that open it; [`secret`] bytes that nothing prints |
//! | [`forwarding`] | the visitor's credentials that an origin is given, by exact allow-list |
//! | [`seal`] | the token in which a source travels through the resizer |
//! | [`signature`] | signed URLs: served only where the holder of a key said so, for a time |
//! | [`resizer`] | how each resizer is asked; one file per dialect |
//! | [`keeping`] | what the gate tells the edge about an origin's cache rules |
//! | [`response`] | what an upstream's answer means, and what of it goes on; [`validators`] in our own words |
//! | [`telemetry`] | names of metrics, words of access logs: what operators see of pinhole |
//! | [`via`] | the mark by which a source that leads back here is known |
#![cfg_attr(target_arch = "wasm32", doc = "| [`filter`] | the only module that talks to the host |")]
#![cfg_attr(
    not(target_arch = "wasm32"),
    doc = "| `filter` | the only module that talks to the host (in the WebAssembly build) |"
)]
//!
//! # Invariants
//!
//! 1. No request can panic the VM, loop, or cost more than linear time; whatever is in doubt is refused.
//! 2. What was checked is what is sent: upstream requests are made of parsed values, never of the
//!    incoming text.
//! 3. Authority and scheme of every upstream request come from the policy, or are the visitor's host where it
//!    lists that host and says so; the path stays below the origin's base path however often it is decoded.
//! 4. No request gets the original where the route resizes, or an image larger than the route allows.
//! 5. A visitor's credential goes to the origin that names it exactly, and nowhere else; a credential of
//!    the policy goes to its origin only.
//! 6. Nothing that the visitor can see names the origin, the resizer, the cluster or a secret.
//! 7. The answer to a credentialed request is `private, no-store` unless the operator shares it; an
//!    origin's own `private` or `no-store` wins even then.
//! 8. The policy is complete before the first request: a request fails only for what it says.
//!
//! What the core does not do: I/O, logging, time, randomness. `proxy-wasm` is a dependency of the
//! WebAssembly target alone, so the compiler keeps it that way.

pub mod config;
pub mod credentials;
pub mod fallback;
#[cfg(target_arch = "wasm32")]
pub mod filter;
pub mod forwarding;
pub mod hints;
pub mod keeping;
pub mod negotiate;
pub mod options;
pub mod origin;
pub mod policy;
pub mod reply;
pub mod request;
pub mod resizer;
pub mod response;
pub mod seal;
pub mod secret;
pub mod signature;
pub mod telemetry;
pub mod transform;
pub mod validators;
pub mod via;
