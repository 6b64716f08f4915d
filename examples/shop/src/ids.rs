//! Who the current request belongs to.
//!
//! Set once, by the edge middleware in `server.rs`; read once, where `lines.rs` writes a line.
//! Everything between does not know that ids exist.

use std::cell::RefCell;
use std::sync::OnceLock;

use contextvars::{Context, ContextExt as _, ContextVar};

pub(crate) static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
pub(crate) static USER_ID: ContextVar<String> = ContextVar::new("user_id");

/// Where the ids live: in context variables or, to see what goes wrong then, in a thread-local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ContextVars,
    ThreadLocal,
}

static MODE: OnceLock<Mode> = OnceLock::new();

/// Chooses the mode; the first call decides.
pub(crate) fn choose(mode: Mode) {
    MODE.get_or_init(|| mode);
}

fn mode() -> Mode {
    *MODE.get_or_init(|| Mode::ContextVars)
}

#[derive(Clone, Default)]
pub(crate) struct Ids {
    pub(crate) request_id: Option<String>,
    pub(crate) user_id: Option<String>,
}

thread_local! {
    static THREAD_IDS: RefCell<Ids> = RefCell::default();
}

/// Runs a request's work so that its lines find the ids that `context` holds.
pub(crate) async fn enter<F: Future>(context: Context, work: F) -> F::Output {
    match mode() {
        // Swapped in for every poll of `work`, on whichever thread that happens.
        Mode::ContextVars => work.in_context(context).await,
        // Stays on the thread of the first poll, for whoever runs there next.
        Mode::ThreadLocal => {
            THREAD_IDS.set(Ids {
                request_id: context.get(&REQUEST_ID).cloned(),
                user_id: context.get(&USER_ID).cloned(),
            });
            work.await
        }
    }
}

/// The ids as seen from here, now.
pub(crate) fn current() -> Ids {
    match mode() {
        Mode::ContextVars => {
            Ids { request_id: REQUEST_ID.try_get().ok(), user_id: USER_ID.try_get().ok() }
        }
        Mode::ThreadLocal => THREAD_IDS.with_borrow(Ids::clone),
    }
}
