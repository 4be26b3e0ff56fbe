//! What goes over the server: requests, and what workers say of them.

use std::net::Ipv4Addr;
use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectOptions};
use serde::{Deserialize, Serialize};

/// Where requests go. The payload of one is the number of an item.
pub(crate) const REQUESTS: &str = "items";

/// The workers' queue group: each request goes to one of them.
pub(crate) const WORKERS: &str = "workers";

/// What a worker says of a request.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Reply {
    pub(crate) item: u64,
    pub(crate) worker: String,
    pub(crate) news: News,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum News {
    /// It works on it. So it is known which worker it was if no more comes.
    Taken,
    Answered(u64),
    Refused(String),
}

/// Connects to the server, and again whenever the connection is lost.
pub(crate) async fn connect(name: &str, port: u16) -> Result<Client, ConnectError> {
    ConnectOptions::new()
        .name(name)
        .reconnect_delay_callback(|_| Duration::from_millis(20))
        // A worker may be started while the server is gone.
        .retry_on_initial_connect()
        .connect(format!("{}:{port}", Ipv4Addr::LOCALHOST))
        .await
}
