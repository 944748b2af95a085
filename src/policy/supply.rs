//! How the resizer comes by a source: it fetches it from the gate, or pinhole pushes it.
//!
//! Belongs here: both ways, and what the deployment's own key is for beside sealing. Does not belong here: what
//! is asked of the resizer (`resizer`), what its answers mean (`response`).

use crate::config::raw::PrivateSources;
use crate::keeping::Ticket;
use crate::origin::Origin;
use crate::response::{Privacy, Role};
use crate::seal::SealKeys;
use crate::validators::EtagKey;
use crate::via::Via;

/// How the resizer comes by a source.
#[derive(Debug)]
pub enum Supply {
    /// It fetches a sealed URL from the gate.
    Gate(Box<Gate>),
    /// pinhole fetches it and sends it along.
    Push(Push),
}

impl Supply {
    /// By what the deployment knows its own.
    pub fn marks(&self) -> &Marks {
        match self {
            Supply::Gate(gate) => &gate.marks,
            Supply::Push(push) => &push.marks,
        }
    }
}

/// Where the resizer fetches sources, and the key of the tokens it fetches them by.
#[derive(Debug)]
pub struct Gate {
    /// The gate's URL without a slash at its end.
    pub url: String,
    /// What is done about a source that its origin wants kept private.
    pub private_sources: PrivateSources,
    /// Seals at the edge, opens at the gate.
    pub seal: SealKeys,
    /// Of the key that seals.
    pub marks: Marks,
}

impl Gate {
    /// What both roles do about the privacy of the source of this token.
    pub(super) fn privacy(&self, origin: &Origin, token: &str, role: Role) -> Privacy {
        match (self.private_sources, role) {
            _ if !origin.is_public() => Privacy::Settled,
            (PrivateSources::NoStore, _) => Ticket::of(token).map_or(Privacy::Refused, Privacy::Noted),
            (PrivateSources::Refuse, Role::Gate) => Privacy::Refused,
            (PrivateSources::Refuse, Role::Edge) => Privacy::Settled,
        }
    }
}

/// The limits of pushing.
#[derive(Debug)]
pub struct Push {
    /// The largest source in bytes.
    pub source_bytes: usize,
    /// How long the origin may take, in seconds.
    pub origin_seconds: u32,
    /// How long the resizer may take, in seconds.
    pub resizer_seconds: u32,
    /// Of the resizer's key, the only one that there is.
    pub marks: Marks,
}

/// By what a deployment knows its own tags and requests.
#[derive(Debug, Clone)]
pub struct Marks {
    /// Makes the tags of answers.
    pub etags: EtagKey,
    /// Stands in requests for sources.
    pub via: Via,
}

impl Marks {
    /// Derives both from a key of the deployment.
    pub fn derive(key: &[u8]) -> Option<Marks> {
        Some(Marks { etags: EtagKey::derive(key)?, via: Via::derive(key)? })
    }
}
