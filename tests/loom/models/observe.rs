//! Snapshots, taken while the children that they show are polled, woken, spawned and ended.

use std::future::{poll_fn, ready};
use std::task::Poll;
use std::time::Duration;

use loom::thread;

use super::support::{Signal, block_on, model};
use crate::Nursery;
use crate::observe::{ChildState, Watch};

fn watch() -> Watch {
    Watch::with_clock(|| Duration::ZERO)
}

/// Were a wake noted in the record after it is passed on, or forgotten at the end of a poll that it
/// comes beside, the child would be shown as one that waits, and is not woken.
#[test]
fn a_child_that_was_woken_is_not_shown_as_waiting() {
    model(3, || {
        let watch = watch();
        let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
        let signal = Signal::new();
        let waiting = signal.wait();
        nursery.spawn(async move {
            waiting.await;
            Ok(())
        });
        let looking = thread::spawn(move || {
            signal.fire();
            let snapshot = watch.snapshot();
            let states: Vec<_> = snapshot.children().iter().map(|it| it.state()).collect();
            assert!(!states.contains(&ChildState::Waiting), "{states:?}");
            watch
        });
        block_on(nursery.join()).unwrap();
        assert!(looking.join().unwrap().snapshot().children().is_empty());
    });
}

/// A wake of its own takes no lock, and another may come beside it: neither is forgotten at the end of
/// the poll.
#[test]
fn a_child_that_wakes_itself_is_not_shown_as_waiting() {
    model(3, || {
        let watch = watch();
        let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
        let signal = Signal::new();
        let mut waiting = Box::pin(signal.wait());
        let mut was_polled = false;
        nursery.spawn(poll_fn(move |cx| {
            if std::mem::replace(&mut was_polled, true) {
                return Poll::Ready(Ok(()));
            }
            let _ = waiting.as_mut().poll(cx);
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let looking = thread::spawn(move || {
            signal.fire();
            let snapshot = watch.snapshot();
            let states: Vec<_> = snapshot.children().iter().map(|it| it.state()).collect();
            assert!(!states.contains(&ChildState::Waiting), "{states:?}");
        });
        block_on(nursery.join()).unwrap();
        looking.join().unwrap();
    });
}

/// A child is in the snapshot or among those that have ended, and not in both or in none, from the
/// moment that its spawn returns.
#[test]
fn a_child_is_shown_or_has_ended_from_its_spawn_on() {
    model(2, || {
        let watch = watch();
        let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
        let (spawner, release) = (nursery.spawner(), Signal::new());
        let waiting = release.wait();
        nursery.spawn(async move {
            waiting.await;
            Ok(())
        });
        let looking = thread::spawn(move || {
            spawner.spawn(ready(Ok(()))).expect("a child is unfinished");
            let snapshot = watch.snapshot();
            let [seen] = snapshot.nurseries() else { panic!("it has not ended") };
            assert_eq!(snapshot.children().len() as u64 + seen.ended(), 2);
            release.fire();
        });
        block_on(nursery.join()).unwrap();
        looking.join().unwrap();
    });
}

/// The end of a child, and a cancel of it by a handle, beside a snapshot.
#[test]
fn a_child_that_is_cancelled_ends_once_beside_a_snapshot() {
    model(2, || {
        let watch = watch();
        let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
        let waiting = Signal::new().wait();
        let handle = nursery.spawn_with_handle(async move {
            waiting.await;
            Ok(())
        });
        let looking = thread::spawn(move || {
            handle.cancel();
            for child in watch.snapshot().children() {
                assert!(child.is_cancelling());
            }
        });
        assert_eq!(block_on(nursery.settle()).counts().cancelled(), 1);
        looking.join().unwrap();
    });
}
