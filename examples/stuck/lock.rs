//! A lock that is held across an await.
//!
//! Children write to a log, and one of them has it locked while it loads. The owner logs each end
//! as it comes. It awaits the lock then, and no longer the nursery: so the child that has the lock is
//! not polled, and never unlocks it.

use std::time::Duration;

use nestling::Nursery;
use nestling::observe::{AtPlace, Watch};
use smol::Timer;
use smol::lock::Mutex;

use super::Stop;

pub(crate) const TITLE: &str =
    "a child holds a lock across an await, and the owner waits for the lock";

pub(crate) fn run(watch: &Watch, stop: &Stop) {
    stop.run(async {
        let log = Mutex::new(Vec::new());
        let mut nursery = Nursery::<(), ()>::new().name("load").watch(watch);
        nursery.child().name("pages").spawn(async {
            let mut log = log.lock().await;
            log.push(String::from("loading pages"));
            load().at("load (log locked)").await;
            log.push(String::from("loaded pages"));
            Ok(())
        });
        nursery.child().name("index").spawn(async { Ok(()) });
        while let Some(ended) = nursery.next().await {
            // Children go on while a body awaits this: `nursery.run` would not hang.
            log.lock().await.push(format!("{} has ended", ended.child()));
        }
    });
}

async fn load() {
    Timer::after(Duration::from_millis(10)).await;
}
