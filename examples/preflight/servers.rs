//! Servers of its own to check where no target is given: one that is well, and four ways not to be.

use std::ffi::OsString;
use std::io::{self, ErrorKind};

use nestling::{JoinedError, Nursery, Report};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

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

/// Nothing listens here: tcpmux was hardly ever used.
const CLOSED: &str = "localhost:1";

/// How many clients of one server are attended to at once.
const CLIENTS: usize = 64;

/// Runs the servers beside the checks, and ends them when the checks are through.
///
/// There is a report unless the servers did not start. The error is that of the servers: it takes
/// nothing from the report.
pub(crate) async fn demonstrate(
    checks: &Checks<'_>,
) -> (Option<Report<Up, Problem>>, Option<JoinedError<io::Error>>) {
    let (report, servers) = Nursery::new()
        .name("servers")
        // No client would come to the servers that have started, and they would go on for ever.
        .cancel_when(|error| error.child().is_body())
        .run(|servers| async move {
            let mut targets = Vec::<OsString>::new();
            for (name, answer) in SERVERS {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                targets.push(format!("http://{}/{name}", listener.local_addr()?).into());
                let server = servers.child().name(name).group().spawn(serve(listener, answer));
                server.expect("a nursery takes children for as long as its body runs");
            }
            targets.insert(1, CLOSED.into());
            let report = checks.run(input::read_all(&targets)).await;
            servers.cancel_with("every target was checked");
            Ok(report)
        })
        .settle()
        .await;
    (report, servers.into_result().err())
}

/// Takes clients until it is dropped. Each is a child of its own: one that says nothing keeps
/// no other waiting.
async fn serve(
    listener: TcpListener,
    answer: Option<&'static str>,
) -> Result<(), JoinedError<io::Error>> {
    let clients = Nursery::new().limit(CLIENTS).first_error();
    let run = clients.run(|clients| async move {
        loop {
            let slot = clients.reserve().await;
            let slot = slot.expect("a nursery takes children for as long as its body runs");
            let client = match listener.accept().await {
                Ok((client, _)) => attend(client, answer),
                // The client has left, which is no fault of the server's.
                Err(error) if is_passing(error.kind()) => continue,
                Err(error) => return Err::<(), _>(error),
            };
            slot.spawn(client).expect("nothing has closed or cancelled it meanwhile");
        }
    });
    run.await.map(drop)
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionAborted | ErrorKind::Interrupted)
}

/// Answers a client once it has asked. Without an answer it listens until the client leaves.
async fn attend(mut client: TcpStream, answer: Option<&str>) -> io::Result<()> {
    while let Ok(1..) = client.read(&mut [0; 1024]).await {
        if let Some(answer) = answer {
            // A client that leaves early is no failure of the server's.
            _ = client.write_all(answer.as_bytes()).await;
            break;
        }
    }
    Ok(())
}
