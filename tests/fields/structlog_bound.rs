//! The five tests of structlog's `TestBoundContextvars`, and the same five of `TestBoundThreadlocal`.

use contextvars::{fields, fields::kv, thread_fields};

use crate::support::on_thread;
use crate::{fresh, of};

macro_rules! bound_tests {
    ($module:ident, $run:ident, $fields:ident, $bind:path) => {
        mod $module {
            use super::*;

            #[test]
            fn fields_are_gone_after_the_block() {
                $run(|| {
                    $fields::bound(kv! { x = 1 })
                        .run(|| assert_eq!($fields::get(), of(kv! { x = 1 })));
                    assert!($fields::get().is_empty());
                });
            }

            #[test]
            fn an_overwritten_key_is_restored_and_unrelated_ones_are_kept() {
                $run(|| {
                    $bind(kv! { x = 1, y = 2 });
                    $fields::bound(kv! { x = 3 })
                        .run(|| assert_eq!($fields::get(), of(kv! { x = 3, y = 2 })));
                    assert_eq!(format!("{:?}", $fields::get()), r#"{"x": 1, "y": 2}"#);
                });
            }

            #[test]
            fn an_independent_bind_inside_survives() {
                $run(|| {
                    $fields::bound(kv! { x = 1 }).run(|| $bind(kv! { y = 2 }));
                    assert_eq!($fields::get(), of(kv! { y = 2 }));
                });
            }

            #[test]
            fn blocks_nest() {
                $run(|| {
                    let outer = $fields::bound(kv! { x = 1 }).enter();
                    let inner = $fields::bound(kv! { x = 2, y = 2 }).enter();
                    assert_eq!($fields::get(), of(kv! { x = 2, y = 2 }));
                    drop(inner);
                    assert_eq!($fields::get(), of(kv! { x = 1 }));
                    drop(outer);
                    assert!($fields::get().is_empty());
                });
            }

            #[test]
            fn a_wrapped_function_has_the_fields_and_takes_its_argument() {
                $run(|| {
                    let wrapped =
                        $fields::bound(kv! { x = 1 }).wrap_with(|n: u32| (n, $fields::get()));
                    assert_eq!(wrapped(42), (42, of(kv! { x = 1 })));
                    assert_eq!(wrapped(43), (43, of(kv! { x = 1 })));
                    let wrapped = $fields::bound(kv! { x = 1 }).wrap(|| $fields::get().len());
                    assert_eq!(wrapped(), 1);
                    assert!($fields::get().is_empty());
                });
            }
        }
    };
}

fn bind(kv: impl IntoIterator<Item = (fields::Text, fields::Value)>) {
    let _ = fields::bind(kv);
}

bound_tests!(of_the_context, fresh, fields, bind);
bound_tests!(of_the_thread, on_thread, thread_fields, thread_fields::bind);
