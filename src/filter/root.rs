//! Loads the policy when Envoy configures the plugin, and hands it to every exchange.
//!
//! INVARIANT: an exchange exists only with a complete policy. A document with errors is refused, each
//! error on a line of its own in Envoy's log, and Envoy does not start (or keeps the policy it has).

use std::rc::Rc;

use log::{error, info, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::exchange::Exchange;
use super::host;
use super::telemetry::Telemetry;
use crate::config;
use crate::policy::Policy;
use crate::response::Role;

/// What an instance works with, once it has its policy.
pub struct Active {
    pub role: Role,
    pub policy: Policy,
    pub telemetry: Telemetry,
}

/// One plugin instance of one worker.
#[derive(Default)]
pub struct Root {
    active: Option<Rc<Active>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        #[cfg(feature = "test-trap")]
        warn!("{}", super::trap::NOTICE);
        let role = match host::root_id().as_deref() {
            Some("edge") => Role::Edge,
            Some("gate") => Role::Gate,
            other => {
                error!(
                    "pinhole: root_id: found `{}`; wanted `edge` or `gate`",
                    other.unwrap_or_default().escape_debug()
                );
                return false;
            }
        };
        match config::load(&host::configuration(size), &|name| std::env::var(name).ok()) {
            Ok(loaded) => {
                loaded.warnings.iter().for_each(|warning| warn!("pinhole: {warning}"));
                info!("pinhole: policy loaded");
                let telemetry = Telemetry::new(role, &loaded);
                self.active = Some(Rc::new(Active { role, policy: loaded.policy, telemetry }));
                true
            }
            Err(errors) => {
                errors.iter().for_each(|error| error!("pinhole: {error}"));
                error!("pinhole: the policy is refused: {} errors", errors.len());
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange::new(self.active.clone())))
    }
}
