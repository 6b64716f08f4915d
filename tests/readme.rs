//! The program in README.md: the text is that of `examples/checkout.rs`, and it prints the lines that README.md shows.

#[path = "support/programs.rs"]
mod programs;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process;

programs::program!(
    checkout,
    "../README.md",
    "../examples/checkout.rs",
    mod tokio {
        // In place of the crate: a port that is free, and a client.
        pub(super) use ::tokio::*;

        pub(super) mod net {
            pub(crate) struct TcpListener;

            impl TcpListener {
                pub(crate) async fn bind(_: &str) -> std::io::Result<::tokio::net::TcpListener> {
                    let listener = ::tokio::net::TcpListener::bind("127.0.0.1:0").await?;
                    let address = listener.local_addr()?;
                    std::thread::spawn(move || crate::request_and_exit(address));
                    Ok(listener)
                }
            }
        }
    }
);

/// Sends the request that README.md shows, and ends the process when the response is complete.
fn request_and_exit(address: SocketAddr) {
    const REQUEST: &str = "GET /checkout HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        x-request-id: 1bf3ede43fd52626fc5cf1297e2330af\r\n\
        traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.write_all(REQUEST.as_bytes()).expect("the service accepts the request");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the service responds");
    let complete = response.starts_with("HTTP/1.1 200") && response.ends_with("thank you");
    process::exit(i32::from(!complete));
}
