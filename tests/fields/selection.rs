//! `Selection`: the fields of a line, their order and their names.

use contextvars::ContextVar;
use contextvars::fields::{self, Fields, Selection, kv};

use crate::support::panic_text;
use crate::{fresh, of};

static ID: ContextVar<u64> = ContextVar::new("id");
static REGION: ContextVar<&str> = ContextVar::with_default("region", || "eu").logged();
static OTHER: ContextVar<&str> = ContextVar::new("other").logged();

fn line(selection: &Selection) -> String {
    let mut line = vec![];
    selection.visit(|key, value| line.push(format!("{key}={value}")));
    line.join(" ")
}

#[test]
fn a_variable_shows_its_value_else_its_default_else_null_or_nothing() {
    fresh(|| {
        let selection = Selection::new().var(&REGION).var(&ID);
        assert_eq!(line(&selection), "region=eu");
        assert_eq!(line(&selection.or_null()), "region=eu id=null");
        let selection = Selection::new().var(&ID).or_null().var(&REGION);
        assert_eq!(ID.sync_scope(7, || line(&selection)), "id=7 region=eu");
        assert_eq!(REGION.sync_scope("us", || line(&selection)), "id=null region=us");
    });
}

#[test]
fn a_bound_field_goes_before_the_variable() {
    let selection = Selection::new().var(&REGION).var(&ID).rename("uid");
    let bound = kv! { region = "us", uid = 1, id = 2 };
    assert_eq!(
        fields::sync_scope(bound, || ID.sync_scope(7, || line(&selection))),
        "region=us uid=1"
    );
}

#[test]
fn without_rest_only_listed_items_are_shown() {
    let selection = Selection::new().field("user").field("path").or_null().var(&ID);
    fields::sync_scope(kv! { path = "/", user = "ann", more = 1 }, || {
        OTHER.sync_scope("o", || assert_eq!(line(&selection), "user=ann path=/"));
    });
    assert_eq!(fresh(|| line(&selection)), "path=null");
}

#[test]
fn dynamic_adds_the_rest_once() {
    let selection = Selection::new().var(&REGION).rename("where").field("b").rest();
    fields::sync_scope(kv! { a = 1, b = 2, c = 3 }, || {
        REGION.sync_scope("us", || {
            OTHER.sync_scope("o", || assert_eq!(line(&selection), "where=us b=2 other=o a=1 c=3"));
        });
    });
}

#[test]
fn dynamic_shows_the_namesake_of_a_listed_variable() {
    static SAME: ContextVar<&str> = ContextVar::new("region").logged();
    // The result must not depend on the variable that the visit reaches first.
    let selection = Selection::new().var(&REGION).rename("where").rest();
    let seen = REGION.sync_scope("us", || SAME.sync_scope("same", || line(&selection)));
    assert_eq!(seen, "where=us region=same");
    let selection = Selection::new().var(&SAME).rename("where").rest();
    let seen = REGION.sync_scope("us", || SAME.sync_scope("same", || line(&selection)));
    assert_eq!(seen, "where=same region=us");
}

#[test]
fn a_key_is_listed_once() {
    let selection = Selection::new().var(&REGION).field("region").or_null().var(&REGION);
    assert_eq!(fresh(|| line(&selection)), "region=eu");
}

#[test]
fn a_redacted_key_is_hidden_from_every_source() {
    static TOKEN: ContextVar<&str> = ContextVar::new("token").logged();
    let hidden = "[redacted]";
    fresh(|| {
        TOKEN.set("secret");
        let dynamic = Selection::new().rest().redact("token").redact("pin");
        assert_eq!(line(&dynamic), format!("token={hidden}"));
        fields::sync_scope(kv! { pin = 1, token = "bound" }, || {
            assert_eq!(line(&dynamic), format!("pin={hidden} token={hidden}"));
        });

        let one = Selection::new().rest().redact("pin");
        fields::sync_scope(kv! { user = "ann", pin = 1 }, || {
            let line = line(&one);
            assert!(line.contains("user=ann") && line.contains("pin=[redacted]"), "{line}");
        });
        let renamed = Selection::new().var(&TOKEN).rename("t").redact("token");
        assert_eq!(line(&renamed), format!("t={hidden}"));
        let renamed = Selection::new().redact("t").var(&TOKEN).rename("t");
        assert_eq!(line(&renamed), format!("t={hidden}"));
    });
    let unset = Selection::new().var(&TOKEN).or_null().redact("token");
    assert_eq!(fresh(|| line(&unset)), "token=null");
}

