//! `Value`, `Text` and `ToValue`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use contextvars::fields::{Text, ToValue, Value, debug, display};

#[test]
fn integers_are_equal_by_value() {
    assert_eq!(Value::from(3_u8), Value::from(3_i128));
    assert_eq!(Value::from(u64::MAX), Value::from(u128::from(u64::MAX)));
    assert_eq!(Value::from(u128::MAX), Value::from(u128::MAX));
    assert_ne!(Value::from(u128::MAX), Value::from(-1_i128));
    assert_ne!(Value::from(u64::MAX), Value::from(-1));
    assert_ne!(Value::from(1), Value::from(true));
    assert_ne!(Value::from(1), Value::from(1.0));
    assert_ne!(Value::from(1), Value::from("1"));
    assert_ne!(Value::Null, Value::from(0));
    assert_ne!(Value::from(f64::NAN), Value::from(f64::NAN));
    assert_eq!(Value::Null, Value::default());
}

#[test]
fn primitives_become_values() {
    let shown = |value: &dyn ToValue| format!("{:?}", value.to_value());
    assert_eq!(shown(&true), "true");
    assert_eq!(shown(&-1_i8), "-1");
    assert_eq!(shown(&i128::MIN), i128::MIN.to_string());
    assert_eq!(shown(&u128::MAX), u128::MAX.to_string());
    assert_eq!(shown(&usize::MAX), usize::MAX.to_string());
    assert_eq!(shown(&isize::MIN), isize::MIN.to_string());
    assert_eq!(shown(&1.5_f32), "1.5");
    assert_eq!(shown(&f64::NAN), "NaN");
    assert_eq!(shown(&'"'), r#""\"""#);
}

#[test]
fn texts_become_values() {
    let ann = Value::from("ann");
    let shared: Arc<str> = "ann".into();
    assert_eq!(Value::from(Arc::clone(&shared)), ann);
    assert_eq!(Value::from(String::from("ann")), ann);
    assert_eq!(Value::from(Box::<str>::from("ann")), ann);
    assert_eq!(Value::from(Cow::Borrowed("ann")), ann);
    assert_eq!(Value::from(Text::from("ann")), ann);
    assert_eq!("ann".to_value(), ann);
    assert_eq!((&&"ann").to_value(), ann);
    assert_eq!(Cow::<str>::Owned("ann".into()).to_value(), ann);
    assert_eq!(Box::new(String::from("ann")).to_value(), ann);
    assert_eq!(ann.to_value(), ann);
    assert_eq!(Value::from('x').as_str(), Some("x"));
    // A clone shares the text.
    let before = Arc::strong_count(&shared);
    let kept = (shared.to_value(), shared.to_value().clone());
    assert_eq!(Arc::strong_count(&shared), before + 2);
    drop(kept);
}

#[test]
fn an_option_is_its_value_or_null() {
    assert_eq!(Some(3).to_value(), Value::from(3));
    assert_eq!(None::<&str>.to_value(), Value::Null);
    assert_eq!(Value::from(Some("a")), Value::from("a"));
    assert_eq!(Some(None::<u8>).to_value(), Value::Null);
}

#[test]
fn wrappers_show_foreign_types() {
    assert_eq!(display(&[1].len()).to_value().as_str(), Some("1"));
    assert_eq!(debug("a").to_value().as_str(), Some(r#""a""#));
    assert_eq!(display(7).0, 7);
}

#[test]
fn display_is_for_people_and_honours_the_format() {
    assert_eq!(Value::from("a\n\"b\"").to_string(), "a\n\"b\"");
    assert_eq!(format!("{:?}", Value::from("a\n\"b\"")), r#""a\n\"b\"""#);
    assert_eq!(
        format!("{:>5}|{:<5}|{:05}", Value::from("a"), Value::Null, Value::from(7)),
        "    a|null |00007"
    );
    assert_eq!(format!("{:.1}", Value::from(1.25)), "1.2");
    assert_eq!(format!("{} {}", Value::from(f64::INFINITY), Value::from(f64::NAN)), "inf NaN");
    assert_eq!(String::from(Value::from(3)), "3");
}

#[test]
fn a_key_is_looked_up_as_text() {
    let map = HashMap::from([(Text::from("a"), 1), (Text::from(String::from("b")), 2)]);
    assert_eq!((map.get("a"), map.get("b")), (Some(&1), Some(&2)));
    assert_eq!(Text::from("a").cmp(&Text::from(String::from("b"))), std::cmp::Ordering::Less);
    assert_eq!(Text::from("a").as_ref(), "a");
    assert_eq!(format!("{} {:?}", Text::from("a"), Text::from("a")), r#"a "a""#);
    assert_eq!(String::from(Text::from("a")), "a");
}

#[test]
fn debug_shows_that_a_number_has_a_fraction() {
    assert_eq!(format!("{:?} {}", Value::from(1.0), Value::from(1.0)), "1.0 1");
    assert_eq!(format!("{:?} {}", Value::from(1), Value::from(true)), "1 true");
}
