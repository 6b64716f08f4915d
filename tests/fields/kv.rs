//! The macro `kv!`.

use contextvars::fields::kv;

use crate::of;

#[derive(Debug)]
struct Point {
    x: i32,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {}", self.x)
    }
}

#[test]
fn every_form_of_a_field() {
    let (user, point, x) = (String::from("ann"), Point { x: -1 }, 2);
    let borrowed: &str = &user;
    let fields = of(kv! {
        user, %point, ?x,
        literal = "text",
        number = 3,
        negative = -x,
        sum = x + 1,
        shown = %point,
        path = ?point,
        deep = %point.x,
        "http.status" = 200,
        type = true,
        r#match = 'c',
        borrowed = borrowed,
        call = user.len(),
        nested = { if x > 1 { "big" } else { "small" } },
        minus = -1.5,
    });
    assert_eq!(
        format!("{fields:?}"),
        r#"{"user": "ann", "point": "at -1", "x": "2", "literal": "text", "number": 3, "negative": -2, "sum": 3, "shown": "at -1", "path": "Point { x: -1 }", "deep": "-1", "http.status": 200, "type": true, "match": "c", "borrowed": "ann", "call": 3, "nested": "big", "minus": -1.5}"#,
    );
    drop(user);
}

#[test]
fn commas_at_the_end_are_allowed_and_nothing_is_fine() {
    assert_eq!(kv! { a = 1 }.len(), 1);
    assert_eq!(kv! { a = 1, }.len(), 1);
    assert_eq!(kv! { a = 1 + 1, }.len(), 1);
    assert_eq!(kv! {}.len(), 0);
    assert!(of(kv! {}).is_empty());
}

#[test]
fn the_macro_is_found_by_its_path() {
    assert_eq!(contextvars::fields::kv!(a = 1).len(), 1);
}

#[test]
fn a_value_is_evaluated_once() {
    let mut calls = 0;
    let mut call = || {
        calls += 1;
        calls
    };
    let _ = kv! { a = call(), b = %call(), c = ?call() };
    assert_eq!(calls, 3);
}
