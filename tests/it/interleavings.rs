//! Wakes at awkward moments: none is lost, none spins, and no lock is held while a waker is called.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::{CancelHandle, Spawner};

use crate::support::{Count, Task, Wakes, drive, yields};

/// Where a child leaves its waker.
type Slot = Arc<Mutex<Option<Waker>>>;

/// A child that is never ready, counts its polls and leaves its waker.
fn leaves_waker<O>(slot: &Slot, polls: &Count) -> impl Future<Output = O> + use<O> {
    let (slot, polls) = (slot.clone(), polls.clone());
    poll_fn(move |cx| {
        polls.add();
        *slot.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    })
}

by_hand!(a_wake_during_the_poll_is_not_lost_and_needs_no_trip_to_the_runtime, {
    let polls = Count::default();
    let polled = polls.clone();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(poll_fn(move |cx| {
        if polled.add() == 5 {
            return Poll::Ready(Ok(1));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let mut join = Task::new(nursery.join());
    assert_eq!(join.poll().map(Result::unwrap), Poll::Ready(vec![1]));
    assert_eq!((polls.get(), join.wakes()), (5, 0));
});

by_hand!(a_child_that_is_woken_once_is_polled_once, {
    let (slot, polls) = (Slot::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(leaves_waker(&slot, &polls));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    for wake in 1..=5 {
        let before = polls.get();
        let waker = slot.lock().unwrap().clone().unwrap();
        for _ in 0..3 {
            waker.wake_by_ref();
        }
        assert_eq!(join.wakes(), wake);
        assert!(join.poll().is_pending());
        assert_eq!((polls.get(), join.wakes()), (before + 1, wake));
    }
});

by_hand!(a_poll_that_no_child_was_woken_for_polls_no_child, {
    let (slot, polls) = (Slot::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(leaves_waker(&slot, &polls));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let before = polls.get();
    for _ in 0..10 {
        assert!(join.poll().is_pending());
    }
    assert_eq!((polls.get(), join.wakes()), (before, 0));
});

by_hand!(a_waker_kept_from_the_first_poll_wakes_the_child, {
    let slot = Slot::default();
    let leave = slot.clone();
    let ready = Count::default();
    let seen = ready.clone();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(poll_fn(move |cx| {
        if seen.get() > 0 {
            return Poll::Ready(Ok(1));
        }
        *leave.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }));
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    ready.add();
    slot.lock().unwrap().take().unwrap().wake();
    assert_eq!(join.wakes(), 1);
    assert_eq!(join.poll().map(Result::unwrap), Poll::Ready(vec![1]));
});

by_hand!(a_child_that_starts_late_and_parks_is_heard_whatever_the_turn_began_with, {
    // As many turns as it takes for each kind of child to have been the first of one.
    for before in (0..2_000).step_by(100) {
        let (wake, woken) = oneshot::channel();
        let mut nursery = nursery::<u32, &str>();
        let spawner = nursery.spawner();
        nursery.spawn(async move {
            yields(before).await;
            spawner.spawn(async { woken.await.map_err(|_| "hung up") }).unwrap();
            Ok(0)
        });
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        wake.send(1).unwrap();
        let outputs = join.run().map(Result::unwrap);
        assert_eq!(outputs, Poll::Ready(vec![0, 1]), "after {before} yields");
    }
});

by_hand!(of_two_that_are_woken_together_neither_is_forgotten_for_the_one_that_gets_the_slot, {
    for before in (0..2_000).step_by(100) {
        let (wakes, woken): (Vec<_>, Vec<_>) = (0..2).map(|_| oneshot::channel()).unzip();
        let mut nursery = nursery::<u32, &str>().limit(2);
        for woken in woken {
            nursery.spawn(async move {
                yields(before).await;
                woken.await.map_err(|_| "hung up")
            });
        }
        nursery.spawn(async { Ok(3) });
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        for (wake, output) in wakes.into_iter().zip(1..) {
            wake.send(output).unwrap();
        }
        let outputs = join.run().map(Result::unwrap);
        assert_eq!(outputs, Poll::Ready(vec![1, 2, 3]), "after {before} yields");
    }
});

by_hand!(a_wake_of_a_child_that_has_ended_polls_no_child, {
    let (slot, ready) = (Slot::default(), Count::default());
    let (leave, seen) = (slot.clone(), ready.clone());
    let mut nursery = nursery::<(), &str>();
    let (other, polls) = (Slot::default(), Count::default());
    nursery.spawn(leaves_waker(&other, &polls));
    nursery.spawn(poll_fn(move |cx| {
        *leave.lock().unwrap() = Some(cx.waker().clone());
        if seen.get() > 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let waker = slot.lock().unwrap().clone().unwrap();
    ready.add();
    waker.wake_by_ref();
    assert!(join.run().is_pending());
    let (wakes, before) = (join.wakes(), polls.get());
    for _ in 0..3 {
        waker.wake_by_ref();
    }
    // The lane may have another child by now, so the driver looks, once.
    assert!(join.run().is_pending());
    assert!(join.wakes() <= wakes + 1);
    assert_eq!(polls.get(), before);
});

by_hand!(a_wake_after_the_nursery_was_dropped_does_nothing, {
    let (slot, polls) = (Slot::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(leaves_waker(&slot, &polls));
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    let before = polls.get();
    let wakes = Arc::new(Wakes::default());
    assert!(join.poll_with(&Waker::from(wakes.clone())).is_pending());
    drop(join);
    slot.lock().unwrap().take().unwrap().wake();
    assert_eq!((polls.get(), wakes.count()), (before, 0));
});

by_hand!(a_poll_by_another_task_moves_the_nursery_to_that_task, {
    let (send, receive) = oneshot::channel();
    let mut nursery = nursery::<u32, oneshot::Canceled>();
    nursery.spawn(receive);
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    let other = Arc::new(Wakes::default());
    assert!(join.poll_with(&Waker::from(other.clone())).is_pending());
    send.send(1).unwrap();
    assert_eq!((join.wakes(), other.count()), (0, 1));
    assert!(join.poll().is_ready());
});

by_hand!(the_same_holds_for_a_nested_nursery, {
    let (send, receive) = oneshot::channel();
    let mut outer = nursery::<u32, oneshot::Canceled>();
    outer.spawn_group(async move {
        let mut inner = nursery::<u32, oneshot::Canceled>();
        inner.spawn(receive);
        inner.join().await.map(|outputs| outputs[0])
    });
    let mut join = Task::new(outer.join());
    assert!(join.poll().is_pending());
    let other = Arc::new(Wakes::default());
    assert!(join.poll_with(&Waker::from(other.clone())).is_pending());
    send.send(1).unwrap();
    assert_eq!((join.wakes(), other.count()), (0, 1));
    assert!(join.poll().is_ready());
});

by_hand!(whoever_waits_for_a_child_or_a_slot_may_move_to_another_task_too, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    drive(&mut nursery);
    let mut finished = Task::new(handle.finished());
    let mut slot = Task::new(spawner.reserve());
    assert!(finished.poll().is_pending() && slot.poll().is_pending());
    let other = Arc::new(Wakes::default());
    let waker = Waker::from(other.clone());
    assert!(finished.poll_with(&waker).is_pending() && slot.poll_with(&waker).is_pending());
    handle.cancel();
    assert!(nursery.next().now_or_never().unwrap().is_some());
    assert_eq!((finished.wakes(), slot.wakes(), other.count()), (0, 0, 2));
    assert!(finished.poll().is_ready() && slot.poll().is_ready());
});

by_hand!(a_cancel_wakes_a_parked_nursery_once_and_polls_no_sibling, {
    let (slot, polls) = (Slot::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(pending());
    nursery.spawn(leaves_waker(&slot, &polls));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let before = polls.get();
    handle.cancel();
    handle.cancel();
    assert_eq!(join.wakes(), 1);
    assert!(join.poll().is_pending());
    assert!(handle.is_finished());
    assert_eq!((polls.get(), join.wakes()), (before, 1));
});

by_hand!(shared, a_waker_that_calls_back_into_the_nursery_finds_no_lock_held, {
    struct CallsBack {
        spawner: Spawner<'static, (), &'static str>,
        handle: CancelHandle,
        calls: Count,
    }

    impl CallsBack {
        fn call(&self) {
            self.calls.add();
            drop(self.spawner.try_reserve());
            drop(self.spawner.spawn(async { Ok(()) }));
            drop(Task::new(self.spawner.reserve()).poll());
            let _ = Task::new(self.handle.finished()).poll();
            self.handle.cancel();
            assert!(self.spawner.cause().is_none());
            let _ = self.handle.cause();
        }
    }

    impl Wake for CallsBack {
        fn wake(self: Arc<Self>) {
            self.call();
        }
    }

    impl Drop for CallsBack {
        fn drop(&mut self) {
            self.call();
        }
    }

    let calls = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let first = nursery.spawn_with_handle(pending());
    let second = nursery.spawn_with_handle(pending());
    drive(&mut nursery);
    let waker = |handle: &CancelHandle| {
        let (spawner, handle, calls) = (spawner.clone(), handle.clone(), calls.clone());
        Waker::from(Arc::new(CallsBack { spawner, handle, calls }))
    };
    let mut finished = Task::new(first.finished());
    let mut slot = Task::new(spawner.reserve());
    for _ in 0..2 {
        assert!(finished.poll_with(&waker(&second)).is_pending());
        assert!(slot.poll_with(&waker(&second)).is_pending());
    }
    // Nothing ends before the callbacks have had their turn.
    let (open, driver) = nursery.split();
    let mut driver = Task::new(driver);
    assert!(driver.poll_with(&waker(&first)).is_pending());
    assert!(driver.poll_with(&waker(&first)).is_pending());
    spawner.spawn(async { Ok(()) }).unwrap();
    let mut given_up = Task::new(spawner.reserve());
    assert!(given_up.poll_with(&waker(&second)).is_pending());
    drop(given_up);
    drop(finished);
    assert!(calls.get() > 5);
    drop((slot, open));
    assert!(driver.run().is_ready());
});

by_hand!(a_waker_that_cancels_a_sibling_when_it_is_woken_reaches_it, {
    struct Cancels(CancelHandle);

    impl Wake for Cancels {
        fn wake(self: Arc<Self>) {
            self.0.cancel_with("by a waker");
        }
    }

    let mut nursery = nursery::<(), &str>();
    let first = nursery.spawn_with_handle(pending());
    let second = nursery.spawn_with_handle(pending());
    let mut settle = Task::new(nursery.settle());
    assert!(settle.poll().is_pending());
    let mut finished = Task::new(first.finished());
    assert!(finished.poll_with(&Waker::from(Arc::new(Cancels(second)))).is_pending());
    first.cancel_with("by hand");
    let Poll::Ready(report) = settle.run() else { panic!("both are cancelled") };
    let reasons: Vec<_> = report.cancelled().iter().map(|c| c.cause().message().unwrap()).collect();
    assert_eq!(reasons, ["by hand", "by a waker"]);
});

by_hand!(a_child_woken_by_its_sibling_in_the_same_pass_is_polled_in_it, {
    let (slot, polls) = (Slot::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(leaves_waker(&slot, &polls));
    let (send, receive) = oneshot::channel::<()>();
    nursery.spawn(async move {
        receive.await.unwrap();
        slot.lock().unwrap().take().unwrap().wake();
        pending().await
    });
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    let before = polls.get();
    send.send(()).unwrap();
    assert_eq!(join.wakes(), 1);
    assert!(join.poll().is_pending());
    assert_eq!((polls.get(), join.wakes()), (before + 1, 1));
});
