//! Values that are sent come back unchanged, and texts that are printed parse to the same value again.

use std::collections::BTreeMap;

use contextvars::Context;
use contextvars_wire::{Baggage, TraceContext, TraceState};
use proptest::prelude::*;

use crate::support::{ATTEMPT, REQUEST_ID, TENANT, propagator};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back_from_a_baggage_member(value in any::<String>(), other in any::<String>()) {
        let mut baggage = Baggage::new();
        baggage.insert("other", &other).unwrap();
        baggage.insert("key", &value).unwrap();
        let back: Baggage = baggage.to_string().parse().unwrap();
        prop_assert_eq!(&back, &baggage);
        prop_assert_eq!(back.get("key").unwrap(), value);
        prop_assert_eq!(back.get("other").unwrap(), other);
    }

    #[test]
    fn a_context_comes_back_from_its_headers(
        id in "[!-~]([ -~]{0,100}[!-~])?",
        tenant in any::<String>(),
        attempt in any::<u32>(),
    ) {
        let wire = propagator();
        let context = Context::new()
            .with_value(&REQUEST_ID, id.clone())
            .with_value(&TENANT, tenant.clone())
            .with_value(&ATTEMPT, attempt);
        let mut headers = BTreeMap::new();
        prop_assert!(wire.inject_from(&context, &mut headers).problems.is_empty());
        let got = wire.extract(&headers);
        prop_assert!(got.problems.is_empty());
        prop_assert_eq!(got.context.get(&REQUEST_ID), Some(&id));
        prop_assert_eq!(got.context.get(&TENANT), Some(&tenant));
        prop_assert_eq!(got.context.get(&ATTEMPT), Some(&attempt));
    }

    #[test]
    fn a_good_traceparent_is_printed_as_it_was(trace in 1_u128.., parent in 1_u64.., flags in 0_u8..4) {
        let text = format!("00-{trace:032x}-{parent:016x}-{flags:02x}");
        let parsed: TraceContext = text.parse().unwrap();
        prop_assert_eq!(parsed.to_string(), text);
        prop_assert_eq!((parsed.trace_id().get(), parsed.parent_id().get()), (trace, parent));
        prop_assert_eq!(parsed.flags(), flags);
    }

    #[test]
    fn a_tracestate_is_printed_as_it_was(
        members in proptest::collection::vec("[a-z0-9][a-z0-9_*/@-]{0,9}=[!-+./0-<>-~]{1,8}", 0..20),
    ) {
        let text = members.join(",");
        let parsed: TraceState = text.parse().unwrap();
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn a_baggage_header_is_passed_on_as_it_was(
        members in proptest::collection::vec("[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,9} ?= ?[!#-+./0-:<-~-]{0,12}(;p(=[a-z%=]{0,4})?){0,2}", 0..40),
    ) {
        let text = members.join(",");
        let trimmed = text.split(',').map(str::trim).collect::<Vec<_>>().join(",");
        let parsed: Baggage = text.parse().unwrap();
        prop_assert_eq!(parsed.to_string(), trimmed);
    }
}
