//! Typed variables on a line: `logged_with`, and one order on every line.

use contextvars::fields::{self, Selection, Value, kv};
use contextvars::{Context, ContextVar};

use crate::support::panic_text;
use crate::{fresh, visited};

/// Stands for a type of another crate.
#[derive(Clone)]
struct Foreign(u32);

#[test]
fn a_foreign_type_is_logged_by_a_function() {
    static ID: ContextVar<Foreign> = ContextVar::new("id").logged_with(|id| Value::from(id.0 + 1));
    fresh(|| {
        ID.set(Foreign(6));
        assert_eq!(visited(), "id=7");
    });
}

#[test]
fn debug_and_logged_may_be_combined_in_any_order() {
    static ONE: ContextVar<u32> = ContextVar::new("one").debug().logged();
    static TWO: ContextVar<u32> = ContextVar::new("two").logged().debug();
    static THREE: ContextVar<u32> =
        ContextVar::new("three").logged_with(|n: &u32| (*n).into()).debug();
    let context = Context::new().with_value(&ONE, 1).with_value(&TWO, 2).with_value(&THREE, 3);
    assert_eq!(context.clone().run(visited), "one=1 two=2 three=3");
    for shown in [r#""one": 1"#, r#""two": 2"#, r#""three": 3"#] {
        assert!(format!("{context:?}").contains(shown));
    }
}

#[test]
fn a_function_that_panics_or_logs_costs_its_own_field_only() {
    static BAD: ContextVar<u32> = ContextVar::new("bad").logged_with(|_| panic!("no value"));
    static LOGS: ContextVar<u32> = ContextVar::new("logs").logged_with(|_| Value::from(visited()));
    fresh(|| {
        let _fields = fields::bind(kv! { last = 1 });
        BAD.set(1);
        assert_eq!(visited(), "bad=<panicked while formatting> last=1");
        BAD.unset();
        LOGS.set(1);
        assert_eq!(visited(), "logs=logs=<another field is being made> last=1 last=1");
    });
}

#[test]
fn typed_variables_stand_in_the_order_of_their_first_values() {
    static VARS: [ContextVar<usize>; 40] = [const { ContextVar::new("") }; 40];
    static FIRST: ContextVar<u32> = ContextVar::new("first").logged();
    static SECOND: ContextVar<u32> = ContextVar::new("second").logged();
    static THIRD: ContextVar<u32> = ContextVar::new("third").local().logged();
    drop((FIRST.bind(0), SECOND.bind(0), THIRD.bind(0)));
    fresh(|| {
        THIRD.set(3);
        SECOND.set(2);
        FIRST.set(1);
        assert_eq!(visited(), "first=1 second=2 third=3");
        for (n, var) in VARS.iter().enumerate() {
            var.set(n);
        }
        assert_eq!(visited(), "first=1 second=2 third=3");
    });
}

#[test]
fn the_order_holds_for_more_variables_than_lie_on_the_stack() {
    static NAMES: [&str; 20] = [
        "v00", "v01", "v02", "v03", "v04", "v05", "v06", "v07", "v08", "v09", "v10", "v11", "v12",
        "v13", "v14", "v15", "v16", "v17", "v18", "v19",
    ];
    let vars: Vec<&'static ContextVar<usize>> =
        NAMES.iter().map(|name| &*Box::leak(Box::new(ContextVar::new(name).logged()))).collect();
    for var in &vars {
        drop(var.bind(0));
    }
    fresh(|| {
        for (n, var) in vars.iter().enumerate().rev() {
            var.set(n);
        }
        let expected: Vec<_> =
            NAMES.iter().enumerate().map(|(n, name)| format!("{name}={n}")).collect();
        assert_eq!(visited(), expected.join(" "));
    });
}

// === selections ===

fn line(selection: &Selection) -> String {
    let mut line = vec![];
    selection.visit(|key, value| line.push(format!("{key}={value}")));
    line.join(" ")
}

#[test]
fn computed_values_go_before_variables_and_behind_bound_fields() {
    static SPAN: ContextVar<&str> = ContextVar::new("span");
    static TRACE: ContextVar<&str> = ContextVar::new("trace_id").logged();
    let selection = Selection::new()
        .computed("trace_id", || SPAN.try_get().ok().map(Value::from))
        .var(&TRACE)
        .rest();
    fresh(|| {
        assert_eq!(line(&selection), "");
        TRACE.set("of the variable");
        assert_eq!(line(&selection), "trace_id=of the variable");
        SPAN.set("of the span");
        assert_eq!(line(&selection), "trace_id=of the span");
        let _bound = fields::bind(kv! { trace_id = "bound" });
        assert_eq!(line(&selection), "trace_id=bound");
    });
}

