//! A running `shop`, and raw HTTP to it: a client library would refuse to send what some tests send.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;

pub(crate) fn shop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args(arguments);
    command
}

pub(crate) struct Shop {
    child: Option<Child>,
    stderr: BufReader<ChildStderr>,
    pub(crate) port: u16,
}

impl Shop {
    /// Starts `shop` on a free port and waits until it says which.
    pub(crate) fn start() -> Self {
        let mut command = shop(&["--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let port = line.split(['/', ':', ' ']).find_map(|word| word.parse().ok());
        Self { child: Some(child), stderr, port: port.expect(&line) }
    }

    /// Closes the reading end of its stdout, as `| head` does.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.child.as_mut().unwrap().stdout.take());
    }

    /// Sends `POST /checkout` with these header lines; returns the whole answer.
    pub(crate) fn checkout(&self, headers: &[&[u8]]) -> Answer {
        self.send(b"POST /checkout", headers, b"")
    }

    pub(crate) fn send(&self, what: &[u8], headers: &[&[u8]], body: &[u8]) -> Answer {
        let mut request = [what, b" HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n"].concat();
        for header in headers {
            request.extend_from_slice(header);
            request.extend_from_slice(b"\r\n");
        }
        write!(request, "content-length: {}\r\n\r\n", body.len()).unwrap();
        request.extend_from_slice(body);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(&request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Answer(answer)
    }

    /// Ctrl-C; returns its exit status, the lines and the rest of stderr.
    pub(crate) fn stop(mut self) -> Output {
        let mut child = self.child.take().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut stderr = Vec::new();
        self.stderr.read_to_end(&mut stderr).unwrap();
        let mut stdout = Vec::new();
        child.stdout.take().map(|mut pipe| pipe.read_to_end(&mut stdout).unwrap());
        Output { status: child.wait().unwrap(), stdout, stderr }
    }
}

/// Ends the child of a test that failed.
impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
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

/// The lines of a stdout on which nothing but JSON lines may be.
pub(crate) fn lines(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}
