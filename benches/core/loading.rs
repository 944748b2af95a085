//! From the bytes of a document to the policy, over the number of presets and routes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use pinhole::config;

use crate::policies::{environment, load, with_presets, with_routes};

/// Over the number of presets.
pub fn presets(criterion: &mut Criterion) {
    loading(criterion, "load-presets", &[3, 100, 1000, 10_000], with_presets);
}

/// Over the number of routes.
pub fn routes(criterion: &mut Criterion) {
    loading(criterion, "load-routes", &[1, 100, 1000], with_routes);
}

fn loading(criterion: &mut Criterion, name: &str, counts: &[usize], document: impl Fn(usize) -> String) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for count in counts {
        let document = document(*count);
        drop(load(&document));
        group.bench_with_input(BenchmarkId::from_parameter(count), &document, |bencher, document| {
            bencher.iter(|| config::load(black_box(document.as_bytes()), &environment).is_ok());
        });
    }
    group.finish();
}
