//! A running `shop` and raw HTTP requests to it, because a client library would refuse the malformed headers of some tests.

use std::fmt::Display;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use serde_json::Value;

pub(crate) fn shop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args(arguments);
    command
}

pub(crate) struct Shop {
    child: Option<Child>,
    stderr: BufReader<ChildStderr>,
    /// The thread that reads stdout all the time, so that the pipe never fills; `None` if the pipe is closed.
    stdout: Option<JoinHandle<Vec<u8>>>,
    pub(crate) port: u16,
}

impl Shop {
    /// Starts `shop` on a free port and waits until it reports the port.
    pub(crate) fn start() -> Self {
        Self::spawn(&mut shop(&["--port", "0"]))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let (mut shop, stdout) = Self::unread(command);
        shop.stdout = Some(thread::spawn(move || read(stdout)));
        shop
    }

    /// Starts a shop whose stdout is closed, as after `| head` has exited.
    pub(crate) fn start_unread() -> Self {
        Self::unread(&mut shop(&["--port", "0"])).0
    }

    fn unread(command: &mut Command) -> (Self, ChildStdout) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let port = line.split(['/', ':', ' ']).find_map(|word| word.parse().ok());
        (Self { child: Some(child), stderr, stdout: None, port: port.expect(&line) }, stdout)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Returns the id of the warehouse process, which the shop started.
    pub(crate) fn warehouse_pid(&self) -> u32 {
        let pid = self.pid();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let of_any_thread = || {
            let output = Command::new("pgrep").args(["-P", &pid.to_string()]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let children = children.ok().filter(|children| !children.trim().is_empty());
        children.unwrap_or_else(of_any_thread).trim().parse().unwrap()
    }

    /// Sends `POST /checkout` with these header lines. Returns the whole response.
    pub(crate) fn checkout(&self, headers: &[&[u8]]) -> Answer {
        self.send(b"POST /checkout", headers, b"")
    }

    pub(crate) fn send(&self, what: &[u8], headers: &[&[u8]], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(&request(what, headers, body)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Answer(answer)
    }

    /// Sends Ctrl-C. Returns the exit status, stdout and the rest of stderr.
    pub(crate) fn stop(self) -> Output {
        assert!(signal(self.pid(), "INT"));
        self.wait()
    }

    /// Waits until the process exits.
    pub(crate) fn wait(mut self) -> Output {
        let mut child = self.child.take().unwrap();
        let mut stderr = Vec::new();
        self.stderr.read_to_end(&mut stderr).unwrap();
        let stdout = self.stdout.take().map_or_else(Vec::new, |reader| reader.join().unwrap());
        Output { status: child.wait().unwrap(), stdout, stderr }
    }
}

/// Kills the process if the test failed.
impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn read(mut stdout: ChildStdout) -> Vec<u8> {
    let mut lines = Vec::new();
    stdout.read_to_end(&mut lines).unwrap();
    lines
}

pub(crate) fn request(what: &[u8], headers: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let mut request = [what, b" HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n"].concat();
    for header in headers {
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n");
    }
    write!(request, "content-length: {}\r\n\r\n", body.len()).unwrap();
    request.extend_from_slice(body);
    request
}

/// Prints why a test is skipped. It writes to stderr directly, because the harness hides the output of tests that pass.
pub(crate) fn skip(why: &str) {
    writeln!(std::io::stderr(), "SKIPPED: {why}").ok();
}

/// Sends a signal to a process, or to a process group if `pid` starts with a minus sign. The signal `0` only checks that the
/// process exists. Returns `true` if it does.
pub(crate) fn signal(pid: impl Display, name: &str) -> bool {
    let mut kill = Command::new("kill");
    kill.args(["-s", name, "--", &pid.to_string()]);
    kill.stderr(Stdio::null()).status().unwrap().success()
}

pub(crate) struct Answer(pub(crate) String);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.0.split(' ').nth(1).expect(&self.0).parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn body(&self) -> Value {
        let (_, body) = self.0.split_once("\r\n\r\n").expect(&self.0);
        serde_json::from_str(body).expect(body)
    }
}

/// Parses the lines of stdout, each of which must be JSON.
pub(crate) fn lines(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Returns the lines that are about an order.
pub(crate) fn lines_of_orders(stdout: &[u8]) -> Vec<Value> {
    lines(stdout).into_iter().filter(|line| line["span"]["order"].is_u64()).collect()
}
