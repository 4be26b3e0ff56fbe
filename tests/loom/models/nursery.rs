//! Whole nurseries, driven by one thread and reached from others.

use std::future::{pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;

use super::support::{Count, Dropped, Parker, Signal, block_on, model};
use crate::{CancelHandle, LocalNursery, Nursery};

/// A child that is never ready, and counts that it was dropped.
fn never(drops: &Count) -> impl Future<Output = Result<u32, ()>> + Send + use<> {
    let dropped = Dropped(drops.clone());
    async move {
        let _dropped = dropped;
        pending().await
    }
}

/// The driver rests, as its child waits for the one that comes. Were it not woken, or woken before
/// the new child can be found, both would wait for ever.
#[test]
fn a_child_that_is_spawned_while_the_driver_goes_to_rest_is_started() {
    model(None, || {
        let mut nursery: Nursery<'_, _, ()> = Nursery::new();
        let (spawner, signal) = (nursery.spawner(), Signal::new());
        let waiting = signal.wait();
        nursery.spawn(async move {
            waiting.await;
            Ok(0)
        });
        let spawning = thread::spawn(move || {
            spawner
                .spawn(async move {
                    signal.fire();
                    Ok(1)
                })
                .expect("a child is unfinished");
        });
        assert_eq!(block_on(nursery.join()).unwrap(), [0, 1]);
        spawning.join().unwrap();
    });
}

/// A child is taken by a nursery that is about to end, and then it runs and is reported; or it is
/// given back. Were the end looked at and made known in two steps, it would be taken and forgotten.
#[test]
fn a_child_that_is_spawned_at_the_end_runs_or_is_given_back() {
    model(None, || {
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
        let spawner = nursery.spawner();
        nursery.spawn(ready(Ok(0)));
        let spawning = thread::spawn(move || spawner.spawn(ready(Ok(1))).is_ok());
        let outputs = block_on(nursery.join()).unwrap();
        let expected: &[u32] = if spawning.join().unwrap() { &[0, 1] } else { &[0] };
        assert_eq!(outputs, expected);
    });
}

/// The waker that a child starts with is thrown away, and its place in the set gives it one that
/// stays. Where the wake comes by the first, the child must be polled in its place before the
/// driver rests.
#[test]
fn a_child_that_is_woken_by_the_waker_of_its_first_poll_is_polled_again() {
    model(None, || {
        let (signal, mut waking) = (Signal::new(), None);
        let mut waiting = Box::pin(signal.wait());
        let mut nursery: LocalNursery<'_, u32, ()> = Nursery::local();
        nursery.spawn(poll_fn(move |cx| {
            let poll = waiting.as_mut().poll(cx);
            if waking.is_none() {
                let signal = signal.clone();
                waking = Some(thread::spawn(move || signal.fire()));
            }
            poll.map(|()| Ok(0))
        }));
        assert_eq!(block_on(nursery.join()).unwrap(), [0]);
    });
}

/// The cancel comes before the child starts, during a poll of it, while it moves to its place in
/// the set, or while it waits there. Where nobody looks afterwards, nobody would drop it.
#[test]
fn a_child_that_is_cancelled_at_any_time_is_dropped_and_reported() {
    model(None, || {
        let drops = Count::default();
        let (dropped, known) = (Dropped(drops.clone()), Arc::new(OnceLock::<CancelHandle>::new()));
        let mut nursery: Nursery<'_, (), ()> = Nursery::new();
        let handle = nursery.spawn_with_handle({
            let known = Arc::clone(&known);
            poll_fn(move |cx| {
                let _dropped = &dropped;
                // The cancel comes before the poll that its wake brings about. That is so by the
                // queue of the set, which loom does not know; the lock that is taken here stands
                // in.
                let mut finished = known.get().unwrap().finished();
                Pin::new(&mut finished).poll(cx).map(Ok)
            })
        });
        known.set(handle.clone()).unwrap();
        let cancelling = thread::spawn({
            let handle = handle.clone();
            move || assert!(handle.cancel())
        });
        let report = block_on(nursery.settle());
        assert_eq!((report.counts().cancelled(), drops.get()), (1, 1));
        assert!(handle.is_finished());
        cancelling.join().unwrap();
    });
}

/// The second of two children is cancelled from another thread, while the first has the only slot
/// and waits for the second to be gone. `spawn` spawns it, or makes what spawns it over there.
fn the_second_of_two_is_cancelled<H>(
    spawn: impl Fn(&mut Nursery<'static, u32, ()>, &Count) -> H + Send + Sync + 'static,
) where
    H: FnOnce() -> CancelHandle + Send + 'static,
{
    model(4, move || {
        let drops = Count::default();
        let mut nursery = Nursery::new().limit(1);
        let finished = Signal::new();
        let waiting = finished.wait();
        nursery.spawn(async move {
            waiting.await;
            Ok(0)
        });
        let spawned = spawn(&mut nursery, &drops);
        let dropped = drops.clone();
        let cancelling = thread::spawn(move || {
            let handle = spawned();
            assert!(handle.cancel());
            block_on(handle.finished());
            assert_eq!(dropped.get(), 1);
            finished.fire();
        });
        let report = block_on(nursery.settle());
        assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 1));
        assert_eq!(drops.get(), 1);
        cancelling.join().unwrap();
    });
}

