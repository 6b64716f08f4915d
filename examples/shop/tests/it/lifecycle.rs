//! The start and the exit of both processes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Shop, lines, lines_of_orders, request, shop, signal};

/// Returns `true` if the process exits or becomes a zombie within a minute.
fn ends(pid: u32) -> bool {
    let gone = || match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.contains(") Z "),
        Err(_) => !signal(pid, "0"),
    };
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if gone() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn ctrl_c_ends_both_and_answers_requests_in_flight() {
    let shop = Shop::start();
    let warehouse = shop.warehouse_pid();
    let mut streams: Vec<_> =
        (0..8).map(|_| TcpStream::connect(("127.0.0.1", shop.port)).unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(&request(b"POST /checkout", &[b"x-user-id: ann"], b"")).unwrap();
    }
    // Waits until all connections are accepted, because closing the port discards those in its queue.
    for stream in &mut streams {
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    assert!(signal(warehouse, "INT"), "a terminal sends it to both");
    let output = shop.stop();
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("total 1100"), "{answer}");
    }
    assert!(output.status.success() && ends(warehouse));
    assert_eq!(lines_of_orders(&output.stdout).len(), 8 * 12);
}

/// Regression: the signal killed the process if it arrived before the handler was registered, so the first lines were lost.
#[test]
fn ctrl_c_as_soon_as_it_is_open_ends_both_politely() {
    for _ in 0..20 {
        let output = Shop::start().stop();
        assert!(output.status.success(), "{}", output.status);
        assert_eq!(lines(&output.stdout).len(), 2);
    }
}

#[test]
fn an_open_page_does_not_hold_up_the_end() {
    let shop = Shop::start();
    let mut page = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
    page.write_all(&request(b"GET /events", &[], b"")).unwrap();
    page.read_exact(&mut [0; 12]).unwrap();
    let output = shop.stop();
    assert!(output.status.success());
    assert_eq!(lines(&output.stdout).len(), 2, "not one that says that requests were cut off");
}

#[test]
fn a_request_that_does_not_end_is_cut_off_and_that_is_said() {
    let shop = Shop::start();
    let mut endless = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
    endless.write_all(b"POST /test HTTP/1.1\r\nhost: shop\r\n").unwrap();
    endless.write_all(b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n").unwrap();
    endless.read_exact(&mut [0; 12]).unwrap(); // the service asks for the body with `100 Continue`
    let output = shop.stop();
    assert!(output.status.success());
    let lines = lines(&output.stdout);
    assert_eq!(lines.last().unwrap()["message"], "requests in flight were cut off", "{lines:?}");
}

#[test]
fn the_end_of_the_shop_is_the_end_of_the_warehouse() {
    let shop = Shop::start();
    let warehouse = shop.warehouse_pid();
    assert!(signal(shop.pid(), "KILL"));
    assert!(ends(warehouse));
}

#[test]
fn a_warehouse_that_goes_away_is_reported_and_ends_the_shop() {
    let shop = Shop::start();
    assert!(signal(shop.warehouse_pid(), "KILL"));
    assert!(ends(shop.pid()));
    let output = shop.wait();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.ends_with("error: the warehouse went away: signal: 9 (SIGKILL)\n"), "{stderr}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, flag, rest) in [
        (&["--port", &port][..], "--port", ""),
        (
            &["--port", "0", "--warehouse-port", &port],
            "--warehouse-port",
            "error: the warehouse did not open: exit status: 1\n",
        ),
    ] {
        let output = shop(arguments).output().unwrap();
        let expected = format!(
            "error: port {port} is already in use; choose another with {flag} N (0 picks a free one)\n{rest}"
        );
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        assert_eq!(output.status.code(), Some(1));
    }
}