#[test]
fn a_computed_value_that_is_none_lets_the_rest_show() {
    static TRACE: ContextVar<&str> = ContextVar::new("trace_id").logged();
    let selection = Selection::new().computed("trace_id", || None).rest();
    fresh(|| {
        TRACE.set("of the variable");
        assert_eq!(line(&selection), "trace_id=of the variable");
    });
    assert_eq!(fresh(|| line(&Selection::new().computed("a", || None).or_null())), "a=null");
}

#[test]
fn a_computed_value_is_asked_once_when_the_line_begins() {
    static ASKED: ContextVar<u32> = ContextVar::with_default("asked", || 0);
    let selection = std::sync::Arc::new(Selection::new().computed("n", || {
        ASKED.set(ASKED.get() + 1);
        Some(ASKED.get().into())
    }));
    fresh(|| {
        let snapshot = selection.snapshot();
        for _ in 0..2 {
            let mut seen = vec![];
            snapshot.visit(|key, value| seen.push(format!("{key}={value}")));
            assert_eq!(seen, ["n=1"]);
        }
        assert_eq!(ASKED.get(), 1);
    });
}

#[test]
fn computed_values_are_asked_in_their_order_before_fields_are_shown() {
    static STEPS: ContextVar<Vec<String>> = ContextVar::with_default("steps", Vec::new);
    fn step(step: &str) -> Value {
        STEPS.set([STEPS.get(), vec![step.to_owned()]].concat());
        Value::Null
    }

    let selection = Selection::new()
        .computed("first", || Some(step("ask first")))
        .field("bound")
        .or_null()
        .computed("second", || Some(step("ask second")));
    fresh(|| {
        selection.visit(|key, _| drop(step(key)));
        assert_eq!(STEPS.get(), ["ask first", "ask second", "first", "bound", "second"]);
    });
}

/// Writes a line that computes this field again.
#[expect(clippy::unnecessary_wraps, reason = "the type of a computed value")]
fn logs() -> Option<Value> {
    Some(line(&Selection::new().computed("inner", logs)).into())
}

#[test]
fn a_computed_value_that_panics_or_logs_says_so() {
    let selection = Selection::new().computed("bad", || panic!("no value")).field("a");
    let bound = kv! { a = 1 };
    assert_eq!(
        fields::sync_scope(bound, || line(&selection)),
        "bad=<panicked while formatting> a=1"
    );
    assert_eq!(logs().unwrap(), Value::from("inner=inner=<another field is being made>"));
}

#[test]
fn a_computed_value_that_panics_leaves_those_around_it() {
    let selection = Selection::new()
        .computed("none", || None)
        .computed("before", || Some(1.into()))
        .computed("bad", || panic!("no value"))
        .computed("worse", || panic!("no value either"))
        .computed("after", || Some(2.into()))
        .computed("inner", logs)
        .or_null();
    let shown = "before=1 bad=<panicked while formatting> worse=<panicked while formatting> after=2 \
                 inner=inner=<another field is being made>";
    assert_eq!(line(&selection), shown);
}

#[test]
fn skip_filters_the_rest_and_no_listed_item() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level").logged();
    let selection = Selection::new().field("target").rest().skip(["level", "target", "timestamp"]);
    fresh(|| {
        LEVEL.set(3);
        let _fields = fields::bind(kv! { timestamp = 1, target = "t", kept = 2 });
        assert_eq!(line(&selection), "target=t kept=2");
    });
}

#[test]
fn var_with_shows_a_variable_of_any_type() {
    static ID: ContextVar<Foreign> = ContextVar::with_default("id", || Foreign(1));
    static NONE: ContextVar<Foreign> = ContextVar::new("none");
    let selection = Selection::new()
        .var_with(&ID, |id| id.0.into())
        .rename("n")
        .var_with(&NONE, |_| unreachable!())
        .or_null();
    assert_eq!(fresh(|| line(&selection)), "n=1 none=null");
    assert_eq!(ID.sync_scope(Foreign(2), || line(&selection)), "n=2 none=null");
    assert!(panic_text(|| Selection::new().computed("a", || None).rename("b")).contains("rename"));
}

#[test]
fn the_first_computed_value_of_a_key_is_shown_wherever_it_is_listed() {
    fn none() -> Option<Value> {
        None
    }
    let selection = Selection::new()
        .computed("other", none)
        .computed("key", none)
        .field("last")
        .computed("key", || Some(1.into()))
        .computed("key", || Some(2.into()));
    assert_eq!(fields::sync_scope(kv! { last = 0 }, || line(&selection)), "key=1 last=0");
}
