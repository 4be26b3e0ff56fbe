//! Snapshots that are taken while children come and go on other threads.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::channel::oneshot;
use nestling::Nursery;
use nestling::observe::Watch;

use crate::support::yields;

/// Children that one thread spawns, and another drives; a third spawns and cancels by handles.
const CHILDREN: u64 = 2_000;

#[test]
fn a_snapshot_beside_two_busy_threads_is_consistent() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(64).watch(&watch);
    let (release, released) = oneshot::channel::<()>();
    nursery.child().name("whole run").spawn(async { released.await.map_err(drop) });
    let first = watch.snapshot().children()[0].number();
    let spawner = nursery.spawner();
    // How many were spawned for sure, and how many may have been.
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..CHILDREN {
                let handle = spawner.child().spawn_with_handle(pending()).unwrap();
                let two_yields = async {
                    yields(2).await;
                    Ok(())
                };
                spawner.spawn(two_yields).unwrap();
                handle.cancel();
                done.fetch_add(2, Ordering::Release);
            }
            while !over.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            release.send(()).unwrap();
        });
        let looks = scope.spawn(|| {
            let mut last_ended = 0;
            loop {
                let before = done.load(Ordering::Acquire);
                let snapshot = watch.snapshot();
                let numbers: Vec<_> = snapshot.children().iter().map(|it| it.number()).collect();
                let unique: BTreeSet<_> = numbers.iter().collect();
                assert_eq!(unique.len(), numbers.len(), "each child once");
                assert!(numbers.is_sorted());
                assert_eq!(numbers.first(), Some(&first), "it is there all the time");
                let [seen] = snapshot.nurseries() else { panic!("one nursery") };
                assert!(seen.ended() >= last_ended, "no end is taken back");
                last_ended = seen.ended();
                // Those that were spawned before have ended, or are there.
                let there = numbers.len() as u64 - 1;
                assert!(seen.ended() + there >= before, "{} + {there} < {before}", seen.ended());
                for child in snapshot.children() {
                    assert_eq!(child.nursery(), seen.number());
                    assert!(child.running().is_none_or(|running| running <= child.age()));
                    assert!(child.longest_poll() <= child.busy());
                }
                if before == 2 * CHILDREN {
                    break;
                }
            }
        });
        scope.spawn(|| {
            let looked = looks.join();
            over.store(true, Ordering::Release);
            looked.unwrap();
        });
        let report = futures::executor::block_on(nursery.settle());
        // Completed and cancelled ones, those that one was too late for among them.
        assert_eq!(report.counts().total(), 2 * CHILDREN + 1);
    });
    assert!(watch.snapshot().children().is_empty());
}
