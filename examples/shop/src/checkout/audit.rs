//! A long-lived thread that receives messages from a channel.
//!
//! The thread works for all requests, so its root context has no ids. Each message carries the context of the request that sent
//! it.

use std::io;
use std::thread::{self, JoinHandle};

use contextvars::Context;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tracing::instrument;

use crate::failure::Failure;

struct Message {
    context: Context,
    order: u64,
}

/// The sending side. The thread ends when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Audit(Sender<Message>);

impl Audit {
    pub(super) async fn record(&self, order: u64) -> Result<(), Failure> {
        let context = Context::current();
        Ok(self.0.send(Message { context, order }).await?)
    }
}

pub(crate) fn start() -> io::Result<(Audit, JoinHandle<()>)> {
    let (sender, receiver) = mpsc::channel(1024);
    let thread = thread::Builder::new().name("audit".into()).spawn(move || serve(receiver))?;
    Ok((Audit(sender), thread))
}

fn serve(mut messages: Receiver<Message>) {
    while let Some(Message { mut context, order }) = messages.blocking_recv() {
        context.run(|| audit(order));
    }
}

#[instrument]
fn audit(order: u64) {
    tracing::debug!("book opened");
    tracing::info!("audited");
}
