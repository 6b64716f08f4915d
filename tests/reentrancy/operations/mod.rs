//! The functions of the crate, which user code may call. Each operation checks the result of its own calls.
//!
//! An operation makes no assumption about the current context, except that the variables and fields that are private to this
//! module have no values. tests/teardown.rs includes this module too.

use crate::probe::Operation;

mod changes;
mod contexts;
mod fields;
mod reading;
mod scopes;
mod tasks;
mod writing;

/// All operations, in groups.
pub(crate) const OPERATIONS: &[&[Operation]] = &[
    reading::ALL,
    writing::ALL,
    writing::LEAVING,
    contexts::ALL,
    changes::ALL,
    changes::LEAVING,
    tasks::ALL,
    scopes::ALL,
    fields::ALL,
];

/// Makes a list of functions a list of operations that are named after them.
macro_rules! operations {
    (keeps: $keeps:literal, $($name:ident),+ $(,)?) => {
        &[$($crate::probe::Operation { name: stringify!($name), run: $name, keeps: $keeps }),+]
    };
}
use operations;
