//! The accept loop.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use nestling::observe::AtPlace;
use smol::Timer;
use smol::net::TcpListener;

use super::connection::Connection;
use super::numbers::Numbers;
use super::problem::Problem;
use super::{Context, tell};

/// How long to wait where there is no room for one more connection, before trying again.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until the server is stopped. Each is a child beside this one.
///
/// The listener goes with it: the system refuses clients that come later.
pub(crate) async fn accept<'env>(
    listener: TcpListener,
    cx: Context<'env>,
    numbers: &'env Numbers,
    motd: Option<&'env Path>,
) -> Result<(), Problem> {
    let connections = cx.spawner();
    while let Some(accepted) = cx.until_cancelled(listener.accept().at("accept")).await {
        match accepted {
            Ok((stream, peer)) => {
                let child = connections.child().name(peer.to_string());
                let serve = move |cx| async move {
                    Connection::new(stream, numbers).serve(&cx, motd).await
                };
                // The server was stopped a moment ago.
                if child.spawn_with_context(serve).is_err() {
                    break;
                }
            }
            // The client has left before it was attended to.
            Err(error) if is_passing(error.kind()) => {}
            // Too many files are open, for one. The next try would fail as fast: to go on at once
            // would be to spin, and to end would be to refuse all clients that come later.
            Err(error) => {
                tell(format_args!("cannot accept: {error}; trying again in {PAUSE:?}"));
                cx.until_cancelled(Timer::after(PAUSE).at("pause")).await;
            }
        }
    }
    Ok(())
}

fn is_passing(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(kind, ConnectionAborted | ConnectionReset | Interrupted)
}
