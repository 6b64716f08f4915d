use crate::process::{Shop, lines};

#[test]
fn a_checkout_writes_its_eleven_lines_with_its_ids() {
    let shop = Shop::start();
    let headers = [&b"x-user-id: ann"[..], b"x-request-id: req-1"];
    let answer = shop.send(b"POST /checkout", &headers, br#"{"order": 42}"#);
    assert_eq!((answer.status(), answer.header("x-request-id")), (200, Some("req-1")));
    assert_eq!(answer.body()["order"], 42);
    let output = shop.stop();
    assert!(output.status.success());
    let lines = lines(&output.stdout);
    for line in &lines {
        assert_eq!((&line["request_id"], &line["user_id"]), (&"req-1".into(), &"ann".into()));
        assert_eq!((&line["order"], &line["level"]), (&42.into(), &"info".into()));
    }
    let from = |place: &str| lines.iter().filter(|line| line["place"] == place).count();
    assert_eq!(["handler", "task", "blocking", "rayon", "thread"].map(from), [2, 3, 2, 3, 1]);
}

#[test]
fn hostile_users_are_logged_as_they_are() {
    let hostile = [
        r#"","user_id":"root"#,
        r"\u0000\",
        "%22%0a%00",
        "a\tb",
        "Zoë\u{9b}31m\u{202e}",
        "{\"order\":1}",
    ];
    let shop = Shop::start();
    for user in hostile {
        let header = format!("x-user-id: {user}");
        assert_eq!(shop.checkout(&[header.as_bytes()]).status(), 200, "{user:?}");
    }
    let stdout = shop.stop().stdout;
    assert!(!stdout.windows(2).any(|bytes| bytes == "\u{9b}".as_bytes()), "raw terminal escape");
    let lines = lines(&stdout);
    assert_eq!(lines.len(), 11 * hostile.len());
    for (index, user) in (1..).zip(hostile) {
        let own = lines.iter().filter(|line| line["order"] == index);
        assert!(own.clone().all(|line| line["user_id"] == user), "{user:?}");
        assert_eq!(own.count(), 11);
    }
}

#[test]
fn a_bad_user_header_is_refused() {
    let shop = Shop::start();
    let long = format!("x-user-id: {}", "x".repeat(129));
    for (header, message) in [
        (&b"x-other: 1"[..], "the header x-user-id is missing"),
        (b"x-user-id:", "the header x-user-id is empty"),
        (long.as_bytes(), "the header x-user-id is over 128 bytes"),
        (b"x-user-id: Zo\xeb", "the header x-user-id is not UTF-8"),
    ] {
        let answer = shop.checkout(&[header, b"x-request-id: req-1"]);
        assert_eq!((answer.status(), answer.header("x-request-id")), (400, Some("req-1")));
        assert_eq!(answer.body()["error"], message);
    }
    // Control characters are no header: hyper refuses them before the service sees them.
    assert_eq!(shop.checkout(&[b"x-user-id: a\x01b"]).status(), 400);
    assert_eq!(shop.checkout(&[b"x-user-id: a\x00b"]).status(), 400);
    assert!(shop.stop().stdout.is_empty());
}

#[test]
fn an_ill_formed_request_id_is_replaced() {
    let shop = Shop::start();
    for given in [&b"x-request-id: \"}"[..], b"x-request-id: \xff", b"x-request-id:"] {
        let answer = shop.checkout(&[b"x-user-id: ann", given]);
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}

#[test]
fn other_requests_get_json_errors() {
    let shop = Shop::start();
    let bad_body = shop.send(b"POST /checkout", &[b"x-user-id: ann"], b"{\"order\": -1}");
    assert_eq!(bad_body.status(), 400);
    assert!(bad_body.body()["error"].as_str().unwrap().contains("body"));
    let nowhere = shop.send(b"GET /", &[], b"");
    assert_eq!((nowhere.status(), nowhere.header("x-request-id")), (404, None));
    assert!(nowhere.body()["error"].as_str().unwrap().contains("POST /checkout"));
    assert_eq!(shop.send(b"GET /checkout", &[b"x-user-id: ann"], b"").status(), 405);
}

#[test]
fn a_closed_stdout_does_no_harm() {
    let mut shop = Shop::start();
    shop.close_stdout();
    for _ in 0..3 {
        assert_eq!(shop.checkout(&[b"x-user-id: ann"]).status(), 200);
    }
    let output = shop.stop();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !stderr.contains("panicked"), "{stderr}");
}
