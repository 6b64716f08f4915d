//! The macro `kv!`, a literal for log fields.

/// Creates an array of keys and values, for [`fields::set`](crate::fields::set), [`bind`](crate::fields::bind),
/// [`scope`](crate::fields::scope) and all other functions that accept fields.
///
/// A key is an identifier, or a string literal if it cannot be an identifier. A value is any
/// [`ToValue`](crate::fields::ToValue). As in tracing's macros, `%` in front of a value formats it by its `Display`, and `?` by
/// its `Debug`, and a local variable alone is a field with the variable's name. If the keys are only known at run time, use an
/// array of pairs.
///
/// ```
/// use contextvars::fields::{Fields, kv};
///
/// let (user, path) = ("ann", std::net::Ipv4Addr::LOCALHOST);
/// let fields = Fields::from_iter(kv! {
///     user,
///     attempts = 1 + 2,
///     %path,
///     state = ?Some(4),
///     "http.status" = 200,
/// });
/// assert_eq!(
///     format!("{fields:?}"),
///     r#"{"user": "ann", "attempts": 3, "path": "127.0.0.1", "state": "Some(4)", "http.status": 200}"#,
/// );
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __kv {
    (@key $key:literal) => { $crate::fields::Text::from($key) };
    (@key $key:ident) => { $crate::fields::Text::of_identifier(::core::stringify!($key)) };
    (@value $value:literal) => { $crate::fields::Value::from($value) };
    (@value $value:expr) => { $crate::fields::ToValue::to_value(&$value) };

    // The finished pairs are in the brackets; the remaining fields follow them.
    (@fields [$($done:tt)*]) => { [$($done)*] };
    (@fields [$($done:tt)*] $key:tt = %$value:expr $(, $($rest:tt)*)?) => {
        $crate::__kv!(@field [$($done)*] $key, $crate::fields::display(&$value), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:tt = ?$value:expr $(, $($rest:tt)*)?) => {
        $crate::__kv!(@field [$($done)*] $key, $crate::fields::debug(&$value), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:tt = $value:tt $(, $($rest:tt)*)?) => {
        $crate::__kv!(@field [$($done)*] $key, $value, $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:tt = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__kv!(@field [$($done)*] $key, $value, $($($rest)*)?)
    };
    (@fields [$($done:tt)*] %$key:ident $(, $($rest:tt)*)?) => {
        $crate::__kv!(@field [$($done)*] $key, $crate::fields::display(&$key), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] ?$key:ident $(, $($rest:tt)*)?) => {
        $crate::__kv!(@field [$($done)*] $key, $crate::fields::debug(&$key), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:ident $(, $($rest:tt)*)?) => {
        $crate::__kv!(@field [$($done)*] $key, $key, $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $($wrong:tt)+) => {
        ::core::compile_error!(
            "expected `key = value`, `key = %value`, `key = ?value` or a variable alone, separated by commas; write a key that is \
             not an identifier in quotes: \"http.status\" = 200"
        )
    };
    (@field [$($done:tt)*] $key:tt, $value:tt, $($rest:tt)*) => {
        $crate::__kv!(@fields
            [$($done)* ($crate::__kv!(@key $key), $crate::__kv!(@value $value)),] $($rest)*)
    };
    (@field [$($done:tt)*] $key:tt, $value:expr, $($rest:tt)*) => {
        $crate::__kv!(@fields
            [$($done)* ($crate::__kv!(@key $key), $crate::__kv!(@value $value)),] $($rest)*)
    };

    () => { [(); 0].map(|()| ($crate::fields::Text::from(""), $crate::fields::Value::Null)) };
    ($($fields:tt)+) => { $crate::__kv!(@fields [] $($fields)+) };
}
