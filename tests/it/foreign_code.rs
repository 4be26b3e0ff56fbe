//! Wakers, errors, policies and outputs that panic when they are called or dropped.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use nestling::Nursery;

use crate::support::{Count, OnDrop, Task, guarded, waits, yields};

/// Panics when it is dropped, but not while the thread is panicking already.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

struct BrokenWaker;

impl Wake for BrokenWaker {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

type Run = BoxFuture<'static, ()>;

/// Polls its task where and when it is woken, as some runtimes do.
struct OnTheSpot(Mutex<Option<Run>>);

impl Wake for OnTheSpot {
    fn wake(self: Arc<Self>) {
        let Some(mut run) = self.0.lock().unwrap().take() else { return };
        let waker = Waker::from(Arc::clone(&self));
        if run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            *self.0.lock().unwrap() = Some(run);
        }
    }
}

#[test]
fn a_waker_that_polls_the_nursery_on_the_spot_finds_no_lock_held() {
    guarded(|| {
        let mut nursery: Nursery<'_, u32, oneshot::Canceled> = Nursery::new();
        let (send, receive) = oneshot::channel();
        nursery.spawn(receive);
        let spawner = nursery.spawner();
        let (outputs, seen) = oneshot::channel();
        let run = nursery.join().map(|joined| outputs.send(joined.unwrap()).unwrap());
        let task = Arc::new(OnTheSpot(Mutex::new(Some(run.boxed()))));
        Waker::from(Arc::clone(&task)).wake();
        // A wake of the driver's by a spawn, and one by a child's own waker.
        spawner.spawn(async { Ok(2) }).unwrap();
        send.send(1).unwrap();
        assert_eq!(seen.now_or_never().unwrap().unwrap(), [1, 2]);
        assert!(task.0.lock().unwrap().is_none());
    });
}

by_hand!(a_waker_that_panics_takes_no_outcome_with_it, {
    let mut nursery = nursery::<(), &str>();
    let broken = nursery.spawn_with_handle(async { Err("failed") });
    let other = broken.clone();
    let mut first = Task::new(broken.finished());
    assert!(first.poll_with(&Waker::from(Arc::new(BrokenWaker))).is_pending());
    let mut second = Task::new(other.finished());
    assert!(second.poll().is_pending());
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: failed");
    assert_eq!(second.wakes(), 1);
});

by_hand!(an_owner_whose_waker_panics_fails_nobody_who_wakes_it, {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut join = Task::new(nursery.join());
    let broken = Waker::from(Arc::new(BrokenWaker));
    assert!(join.poll_with(&broken).is_pending());
    spawner.spawn(async { Ok(1) }).unwrap();
    assert!(join.poll_with(&broken).is_pending());
    assert!(handle.cancel());
    assert_eq!(join.poll().map(Result::unwrap), Poll::Ready(vec![1]));
});

/// Panics when the last of it is dropped.
struct BrokenDrop(#[allow(dead_code, reason = "it is there to be dropped")] Bomb);

impl Wake for BrokenDrop {
    fn wake(self: Arc<Self>) {}
}

by_hand!(an_owner_whose_waker_panics_when_dropped_leaves_a_closed_nursery_behind, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    let mut waiting = Task::new(spawner.reserve());
    assert!(waiting.poll().is_pending());
    let mut join = Task::new(nursery.join());
    assert!(join.poll_with(&Waker::from(Arc::new(BrokenDrop(Bomb)))).is_pending());
    drop(join);
    assert!(spawner.spawn(async { Ok(()) }).unwrap_err().reason.is_closed());
    assert!(matches!(waiting.run(), Poll::Ready(Err(refused)) if refused.is_closed()));
});

by_hand!(an_owner_whose_old_waker_panics_when_dropped_hears_of_later_wakes, {
    let (wake, woken) = oneshot::channel();
    let mut nursery = nursery::<u32, oneshot::Canceled>();
    nursery.spawn(woken);
    let mut join = Task::new(nursery.join());
    assert!(join.poll_with(&Waker::from(Arc::new(BrokenDrop(Bomb)))).is_pending());
    // Here the last of the old one goes.
    assert!(join.poll().is_pending());
    wake.send(1).unwrap();
    assert_eq!(join.wakes(), 1);
    assert_eq!(join.poll().map(Result::unwrap), Poll::Ready(vec![1]));
});

by_hand!(an_owner_whose_waker_panics_is_polled_to_the_end_of_its_turn, {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async {
        yields(1_000).await;
        Ok(1)
    });
    let mut join = Task::new(nursery.join());
    let broken = Waker::from(Arc::new(BrokenWaker));
    assert!(join.poll_with(&broken).is_pending());
    let outputs = (0..1_000).find_map(|_| match join.poll_with(&broken) {
        Poll::Ready(outputs) => Some(outputs.unwrap()),
        Poll::Pending => None,
    });
    assert_eq!(outputs, Some(vec![1]));
});

