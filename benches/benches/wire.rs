//! Measures the cost of extracting a context from a request's headers and of injecting it into the next request.
//!
//! Dimensions of `wire, extract` and `wire, extract + inject`: the crate. The request has a `traceparent` and three baggage
//! members, which are variables in this crate; `with a request id` adds a plain header, for which OpenTelemetry has no
//! propagator.
//!
//! Dimensions of `wire, growth`: the crate · the number of members of 128 bytes in the baggage, none of them read by a
//! variable; 64 is the limit, both in number and in bytes. `wire, refused` is a header of the given size in KiB, of which 8 KiB
//! are accepted.

use std::hint::black_box;

use contextvars_benches::wire::{EXTRACTS, Headers, RELAYS, Relay, request, request_of};
use contextvars_benches::{each, per_op};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn requests(c: &mut Criterion) {
    let headers = black_box(request());
    for (name, operations) in [("wire, extract", EXTRACTS), ("wire, extract + inject", RELAYS)] {
        let mut group = c.benchmark_group(name);
        for (who, operation) in operations {
            group.bench_function(who, |b| per_op(b, || each!(_at => operation(&headers))));
        }
        group.finish();
    }
}

fn growth(c: &mut Criterion) {
    let [ours, _, theirs] = RELAYS;
    let measure = |name: &str,
                   sizes: &[usize],
                   request: fn(usize) -> Headers,
                   who: &[(&str, Relay)],
                   c: &mut Criterion| {
        let mut group = c.benchmark_group(name);
        for &size in sizes {
            let headers = black_box(request(size));
            for (who, relay) in who {
                group.bench_function(BenchmarkId::new(*who, size), |b| {
                    per_op(b, || each!(_at => relay(&headers)));
                });
            }
        }
        group.finish();
    };
    measure("wire, growth", &[1, 4, 16, 64], request_of, &[ours, theirs], c);
    measure("wire, refused", &[16, 64, 256], |kibibytes| request_of(8 * kibibytes), &[ours], c);
}

criterion_group! {
    name = benches;
    config = contextvars_benches::criterion();
    targets = requests, growth
}
criterion_main!(benches);
