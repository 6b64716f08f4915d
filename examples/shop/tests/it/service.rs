use serde_json::Value;

use crate::process::{Shop, lines, lines_of_orders, shop};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traceparent() -> String {
    format!("traceparent: 00-{TRACE_ID}-00f067aa0ba902b7-01")
}

#[test]
fn a_checkout_writes_its_twelve_lines_with_its_ids() {
    let shop = Shop::start();
    let traceparent = traceparent();
    let headers = [&b"x-user-id: ann"[..], b"x-request-id: req-1", traceparent.as_bytes()];
    let answer = shop.checkout(&headers);
    assert_eq!((answer.status(), answer.header("x-request-id")), (200, Some("req-1")));
    let timing = answer.header("server-timing").unwrap();
    assert!(timing.starts_with(&format!("trace;desc=00-{TRACE_ID}-")), "{timing}");
    assert!(answer.0.contains("order 1\n") && answer.0.contains("\ntotal 1100\n"), "{}", answer.0);
    let output = shop.stop();
    assert!(output.status.success());
    let lines = lines_of_orders(&output.stdout);
    for line in &lines {
        assert_eq!(
            [&line["request_id"], &line["user_id"], &line["trace_id"]],
            ["req-1", "ann", TRACE_ID]
        );
        assert_eq!((&line["span"]["order"], &line["level"]), (&1.into(), &"INFO".into()));
    }
    let from = |place: &str| {
        let target = |line: &&Value| line["target"].as_str().unwrap().ends_with(place);
        lines.iter().filter(target).count()
    };
    let places = ["::checkout", "prices", "stock", "labels", "audit", "service", "receipt"];
    assert_eq!(places.map(from), [1, 3, 1, 3, 1, 1, 2]);
}

#[test]
fn only_the_request_that_asks_for_it_logs_at_debug_in_both_processes() {
    let shop = Shop::start();
    let traceparent = traceparent();
    let loud = [&b"x-user-id: ann"[..], b"x-debug: debug", traceparent.as_bytes()];
    assert_eq!(shop.checkout(&loud).status(), 200);
    assert_eq!(shop.checkout(&[b"x-user-id: bob"]).status(), 200);
    // A client cannot make the service log less.
    assert_eq!(shop.checkout(&[b"x-user-id: eve", b"x-debug: off"]).status(), 200);
    let lines = lines_of_orders(&shop.stop().stdout);
    let debug: Vec<_> = lines.iter().filter(|line| line["level"] == "DEBUG").collect();
    assert!(debug.iter().all(|line| line["user_id"] == "ann" && line["trace_id"] == TRACE_ID));
    assert!(debug.iter().any(|line| line["target"] == "shop::warehouse::service"));
    assert_eq!(debug.len(), 11);
    assert_eq!(lines.len(), 11 + 3 * 12);
}

#[test]
fn hostile_users_are_logged_as_they_are() {
    let hostile = [
        r#"","user_id":"root"#,
        r"\u0000\",
        "%22%0a%00",
        "a,b;c=d",
        "{\"order\":1}",
        "; user_id=root",
    ];
    let shop = Shop::start();
    for user in hostile {
        let header = format!("x-user-id: {user}");
        assert_eq!(shop.checkout(&[header.as_bytes()]).status(), 200, "{user:?}");
    }
    let lines = lines_of_orders(&shop.stop().stdout);
    assert_eq!(lines.len(), 12 * hostile.len());
    for (index, user) in (1..).zip(hostile) {
        let own = lines.iter().filter(|line| line["span"]["order"] == index);
        assert!(own.clone().all(|line| line["user_id"] == user), "{user:?}");
        assert_eq!(own.count(), 12);
    }
}

#[test]
fn a_broken_header_is_reported_and_fails_no_request() {
    let long = format!("x-user-id: {}", "x".repeat(129));
    for (header, key) in [
        (&b"x-user-id:"[..], "x-user-id"),
        (long.as_bytes(), "x-user-id"),
        (b"x-user-id: Zo\xeb", "x-user-id"),
        ("x-user-id: Zoë\u{9b}31m".as_bytes(), "x-user-id"),
        (b"x-user-id: ann\r\nx-user-id: bob", "x-user-id"),
        (b"x-request-id: \"}", "x-request-id"),
        (b"x-request-id: \xff", "x-request-id"),
        (b"x-request-id:", "x-request-id"),
        (b"traceparent: 00-0-0-0", "traceparent"),
        (b"x-debug: \x80", "x-debug"),
        (b"baggage: =;=,\xff", "baggage"),
    ] {
        let shop = Shop::start();
        let answer = shop.checkout(&[header]);
        assert_eq!(answer.status(), 200);
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        let stdout = shop.stop().stdout;
        let ids = |line: &Value| line["request_id"] == id && line["user_id"] == "guest";
        assert_eq!(lines_of_orders(&stdout).iter().filter(|line| ids(line)).count(), 12);
        let warned: Vec<_> =
            lines(&stdout).into_iter().filter(|line| line["level"] == "WARN").collect();
        assert!(!warned.is_empty(), "{key}: nothing reported");
        for line in &warned {
            assert!(line["problem"].as_str().unwrap().contains(&format!("`{key}`")), "{line}");
            assert!(ids(line), "{line}");
        }
    }
}

