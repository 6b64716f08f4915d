//! `WebSocket` connections with axum: a context for each connection, and in it one for each message.
//!
//! The closure of `on_upgrade` runs on a task of its own after the response was sent, outside of the request's context. So the
//! context is copied in the handler, before the upgrade.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use contextvars::{Context, ContextExt as _, ContextVar};

static USER: ContextVar<String> = ContextVar::new("user");
/// The number of the message within its connection.
static MESSAGE: ContextVar<u64> = ContextVar::new("message");

/// The handler of the route. A `ContextLayer` outside of the router has made the context of the request.
async fn upgrade(ws: WebSocketUpgrade) -> Response {
    let context = Context::current();
    ws.on_upgrade(move |socket| talk(socket).in_context(context))
}

/// Answers the messages one after the other, each in a copy of the connection's context.
async fn talk(mut socket: WebSocket) {
    let mut number = 0;
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue }; // axum itself answers pings
        number += 1;
        let context = Context::current().with_value(&MESSAGE, number);
        let reply = answer(&text).in_context(context).await;
        if socket.send(reply.into()).await.is_err() {
            break;
        }
    }
}

/// The work for a message. Values that it sets end with the message.
async fn answer(text: &str) -> String {
    let task = contextvars_tokio::spawn(async { seen() });
    let before = NOTE.get_or("none".into());
    NOTE.set(text.to_owned());
    format!("{}; note before: {before}", task.await.expect("it does not panic"))
}

// The recipe ends here. The code below tests it over the loopback interface.

use axum::Router;
use axum::routing::any;
use contextvars_tower::ContextLayer;
use contextvars_wire::{Propagator, text};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message as Sent;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

static NOTE: ContextVar<String> = ContextVar::new("note");

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn seen() -> String {
    let message = MESSAGE.try_get().map_or("no message".into(), |number| number.to_string());
    format!("{}, {message}", USER.get_or("nobody".into()))
}

/// Shows the loss without the copy, and with a wrapper that comes too late.
async fn too_late(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(|socket| answer_all_with_seen(socket).in_current_context())
}

async fn answer_all_with_seen(mut socket: WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {
        let _ = socket.send(seen().into()).await; // fails if the client has gone
    }
}

/// Starts the service. Returns the URL of its root.
async fn start() -> String {
    let wire = Propagator::builder().header("x-user", text(&USER)).build().unwrap();
    let routes = Router::new().route("/talk", any(upgrade)).route("/late", any(too_late));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let app = routes.layer(ContextLayer::new(wire));
    tokio::spawn(async { axum::serve(listener, app).await });
    url
}

async fn connect(url: &str, user: &str) -> Client {
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("x-user", user.parse().unwrap());
    connect_async(request).await.unwrap().0
}

/// Sends a message and returns the next text.
async fn ask(client: &mut Client, message: Sent) -> String {
    client.send(message).await.unwrap();
    loop {
        if let Sent::Text(text) = client.next().await.unwrap().unwrap() {
            return text.to_string();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_has_a_context_that_starts_with_the_values_of_its_connection() {
    let url = start().await + "/talk";
    let clients = (0..50).map(|n| {
        let url = url.clone();
        tokio::spawn(async move {
            let user = format!("user-{n}");
            let mut client = connect(&url, &user).await;
            for number in 1..=5 {
                let reply = ask(&mut client, format!("note {number}").into()).await;
                assert_eq!(reply, format!("{user}, {number}; note before: none"));
            }
            client.close(None).await.unwrap();
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn pings_are_no_messages() {
    let mut client = connect(&(start().await + "/talk"), "ann").await;
    client.send(Sent::Ping("are you there".into())).await.unwrap();
    assert_eq!(ask(&mut client, "hello".into()).await, "ann, 1; note before: none");
}

#[tokio::test]
async fn a_wrapper_inside_of_the_closure_is_too_late() {
    let mut client = connect(&(start().await + "/late"), "ann").await;
    assert_eq!(ask(&mut client, "hello".into()).await, "nobody, no message");
}
