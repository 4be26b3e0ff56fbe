//! How often the clock is read, and that no child is said to have done what something else did.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::task::{FutureObj, Spawn, SpawnError};
use nestling::observe::{Observer, PollSeen, SeenChild, TimeSource, Timeline, Watch};
use nestling::{Nursery, Outcome, Pool};

use super::{Hand, child, millis};
use crate::support::yields;

type Set<'a> = Nursery<'a, (), ()>;

fn hand() -> (Hand, Watch) {
    let clock = Hand::default();
    (clock.clone(), Watch::with_clock(clock))
}

/// Polls the nursery, in which something is left.
fn drive(nursery: &mut Set<'_>) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(nursery.next()).poll(&mut cx).is_pending());
}

/// Takes so long to be dropped.
struct SlowToDrop(Hand, u64);

impl Drop for SlowToDrop {
    fn drop(&mut self) {
        self.0.pass(self.1);
    }
}

/// A child that waits, and wakes itself for one more poll.
async fn waits() -> Result<(), ()> {
    yields(1).await;
    pending().await
}

#[test]
fn the_end_of_a_poll_is_the_beginning_of_the_next() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    for _ in 0..10 {
        nursery.spawn(async {
            yields(1).await;
            Ok(())
        });
    }
    futures::executor::block_on(nursery.join()).unwrap();
    // When it was opened, and at the spawns; at the beginning of the first round, and at the ends of
    // its polls; and twice for each poll that is the last, which is the child's end.
    assert_eq!(clock.reads(), 1 + 10 + (1 + 10) + 2 * 10);
}

#[test]
fn a_timeline_reads_the_clock_as_seldom_as_a_watch() {
    let clock = Hand::default();
    let mut nursery = Set::new().observe(Timeline::new().by_clock(clock.clone()));
    for _ in 0..10 {
        nursery.spawn(async {
            yields(1).await;
            Ok(())
        });
    }
    futures::executor::block_on(nursery.join()).unwrap();
    assert_eq!(clock.reads(), 1 + 10 + (1 + 10) + 2 * 10);
}

#[test]
fn each_poll_of_a_round_takes_its_own_time() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    for (name, took) in [("quick", 0), ("slow", 7), ("late", 0), ("slower", 9)] {
        let clock = clock.clone();
        nursery.child().name(name).spawn(async move {
            clock.pass(took);
            pending().await
        });
    }
    drive(&mut nursery);
    let snapshot = watch.snapshot();
    for (name, took, running) in
        [("quick", 0, 16), ("slow", 7, 16), ("late", 0, 9), ("slower", 9, 9)]
    {
        let child = child(&snapshot, name);
        assert_eq!((child.longest_poll(), child.busy()), (millis(took), millis(took)), "{name}");
        assert_eq!(child.running(), Some(millis(running)), "{name}");
    }
}

/// Of each child: no poll of it took any time.
fn none_was_slow(watch: &Watch, children: usize) {
    let snapshot = watch.snapshot();
    assert_eq!(snapshot.children().len(), children);
    for child in snapshot.children() {
        assert_eq!((child.longest_poll(), child.busy()), (Duration::ZERO, Duration::ZERO));
    }
}

#[test]
fn what_the_owner_does_between_rounds_is_no_poll() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    nursery.spawn(waits());
    nursery.spawn(poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    for _ in 0..3 {
        drive(&mut nursery);
        clock.pass(5);
    }
    none_was_slow(&watch, 2);
}

/// A cancel by the owner comes in no round, and a child with a nursery inside is polled in it.
#[test]
fn the_last_poll_of_a_child_begins_when_it_does() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    let (seen, mut told) = futures::channel::oneshot::channel();
    nursery.child().name("outer").spawn(async {
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.spawn(waits());
        drop(inner.settle().await);
        seen.send(child(&watch.snapshot(), "outer").in_state()).unwrap();
        pending().await
    });
    drive(&mut nursery);
    clock.pass(5);
    nursery.cancel_with("enough");
    assert_eq!(told.try_recv(), Ok(Some(Duration::ZERO)));
}

