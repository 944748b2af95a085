//! The module that Envoy loads: the only part of pinhole that talks to the host.
//!
//! One policy, two roles: the plugin's `root_id` says whether an instance is the `edge` or the
//! `gate`. The life of an instance:
//!
//! 1. [`root`]: `on_configure` loads the policy once; `false` keeps Envoy from starting.
//! 2. [`exchange`], `on_http_request_headers`: read the headers, decide, and either replace them all
//!    by those of the upstream request or answer with a rejection.
//!    Where sources are pushed, [`push`] makes the picture with two calls of its own and answers.
//! 3. [`exchange`], `on_http_response_headers`: judge the answer, and either replace its headers by
//!    those that may go on or the whole of it by a rejection.
//!
//! What each of them comes to, [`telemetry`] counts and tells access logs.
//!
//! INVARIANT: only [`host`] makes host calls, and nothing in a request can make one panic.

mod exchange;
mod host;
mod push;
mod root;
mod telemetry;
#[cfg(feature = "test-trap")]
mod trap;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

/// What Envoy calls first.
mod start {
    use super::{LogLevel, RootContext, root};

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(LogLevel::Info);
        proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
    }}
}
