//! Runs every operation inside one hook, in several contexts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use contextvars::{Context, ContextExt as _, ContextVar, copy_context};

use crate::operations::OPERATIONS;
use crate::probe::{self, LOCAL, OTHER, Operation, Probe, SUBJECT, State, arm, disarm};
use crate::support::{ByHand, text_of};

/// A function that runs a hook in some context in which `SUBJECT` and `OTHER` are [`SUBJECT_WAS`] and [`OTHER_WAS`].
struct Surroundings {
    name: &'static str,
    within: fn(&dyn Fn()),
}

pub(crate) const SUBJECT_WAS: u64 = 1;
pub(crate) const OTHER_WAS: u64 = 2;
const CROWD: usize = if cfg!(miri) { 10 } else { 100 };

const SURROUNDINGS: &[Surroundings] = &[
    Surroundings { name: "in the thread's root context", within: own },
    Surroundings { name: "in an entered context", within: entered },
    Surroundings { name: "in a context that is shared with a copy", within: shared },
    Surroundings { name: "in a context of many variables", within: crowded },
    Surroundings { name: "in a context with a local variable", within: with_local },
    Surroundings { name: "while the subject is lent", within: lent },
    Surroundings { name: "in a future", within: polled },
];

/// Runs each operation in `hook`, in each of the surroundings. Panics with a list of all pairs that failed.
///
/// Under Miri, which would take minutes for all pairs of a hook, every third operation runs, in one of the surroundings. The
/// operations and the surroundings differ from hook to hook.
pub(crate) fn drive(name: &str, hook: fn()) {
    // std prints a full backtrace of each panic inside another one, which takes Miri more than ten minutes.
    if cfg!(miri) {
        std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    }
    let mut failures = Vec::new();
    let mut turn = name.bytes().map(usize::from).sum::<usize>();
    for operation in OPERATIONS.iter().flat_map(|group| group.iter()) {
        turn += 1;
        if cfg!(miri) && turn % 3 != 0 {
            continue;
        }
        let all = SURROUNDINGS.iter().cycle().skip(turn % SURROUNDINGS.len());
        for surroundings in all.take(if cfg!(miri) { 1 } else { SURROUNDINGS.len() }) {
            if let Err(what) = run_pair(hook, operation, surroundings) {
                failures.push(format!("{} {}: {what}", operation.name, surroundings.name));
            }
        }
    }
    assert!(failures.is_empty(), "{} pairs failed:\n{}", failures.len(), failures.join("\n"));
}

fn run_pair(hook: fn(), operation: &Operation, surroundings: &Surroundings) -> Result<(), String> {
    let live = probe::live();
    arm(*operation);
    let outcome = catch_unwind(AssertUnwindSafe(|| (surroundings.within)(&hook)));
    drop(probe::take_unset());
    disarm()?;
    outcome.map_err(|payload| text_of(&*payload))?;
    let state = State::now();
    if state != (State { len: 0, subject: None, other: None, local: None }) {
        return Err(format!("the thread's root context was left with {state:?}"));
    }
    match probe::live() - live {
        0 => Ok(()),
        more => Err(format!("{more} values too many are alive")),
    }
}

/// Sets the two variables in the current context, and resets them after the hook.
fn own(hook: &dyn Fn()) {
    let subject = SUBJECT.set(Probe::new(SUBJECT_WAS));
    let other = OTHER.set(OTHER_WAS);
    hook();
    SUBJECT.reset(subject).expect("the context of this token is current again");
    OTHER.reset(other).expect("the context of this token is current again");
}

/// Sets the two variables in the current context, which is about to be dropped.
///
/// The operations may use the stashed token of the subject to unset it.
fn disposable(hook: &dyn Fn()) {
    probe::stash_unset(SUBJECT.set(Probe::new(SUBJECT_WAS)));
    let other = OTHER.set(OTHER_WAS);
    hook();
    OTHER.reset(other).expect("the context of this token is current again");
}

fn entered(hook: &dyn Fn()) {
    Context::new().run(|| disposable(hook));
}

fn shared(hook: &dyn Fn()) {
    entered(&|| {
        let copy = copy_context();
        hook();
        assert_eq!(copy.len(), 2, "a copy was changed");
        assert_eq!(copy.get(&SUBJECT).map(Probe::number), Some(SUBJECT_WAS), "a copy was changed");
        assert_eq!(copy.get(&OTHER), Some(&OTHER_WAS), "a copy was changed");
    });
}

fn crowded(hook: &dyn Fn()) {
    let crowd: Vec<ContextVar<usize>> = (0..CROWD).map(|_| ContextVar::new("crowd")).collect();
    let base =
        crowd.iter().enumerate().fold(Context::new(), |base, (n, var)| base.with_value(var, n));
    base.clone().run(|| {
        disposable(hook);
        for (n, var) in crowd.iter().enumerate() {
            assert_eq!(var.get(), n, "one of the crowd was lost");
        }
    });
    assert_eq!(base.len(), CROWD);
}

fn with_local(hook: &dyn Fn()) {
    entered(&|| {
        let token = LOCAL.set(3);
        hook();
        assert_eq!(LOCAL.get(), 3, "the local variable was lost");
        LOCAL.reset(token).expect("the context of this token is current again");
    });
}

fn lent(hook: &dyn Fn()) {
    entered(&|| {
        SUBJECT.with(|subject| {
            SUBJECT.with(|again| {
                hook();
                assert_eq!(again.number(), SUBJECT_WAS, "the inner loan went bad");
            });
            assert_eq!(subject.number(), SUBJECT_WAS, "the outer loan went bad");
        });
    });
}

fn polled(hook: &dyn Fn()) {
    ByHand::new(async { disposable(hook) }.in_current_context()).last_step();
}