#[test]
fn control_characters_are_no_header() {
    let shop = Shop::start();
    assert_eq!(shop.checkout(&[b"x-user-id: a\x01b"]).status(), 400);
    assert_eq!(shop.checkout(&[b"x-user-id: a\x00b"]).status(), 400);
    assert!(lines_of_orders(&shop.stop().stdout).is_empty());
}

#[test]
fn the_start_is_a_trace_that_both_processes_continue() {
    let traceparent = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
    let shop = Shop::spawn(shop(&["--port", "0"]).env("TRACEPARENT", traceparent));
    let lines = lines(&shop.stop().stdout);
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["shop open", "warehouse open"]);
    for line in &lines {
        assert_eq!((&line["trace_id"], &line["user_id"]), (&TRACE_ID.into(), &"operator".into()));
    }
}

#[test]
fn other_requests_get_json_errors() {
    let shop = Shop::start();
    let nowhere = shop.send(b"GET /nowhere", &[], b"");
    assert_eq!((nowhere.status(), nowhere.header("x-request-id")), (404, None));
    assert!(nowhere.body()["error"].as_str().unwrap().contains("POST /checkout"));
    assert_eq!(shop.send(b"GET /checkout", &[b"x-user-id: ann"], b"").status(), 405);
    assert_eq!(shop.send(b"PUT /way", &[], b"perhaps").status(), 400);
}

/// Returns the numbers of lines without a user and with another user, of the order with this number.
fn faults(lines: &[Value], order: u64, user: &str) -> (usize, usize) {
    let lines = lines.iter().filter(|line| line["span"]["order"] == order);
    let users: Vec<_> = lines.map(|line| &line["user_id"]).collect();
    assert_eq!(users.len(), 12);
    let missing = users.iter().filter(|user| user.is_null()).count();
    (missing, users.iter().filter(|seen| !seen.is_null() && **seen != user).count())
}

#[test]
fn the_switch_turns_both_processes() {
    let shop = Shop::start();
    for (way, user) in
        [("thread-local", "ann"), ("span", "bob"), ("contextvars", "cleo"), ("span", "dan")]
    {
        assert_eq!(shop.send(b"PUT /way", &[], way.as_bytes()).status(), 204);
        let user = format!("x-user-id: {user}");
        assert_eq!(shop.checkout(&[user.as_bytes()]).status(), 200);
    }
    let lines = lines_of_orders(&shop.stop().stdout);
    // The lines of shared threads lack the ids: blocking, rayon and the audit thread.
    let (missing, _) = faults(&lines, 1, "ann");
    assert!((5..12).contains(&missing), "{missing}");
    // The handler's line has the ids, and the warehouse makes new ones.
    assert_eq!(faults(&lines, 2, "bob"), (10, 1));
    assert_eq!(faults(&lines, 3, "cleo"), (0, 0));
    assert_eq!(faults(&lines, 4, "dan"), (10, 1));
}

#[test]
fn a_shop_can_be_started_in_any_way() {
    for (arguments, faulty) in [
        (&["--port", "0", "--way", "contextvars"][..], false),
        (&["--port", "0", "--way", "span"], true),
        (&["--port", "0", "--off"], true),
    ] {
        let shop = Shop::spawn(&mut shop(arguments));
        assert_eq!(shop.checkout(&[b"x-user-id: ann"]).status(), 200);
        let (missing, _) = faults(&lines_of_orders(&shop.stop().stdout), 1, "ann");
        assert_eq!(missing > 0, faulty, "{arguments:?}");
    }
}

#[test]
fn lines_for_people_have_the_same_ids() {
    let shop = Shop::spawn(&mut shop(&["--port", "0", "--pretty"]));
    assert_eq!(shop.checkout(&[b"x-user-id: ann"]).status(), 200);
    let stdout = String::from_utf8(shop.stop().stdout).unwrap();
    let lines: Vec<_> = stdout.lines().filter(|line| line.contains(" order=1 ")).collect();
    assert_eq!(lines.len(), 12, "{stdout}");
    assert!(lines.iter().all(|line| line.contains(" user_id=ann") && !line.contains('{')));
}

#[test]
fn a_closed_stdout_does_no_harm() {
    let shop = Shop::start_unread();
    for _ in 0..3 {
        assert_eq!(shop.checkout(&[b"x-user-id: ann"]).status(), 200);
    }
    let output = shop.stop();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !stderr.contains("panicked"), "{stderr}");
}
