//! NATS: the variables in the headers of each message, with `async-nats`.

use std::sync::LazyLock;

use async_nats::{Client, HeaderMap, Message, Request};
use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_wire::{Propagator, TraceContext, extract_fn, inject_fn, text};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128))
        .baggage("tenant", text(&TENANT))
        .build()
        .expect("the names are valid and differ")
});

/// Returns the headers for a message. Call it for each message that is sent.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    WIRE.inject(&mut inject_fn(|key, value| headers.insert(key, value)));
    headers
}

/// Returns the context in which to handle a received message.
fn context(message: &Message) -> Context {
    // NATS preserves the case of names, and some senders do not write them in lower case.
    let carrier = extract_fn(|key, each| {
        for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
            if AsRef::<str>::as_ref(name).eq_ignore_ascii_case(key) {
                for value in values {
                    each(value.as_ref());
                }
            }
        }
    });
    WIRE.extract(&carrier).context
}

// The recipe ends here. The code below tests it with its own `nats-server`.

#[path = "support/server.rs"]
mod server;

use std::process::Command;

use contextvars_wire::BAGGAGE;
use futures::StreamExt as _;
use server::{Server, free_port};

fn server() -> Option<(Server, String)> {
    let port = free_port();
    let mut command = Command::new("nats-server");
    let mut server =
        Server::start(command.args(["-a", "127.0.0.1", "-p", &port.to_string()]), "nats-server")?;
    server.wait_for(port);
    Some((server, format!("127.0.0.1:{port}")))
}

fn seen() -> String {
    format!("{} {} {}", REQUEST_ID.get(), TENANT.get(), TRACE.get().trace_id())
}

fn request(n: usize) -> Context {
    Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, format!("r-{n}"))
        .with_value(&TENANT, format!("größe {n}, 100%25 a=b"))
}

/// Answers each message with the values that its handler reads. All messages are handled at the same time.
async fn serve(client: Client, subject: &'static str) {
    let mut messages = client.subscribe(subject).await.unwrap();
    client.flush().await.unwrap();
    tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            let context = context(&message);
            let client = client.clone();
            let handle = async move {
                let before = seen();
                tokio::task::yield_now().await;
                assert_eq!(before, seen());
                client.publish(message.reply.unwrap(), seen().into()).await.unwrap();
            };
            tokio::spawn(handle.in_context(context));
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_is_handled_in_the_context_of_its_sender() {
    let Some((_server, address)) = server() else { return };
    serve(async_nats::connect(&address).await.unwrap(), "work").await;
    let client = async_nats::connect(&address).await.unwrap();
    let requests = (0..100).map(|n| {
        let client = client.clone();
        let call = async move {
            let request = Request::new().headers(headers());
            let answer = client.send_request("work", request).await.unwrap();
            assert_eq!(answer.payload, seen());
        };
        tokio::spawn(call.in_context(request(n)))
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    assert!(REQUEST_ID.try_get().is_err());
}

#[tokio::test]
async fn headers_of_others_are_read_whatever_their_case_and_number() {
    let Some((_server, address)) = server() else { return };
    let client = async_nats::connect(&address).await.unwrap();
    let mut messages = client.subscribe("work").await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("X-Request-Id", "r-7");
    headers.append("Baggage", "a=1");
    headers.append("Baggage", "tenant=acme");
    client.publish_with_headers("work", headers, "".into()).await.unwrap();
    let got = context(&messages.next().await.unwrap());
    assert_eq!(got.get(&REQUEST_ID).unwrap(), "r-7");
    assert_eq!(got.get(&TENANT).unwrap(), "acme");
    assert_eq!(got.get(&BAGGAGE).unwrap().to_string(), "a=1,tenant=acme");
}
