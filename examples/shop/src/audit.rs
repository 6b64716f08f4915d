//! The audit: one long-lived thread, fed by a channel.
//!
//! The thread serves everybody, so it has no context worth the name; each message carries the
//! context of the request that sent it.

use std::io;
use std::thread::{self, JoinHandle};

use contextvars::Context;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::checkout::OrderId;
use crate::failure::Failure;
use crate::lines::{Place, info};

struct Message {
    context: Context,
    order: OrderId,
}

/// The sending side; the thread ends when the last clone is gone.
#[derive(Clone)]
pub(crate) struct Audit(Sender<Message>);

impl Audit {
    pub(crate) async fn record(&self, order: OrderId) -> Result<(), Failure> {
        let context = Context::current();
        Ok(self.0.send(Message { context, order }).await?)
    }
}

pub(crate) fn start() -> io::Result<(Audit, JoinHandle<()>)> {
    let (sender, receiver) = mpsc::channel(1024);
    let thread = thread::Builder::new().name("audit".into()).spawn(move || audit(receiver))?;
    Ok((Audit(sender), thread))
}

fn audit(mut messages: Receiver<Message>) {
    while let Some(Message { mut context, order }) = messages.blocking_recv() {
        context.run(|| info(Place::Thread, order, "audited"));
    }
}
