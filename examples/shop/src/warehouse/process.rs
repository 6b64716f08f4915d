//! The warehouse as a child process: this program again, with `warehouse` as its first argument.

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
use crate::journal::{Journal, Process};
use crate::{ctrl_c, off};

/// How long the warehouse may take to end once it was told to.
const GRACE: Duration = Duration::from_secs(3);

/// A warehouse that is open. Killed when dropped.
pub(crate) struct WarehouseProcess {
    child: Child,
    /// Nothing is written to it: its end tells the child that we are gone, however that came about.
    stdin: Option<ChildStdin>,
    first_line: String,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) port: u16,
}

impl WarehouseProcess {
    /// Starts it and waits until it says that it is open, and where.
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

    /// Copies its lines to `journal`, until it ends.
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

/// A warehouse whose lines are copied. Killed when dropped; [`close`](Self::close) is the polite way.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    copied: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Waits until it ends, which it should not, and says how.
    pub(crate) async fn failed(&mut self) -> io::Error {
        match self.child.wait().await {
            Ok(status) => io::Error::other(format!("the warehouse went away: {status}")),
            Err(error) => error,
        }
    }

    /// Ends it, once it has answered what it was asked; returns when all its lines are in the journal.
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
    command.args(["warehouse", "--port", &port.to_string()]);
    command.args(off::is_off().then_some("--off"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    INTERNAL.inject(command.as_std_mut()); // TRACEPARENT, BAGGAGE and the like
    Ok(command)
}

fn port_of(line: &str) -> Option<u16> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["port"].as_u64()?.try_into().ok()
}

/// In the child: ready when stdin ends. Ctrl-C, which a terminal sends to both, is left to the parent from now on, which
/// may still have requests to answer.
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
