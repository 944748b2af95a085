//! The parsers of `tests/dialects`, each written from a resizer's side, for the targets of the dialects.

#[path = "../dialects/asked.rs"]
pub mod asked;
#[path = "../dialects/cloudflare.rs"]
mod cloudflare;
#[path = "../dialects/imaginary.rs"]
mod imaginary;
#[path = "../dialects/imagor.rs"]
mod imagor;
#[path = "../dialects/imgproxy.rs"]
mod imgproxy;
#[path = "../dialects/ipx.rs"]
mod ipx;
#[path = "../dialects/reading.rs"]
mod reading;
#[path = "../dialects/round_trip.rs"]
pub mod round_trip;
#[path = "../dialects/subjects.rs"]
pub mod subjects;
#[path = "../dialects/template.rs"]
mod template;
#[path = "../dialects/thumbor.rs"]
mod thumbor;
#[path = "../dialects/turned.rs"]
mod turned;
#[path = "../dialects/weserv.rs"]
mod weserv;

/// The gate of their policies.
const GATE: &str = "http://gate.internal:10001";
