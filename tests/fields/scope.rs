//! `fields::scope`: fields that are bound at each poll of a future and while it is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::fields::{self, kv};
use contextvars::{Context, ContextExt, copy_context};

use crate::support::{ByHand, OnDrop, on_thread, panic_text, yield_once};
use crate::{fresh, of, shown};

#[test]
fn fields_are_bound_at_each_poll_and_not_between() {
    fresh(|| {
        fields::set(kv! { a = 0 });
        let mut task = ByHand::new(fields::scope(kv! { a = 1, b = 1 }, async {
            assert_eq!(shown(), r#"{"a": 1, "b": 1}"#);
            yield_once().await;
            shown()
        }));
        assert_eq!(shown(), r#"{"a": 0}"#);
        task.step();
        assert_eq!(shown(), r#"{"a": 0}"#);
        assert_eq!(task.last_step(), r#"{"a": 1, "b": 1}"#);
        assert_eq!(shown(), r#"{"a": 0}"#);
    });
}

#[test]
fn changes_of_the_keys_by_the_future_are_there_at_the_next_poll() {
    fresh(|| {
        let mut task = ByHand::new(fields::scope(kv! { a = 1, b = 1 }, async {
            let tokens = fields::set(kv! { a = 2 });
            fields::unset(["b"]);
            yield_once().await;
            assert_eq!(shown(), r#"{"outer": 0, "a": 2}"#);
            tokens.reset().unwrap();
            assert_eq!(fields::get(), of(kv! { outer = 0, a = 1 }));
            yield_once().await;
            fields::get()
        }));
        fields::set(kv! { outer = 0 });
        task.step();
        assert_eq!(shown(), r#"{"outer": 0}"#);
        fields::set(kv! { b = 5 });
        fields::unset(["b"]);
        task.step();
        assert_eq!(task.last_step(), of(kv! { outer = 0, a = 1 }));
        assert_eq!(shown(), r#"{"outer": 0}"#);
    });
}

#[test]
fn a_key_that_the_future_unbound_hides_an_outer_one() {
    fresh(|| {
        fields::set(kv! { a = 0 });
        let mut task = ByHand::new(fields::scope(kv! { a = 1 }, async {
            fields::unset(["a"]);
            yield_once().await;
            shown()
        }));
        task.step();
        assert_eq!(shown(), r#"{"a": 0}"#);
        assert_eq!(task.last_step(), "{}");
        assert_eq!(shown(), r#"{"a": 0}"#);
    });
}

#[test]
fn other_binds_made_inside_survive() {
    fresh(|| {
        let mut task = ByHand::new(fields::scope(kv! { a = 1 }, async {
            fields::set(kv! { other = 2 });
            yield_once().await;
            fields::get()
        }));
        task.step();
        assert_eq!(shown(), r#"{"other": 2}"#);
        assert_eq!(task.last_step(), of(kv! { other = 2, a = 1 }));
    });
}

#[test]
fn branches_of_a_join_do_not_see_one_another() {
    let branch = |name: &'static str| {
        fields::scope(kv! { branch = name }, async move {
            for _ in 0..3 {
                assert_eq!(fields::get(), of(kv! { branch = name }));
                yield_once().await;
            }
            fields::get()
        })
    };
    let nested = fields::scope(kv! { outer = 1 }, async {
        let inner = fields::scope(kv! { outer = 2 }, async {
            yield_once().await;
            fields::get()
        });
        futures::join!(inner, async {
            yield_once().await;
            fields::get()
        })
    });
    let all = async { futures::join!(branch("a"), branch("b"), nested) };
    let (a, b, (inner, outer)) = fresh(|| futures::executor::block_on(all));
    assert_eq!((a, b), (of(kv! { branch = "a" }), of(kv! { branch = "b" })));
    assert_eq!((inner, outer), (of(kv! { outer = 2 }), of(kv! { outer = 1 })));
}

#[test]
fn a_panicking_poll_restores_the_keys() {
    fresh(|| {
        fields::set(kv! { a = 0 });
        let mut task = ByHand::new(fields::scope(kv! { a = 1 }, async {
            fields::set(kv! { a = 2, other = 2 });
            panic!("inside");
        }));
        let poll = || task.poll();
        catch_unwind(AssertUnwindSafe(poll)).unwrap_err();
        assert_eq!(shown(), r#"{"a": 0, "other": 2}"#);
    });
}

#[test]
fn the_future_is_dropped_with_its_fields_bound() {
    let seen = std::sync::Mutex::new(vec![]);
    let look = || OnDrop(|| seen.lock().unwrap().push(shown()));
    fresh(|| {
        let scoped = |guard| {
            fields::scope(kv! { a = 1 }, async move {
                let _guard = guard;
                yield_once().await;
            })
        };
        drop(scoped(look())); // never polled

        let mut cancelled = ByHand::new(scoped(look()));
        cancelled.step();
        drop(cancelled);

        // This future keeps its captures until it is dropped itself.
        let guard = look();
        let ready = futures::future::poll_fn(move |_| {
            let _ = &guard;
            std::task::Poll::Ready(())
        });
        let mut completed = ByHand::new(fields::scope(kv! { a = 1 }, ready));
        completed.last_step();
        assert_eq!(seen.lock().unwrap().len(), 3);
        assert_eq!(shown(), "{}");
    });
    assert_eq!(*seen.lock().unwrap(), [r#"{"a": 1}"#; 3]);
}

#[test]
fn a_cancelled_future_drops_with_its_own_latest_fields() {
    let seen = std::sync::Mutex::new(String::new());
    fresh(|| {
        let mut task = ByHand::new(fields::scope(kv! { a = 1 }, async {
            let _guard = OnDrop(|| *seen.lock().unwrap() = shown());
            fields::set(kv! { a = 2 });
            yield_once().await;
        }));
        task.step();
        drop(task);
        assert_eq!(shown(), "{}");
    });
    assert_eq!(*seen.lock().unwrap(), r#"{"a": 2}"#);
}

#[test]
fn the_context_may_differ_from_poll_to_poll() {
    let mut task = ByHand::new(fields::scope(kv! { a = 1 }, async {
        yield_once().await;
        shown()
    }));
    fresh(|| task.step());
    let (seen, after) = on_thread_with(task, |mut task| {
        let mut other = Context::new();
        other.run(|| drop(fields::set(kv! { b = 2 })));
        (other.run(|| task.last_step()), other.run(shown))
    });
    assert_eq!((seen.as_str(), after.as_str()), (r#"{"b": 2, "a": 1}"#, r#"{"b": 2}"#));
}

fn on_thread_with<T: Send + 'static, R: Send + 'static>(
    value: T,
    f: impl FnOnce(T) -> R + Send + 'static,
) -> R {
    on_thread(move || f(value))
}

#[test]
fn inside_and_outside_of_a_context_wrapper() {
    let inner = fields::scope(kv! { a = 1 }, async {
        fields::set(kv! { other = 2 });
        fields::get()
    });
    let mut task = ByHand::new(inner.in_context(Context::new()));
    fresh(|| {
        assert_eq!(task.last_step(), of(kv! { a = 1, other = 2 }));
        assert_eq!(shown(), "{}");
    });

    let wrapped = async { fields::get() }.in_context(Context::new());
    let seen = fresh(|| ByHand::new(fields::scope(kv! { a = 1 }, wrapped)).last_step());
    assert!(seen.is_empty(), "a context of its own is all there is");
}

#[test]
fn a_poll_after_completion_panics_and_restores() {
    fresh(|| {
        let mut task = ByHand::new(fields::scope(kv! { a = 1 }, async {}));
        task.last_step();
        fields::set(kv! { b = 2 });
        let before = copy_context();
        assert!(panic_text(|| task.poll()).contains("completion"));
        assert_eq!(shown(), r#"{"b": 2}"#);
        assert!(copy_context().ptr_eq(&before), "the context was changed");
    });
}

#[test]
fn debug_shows_the_inner_future() {
    let scoped = fields::scope(kv! { a = 1 }, std::future::ready(7));
    assert_eq!(format!("{scoped:?}"), "Scope { inner: Some(Ready(Some(7))), .. }");
}

#[test]
fn a_stream_makes_its_items_with_the_fields_and_is_consumed_without_them() {
    use futures::stream::{self, Stream as _, StreamExt};

    fresh(|| {
        let items = fields::scope(kv! { a = 1 }, stream::iter(0..2).map(|_| shown()));
        assert_eq!(items.size_hint(), (2, Some(2)));
        let read = items.map(|item| (item, shown())).collect::<Vec<_>>();
        let expected = (r#"{"a": 1}"#.to_string(), "{}".to_string());
        assert_eq!(futures::executor::block_on(read), [expected.clone(), expected]);
    });
}
