//! The client of the warehouse. It sends the context in the headers of each call.

use std::time::Duration;

use axum::http::HeaderMap;
use reqwest::{Client, Response};

use crate::context::INTERNAL;
use crate::ways::{Way, with_ids};

#[derive(Clone)]
pub(crate) struct Warehouse {
    client: Client,
    url: String,
}

impl Warehouse {
    pub(crate) fn new(port: u16) -> reqwest::Result<Self> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { client, url: format!("http://127.0.0.1:{port}") })
    }

    /// Asks the warehouse to pack an order.
    pub(crate) async fn pack(&self, order: u64) -> reqwest::Result<()> {
        let mut headers = HeaderMap::new();
        with_ids(|| INTERNAL.inject(&mut headers)); // without `ways.rs`: INTERNAL.inject(&mut headers)
        let call = self.client.post(format!("{}/pack/{order}", self.url)).headers(headers);
        call.send().await.and_then(Response::error_for_status).map(drop)
    }

    /// Makes the warehouse keep its ids in the same way as this process; see `ways.rs`.
    pub(crate) async fn switch(&self, way: Way) -> reqwest::Result<()> {
        let call = self.client.put(format!("{}/way", self.url)).body(way.name());
        call.send().await.and_then(Response::error_for_status).map(drop)
    }
}
