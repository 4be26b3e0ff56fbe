//! The chat server with a `JoinSet`. Where it panics, the log does not say which client it was
//! serving. Of clients that do not go in time it knows how many there were, and not which.

use std::pin::pin;
use std::sync::Arc;

use smol::net::TcpListener;
use tokio::select;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::{ChatError, Room, talk};

type Ended = Result<Result<(), (usize, ChatError)>, JoinError>;

/// Serves until it is stopped, and returns how many clients had to be dropped.
pub(super) async fn serve(
    listener: TcpListener,
    stop: impl Future,
    grace: impl Future,
    mut log: impl FnMut(String),
) -> Result<usize, ChatError> {
    let room = Arc::new(Room::default());
    let (is_stopped, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut clients = 0;
    let (mut stop, mut grace) = (pin!(stop), pin!(grace));
    loop {
        select! {
            _ = &mut stop => break,
            accepted = listener.accept() => {
                let (stream, _) = accepted.map_err(ChatError::Accept)?;
                let (client, room, mut stopped) = (clients, Arc::clone(&room), stopped.clone());
                clients += 1;
                tasks.spawn(async move {
                    let stopped = stopped.wait_for(|is_stopped| *is_stopped);
                    talk(client, stream, &room, stopped).await.map_err(|error| (client, error))
                });
            }
            Some(ended) = tasks.join_next() => tell(ended, &mut log),
        }
    }
    drop(listener);
    is_stopped.send_replace(true);
    loop {
        select! {
            _ = &mut grace => break,
            Some(ended) = tasks.join_next() => tell(ended, &mut log),
            else => break,
        }
    }
    let dropped = tasks.len();
    tasks.shutdown().await;
    Ok(dropped)
}

fn tell(ended: Ended, log: &mut impl FnMut(String)) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err((client, error))) => log(format!("client {client}: {error}")),
        Err(panic) => log(panic.to_string()),
    }
}
