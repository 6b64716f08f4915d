//! `bind` and its tokens, `unbind`, `clear` and `get`.

use contextvars::fields::{self, Fields, Text, Value, kv};
use contextvars::{Context, ContextVar, forbid_bare_set};

use crate::support::{on_thread, panic_text};
use crate::{fresh, of, shown};

#[test]
fn a_later_bind_wins_and_keeps_the_keys_place() {
    fresh(|| {
        fields::set(kv! { a = 1, b = 2 });
        fields::set(kv! { c = 3, a = 4 });
        assert_eq!(shown(), r#"{"a": 4, "b": 2, "c": 3}"#);
        fields::unset(["a"]);
        fields::set(kv! { a = 5 });
        assert_eq!(shown(), r#"{"b": 2, "c": 3, "a": 5}"#);
    });
}

#[test]
fn the_later_one_of_two_equal_keys_wins_in_the_place_of_the_first() {
    fresh(|| {
        let tokens = fields::set(vec![("a", 1), ("b", 2), ("a", 3)]);
        assert_eq!(shown(), r#"{"a": 3, "b": 2}"#);
        tokens.reset().unwrap();
        assert!(fields::get().is_empty());
    });
}

#[test]
fn null_is_a_value() {
    fresh(|| {
        fields::set(kv! { a = None::<u8> });
        assert_eq!(fields::get().get("a"), Some(&Value::Null));
    });
}

#[test]
fn tokens_restore_key_by_key_out_of_order() {
    fresh(|| {
        let older = fields::set(kv! { a = 1 });
        let newer = fields::set(kv! { a = 2, b = 2 });
        older.reset().unwrap();
        assert_eq!(fields::get(), of(kv! { b = 2 }));
        newer.reset().unwrap();
        assert_eq!(fields::get(), of(kv! { a = 1 }));
    });
}

#[test]
fn tokens_restore_after_clear_and_after_unbind() {
    fresh(|| {
        fields::set(kv! { a = 1 });
        let tokens = fields::set(kv! { a = 2 });
        fields::clear();
        tokens.reset().unwrap();
        assert_eq!(fields::get(), of(kv! { a = 1 }));

        let tokens = fields::set(kv! { a = 2 });
        fields::unset(["a"]);
        tokens.reset().unwrap();
        assert_eq!(fields::get(), of(kv! { a = 1 }));
    });
}

#[test]
fn a_reset_leaves_other_keys_alone() {
    fresh(|| {
        let tokens = fields::set(kv! { a = 1 });
        fields::set(kv! { b = 2 });
        tokens.reset().unwrap();
        assert_eq!(fields::get(), of(kv! { b = 2 }));
    });
}

#[test]
fn dropping_tokens_keeps_the_fields() {
    fresh(|| {
        drop(fields::set(kv! { a = 1 }));
        assert_eq!(fields::get(), of(kv! { a = 1 }));
    });
}

#[test]
fn one_key_is_taken_out_of_the_tokens() {
    fresh(|| {
        let mut tokens = fields::set(kv! { a = 1, b = 2, c = 3 });
        assert!(tokens.take("unknown").is_none());
        let b = tokens.take("b").unwrap();
        assert!(tokens.take("b").is_none());
        assert_eq!(format!("{tokens:?} {b:?}"), r#"Tokens {"a", "c"} Tokens {"b"}"#);
        tokens.reset().unwrap();
        assert_eq!(fields::get(), of(kv! { b = 2 }));
        b.reset().unwrap();
        assert!(fields::get().is_empty());
    });
}

#[test]
fn tokens_of_another_context_are_handed_back_and_nothing_is_changed() {
    fresh(|| {
        fields::set(kv! { a = 0 });
        let mut tokens = fields::set(kv! { a = 1, b = 2 });
        let taken = tokens.take("b").unwrap();
        let mut copy = Context::current();
        let (tokens, taken) = copy.run(|| {
            let error = tokens.reset().unwrap_err();
            assert!(error.to_string().contains("context"));
            let taken = taken.reset().unwrap_err().into_tokens();
            assert_eq!(fields::get(), of(kv! { a = 1, b = 2 }));
            (error.into_tokens(), taken)
        });
        assert_eq!(fields::get(), of(kv! { a = 1, b = 2 }));
        tokens.reset().unwrap();
        taken.reset().unwrap();
        assert_eq!(fields::get(), of(kv! { a = 0 }));
    });
}

#[test]
fn tokens_work_on_another_thread_where_their_context_is_entered() {
    let mut context = Context::new();
    let tokens = context.run(|| fields::set(kv! { a = 1 }));
    on_thread(move || {
        let tokens = tokens.reset().unwrap_err().into_tokens();
        context.run(|| {
            tokens.reset().unwrap();
            assert!(fields::get().is_empty());
        });
    });
}

#[test]
fn unbind_counts_each_key_once_and_ignores_unknown_ones() {
    fresh(|| {
        fields::set(kv! { a = 1, b = 2, c = 3 });
        assert_eq!(fields::unset(["a", "x", "a", "c"]), 2);
        assert_eq!(fields::unset(Vec::<String>::new()), 0);
        assert_eq!(fields::get(), of(kv! { b = 2 }));
    });
}

#[test]
fn clear_leaves_typed_variables_and_other_contexts_alone() {
    static USER: ContextVar<&str> = ContextVar::new("user");
    fresh(|| {
        USER.set("ann");
        fields::set(kv! { a = 1 });
        let mut copy = Context::current();
        fields::clear();
        assert_eq!(USER.get(), "ann");
        assert!(fields::get().is_empty());
        assert_eq!(copy.run(fields::get), of(kv! { a = 1 }));
    });
}

#[test]
fn get_is_a_snapshot() {
    fresh(|| {
        fields::set(kv! { a = 1 });
        let before = fields::get();
        fields::set(kv! { b = 2 });
        assert_eq!(before, of(kv! { a = 1 }));
    });
}

#[test]
fn keys_may_be_dynamic() {
    fresh(|| {
        fields::set(vec![(format!("header.{}", 1), "a".to_string())]);
        fields::set(vec![(Text::from("b"), Value::from(2))]);
        fields::set(std::collections::HashMap::from([("c", 1.5)]));
        fields::set(fields::get());
        assert_eq!(shown(), r#"{"header.1": "a", "b": 2, "c": 1.5}"#);
    });
}

#[test]
fn a_bind_in_a_root_context_is_forbidden_where_a_set_is() {
    on_thread(|| {
        forbid_bare_set();
        let text = panic_text(|| fields::set(kv! { a = 1 }));
        assert!(text.contains("`log fields`"), "{text}");
        assert_eq!(fields::get(), Fields::new());
        fields::sync_scope(kv! { a = 1 }, || {
            assert_eq!(fields::get().len(), 1);
            panic_text(|| fields::set(kv! { b = 1 }));
        });
        let scoped = fields::scope(kv! { a = 1 }, async { fields::get().len() });
        assert_eq!(futures::executor::block_on(scoped), 1);
        assert_eq!(fields::unset(["a"]), 0);
        fields::clear();
        fresh(|| fields::set(kv! { a = 1 }).reset().unwrap());
    });
}
