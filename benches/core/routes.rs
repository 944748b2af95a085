//! The search for the route of a host and a path, over the number of routes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use pinhole::request::path::Path;

use crate::policies::{load, with_hosts, with_presets, with_routes};

/// Which match is looked for: the first route's, the last one's, and none.
pub fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    let kinds = load(&with_presets(3));
    let path = Path::parse("/images/medium/2024/05/red-shoes-and-a-blue-hat.jpg").unwrap();
    group.bench_function("one", |bencher| {
        bencher.iter(|| kinds.signature_of(black_box("img.example.com"), black_box(&path)).is_some());
    });
    for count in [1, 10, 100, 1000] {
        let (by_path, by_host) = (load(&with_routes(count)), load(&with_hosts(count)));
        let last = count - 1;
        for (name, policy, host, directory, is_found) in [
            ("first", &by_path, "img.example.com".to_owned(), "tenant-0".to_owned(), true),
            ("last", &by_path, "img.example.com".to_owned(), format!("tenant-{last}"), true),
            ("none", &by_path, "img.example.com".to_owned(), "nobody".to_owned(), false),
            ("last-by-host", &by_host, format!("img-{last}.example.com"), "images".to_owned(), true),
        ] {
            let path =
                Path::parse(&format!("/{directory}/medium/2024/05/red-shoes-and-a-blue-hat.jpg")).unwrap();
            assert_eq!(policy.signature_of(&host, &path).is_some(), is_found, "{name} of {count}");
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| policy.signature_of(black_box(&host), black_box(&path)).is_some());
            });
        }
    }
    group.finish();
}