#[test]
fn the_polls_of_items_begin_when_they_do() {
    let (clock, watch) = hand();
    let pool: Pool<'_, ()> = Pool::new(2).watch(&watch);
    let mut run = pin!(pool.for_each(0..2, |_| {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(run.as_mut().poll(&mut cx).is_pending());
        clock.pass(5);
    }
    none_was_slow(&watch, 2);
}

/// As if another thread woke it there: between the end of the poll before, which is its beginning,
/// and itself. The driver has come for its cancel.
#[test]
fn a_poll_does_not_begin_before_the_wake_for_it() {
    let (hand, armed) = (Hand::default(), Arc::new(Mutex::new(None::<Waker>)));
    let clock = {
        let (hand, armed) = (hand.clone(), Arc::clone(&armed));
        move || {
            let now = hand.now();
            let waker = armed.lock().unwrap().take();
            if let Some(waker) = waker {
                hand.pass(5);
                waker.wake();
            }
            now
        }
    };
    let watch = Watch::with_clock(clock);
    let wakers = [const { Mutex::new(None::<Waker>) }; 2];
    let mut nursery = Set::new().watch(&watch);
    // Whichever comes first, its end brings the wake of the other.
    let handles = [0, 1].map(|at| {
        let (armed, wakers, watch) = (&armed, &wakers, &watch);
        let name = format!("{at}");
        let child = nursery.child().name(name.as_str()).grace(pending::<()>);
        child.spawn_with_handle(poll_fn(move |cx| {
            let snapshot = watch.snapshot();
            assert_eq!(super::child(&snapshot, &name).in_state(), Duration::ZERO);
            let known = wakers[at].lock().unwrap().replace(cx.waker().clone());
            if known.is_some() {
                *armed.lock().unwrap() = wakers[1 - at].lock().unwrap().take();
            }
            Poll::Pending
        }))
    });
    drive(&mut nursery);
    assert!(handles.iter().all(|handle| handle.cancel()));
    drive(&mut nursery);
    assert!(hand.now() > Duration::ZERO, "the wake has come");
}

#[test]
fn the_drop_of_a_cancelled_child_is_no_poll_of_the_next() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    nursery.spawn(waits());
    let slow = SlowToDrop(clock, 5);
    let handle = nursery.spawn_with_handle(async move {
        let _slow = slow;
        pending().await
    });
    // In the same round: it is dropped after the first has been polled, and before the third is.
    nursery.spawn(async move {
        handle.cancel();
        pending().await
    });
    nursery.spawn(waits());
    let completion = futures::executor::block_on(nursery.next()).unwrap();
    assert!(matches!(completion.outcome(), Outcome::Cancelled(_)), "{completion:?}");
    drive(&mut nursery);
    none_was_slow(&watch, 3);
}

#[test]
fn a_child_that_is_dropped_after_its_poll_ends_after_that() {
    let clock = Hand::default();
    let timeline = Timeline::new().by_clock(clock.clone());
    let mut nursery = Set::new().observe(timeline.clone());
    let slow = SlowToDrop(clock, 5);
    let mut panics = false;
    nursery.spawn(poll_fn(move |cx| {
        // It is dropped once the panic has been caught.
        let _ = &slow;
        assert!(!panics, "a child");
        panics = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    futures::executor::block_on(nursery.join()).unwrap_err();
    let summary = timeline.summary();
    assert_eq!((summary.wall_time(), summary.polled()), (millis(5), Duration::ZERO));
}

#[test]
fn an_output_that_is_dropped_is_no_poll_of_the_next() {
    let (clock, watch) = hand();
    let mut nursery: Nursery<'_, SlowToDrop, ()> = Nursery::new().watch(&watch);
    nursery.spawn(async {
        yields(1).await;
        pending().await
    });
    for _ in 0..3 {
        let clock = clock.clone();
        nursery.spawn(async move { Ok(SlowToDrop(clock, 5)) });
        nursery.spawn(pending());
    }
    let mut settle = pin!(nursery.discard_outputs().settle());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(settle.as_mut().poll(&mut cx).is_pending());
    assert!(clock.now() > Duration::ZERO);
    none_was_slow(&watch, 4);
}

/// Takes so long to be woken.
struct SlowToWake(Hand);

impl Wake for SlowToWake {
    fn wake(self: Arc<Self>) {
        self.0.pass(5);
    }
}

/// What waits is woken as the nursery runs, of which two children are left then.
fn is_woken_in_no_poll(waits: impl Future, nursery: Set<'_>, clock: &Hand, watch: &Watch) {
    let waker = Waker::from(Arc::new(SlowToWake(clock.clone())));
    let mut waits = pin!(waits);
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut run = pin!(nursery.settle());
    assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(clock.now(), millis(5));
    none_was_slow(watch, 2);
}

#[test]
fn what_waits_for_a_child_is_woken_in_no_poll() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    nursery.spawn(waits());
    let ends = nursery.spawn_with_handle(async {
        yields(1).await;
        Ok(())
    });
    nursery.spawn(waits());
    is_woken_in_no_poll(ends.finished(), nursery, &clock, &watch);
}

#[test]
fn what_waits_for_a_slot_is_woken_in_no_poll() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().limit(3).watch(&watch);
    let spawner = nursery.spawner();
    nursery.spawn(waits());
    nursery.spawn(async {
        yields(1).await;
        Ok(())
    });
    nursery.spawn(waits());
    is_woken_in_no_poll(spawner.reserve(), nursery, &clock, &watch);
}

#[test]
fn children_that_are_not_watched_take_time_of_no_other() {
    let (clock, watch) = hand();
    let mut nursery = Set::new();
    // The first lane is free again before anything is watched, so the second stands between two
    // that are.
    let mut cx = Context::from_waker(Waker::noop());
    nursery.spawn(poll_fn({
        let mut polls = 0;
        move |cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls > 1 { Poll::Ready(Ok(())) } else { Poll::Pending }
        }
    }));
    let passes = clock.clone();
    nursery.spawn(poll_fn(move |cx| {
        passes.pass(5);
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    assert!(pin!(nursery.next()).poll(&mut cx).is_ready());
    let mut nursery = nursery.watch(&watch);
    for _ in 0..2 {
        nursery.spawn(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
    }
    drive(&mut nursery);
    assert!(clock.now() > Duration::ZERO);
    none_was_slow(&watch, 2);
}

#[test]
fn a_watch_that_is_given_late_parts_the_children() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    nursery.spawn(waits());
    drive(&mut nursery);
    let late = Watch::with_clock(clock.clone());
    let mut nursery = nursery.watch(&late);
    let passes = clock.clone();
    nursery.spawn(poll_fn(move |cx| {
        passes.pass(5);
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    nursery.spawn(waits());
    for _ in 0..3 {
        drive(&mut nursery);
    }
    let snapshot = watch.snapshot();
    let busy: Vec<_> = snapshot.children().iter().map(|it| it.busy()).collect();
    assert_eq!(busy, [Duration::ZERO, clock.now(), Duration::ZERO]);
}

#[test]
fn an_executor_takes_time_of_no_child() {
    /// Takes its time, and never runs anything.
    struct Slow(Hand);

    impl Spawn for Slow {
        fn spawn_obj(&self, task: FutureObj<'static, ()>) -> Result<(), SpawnError> {
            std::mem::forget(task);
            self.0.pass(5);
            Ok(())
        }
    }

    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    nursery.spawn(waits());
    nursery.spawn_on(Slow(clock), pending());
    nursery.spawn(waits());
    drive(&mut nursery);
    none_was_slow(&watch, 3);
}

#[test]
fn an_observer_that_takes_its_time_is_no_poll() {
    struct Slow(Hand);

    impl Observer for Slow {
        fn polled(&self, _: &SeenChild, _: &PollSeen) {
            self.0.pass(5);
        }

        fn clock(&self) -> Option<Arc<dyn TimeSource>> {
            Some(Arc::new(self.0.clone()))
        }
    }

    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch).observe(Slow(clock));
    for _ in 0..3 {
        nursery.spawn(waits());
    }
    drive(&mut nursery);
    none_was_slow(&watch, 3);
}

#[test]
fn a_nursery_inside_takes_time_of_its_own_child_only() {
    let (clock, watch) = hand();
    let mut nursery = Set::new().watch(&watch);
    nursery.spawn(waits());
    nursery.child().name("outer").spawn(async {
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.child().name("inner").spawn(waits());
        drive(&mut inner);
        clock.pass(5);
        drive(&mut inner);
        pending().await
    });
    nursery.spawn(waits());
    drive(&mut nursery);
    for seen in watch.snapshot().children() {
        let took = if seen.info().name() == Some("outer") { 5 } else { 0 };
        assert_eq!(seen.busy(), millis(took), "{seen:?}");
    }
}
