//! A sender that was forgotten.
//!
//! Two producers have a sender each, and a child writes what they send, until the channel closes.
//! The sender that theirs were cloned from is still there when both have ended: the channel never
//! closes, and the writer waits for more.

use nestling::Nursery;
use nestling::observe::{AtPlace, Watch};
use smol::channel;

use super::Stop;

pub(crate) const TITLE: &str =
    "a channel is read until it closes, and a sender of it was forgotten";

pub(crate) fn run(watch: &Watch, stop: &Stop) {
    stop.run(async {
        let (sender, lines) = channel::bounded(8);
        let mut nursery = Nursery::<(), ()>::new().name("copy").watch(watch);
        nursery.child().name("writer").spawn(async move {
            let mut copy = String::new();
            while let Ok(line) = lines.recv().at("receive").await {
                copy += line;
            }
            Ok(())
        });
        for name in ["producer 1", "producer 2"] {
            let sender = sender.clone();
            nursery
                .child()
                .name(name)
                .spawn(async move { sender.send("a line\n").at("send").await.map_err(drop) });
        }
        // Here `drop(sender)` was forgotten.
        _ = nursery.join().await;
    });
}
