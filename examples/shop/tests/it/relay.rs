//! Tests of `POST /test`, as the W3C trace-context suite calls it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use crate::process::Shop;

const TRACE_ID: &str = "12345678901234567890123456789012";

/// Starts a server that accepts `calls` requests. Returns its URL and a handle that yields the headers of each request.
fn harness(calls: usize) -> (String, JoinHandle<Vec<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap());
    let take = move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        (&stream)
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        headers
    };
    (url, thread::spawn(move || (0..calls).map(|_| take()).collect()))
}

/// Returns the values of a header in the calls that the shop makes when it is called with `headers`.
fn sent_on(headers: &[&[u8]], name: &str) -> Vec<String> {
    let (url, harness) = harness(2);
    let shop = Shop::start();
    let body = format!(r#"[{{"url":"{url}","arguments":[]}},{{"url":"{url}","arguments":[1]}}]"#);
    assert_eq!(shop.send(b"POST /test", headers, body.as_bytes()).status(), 200);
    let calls = harness.join().unwrap();
    let prefix = format!("{name}: ");
    let values = calls.iter().flatten().filter_map(|line| line.strip_prefix(&prefix));
    values.map(str::to_owned).collect()
}

#[test]
fn a_trace_goes_on_with_a_new_parent_for_each_call() {
    let given = format!("traceparent: 00-{TRACE_ID}-1234567890123456-01");
    let sent = sent_on(&[given.as_bytes(), b"tracestate: foo=1,bar=2"], "traceparent");
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0], sent[1]);
    for traceparent in &sent {
        assert!(traceparent.starts_with(&format!("00-{TRACE_ID}-")), "{traceparent}");
        assert!(traceparent.ends_with("-01") && !traceparent.contains("1234567890123456-01"));
    }
}

#[test]
fn members_of_several_tracestate_headers_go_on_in_order() {
    let given = format!("TraceParent: 00-{TRACE_ID}-1234567890123456-00");
    let headers = [given.as_bytes(), b"tracestate: foo=1 \t", b"TraceState: bar=2,baz=3"];
    assert_eq!(sent_on(&headers, "tracestate"), ["foo=1,bar=2,baz=3"; 2]);
}

#[test]
fn a_trace_that_stands_twice_starts_anew_without_its_state() {
    let given = format!("traceparent: 00-{TRACE_ID}-1234567890123456-01");
    let headers = [given.as_bytes(), given.as_bytes(), b"tracestate: foo=1"];
    let sent = sent_on(&headers, "traceparent");
    assert!(sent.iter().all(|traceparent| !traceparent.contains(TRACE_ID)), "{sent:?}");
    assert_eq!(sent_on(&headers, "tracestate"), Vec::<String>::new());
}

#[test]
fn a_body_that_is_no_list_of_calls_is_refused() {
    let shop = Shop::start();
    for body in [&b""[..], b"{}", b"[1]", b"[[]]", br#"[{"arguments":[]}]"#] {
        assert_eq!(shop.send(b"POST /test", &[], body).status(), 400);
    }
}
