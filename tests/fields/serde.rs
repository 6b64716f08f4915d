//! Serialization.

use contextvars::fields::{Value, kv};

use crate::of;

#[test]
fn fields_are_a_map_in_order() {
    let fields =
        of(kv! { z = "a\"\n\u{1b}\0", b = -1, c = u64::MAX, d = 1.5, e = true, f = None::<u8> });
    assert_eq!(
        serde_json::to_string(&fields).unwrap(),
        r#"{"z":"a\"\n\u001b\u0000","b":-1,"c":18446744073709551615,"d":1.5,"e":true,"f":null}"#,
    );
}

#[test]
fn wide_integers_are_numbers_as_long_as_they_fit_64_bits() {
    let json = |value: Value| serde_json::to_value(value).unwrap();
    assert_eq!(json(7_i128.into()), 7);
    assert_eq!(json((-7_i128).into()), -7);
    assert_eq!(json(i128::from(u64::MAX).into()), u64::MAX);
    assert_eq!(json(7_u128.into()), 7);
    assert_eq!(json(i128::MIN.into()), i128::MIN.to_string());
    assert_eq!(json(u128::MAX.into()), u128::MAX.to_string());
}

#[test]
fn nan_and_infinities_are_null_in_json() {
    let fields = of(kv! { nan = f64::NAN, infinite = f64::INFINITY });
    assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"nan":null,"infinite":null}"#);
}
