//! The life cycle of the shop: it opens and closes the port, the warehouse process and the audit thread.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use contextvars::{Context, ContextExt as _};
use contextvars_wire::Environment;
use tokio::net::TcpListener;
use tokio::runtime;

use crate::args::Options;
use crate::checkout::audit::{self, Audit};
use crate::context::{INTERNAL, REQUEST_ID, USER_ID};
use crate::edge::{Shop, routes};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::listen;
use crate::warehouse::client::Warehouse;
use crate::warehouse::process::WarehouseProcess;

/// The time that pending requests have to complete once the shop stops.
const GRACE: Duration = Duration::from_secs(3);

/// A shop whose port is bound and whose warehouse is open.
pub(crate) struct Open {
    start: Context,
    listener: TcpListener,
    warehouse: WarehouseProcess,
    shop: Shop,
}

/// Runs `work` on a new runtime. Returns once all its tasks and the audit thread have ended.
pub(crate) fn run<T>(work: impl AsyncFnOnce(Audit) -> io::Result<T>) -> io::Result<T> {
    let (audit, audit_thread) = audit::start()?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let output = runtime.block_on(work(audit));
    drop(runtime); // drops the tasks, and with them the last senders to the audit thread
    audit_thread.join().map_err(|_| io::Error::other("the audit thread panicked"))?;
    output
}

impl Open {
    pub(crate) async fn new(options: &Options, journal: Journal, audit: Audit) -> io::Result<Self> {
        let listener = listen(options.port, "--port").await?;
        // The start belongs to a trace, too; the parent process may pass one in the environment.
        let start = INTERNAL
            .extract(&Environment)
            .context
            .with_value(&REQUEST_ID, "start".to_owned())
            .with_value(&USER_ID, "operator".to_owned());
        let warehouse = WarehouseProcess::start(options.warehouse_port);
        let warehouse = warehouse.in_context(start.clone()).await?;
        let client = Warehouse::new(warehouse.port).map_err(io::Error::other)?;
        let shop = Shop { audit, journal, ledger: Ledger::default(), warehouse: client };
        Ok(Self { start, listener, warehouse, shop })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` completes and the pending requests are answered, or until the warehouse exits.
    pub(crate) async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { mut start, listener, warehouse, shop } = self;
        start.run(|| tracing::info!("shop open"));
        let mut warehouse = warehouse.copy_lines(shop.journal.clone());
        let (stopping, stopped) = tokio::sync::oneshot::channel();
        let journal = shop.journal.clone();
        let stop = async move {
            stop.await;
            journal.close_pages();
            stopping.send(()).ok(); // fails if serving has already ended
        };
        let give_up = async {
            stopped.await.ok();
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = axum::serve(listener, routes(shop)).with_graceful_shutdown(stop) => served?,
            error = warehouse.failed() => return Err(error),
            () = give_up => start.run(|| tracing::warn!("requests in flight were cut off")),
        }
        warehouse.close().await
    }
}
