//! The chat server with a nursery.

use std::pin::pin;

use futures::future::{Either, select};
use nestling::{Nursery, Report};
use smol::net::TcpListener;

use super::{ChatError, Room, talk};

/// Serves until it is stopped, and returns what came of the clients.
pub(super) async fn serve(
    listener: TcpListener,
    stop: impl Future,
    grace: impl Future + Send,
    mut log: impl FnMut(String) + Send,
) -> Report<(), ChatError> {
    let room = &Room::default();
    let chat = Nursery::new()
        .name("chat")
        .long_running()
        .on_failure(|failure| log(failure.to_string()))
        .cancel_when(|failure| failure.child().is_body())
        .grace(|| grace);
    let served = chat.run(|spawner| async move {
        let mut stop = pin!(stop);
        let mut clients = 0..;
        while let Either::Left((accepted, _)) = select(pin!(listener.accept()), &mut stop).await {
            let (stream, _) = accepted.map_err(ChatError::Accept)?;
            let client = clients.next().unwrap();
            let child = spawner.child().name(format!("client {client}"));
            child
                .spawn_with_context(move |cx| talk(client, stream, room, cx.cancelled()))
                .expect("it is stopped below, and not before");
        }
        spawner.cancel_with("stopped");
        Ok(())
    });
    served.settle().await.1
}
