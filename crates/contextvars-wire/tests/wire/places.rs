//! The source locations that are shown for extracted values: those of the program's calls that listed the entries.

use contextvars::{Context, ContextVar};
use contextvars_wire::{BAGGAGE, Codec, Propagator, text};

use crate::support::{ATTEMPT, REQUEST_ID, TRACE};

fn line_of<T: Send + Sync>(context: &Context, variable: &'static ContextVar<T>) -> (String, u32) {
    let entry = context.iter().find(|entry| entry.is(variable)).expect("a value");
    (entry.set_at().file().to_owned(), entry.set_at().line())
}

#[test]
fn a_value_that_came_in_is_set_where_its_entry_was_listed() {
    let here = (file!().to_owned(), line!());
    let id = text(&REQUEST_ID);
    let attempt = Codec::new(&ATTEMPT, |text| text.parse().ok(), |_| None);
    let wire = Propagator::builder()
        .trace_context(&TRACE)
        .pass_baggage()
        .header("x-request-id", id)
        .baggage("attempt", attempt)
        .build()
        .unwrap();
    for headers in [vec![], vec![("traceparent", "00-0-0-00")]] {
        let got = wire.extract(&headers).context;
        assert_eq!(line_of(&got, &TRACE), (here.0.clone(), here.1 + 4));
    }
    let trace = "00-12345678901234567890123456789012-1234567890123456-01";
    let headers = [("traceparent", trace), ("x-request-id", "r-7"), ("baggage", "attempt=2")];
    let got = wire.extract(&headers).context;
    assert_eq!(line_of(&got, &TRACE), (here.0.clone(), here.1 + 4));
    assert_eq!(line_of(&got, &BAGGAGE), (here.0.clone(), here.1 + 5));
    assert_eq!(line_of(&got, &REQUEST_ID), (here.0.clone(), here.1 + 1));
    assert_eq!(line_of(&got, &ATTEMPT), (here.0, here.1 + 2));
}
