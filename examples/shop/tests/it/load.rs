//! Many concurrent customers, some of whom disconnect early and some of whom send malformed headers.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Shop, lines, request, signal, skip};

/// The number of requests in one round. The test runs at least two rounds.
const PART: u64 = 1000;
const AT_ONCE: usize = 64;

/// The behaviour of a customer, which depends on the customer's number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Sends good headers and waits for the receipt.
    Good,
    /// Disconnects after this number of milliseconds, during the work or the receipt.
    Leaves(u64),
    /// Sends headers that break every rule.
    Hostile,
}

impl Kind {
    fn of(number: u64) -> Self {
        match number % 8 {
            3 => Self::Leaves(number % 23),
            5 => Self::Hostile,
            _ => Self::Good,
        }
    }
}

fn user(number: u64) -> String {
    format!("user-{number}")
}

fn request_id(number: u64) -> String {
    format!("request-{number}")
}

fn trace_id(number: u64) -> String {
    format!("{number:032x}")
}

fn send(port: u16, number: u64) {
    let kind = Kind::of(number);
    let mut headers = vec![format!("x-user-id: {}", user(number)).into_bytes()];
    if kind == Kind::Hostile {
        headers.push(b"x-request-id: \xff\"}{".to_vec());
        headers.push([b"tracestate: ".to_vec(), vec![b','; 4096]].concat());
        headers
            .push(format!("traceparent: 00-{}-0000000000000000-01", trace_id(number)).into_bytes());
        headers.push([b"baggage: user_id=eve,;=,a=%zz,".to_vec(), vec![b'x'; 9000]].concat());
        headers.push(b"x-debug: off".to_vec());
    } else {
        headers.push(format!("x-request-id: {}", request_id(number)).into_bytes());
        headers
            .push(format!("traceparent: 00-{}-00f067aa0ba902b7-01", trace_id(number)).into_bytes());
    }
    let headers: Vec<_> = headers.iter().map(Vec::as_slice).collect();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(&request(b"POST /checkout", &headers, b"")).unwrap();
    if let Kind::Leaves(after) = kind {
        return thread::sleep(Duration::from_millis(after));
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("total 1100"),
        "{number}: {answer}"
    );
}

/// Sends the requests `from..=to`, 64 at a time.
fn send_all(port: u16, from: u64, to: u64) {
    let next = AtomicU64::new(from);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > to {
                        break;
                    }
                    send(port, number);
                }
            });
        }
    });
}

/// Returns the resident memory of the process in kilobytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Returns the CPU time of the process in clock ticks.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let times = fields.split(' ').skip(11).take(2);
    times.map(|time| time.parse::<u64>().unwrap()).sum()
}

/// Returns `true` if the process is idle for half a second, within half a minute.
fn comes_to_rest(pid: u32) -> bool {
    (0..60).any(|_| {
        let before = ticks(pid);
        thread::sleep(Duration::from_millis(500));
        ticks(pid) - before <= 1
    })
}

#[test]
fn under_load_every_line_is_right_and_both_processes_come_to_rest() {
    if !cfg!(target_os = "linux") {
        return skip("the load test reads /proc");
    }
    let shop = Shop::start();
    let pids = [shop.pid(), shop.warehouse_pid()];
    // A leak grows with each round; caches and pools stop growing after some rounds.
    let mut before = pids.map(|_| 0);
    let mut requests = 0;
    let flat = (0..10).any(|_| {
        send_all(shop.port, requests + 1, requests + PART);
        requests += PART;
        let after = pids.map(resident);
        println!("resident: {after:?} kB after {requests} requests");
        let flat = after.iter().zip(before).all(|(after, before)| *after < before + 1024);
        before = after;
        flat
    });
    assert!(flat, "memory grows");

    assert!(pids.into_iter().all(comes_to_rest));
    assert!(pids.into_iter().all(|pid| signal(pid, "0")), "a process is gone");
    let output = shop.stop();
    assert!(output.status.success());
    judge(&lines(&output.stdout), requests);
}

/// Checks the ids of all lines. Every user sends one request, so the user of a line identifies it. The other ids must be those
/// that the user sent. If the service rejected them, all lines of the order must have the same generated ids.
fn judge(lines: &[Value], requests: u64) {
    let mut orders: HashMap<u64, Vec<&Value>> = HashMap::new();
    let mut problems = 0;
    for line in lines.iter().filter(|line| line["request_id"] != "start") {
        assert_ne!(line["level"], "ERROR", "{line}");
        let text = |key: &str| line[key].as_str().expect("an id is missing").to_owned();
        let (user_id, id, trace) = (text("user_id"), text("request_id"), text("trace_id"));
        let number: u64 = user_id.strip_prefix("user-").unwrap().parse().unwrap();
        if Kind::of(number) == Kind::Hostile {
            assert!(!id.starts_with("request-") && trace != trace_id(number), "{line}");
        } else {
            assert_eq!((id, trace), (request_id(number), trace_id(number)), "{line}");
        }
        problems += usize::from(line["level"] == "WARN");
        if let Some(order) = line["span"]["order"].as_u64() {
            orders.entry(order).or_default().push(line);
        }
    }
    let mut whole = 0;
    for lines in orders.values() {
        for key in ["request_id", "user_id", "trace_id"] {
            assert!(lines.iter().all(|line| line[key] == lines[0][key]), "mixed up: {lines:?}");
        }
        let number = lines[0]["user_id"].as_str().unwrap()["user-".len()..].parse().unwrap();
        if matches!(Kind::of(number), Kind::Leaves(_)) {
            assert!(lines.len() <= 12);
        } else {
            assert_eq!(lines.len(), 12, "{lines:?}");
            whole += 1;
        }
    }
    let kinds = || (1..=requests).map(Kind::of);
    let hostile = kinds().filter(|kind| *kind == Kind::Hostile).count();
    let left = kinds().filter(|kind| matches!(kind, Kind::Leaves(_))).count();
    assert_eq!(whole + left, kinds().count());
    assert!(problems >= 4 * hostile, "{problems} problems reported by {hostile} requests");
    println!(
        "{} lines of {} orders: 0 missing, 0 mixed; {left} customers left",
        lines.len(),
        orders.len()
    );
}
