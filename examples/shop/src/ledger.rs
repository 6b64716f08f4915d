//! The expected ids of each order, and the way in which it runs. The page compares the ids on the log lines with them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::context::{REQUEST_ID, TRACE, USER_ID};
use crate::ways::Way;

/// The number of orders that are kept. It is limited because the service may run for a long time.
const KEPT: usize = 1024;

/// The ids that a line should carry, in the order of [`Ids::KEYS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids(pub(crate) [String; 3]);

impl Ids {
    pub(crate) const KEYS: [&str; 3] = ["request_id", "user_id", "trace_id"];

    /// Returns the ids of the current context.
    pub(crate) fn current() -> Self {
        Self([REQUEST_ID.get(), USER_ID.get(), TRACE.with(|trace| trace.trace_id().to_string())])
    }
}

/// A handle to the ledger; all clones share it.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<VecDeque<(u64, Way, Ids)>>>);

impl Ledger {
    pub(crate) fn note(&self, order: u64, way: Way, ids: Ids) {
        let mut orders = self.lock();
        orders.push_back((order, way, ids));
        if orders.len() > KEPT {
            orders.pop_front();
        }
    }

    pub(crate) fn find(&self, order: u64) -> Option<(Way, Ids)> {
        let orders = self.lock();
        let (_, way, ids) = orders.iter().rev().find(|(other, ..)| *other == order)?;
        Some((*way, ids.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, Way, Ids)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