/// A child without a slot has no waker: the driver must find it on the list, or the one that waits
/// for its end waits for ever. And that must be told after its destructor has run.
#[test]
fn a_child_that_is_cancelled_in_the_backlog_does_not_wait_for_a_slot() {
    the_second_of_two_is_cancelled(|nursery, drops| {
        let handle = nursery.spawn_with_handle(never(drops));
        move || handle
    });
}

/// The same for a child that the driver has not fetched. Were the list taken after the mail, it
/// could name a child that came in between and is in nobody's hands yet.
#[test]
fn a_child_that_is_spawned_and_cancelled_at_once_does_not_wait_for_a_slot() {
    the_second_of_two_is_cancelled(|nursery, drops| {
        let (spawner, child) = (nursery.spawner(), never(drops));
        move || spawner.spawn_with_handle(child).expect("a child is unfinished")
    });
}

/// Who cancels is told whether it was in time; the report must say the same of the failure. Were
/// the child asked before it has ended, a cancel could come in between.
#[test]
fn a_failure_is_flagged_if_a_cancel_was_in_time() {
    model(None, || {
        let mut nursery: Nursery<'_, (), &str> = Nursery::new();
        let handle = nursery.spawn_with_handle(ready(Err("failed")));
        let cancelling = thread::spawn(move || handle.cancel());
        let report = block_on(nursery.settle());
        let in_time = cancelling.join().unwrap();
        match report.error() {
            Some(error) => assert_eq!(error.first().after_cancel(), in_time),
            None => assert!(in_time && report.counts().cancelled() == 1),
        }
    });
}

/// Nothing but the cancel wakes the driver.
#[test]
fn a_nursery_that_is_cancelled_while_the_driver_goes_to_rest_drops_its_children() {
    model(None, || {
        let drops = Count::default();
        let mut nursery = Nursery::new();
        let spawner = nursery.spawner();
        nursery.spawn(never(&drops));
        let cancelling = thread::spawn(move || assert!(spawner.cancel_with("enough")));
        let report = block_on(nursery.settle());
        assert_eq!(report.cause().and_then(|cause| cause.message()), Some("enough"));
        assert_eq!((report.counts().cancelled(), drops.get()), (1, 1));
        cancelling.join().unwrap();
    });
}

/// The spawner is told that it was first, and the report that it was not cancelled: one of them
/// would be wrong.
#[test]
fn a_nursery_that_is_cancelled_at_the_end_reports_what_the_spawner_is_told() {
    model(None, || {
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
        let spawner = nursery.spawner();
        nursery.spawn(ready(Ok(0)));
        let cancelling = thread::spawn(move || spawner.cancel_with("at the end"));
        let report = block_on(nursery.settle());
        assert_eq!(cancelling.join().unwrap(), report.cause().is_some());
        assert_eq!(report.counts().completed() + report.counts().cancelled(), 1);
    });
}

/// One thread spawns and another cancels while the driver ends: the child is given back, or it is
/// reported, and in either case dropped.
#[test]
fn a_child_that_is_spawned_into_a_nursery_that_is_cancelled_is_reported_or_given_back() {
    model(4, || {
        let drops = Count::default();
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
        let spawner = nursery.spawner();
        let cancelling = thread::spawn({
            let spawner = spawner.clone();
            move || spawner.cancel_with("enough")
        });
        let dropped = Dropped(drops.clone());
        let spawning = thread::spawn(move || {
            let child = async move {
                drop(dropped);
                Ok(1)
            };
            spawner.spawn(child).is_ok()
        });
        let report = block_on(nursery.settle());
        let (taken, cancelled) = (spawning.join().unwrap(), cancelling.join().unwrap());
        let counts = report.counts();
        assert_eq!(counts.completed() + counts.cancelled(), u64::from(taken));
        assert_eq!(report.cause().is_some(), cancelled);
        assert_eq!(drops.get(), 1);
    });
}

/// What was taken must be dropped by the time that the nursery is; it must not stay with the
/// spawner.
#[test]
fn a_child_that_is_spawned_while_the_nursery_is_dropped_is_dropped_with_it_or_given_back() {
    model(None, || {
        let drops = Count::default();
        let mut nursery = Nursery::new();
        let spawner = nursery.spawner();
        let child = never(&drops);
        let spawning = thread::spawn({
            let spawner = spawner.clone();
            move || drop(spawner.spawn(child))
        });
        drop(nursery);
        spawning.join().unwrap();
        assert_eq!(drops.get(), 1);
        drop(spawner);
    });
}

