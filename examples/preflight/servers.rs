//! Servers of its own to check where no target is given: one that is well, and four ways not to be.

use std::ffi::OsString;
use std::future::pending;
use std::io;

use nestling::{JoinedError, Nursery, Report};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpListener;

use super::check::{Checks, Up};
use super::input;
use super::problem::Problem;

/// What each server is called, and what it answers if it does.
const SERVERS: [(&str, Option<&str>); 4] = [
    ("healthy", Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
    ("silent", None),
    ("failing", Some("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")),
    ("garbage", Some("SSH-2.0-OpenSSH_9.6\r\n")),
];

/// Nobody listens here: tcpmux was hardly ever used.
const CLOSED: &str = "localhost:1";

/// Runs the servers beside the checks, and ends them when the checks are through.
///
/// The error is that of the servers: for want of a free port, say.
pub(crate) async fn demonstrate(
    checks: &Checks<'_>,
) -> Result<Report<Up, Problem>, JoinedError<io::Error>> {
    Nursery::new()
        .name("servers")
        .run(|servers| async move {
            let mut targets = Vec::<OsString>::new();
            for (name, answer) in SERVERS {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                targets.push(format!("http://{}/{name}", listener.local_addr()?).into());
                let server = servers.child().name(name).spawn(serve(listener, answer));
                server.expect("a nursery takes children for as long as its body runs");
            }
            targets.insert(1, CLOSED.into());
            let report = checks.run(input::read_all(&targets)).await;
            servers.cancel("every target was checked");
            Ok(report)
        })
        .await
        .map(|(report, _)| report)
}

/// Serves one client after the other, until it is dropped.
async fn serve(listener: TcpListener, answer: Option<&str>) -> io::Result<()> {
    loop {
        let (mut client, _) = listener.accept().await?;
        let Some(answer) = answer else { pending().await };
        // A client that leaves early is no failure of the server's.
        if client.read(&mut [0; 1024]).await.is_ok() {
            let _ = client.write_all(answer.as_bytes()).await;
        }
    }
}
