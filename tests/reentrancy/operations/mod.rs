//! What user code may call: every function of the crate, each call checking its own result.
//!
//! An operation makes no assumption about the current context, except that nobody uses the
//! variables that are private to this module. Used by tests/teardown.rs as well.

use crate::probe::Operation;

mod contexts;
mod reading;
mod tasks;
mod writing;

/// All operations, in groups.
pub(crate) const OPERATIONS: &[&[Operation]] =
    &[reading::ALL, writing::ALL, writing::LEAVING, contexts::ALL, tasks::ALL];

/// Makes a list of functions a list of operations that are named after them.
macro_rules! operations {
    (keeps: $keeps:literal, $($name:ident),+ $(,)?) => {
        &[$($crate::probe::Operation { name: stringify!($name), run: $name, keeps: $keeps }),+]
    };
}
use operations;