/// The same for a nursery that was polled and is dropped in mid-course: who waits for the end of a
/// child hears of it, after the destructor. A handle that is left must not keep the owner's task.
#[test]
fn those_who_wait_for_a_child_hear_that_it_was_dropped_with_its_nursery() {
    model(None, || {
        let (drops, owner) = (Count::default(), Parker::new());
        let mut nursery = Nursery::new();
        let handle = nursery.spawn_with_handle(never(&drops));
        let waiting = thread::spawn({
            let (handle, drops) = (handle.clone(), drops.clone());
            move || {
                block_on(handle.finished());
                assert_eq!(drops.get(), 1);
                assert!(!handle.cancel());
            }
        });
        let mut settle = Box::pin(nursery.settle());
        let waker = Waker::from(Arc::clone(&owner));
        assert!(settle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop((settle, waker));
        assert_eq!(Arc::strong_count(&owner), 1);
        waiting.join().unwrap();
        drop(handle);
    });
}

/// A wake of the body leaves its own mark, and the driver's waker's. Were the driver's waker's
/// first, the driver could look for the other too early; were it cleared after the poll, a wake
/// during the poll would be lost; were it not released, the body would not see what it was woken
/// for.
#[test]
fn a_body_that_is_woken_while_the_driver_goes_to_rest_is_polled_again() {
    model(None, || {
        let nursery: LocalNursery<'_, (), ()> = Nursery::local();
        let (flag, mut waking) = (Arc::new(AtomicBool::new(false)), None);
        let run = nursery.run(|_| {
            poll_fn(move |cx| {
                if waking.is_none() {
                    let (flag, waker) = (Arc::clone(&flag), cx.waker().clone());
                    waking = Some(thread::spawn(move || {
                        flag.store(true, Relaxed);
                        waker.wake();
                    }));
                }
                if flag.load(Relaxed) { Poll::Ready(Ok(1)) } else { Poll::Pending }
            })
        });
        assert_eq!(block_on(run).unwrap(), (1, vec![]));
    });
}

/// The body's wake and a child's come at the same time, by the same driver's waker: neither hides
/// the other.
#[test]
fn a_body_and_a_child_that_are_woken_at_once_are_both_polled() {
    model(4, || {
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
        let signals = [Signal::new(), Signal::new()];
        let [child, body] = [signals[0].wait(), signals[1].wait()];
        nursery.spawn(async move {
            child.await;
            Ok(0)
        });
        let run = nursery.run(|_| async move {
            body.await;
            Ok(1)
        });
        let firing = signals.map(|signal| thread::spawn(move || signal.fire()));
        assert_eq!(block_on(run).unwrap(), (1, vec![0]));
        for firing in firing {
            firing.join().unwrap();
        }
    });
}

/// A spawner on another thread and the owner wait for the same slot. Were it granted to one that
/// has gone, or to none, the other would wait for ever; and the end must not come while it is in
/// hand.
#[test]
fn the_owner_and_a_spawner_that_wait_for_one_slot_both_get_it() {
    model(None, || {
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new().limit(1);
        let spawner = nursery.spawner();
        nursery.spawn(ready(Ok(0)));
        let spawning = thread::spawn(move || {
            let Ok(slot) = block_on(spawner.reserve()) else { return false };
            slot.spawn(ready(Ok(0))).expect("a slot in hand keeps the nursery open");
            true
        });
        let outputs = block_on(async {
            nursery.reserve().await.expect("nothing cancels it").spawn(ready(Ok(0)));
            nursery.join().await.unwrap()
        });
        assert_eq!(outputs.len(), 2 + usize::from(spawning.join().unwrap()));
    });
}

/// The inner driver's waker wakes by the place of its child in the outer set, and that by the outer
/// driver's waker.
#[test]
fn a_child_that_is_spawned_into_a_nested_nursery_that_goes_to_rest_is_started() {
    model(None, || {
        let mut inner: Nursery<'_, _, ()> = Nursery::new();
        let (spawner, signal) = (inner.spawner(), Signal::new());
        let waiting = signal.wait();
        inner.spawn(async move {
            waiting.await;
            Ok(0)
        });
        let mut outer: Nursery<'_, Vec<u32>, ()> = Nursery::new();
        outer.spawn_group(inner.join());
        let spawning = thread::spawn(move || {
            spawner
                .spawn(async move {
                    signal.fire();
                    Ok(1)
                })
                .expect("a child is unfinished");
        });
        assert_eq!(block_on(outer.join()).unwrap(), [[0, 1]]);
        spawning.join().unwrap();
    });
}
