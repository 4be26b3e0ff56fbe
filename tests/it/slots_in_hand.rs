//! Slots as values: what can be done with one, and what becomes of one that is not used.

use std::future::{pending, ready};
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::{ChildError, JoinedError};

use crate::support::{Count, Task, drive, yields};

by_hand!(a_slot_that_is_dropped_unused_goes_to_the_next_waiter, {
    let (spawner, driver) = nursery::<(), &str>().limit(1).split();
    let slot = spawner.try_reserve().unwrap();
    let [mut next, mut last] = [(); 2].map(|()| Task::new(spawner.reserve()));
    assert!(next.poll().is_pending() && last.poll().is_pending());
    drop(slot);
    assert_eq!((next.wakes(), last.wakes()), (1, 0));
    let Poll::Ready(Ok(slot)) = next.run() else { panic!("it is its turn") };
    assert!(last.run().is_pending());
    drop(slot);
    assert!(last.run().is_ready());
    drop((spawner, driver));
});

by_hand!(a_slot_of_the_owner_that_is_dropped_unused_goes_to_the_next_waiter, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let slot = nursery.reserve().now_or_never().unwrap().unwrap();
    let mut waiter = Task::new(spawner.reserve());
    assert!(waiter.poll().is_pending());
    drop(slot);
    assert_eq!(waiter.wakes(), 1);
    let Poll::Ready(Ok(slot)) = waiter.run() else { panic!("it is its turn") };
    slot.spawn(async { Ok(1) }).unwrap();
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [1]);
});

by_hand!(a_slot_in_hand_keeps_join_pending_and_its_drop_ends_it, {
    for daemon in [false, true] {
        let mut nursery = nursery::<(), &str>().limit(2);
        let spawner = nursery.spawner();
        if daemon {
            nursery.child().daemon().spawn(pending());
        }
        let [one, two] = [(); 2].map(|()| spawner.try_reserve().unwrap());
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        drop(one);
        assert!(join.run().is_pending());
        let wakes = join.wakes();
        drop(two);
        assert_eq!(join.wakes(), wakes + 1);
        assert!(join.run().is_ready());
    }
});

by_hand!(a_slot_in_hand_keeps_a_split_nursery_open_when_the_last_spawner_is_gone, {
    let (spawner, driver) = nursery::<u32, &str>().limit(1).split();
    let slot = spawner.try_reserve().unwrap();
    let mut driver = Task::new(driver);
    drop(spawner);
    assert!(driver.run().is_pending());
    slot.spawn(async { Ok(1) }).unwrap();
    let Poll::Ready(report) = driver.run() else { panic!("nothing is left") };
    assert_eq!(report.outputs().len(), 1);

    let (spawner, driver) = nursery::<u32, &str>().limit(1).split();
    let slot = spawner.try_reserve().unwrap();
    let mut behind = Task::new(spawner.reserve());
    assert!(behind.run().is_pending());
    let mut driver = Task::new(driver);
    drop(spawner);
    assert!(driver.run().is_pending());
    slot.spawn(async { Ok(1) }).unwrap();
    assert!(matches!(behind.run(), Poll::Ready(Err(refused)) if refused.is_closed()));
    assert!(driver.run().is_ready());
});

by_hand!(a_slot_of_a_spawner_gives_the_future_back_after_a_close_a_cancel_or_a_drop, {
    for how in ["closed", "cancelled", "dropped"] {
        let mut nursery = nursery::<u32, &str>().limit(2);
        let spawner = nursery.spawner();
        let slot = spawner.try_reserve().unwrap().name("late");
        let unused = spawner.try_reserve().unwrap();
        let mut nursery = Some(nursery);
        match how {
            "closed" => drop(spawner.close()),
            "cancelled" => drop(spawner.cancel_with("over")),
            _ => drop(nursery.take()),
        }
        let rejected = slot.spawn(async { Ok(1) }).unwrap_err();
        let reason = rejected.reason;
        assert_eq!(
            (reason.is_cancelled(), reason.is_closed()),
            (how == "cancelled", how != "cancelled")
        );
        assert_eq!(rejected.future.now_or_never(), Some(Ok(1)));
        // It waits for none of them, used or not.
        if let Some(nursery) = nursery {
            assert!(nursery.join().now_or_never().is_some(), "{how}");
        }
        drop(unused);
    }
});

by_hand!(a_slot_that_was_taken_back_by_a_close_is_not_given_back_twice, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let theirs = spawner.try_reserve().unwrap();
    assert!(nursery.try_reserve().unwrap_err().is_full());
    spawner.close();
    let ours = nursery.try_reserve().unwrap();
    drop(theirs);
    ours.spawn(async { Ok(1) });
    assert!(nursery.try_reserve().unwrap_err().is_full());
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [1]);
});

by_hand!(a_slot_of_the_owner_in_a_nursery_that_was_cancelled_reports_the_child, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let slot = nursery.try_reserve().unwrap();
    spawner.cancel_with("over");
    let polled = polls.clone();
    let id = slot.spawn(async move {
        polled.add();
        Ok(())
    });
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!((report.cancelled()[0].child().id(), polls.get()), (id, 0));
});

