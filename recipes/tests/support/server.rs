//! Server programs that a test starts, and that end with the test.

use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running program, which is killed when this value is dropped, also if the test panics.
pub(crate) struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts a program of a Debian package. If it is not installed, prints a notice and returns `None`.
    pub(crate) fn start(command: &mut Command, package: &str) -> Option<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        // Servers are installed in a directory that is not in every user's path.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => Some(Self { child, name }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                report_missing(&name, package);
                None
            }
            Err(error) => panic!("cannot start `{name}`: {error}"),
        }
    }

    /// Waits until the program accepts connections.
    pub(crate) fn wait_for(&mut self, port: u16) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("`{}` ended instead of listening: {status}", self.name);
            }
            assert!(started.elapsed() < Duration::from_mins(1), "`{}` is too slow", self.name);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prints a notice that the test harness does not capture.
pub(crate) fn report_missing(program: &str, package: &str) {
    let notice = format!("SKIPPED: `{program}` is missing; apt-get install {package}");
    let _ = writeln!(std::io::stderr(), "{notice}");
}

/// Returns a port of this machine that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
