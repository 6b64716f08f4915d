//! The macro `kv!`, a literal for log fields.

/// Creates an array of keys and values, for [`fields::set`](crate::fields::set), [`bind`](crate::fields::bind),
/// [`scope`](crate::fields::scope) and all other functions that accept fields.
///
/// Between the braces are fields, separated by commas. Each field has one of these forms:
///
/// | field | key | value |
/// |---|---|---|
/// | `key = value` | the identifier, or a string literal: `"http.status" = 200` | any [`ToValue`](crate::fields::ToValue) |
/// | `key = %value` | the same | the value's `Display` |
/// | `key = ?value` | the same | the value's `Debug` |
/// | `name`, `%name`, `?name` | the name of a local variable | that variable, as above |
///
/// These are the forms of tracing's macros. If the keys are only known at run time, use an array of pairs.
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
/// assert_eq!(fields.len(), 5);
/// assert_eq!(fields.get("path").unwrap().to_string(), "127.0.0.1");
/// assert_eq!(fields.get("state").unwrap().to_string(), "Some(4)");
/// ```
#[doc(hidden)] // under this name; `fields` re-exports it as `kv`
#[macro_export]
macro_rules! __kv {
    ($($fields:tt)*) => { $crate::__kv_fields!(@fields [] $($fields)*) };
}

/// The steps of `kv!`, apart from it so that its documentation does not show them.
#[doc(hidden)]
#[macro_export]
macro_rules! __kv_fields {
    (@key $key:literal) => { $crate::fields::Text::from($key) };
    (@key $key:ident) => { $crate::fields::Text::of_identifier(::core::stringify!($key)) };
    (@value $value:literal) => { $crate::fields::Value::from($value) };
    (@value $value:expr) => { $crate::fields::ToValue::to_value(&$value) };

    // The finished pairs are in the brackets; the remaining fields follow them.
    (@fields []) => {
        [(); 0].map(|()| ($crate::fields::Text::from(""), $crate::fields::Value::Null))
    };
    (@fields [$($done:tt)*]) => { [$($done)*] };
    (@fields [$($done:tt)*] $key:tt = %$value:expr $(, $($rest:tt)*)?) => {
        $crate::__kv_fields!(@field [$($done)*] $key, $crate::fields::display(&$value), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:tt = ?$value:expr $(, $($rest:tt)*)?) => {
        $crate::__kv_fields!(@field [$($done)*] $key, $crate::fields::debug(&$value), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:tt = $value:tt $(, $($rest:tt)*)?) => {
        $crate::__kv_fields!(@field [$($done)*] $key, $value, $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:tt = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__kv_fields!(@field [$($done)*] $key, $value, $($($rest)*)?)
    };
    (@fields [$($done:tt)*] %$key:ident $(, $($rest:tt)*)?) => {
        $crate::__kv_fields!(@field [$($done)*] $key, $crate::fields::display(&$key), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] ?$key:ident $(, $($rest:tt)*)?) => {
        $crate::__kv_fields!(@field [$($done)*] $key, $crate::fields::debug(&$key), $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $key:ident $(, $($rest:tt)*)?) => {
        $crate::__kv_fields!(@field [$($done)*] $key, $key, $($($rest)*)?)
    };
    (@fields [$($done:tt)*] $($wrong:tt)+) => {
        ::core::compile_error!(
            "expected `key = value`, `key = %value`, `key = ?value` or a variable alone, separated by commas; write a key that is \
             not an identifier in quotes: \"http.status\" = 200"
        )
    };
    (@field [$($done:tt)*] $key:tt, $value:tt, $($rest:tt)*) => {
        $crate::__kv_fields!(@fields
            [$($done)* ($crate::__kv_fields!(@key $key), $crate::__kv_fields!(@value $value)),] $($rest)*)
    };
    (@field [$($done:tt)*] $key:tt, $value:expr, $($rest:tt)*) => {
        $crate::__kv_fields!(@fields
            [$($done)* ($crate::__kv_fields!(@key $key), $crate::__kv_fields!(@value $value)),] $($rest)*)
    };
}
