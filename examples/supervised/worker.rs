//! A worker: it keeps a connection, and asks for answers over it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nestling::supervise::Incarnation;
use smol::Timer;
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::TcpStream;

/// Why a worker has lost its connection, or has none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("the connection was lost: {0}")]
    Lost(io::Error),
    #[error("the server has closed the connection")]
    Closed,
}

/// Asks again and again. It is up with the first answer.
pub(crate) async fn work(
    server: SocketAddr,
    incarnation: &Incarnation,
    answers: &AtomicU64,
) -> Result<(), Problem> {
    let mut connection = TcpStream::connect(server).await.map_err(Problem::Connect)?;
    let mut lines = BufReader::new(connection.clone()).lines();
    loop {
        connection.write_all(b"ping\n").await.map_err(Problem::Lost)?;
        match smol::stream::StreamExt::next(&mut lines).await {
            Some(Ok(_)) => answers.fetch_add(1, Ordering::Relaxed),
            Some(Err(error)) => return Err(Problem::Lost(error)),
            None => return Err(Problem::Closed),
        };
        incarnation.ready();
        Timer::after(Duration::from_millis(20)).await;
    }
}
