//! Upgraded connections, whose tasks start after the response was sent.

use axum::Router;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use contextvars::{Context, ContextExt as _};
use contextvars_tower::ContextLayer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{id, propagator};

async fn talk(mut socket: WebSocket) {
    socket.send(id().into()).await.unwrap();
}

async fn outside(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(|socket| talk(socket).in_current_context())
}

async fn inside(ws: WebSocketUpgrade) -> Response {
    let context = Context::current();
    ws.on_upgrade(move |socket| talk(socket).in_context(context))
}

/// The text of the first frame that the server sends.
async fn first_frame(path: &str) -> String {
    let app = Router::new().route("/outside", any(outside)).route("/inside", any(inside));
    let app = app.layer(ContextLayer::new(propagator()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-request-id: r-1\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    // A short text frame of a server: opcode, length, text.
    assert_eq!(stream.read_u8().await.unwrap(), 0x81);
    let mut text = vec![0; stream.read_u8().await.unwrap().into()];
    stream.read_exact(&mut text).await.unwrap();
    server.abort();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn the_task_of_an_upgraded_connection_runs_outside_unless_the_handler_takes_a_copy() {
    assert_eq!(first_frame("/outside").await, "none");
    assert_eq!(first_frame("/inside").await, "r-1");
}
