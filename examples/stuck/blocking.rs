//! A call that blocks the thread.
//!
//! A child waits for the settings that a sibling loads. It asks for them by a call that blocks, as
//! is right on a thread of its own. Here the sibling runs on the same thread, and is never polled.

use nestling::Nursery;
use nestling::observe::{AtPlace, Watch};
use smol::channel;
use smol::net::TcpListener;

use super::Stop;

pub(crate) const TITLE: &str = "a child blocks the thread until a sibling has run";

pub(crate) fn run(watch: &Watch, stop: &Stop) {
    let (sender, settings) = channel::bounded(1);
    let closer = sender.clone();
    // The call returns then.
    stop.also(move || _ = closer.close());
    stop.run(async {
        let mut nursery = Nursery::<(), ()>::new().name("start").watch(watch);
        nursery.child().name("server").spawn(
            async move {
                // It should be `settings.recv().await`.
                let port: u16 = settings.recv_blocking().map_err(drop)?;
                TcpListener::bind(("127.0.0.1", port)).await.map(drop).map_err(drop)
            }
            .at("its settings"),
        );
        nursery
            .child()
            .name("settings")
            .spawn(async move { sender.send(8080).await.map_err(drop) });
        _ = nursery.join().await;
    });
}
