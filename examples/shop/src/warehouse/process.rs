//! The warehouse as a child process: this program, started with `warehouse` as its first argument.

use std::env;
use std::io::{self, Read as _};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::context::INTERNAL;
use crate::ctrl_c;
use crate::journal::{Journal, Process};
use crate::ways::Way;

/// The time that the warehouse has to exit after it was told to.
const GRACE: Duration = Duration::from_secs(3);

/// A warehouse that accepts requests. Dropping this value kills the process.
pub(crate) struct WarehouseProcess {
    child: Child,
    /// Never written to. It is closed when this process ends for any reason, and the child exits when it reads the end of file.
    stdin: Option<ChildStdin>,
    first_line: String,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) port: u16,
}

impl WarehouseProcess {
    /// Starts the warehouse and waits for the line that reports its port.
    pub(crate) async fn start(port: u16) -> io::Result<Self> {
        let mut child = command(port)?.spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or(io::Error::other("the child has no stdout"))?;
        let mut lines = BufReader::new(stdout).lines();
        let first_line = lines.next_line().await?.unwrap_or_default();
        let Some(port) = port_of(&first_line) else {
            let status = child.wait().await?;
            return Err(io::Error::other(format!("the warehouse did not open: {status}")));
        };
        Ok(Self { child, stdin, first_line, lines, port })
    }

    /// Copies the lines of the warehouse to `journal` until the process ends.
    pub(crate) fn copy_lines(self, journal: Journal) -> Running {
        let Self { child, stdin, first_line, mut lines, .. } = self;
        let copied = tokio::spawn(async move {
            let mut line = Some(first_line);
            while let Some(text) = line {
                journal.line(Process::Warehouse, &text);
                line = lines.next_line().await?;
            }
            Ok(())
        });
        Running { child, stdin, copied }
    }
}

/// A warehouse whose lines are copied. Dropping this value kills the process; [`close`](Self::close) lets it finish.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    copied: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Waits until the process exits, which is unexpected, and returns the reason as an error.
    pub(crate) async fn failed(&mut self) -> io::Error {
        match self.child.wait().await {
            Ok(status) => io::Error::other(format!("the warehouse went away: {status}")),
            Err(error) => error,
        }
    }

    /// Lets the warehouse answer its pending requests and exit. Returns once the journal has all its lines.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        drop(self.stdin.take());
        let ended = timeout(GRACE, async {
            let status = self.child.wait().await?;
            (&mut self.copied).await??;
            Ok::<_, io::Error>(status)
        });
        match ended.await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(io::Error::other(format!("the warehouse failed: {status}"))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("the warehouse did not end in time, and was killed")),
        }
    }
}

fn command(port: u16) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["warehouse", "--port", &port.to_string(), "--way", Way::current().name()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    INTERNAL.inject(command.as_std_mut()); // sets TRACEPARENT, BAGGAGE and the other variables
    Ok(command)
}

fn port_of(line: &str) -> Option<u16> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["port"].as_u64()?.try_into().ok()
}

/// Returns a future that completes when stdin is closed; the child calls this. From then on, the child ignores Ctrl-C, which a
/// terminal sends to both processes, because the parent may still have requests to answer.
pub(crate) fn parent_gone() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let ignored = ctrl_c()?;
    let (gone, wait) = oneshot::channel::<()>();
    thread::spawn(move || {
        let _gone = gone;
        io::stdin().read_to_end(&mut Vec::new())
    });
    Ok(async move {
        wait.await.ok();
        drop(ignored);
    })
}
