//! Nurseries inside a child, which another thread cancels.

use std::future::{pending, ready};
use std::sync::{Arc, OnceLock};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use loom::thread;

use super::support::{Count, Dropped, Signal, block_on, model};
use crate::{CancelHandle, JoinedError, Nursery};

/// A nursery with a child that fails, which is counted, and one that goes on for ever.
async fn group(failed: Count) -> Result<(), JoinedError<()>> {
    let mut inner: Nursery<'_, (), ()> = Nursery::new();
    inner.spawn(async move {
        failed.add();
        Err(())
    });
    inner.spawn(pending());
    inner.join().await.map(drop)
}

/// The cancel comes before the child starts, before the nursery is inside it, while that is driven,
/// or while all of them wait. What was collected by then is told. Otherwise the child is cancelled.
#[test]
fn a_group_that_is_cancelled_at_any_time_tells_what_it_had_collected() {
    model(None, || {
        let (mut outer, failed) = (Nursery::<'_, (), ()>::new(), Count::default());
        let handle = outer.child().group().spawn_with_handle(group(failed.clone()));
        let cancelling = thread::spawn(move || assert!(handle.cancel()));
        let report = block_on(outer.settle());
        cancelling.join().unwrap();
        let told = report.error().map_or(0, |error| error.leaves().count());
        assert_eq!(told, failed.get());
        let counts = report.counts();
        assert_eq!((counts.cancelled(), counts.not_stored()), (1 - told as u64, 0));
    });
}

/// The child has time left, without end: so the nursery inside it has to hear of the cancel. It is
/// behind a set that polls it only when it is woken itself. The cancel begins once the nursery is
/// inside the child: one that comes later serves the clean-up.
#[test]
fn a_nursery_inside_a_child_that_has_a_grace_hears_of_the_cancel() {
    model(None, || {
        let (mut outer, known) = (Nursery::<'_, (), ()>::new(), Arc::new(OnceLock::new()));
        let mut set = FuturesUnordered::new();
        let told = Arc::clone(&known);
        set.push(async move {
            let mut inner: Nursery<'_, (), ()> = Nursery::new();
            inner.spawn(async move {
                let handle: &CancelHandle = told.get().unwrap();
                let handle = handle.clone();
                thread::spawn(move || assert!(handle.cancel()));
                Err(())
            });
            inner.spawn(pending());
            inner.join().await.map(drop)
        });
        let child = outer.child().grace(pending::<()>).group();
        let handle = child.spawn_with_handle(async move { set.next().await.unwrap() });
        known.set(handle).unwrap();
        let report = block_on(outer.settle());
        let error = report.error().expect("the group had collected a failure");
        assert_eq!((error.leaves().count(), report.counts().cancelled()), (1, 0));
    });
}

/// The whole nursery is cancelled, by a spawner.
#[test]
fn a_group_of_a_nursery_that_is_stopped_tells_what_it_had_collected() {
    model(3, || {
        let (mut outer, failed) = (Nursery::<'_, (), ()>::new(), Count::default());
        let spawner = outer.spawner();
        outer.spawn_group(group(failed.clone()));
        let stopping = thread::spawn(move || assert!(spawner.cancel_with("enough")));
        let report = block_on(outer.settle());
        stopping.join().unwrap();
        let told = report.error().map_or(0, |error| error.leaves().count());
        assert_eq!(told, failed.get());
        assert_eq!(report.counts().cancelled(), 1 - told as u64);
    });
}

/// The nursery ends and leaves the child, or is found there by the cancel.
#[test]
fn a_child_that_is_cancelled_while_a_nursery_leaves_it_is_dropped() {
    model(3, || {
        let (mut outer, drops) = (Nursery::<'_, (), ()>::new(), Count::default());
        let (dropped, signal) = (Dropped(drops.clone()), Signal::new());
        let waiting = signal.wait();
        let handle = outer.spawn_with_handle(async move {
            let _dropped = dropped;
            let mut inner: Nursery<'_, (), ()> = Nursery::new();
            inner.spawn(async move {
                waiting.await;
                Ok(())
            });
            inner.spawn(ready(Ok(())));
            drop(inner.settle().await);
            pending().await
        });
        let cancelling = thread::spawn(move || {
            signal.fire();
            assert!(handle.cancel());
        });
        let report = block_on(outer.settle());
        cancelling.join().unwrap();
        assert_eq!((report.counts().cancelled(), drops.get()), (1, 1));
    });
}
