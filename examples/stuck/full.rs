//! A channel that is full.
//!
//! Producers send rows over a bounded channel, and the owner collects them once all producers are
//! through. They have more rows than the channel holds: each waits for room, which comes only when
//! the owner reads.

use nestling::Nursery;
use nestling::observe::{AtPlace, Watch};
use smol::channel;

use super::Stop;

pub(crate) const TITLE: &str = "a channel is full, and is read only after all was sent";

pub(crate) fn run(watch: &Watch, stop: &Stop) {
    stop.run(async {
        let (sender, rows) = channel::bounded(4);
        let mut nursery = Nursery::<(), ()>::new().name("export").watch(watch);
        for name in ["users", "orders"] {
            let sender = sender.clone();
            nursery.child().name(name).spawn(async move {
                for row in 0..10 {
                    sender.send((name, row)).at("send").await.map_err(drop)?;
                }
                Ok(())
            });
        }
        drop(sender);
        _ = nursery.join().await;
        let mut all = Vec::new();
        while let Ok(row) = rows.recv().await {
            all.push(row);
        }
    });
}