by_hand!(the_owner_of_a_closed_nursery_can_still_reserve, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    assert!(spawner.close());
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Ok(1) });
    assert!(nursery.try_reserve().unwrap_err().is_full());
    assert!(nursery.next().now_or_never().flatten().is_some());
    nursery.try_reserve().unwrap().spawn(async { Ok(2) });
    assert!(spawner.try_reserve().unwrap_err().is_closed());
    assert!(spawner.reserve().now_or_never().unwrap().unwrap_err().is_closed());
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [2]);
});

by_hand!(a_slot_of_a_spawner_can_be_kept_and_handed_on, {
    let mut nursery = nursery::<u32, &str>().limit(3);
    let spawner = nursery.spawner();
    let mut slots: Vec<_> = (0..3).map(|_| spawner.try_reserve().unwrap()).collect();
    drop(spawner);
    let handed_on = slots.pop().unwrap();
    nursery.spawn(async move {
        handed_on.spawn(async { Ok(1) }).map_err(|_| "it was refused")?;
        Ok(0)
    });
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    slots.pop().unwrap().spawn(async { Ok(2) }).unwrap();
    assert!(join.run().is_pending());
    slots.clear();
    let Poll::Ready(Ok(outputs)) = join.run() else { panic!("nothing is left") };
    assert_eq!(outputs, [0, 1, 2]);
});

/// How many children run at once at limit 2, while a producer spawns 10 by slots.
macro_rules! at_most_two_run {
    ($name:ident, |$slot:ident, $child:ident| $spawn:expr) => {
        behaviour!($name, async {
            let (made, running, peak) = (Count::default(), Count::default(), Count::default());
            let mut nursery = nursery::<(), &str>().limit(2);
            for n in 0..10 {
                let $slot = nursery.reserve().await.unwrap();
                assert!(running.get() < 2, "it waits until there is room");
                made.add();
                let (running, peak) = (running.clone(), peak.clone());
                peak.at_least(running.add());
                let $child = async move {
                    yields(n % 3 + 2).await;
                    running.remove();
                };
                $spawn;
            }
            assert!(nursery.join().await.is_ok());
            assert_eq!((made.get(), peak.get(), running.get()), (10, 2, 0));
        });
    };
}

at_most_two_run!(backpressure_holds_for_children_with_a_handle, |slot, child| {
    let _handle = slot.spawn_with_handle(child.map(Ok));
});

at_most_two_run!(backpressure_holds_for_groups, |slot, child| {
    slot.name("inner").group().spawn(async move {
        let mut inner = crate::support::shared::nursery::<(), &str>();
        inner.spawn(ready(Ok(())));
        child.await;
        inner.join().await.map(drop)
    })
});

at_most_two_run!(backpressure_holds_for_children_with_a_context, |slot, child| {
    let _handle = slot.spawn_with_context(|_cx| child.map(Ok));
});

at_most_two_run!(backpressure_holds_for_groups_with_a_context, |slot, child| {
    let _handle = slot.group().spawn_with_context(|cx| async move {
        let inner = cx.nursery::<(), &str>();
        child.await;
        inner.join().await.map(drop)
    });
});

at_most_two_run!(backpressure_holds_for_children_with_an_output_of_their_own, |slot, child| {
    let _handle = slot.spawn_join(child.map(|()| Ok::<_, &str>("output")));
});

at_most_two_run!(backpressure_holds_for_children_on_an_executor, |slot, child| {
    let threads = nestling::executor(|task| {
        std::thread::spawn(|| futures::executor::block_on(task));
    });
    let _handle = slot.spawn_on(threads, child.map(Ok));
});

behaviour!(a_group_on_an_executor_is_a_subtree, async {
    let threads = nestling::executor(|task| {
        std::thread::spawn(|| futures::executor::block_on(task));
    });
    let mut nursery = nursery::<(), &'static str>().limit(1);
    let _handle = nursery.try_reserve().unwrap().name("remote").group().spawn_on(threads, async {
        let mut inner = crate::support::shared::nursery::<(), &'static str>();
        inner.spawn(ready(Err("one")));
        inner.spawn(ready(Err("two")));
        inner.join().await.map(drop)
    });
    let slot = nursery.reserve().await.unwrap();
    // Only `?` has made it a joined error: it is the child's own.
    let _handle = slot.group().spawn_on(threads, ready(Err("three".into())));
    let error = nursery.join().await.unwrap_err();
    let of = |entry: &ChildError<_>| entry.failure().group().map_or(0, JoinedError::len);
    assert_eq!(error.iter().map(of).collect::<Vec<_>>(), [2, 0]);
    assert!(error.iter().next_back().unwrap().failure().is_error());
});

by_hand!(a_slot_spawns_while_the_nursery_is_driven, {
    let (send, receive) = oneshot::channel::<()>();
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async {
        receive.await.unwrap();
        Ok(0)
    });
    drive(&mut nursery);
    let mut body = Task::new(nursery.run(|_| async move {
        let slot = spawner.reserve().await.map_err(|_| "refused")?;
        slot.spawn(async { Ok(1) }).map_err(|_| "refused")?;
        Ok("fed")
    }));
    assert!(body.run().is_pending());
    send.send(()).unwrap();
    let Poll::Ready(Ok((output, outputs))) = body.run() else { panic!("all have ended") };
    assert_eq!((output, outputs), ("fed", vec![0, 1]));
});
