//! What becomes of the answer to one request: settled with the request, before anything is answered.
//!
//! Does not belong here: the answer itself ([`super::judge`]).

use crate::config::raw::LastModified;
use crate::fallback::Fallback;
use crate::keeping::Ticket;
use crate::policy::rejection::Rejection;
use crate::reply::LocalReply;
use crate::request::Method;
use crate::validators::Condition;

/// In front of which upstream an answer arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The resizer; the answer goes to the visitor.
    Edge,
    /// The hidden origin; the answer goes to the resizer.
    Gate,
}

/// Who may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Everybody, for so many seconds.
    Public {
        /// The freshness lifetime.
        max_age: u32,
    },
    /// Nobody.
    Private,
}

impl Cache {
    /// The value of `cache-control`.
    pub fn control(self) -> String {
        match self {
            Cache::Public { max_age } => format!("public, max-age={max_age}"),
            Cache::Private => "private, no-store".to_owned(),
        }
    }
}

/// What becomes of the answer to a forwarded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRule {
    /// Which role forwarded it.
    pub role: Role,
    /// The method that was asked downstream: the answer to HEAD has no body.
    pub method: Method,
    /// Who may keep it.
    pub cache: Cache,
    /// The request headers that changed what was asked for.
    pub vary: Vec<&'static str>,
    /// Whether a source that cannot be resized is answered with a placeholder.
    pub placeholder: bool,
    /// What is answered in the place of a picture that cannot be had; a text where absent.
    pub fallback: Option<Fallback>,
    /// What the gate and the edge do about a source that its origin wants kept private.
    pub privacy: Privacy,
    /// What distinguishes the picture from others of the same source: what a tag has to hold to.
    pub variant: String,
    /// Whether visitors learn when the picture was changed.
    pub last_modified: LastModified,
    /// What the request says it has already.
    pub condition: Condition,
}

/// What is done about a source that its origin wants kept private, though the policy would share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Privacy {
    /// Nothing: the answer is private anyway, or another part cares for it.
    Settled,
    /// The gate notes what the origin says under this ticket, and the edge looks there.
    Noted(Ticket),
    /// The gate does not give the source away.
    Refused,
}

impl AnswerRule {
    /// The ticket to note a verdict under, or to look one up by.
    pub fn ticket(&self) -> Option<&Ticket> {
        match &self.privacy {
            Privacy::Noted(ticket) => Some(ticket),
            Privacy::Settled | Privacy::Refused => None,
        }
    }

    /// The rule in the light of what was noted under its ticket: without a word of the gate that this
    /// source may be kept, nobody keeps it.
    pub fn in_the_light_of(mut self, note: Option<&[u8]>) -> AnswerRule {
        if self.ticket().is_some_and(|ticket| !ticket.is_shareable(note)) {
            self.cache = Cache::Private;
        }
        self
    }

    /// What is answered instead of an answer that means this.
    pub fn reply(&self, rejection: Rejection) -> LocalReply {
        let is_unresizable = matches!(rejection, Rejection::NotResizable | Rejection::NotAnImage);
        match &self.fallback {
            _ if self.placeholder && is_unresizable => LocalReply::new(rejection, None, true),
            Some(fallback) => LocalReply::fallback(rejection, fallback, self.cache),
            None => LocalReply::new(rejection, None, false),
        }
    }
}
