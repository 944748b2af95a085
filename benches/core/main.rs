//! What the pure core costs on the host, by itself: decisions, opened tokens, judged answers, loading of policies
//! and the search for a route, over how many presets and routes a policy has.
//!
//! `make bench-core` runs all of it, `cargo bench --profile measured --bench core -- PART` those whose name holds
//! `PART`. Does not belong here: what WebAssembly, Envoy and its calls add, which `make bench` measures.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    reason = "a bench prints, and says what it expects by panicking"
)]

mod loading;
mod machine;
mod policies;
mod requests;
mod roles;
mod routes;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    machine::print();
    // Short, so that the whole takes less than two minutes; what differs by less than a tenth needs longer.
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1000))
        .sample_size(50)
        .without_plots()
        .configure_from_args();
    roles::edge(&mut criterion);
    roles::gate(&mut criterion);
    routes::find(&mut criterion);
    loading::presets(&mut criterion);
    loading::routes(&mut criterion);
    criterion.final_summary();
}
