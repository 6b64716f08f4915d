//! Sentence 7: a `Binding` is `!Send`. If it is dropped out of order, it behaves as tokens do. If it is dropped in another
//! context, it does nothing.

use contextvars::{Binding, Context, ContextVar};
use static_assertions::assert_not_impl_any;

use crate::support::{Counted, Counter, panic_text};

static A: ContextVar<u32> = ContextVar::new("a");

#[test]
fn a_binding_is_not_send() {
    assert_not_impl_any!(Binding<'static, u32>: Send);
}

#[test]
fn a_binding_binds_and_restores_on_drop() {
    let mut context = Context::new();
    context.run(|| {
        {
            let _one = A.bind(1);
            assert_eq!(A.get(), 1);
            {
                let _two = A.bind(2);
                assert_eq!(A.get(), 2);
                A.set(3);
            }
            assert_eq!(A.get(), 1, "a later set does not matter");
        }
        assert!(A.try_get().is_err(), "an unset variable is restored too");
    });
    assert!(context.is_empty());
}

#[test]
fn a_binding_restores_on_unwind() {
    Context::new().with_value(&A, 1).run(|| {
        let text = panic_text(|| {
            let _binding = A.bind(2);
            panic!("at {}", A.get())
        });
        assert_eq!(text, "at 2");
        assert_eq!(A.get(), 1);
    });
}

#[test]
fn dropped_out_of_order_it_behaves_as_tokens_do() {
    Context::new().run(|| {
        let first = A.bind(1);
        let second = A.bind(2);
        let third = A.bind(3);
        drop(second);
        assert_eq!(A.get(), 1, "each restores its own old value");
        drop(first);
        assert!(A.try_get().is_err());
        drop(third);
        assert_eq!(A.get(), 2);
    });
}

#[test]
fn dropped_in_another_context_it_does_nothing() {
    let mut context = Context::new().with_value(&A, 1);
    let binding = context.run(|| A.bind(2));
    Context::new().with_value(&A, 9).run(|| {
        drop(binding);
        assert_eq!(A.get(), 9);
    });
    assert_eq!(context.get(&A), Some(&2), "its own context is unchanged");
}

#[test]
fn dropped_in_a_copy_it_does_nothing() {
    Context::new().run(|| {
        let binding = A.bind(1);
        Context::current().run(|| {
            drop(binding);
            assert_eq!(A.get(), 1);
        });
        assert_eq!(A.get(), 1);
    });
}

#[test]
fn dropped_in_its_own_context_entered_again_it_restores() {
    let mut context = Context::new().with_value(&A, 1);
    let binding = context.run(|| A.bind(2));
    context.run(|| drop(binding));
    assert_eq!(context.get(&A), Some(&1));
}

#[test]
fn a_binding_dropped_in_another_context_drops_its_old_value_once() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::numbered(&counter, 1));
    let binding = context.run(|| VALUE.bind(Counted::numbered(&counter, 2)));
    assert_eq!(counter.live(), 2);
    drop(binding);
    assert_eq!(counter.live(), 1);
    assert_eq!(context.get(&VALUE).map(Counted::number), Some(2));
    drop(context);
    assert_eq!(counter.live(), 0);
}

#[test]
fn bindings_and_tokens_mix() {
    Context::new().run(|| {
        let token = A.set(1);
        let binding = A.bind(2);
        assert!(A.reset(token).is_ok());
        assert!(A.try_get().is_err());
        drop(binding);
        assert_eq!(A.get(), 1);
    });
}