#[test]
fn an_events_own_keys_win() {
    let mut event = of(kv! { region = "line" });
    fresh(|| Selection::new().var(&REGION).var(&ID).or_null().merge_into(&mut event));
    assert_eq!(format!("{event:?}"), r#"{"region": "line", "id": null}"#);
}

#[test]
fn modifiers_need_something_to_modify() {
    assert!(panic_text(|| Selection::new().or_null()).contains("or_null"));
    assert!(panic_text(|| Selection::new().rename("a")).contains("rename"));
    assert!(panic_text(|| Selection::new().field("a").rename("b")).contains("rename"));
}

#[test]
fn a_default_that_panics_is_told_by_the_field() {
    static BAD: ContextVar<u8> = ContextVar::with_default("bad", || panic!("no default"));
    let selection = Selection::new().var(&BAD).var(&REGION);
    assert_eq!(fresh(|| line(&selection)), "bad=<panicked while formatting> region=eu");
    assert!(Fields::new().is_empty());
}

#[test]
fn a_selection_may_be_a_static() {
    static EMPTY: Selection = Selection::new();
    assert_eq!(line(&EMPTY), "");
    assert_eq!(
        format!("{:?}", Selection::new().var(&ID).rest().redact("x")),
        r#"Selection { keys: ["id"], rest: true, redacted: ["x"], skipped: [] }"#,
    );
}

/// Regression: a listed key that was not bound hid the logged variable of that name.
#[test]
fn a_listed_key_that_is_not_bound_shows_the_logged_variable_of_its_name() {
    static ID: ContextVar<u64> = ContextVar::new("listed_id").logged();

    let selection = Selection::new().field("listed_id").or_null().rest();
    let mut line = Fields::new();
    ID.sync_scope(7, || selection.merge_into(&mut line));
    assert_eq!(line, Fields::from_iter(kv! { "listed_id" = 7 }));
}

#[test]
fn every_field_is_of_the_moment_when_the_visit_began() {
    static LATE: ContextVar<u8> = ContextVar::with_default("late", || 0);
    let selection = Selection::new().field("path").var(&LATE).rest();
    let shows = |expected: &[&str]| {
        let mut seen = vec![];
        selection.visit(|key, value| {
            LATE.set(9);
            fields::set(kv! { path = "/late", new = true });
            seen.push(format!("{key}={value}"));
        });
        assert_eq!(seen, expected);
    };
    fresh(|| {
        let first = fields::bind(kv! { path = "/" });
        shows(&["path=/", "late=0"]);
        drop(first);
        shows(&["late=9", "new=true"]);
    });
}

/// Regression: the first entry listed for a key took the key, even if the entry had no value.
#[test]
fn a_listed_item_without_a_value_hides_nothing() {
    static NEW: ContextVar<u8> = ContextVar::new("new");
    static OLD: ContextVar<u8> = ContextVar::new("old");
    static SAME: ContextVar<u8> = ContextVar::new("new").logged();
    let chain = Selection::new().var(&NEW).rename("key").var(&OLD).rename("key");
    assert_eq!(OLD.sync_scope(1, || line(&chain)), "key=1");
    assert_eq!(OLD.sync_scope(1, || NEW.sync_scope(2, || line(&chain))), "key=2");

    let dynamic = Selection::new().var(&NEW).rest();
    assert_eq!(SAME.sync_scope(3, || line(&dynamic)), "new=3");
    assert_eq!(SAME.sync_scope(3, || NEW.sync_scope(2, || line(&dynamic))), "new=2");
}

#[test]
fn each_key_of_a_long_selection_is_shown_once() {
    let keys: Vec<_> = (0..70).map(|n| format!("k{n:02}")).collect();
    let listed = |selection: Selection| {
        keys.iter().fold(selection, |selection, key| selection.field(key.clone()).or_null())
    };
    // Every key is listed twice. The first and the last key are bound, so `rest` finds them as well.
    let selection = listed(listed(Selection::new())).rest();
    let mut shown = vec![];
    fields::sync_scope(kv! { k00 = 1, k69 = 2, other = 3 }, || {
        selection.visit(|key, _| shown.push(key.to_owned()));
    });
    assert_eq!(shown, [&keys[..], &["other".into()]].concat());
}

#[test]
fn a_computed_value_is_shown_at_the_first_item_of_its_key() {
    let selection = Selection::new()
        .field("id")
        .field("path")
        .computed("id", || None)
        .computed("id", || Some(7.into()))
        .computed("id", || Some(8.into()));
    let mut shown = vec![];
    fields::sync_scope(kv! { path = "/" }, || {
        selection.visit(|key, value| shown.push(format!("{key}={value}")));
    });
    assert_eq!(shown, ["id=7", "path=/"]);
}