by_hand!(a_winner_survives_failures_and_outputs_that_panic_when_dropped, {
    let mut nursery = nursery::<(u32, Option<Bomb>), Bomb>().limit(1);
    nursery.spawn(async { Err(Bomb) });
    nursery.spawn(async { Ok((7, None)) });
    nursery.spawn(async { Ok((8, Some(Bomb))) });
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(pending());
    let Some(Ok(Some((_, (winner, None))))) = nursery.first_ok().now_or_never() else {
        panic!("the winner is lost")
    };
    assert_eq!(winner, 7);
});

by_hand!(an_error_that_panics_when_it_is_not_stored_is_counted_all_the_same, {
    let mut nursery = nursery::<u32, Bomb>().keep_failures(1).limit(1);
    for _ in 0..3 {
        nursery.spawn(async { Err(Bomb) });
    }
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Ok(1) });
    let report = nursery.settle().now_or_never().unwrap();
    let (outputs, error, _) = report.into_parts();
    assert_eq!(outputs.len(), 1);
    let error = error.unwrap();
    assert_eq!((error.len(), error.counts().failed(), error.counts().not_stored()), (1, 3, 2));
    std::mem::forget(error);
});

by_hand!(an_error_that_is_not_stored_by_join_is_counted_even_if_it_panics, {
    let mut nursery = nursery::<(), Bomb>().keep_failures(1);
    for _ in 0..3 {
        nursery.spawn(async { Err(Bomb) });
    }
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.len(), error.counts().failed(), error.counts().not_stored()), (1, 3, 2));
    std::mem::forget(error);
});

by_hand!(a_policy_that_panics_when_asked_and_when_dropped_takes_no_failure_with_it, {
    let bomb = Bomb;
    let mut nursery = nursery::<(), &str>().cancel_when(move |_| {
        let _captured = &bomb;
        panic!("asked")
    });
    nursery.spawn(async { Err("failed") });
    nursery.spawn(pending());
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.counts().failed(), error.counts().cancelled()), (1, 1));
    assert_eq!(
        error.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "#0: failed",
            "#0: panicked in the policy of `cancel_when`: asked",
            "#0: panicked in the policy of `cancel_when`: dropped",
        ],
    );
});

by_hand!(a_kept_output_that_panics_when_dropped_does_not_keep_the_losers_alive, {
    let gone = Count::default();
    let mut nursery = nursery::<Option<Bomb>, &str>().limit(2);
    nursery.spawn(async { Ok(None) });
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Ok(Some(Bomb)) });
    let count = gone.clone();
    nursery.spawn(waits(move || {
        count.add();
    }));
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(pending());
    let won = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        nursery.first_ok().now_or_never().map(|won| won.map(|won| won.is_some()))
    }));
    assert_eq!(gone.get(), 1);
    drop(won);
});

by_hand!(a_child_that_cancels_its_nursery_by_a_spawner_keeps_the_others_from_starting, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        assert!(spawner.cancel_with("stop"));
        Ok(())
    });
    for _ in 0..100 {
        let polls = polls.clone();
        nursery.spawn(async move {
            polls.add();
            Ok(())
        });
    }
    let Poll::Ready(report) = Task::new(nursery.settle()).run() else { panic!("it must end") };
    assert_eq!(polls.get(), 0);
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 100));
});

/// Panics when the last of it is dropped, also while the thread is panicking.
struct AlwaysBroken(#[allow(dead_code, reason = "it is there to be dropped")] OnDrop<fn()>);

impl Wake for AlwaysBroken {
    fn wake(self: Arc<Self>) {}
}

by_hand!(shared, two_wakers_that_panic_when_dropped_harm_no_end, {
    let bomb = || Waker::from(Arc::new(AlwaysBroken(OnDrop(|| panic!("dropped")))));
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let contexts = Arc::new(Mutex::new(None));
    let keep = contexts.clone();
    let (send, woken) = oneshot::channel::<()>();
    nursery.spawn_with_context(move |cx| {
        *keep.lock().unwrap() = Some(cx);
        woken.map(|woken| woken.map_err(|_| "hung up"))
    });
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let context = contexts.lock().unwrap().take().unwrap();
    // A cancel of the nursery that does not come, and one of the child.
    let mut of_nursery = [(); 2].map(|()| Task::new(spawner.cancelled()));
    of_nursery.iter_mut().for_each(|task| assert!(task.poll_with(&bomb()).is_pending()));
    let mut of_child = [(); 2].map(|()| Task::new(context.cancelled()));
    of_child.iter_mut().for_each(|task| assert!(task.poll_with(&bomb()).is_pending()));
    send.send(()).unwrap();
    assert_eq!(join.run().map(Result::unwrap), Poll::Ready(vec![()]));
});
