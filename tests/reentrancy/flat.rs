//! A borrow by `with` keeps only the borrowed value alive, so a server that runs inside of an outer `with` does not grow.

use contextvars::{Context, ContextExt as _, ContextVar, copy_context};

use crate::support::{ByHand, Counted, Counter, yield_once};

static LENT: ContextVar<Counted> = ContextVar::new("lent");
static OTHER: ContextVar<Counted> = ContextVar::new("other");

const MANY: u32 = if cfg!(miri) { 200 } else { 1_000_000 };
const FEWER: u32 = if cfg!(miri) { 100 } else { 100_000 };

/// The most values that may be alive: the borrowed one, those that are set, and those that one round makes.
const HANDFUL: usize = 6;

/// Runs `round` many times under one outer borrow. After each, at most [`HANDFUL`] values may be alive.
fn stays_flat(rounds: u32, mut round: impl FnMut(&dyn Fn() -> Counted)) {
    let counter = Counter::new();
    let make = || Counted::numbered(&counter, 2);
    Context::new().run(|| {
        drop(LENT.set(Counted::numbered(&counter, 1)));
        drop(OTHER.set(make()));
        LENT.with(|lent| {
            for number in 0..rounds {
                round(&make);
                assert!(counter.live() <= HANDFUL, "{} alive in round {number}", counter.live());
                assert_eq!(lent.number(), 1);
            }
        });
    });
    drop(round);
    assert!(counter.made() > rounds as usize, "the rounds made no values");
    assert_eq!(counter.live(), 0);
}

#[test]
fn a_million_sets_under_one_loan_keep_memory_flat() {
    stays_flat(MANY, |make| drop(LENT.set(make())));
}

#[test]
fn a_million_sets_of_another_variable_under_one_loan_keep_memory_flat() {
    stays_flat(MANY, |make| drop(OTHER.set(make())));
}

/// The future never completes, and replaces the value of the borrowed variable at each poll.
#[test]
fn a_million_polls_under_one_loan_keep_memory_flat() {
    let mut endless = None;
    stays_flat(MANY, move |make| {
        let future = endless.get_or_insert_with(|| ByHand::new(forever().in_current_context()));
        future.step();
        drop(OTHER.set(make()));
    });
}

async fn forever() {
    loop {
        LENT.with(|lent| drop(LENT.set(lent.clone())));
        yield_once().await;
    }
}

#[test]
fn futures_made_and_dropped_under_one_loan_keep_memory_flat() {
    stays_flat(FEWER, |make| {
        let future = async {
            drop(LENT.set(make()));
            yield_once().await;
            LENT.with(|_| drop(LENT.set(make())));
        };
        let mut future = ByHand::new(future.in_current_context());
        future.step();
        future.last_step();
    });
}

#[test]
fn loans_inside_one_loan_keep_memory_flat() {
    stays_flat(FEWER, |make| {
        LENT.with(|_| {
            OTHER.with(|_| {
                drop(LENT.set(make()));
                drop(OTHER.set(make()));
            });
        });
    });
}

#[test]
fn contexts_entered_under_one_loan_keep_memory_flat() {
    stays_flat(FEWER, |make| {
        copy_context().run(|| LENT.with(|_| drop(LENT.set(make()))));
        Context::new().run(|| drop(LENT.set(make())));
    });
}

#[test]
fn scopes_bindings_and_resets_under_one_loan_keep_memory_flat() {
    stays_flat(FEWER, |make| {
        LENT.sync_scope(make(), || LENT.with(|_| ()));
        drop(LENT.bind(make()));
        let token = LENT.set(make());
        LENT.reset(token).unwrap();
    });
}

/// The borrowed value is replaced and restored again and again. The borrow must not take a strong reference each time.
#[test]
fn a_lent_value_that_comes_and_goes_costs_nothing() {
    let counter = Counter::new();
    Context::new().run(|| {
        drop(LENT.set(Counted::numbered(&counter, 1)));
        LENT.with(|lent| {
            for _ in 0..FEWER {
                let token = LENT.set(Counted::numbered(&counter, 2));
                LENT.reset(token).unwrap();
            }
            assert_eq!((lent.number(), counter.live()), (1, 1));
        });
        assert_eq!(counter.live(), 1);
    });
    assert_eq!(counter.live(), 0);
}
