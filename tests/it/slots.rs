//! `reserve`: backpressure, in the order of those who wait.

use std::future::pending;
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, select};
use nestling::spawn::Rejection;

use crate::support::{Count, Log, Task, drive, yields};

behaviour!(three_calls_at_limit_1_take_as_long_as_two_children, async {
    let ended = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    for before in 0..3 {
        let ended = ended.clone();
        let count = ended.clone();
        nursery.reserve().await.unwrap().spawn(async move {
            yields(5).await;
            count.add();
            Ok(())
        });
        assert_eq!(ended.get(), before);
    }
    assert_eq!(nursery.join().await.unwrap().len(), 3);
});

behaviour!(three_calls_of_a_spawner_at_limit_1_take_as_long_as_two_children, async {
    let ended = Count::default();
    let result = nursery::<(), &str>()
        .limit(1)
        .run(|spawner| async move {
            for before in 0..3 {
                let count = ended.clone();
                let child = async move {
                    yields(5).await;
                    count.add();
                    Ok(())
                };
                spawner.reserve().await.unwrap().spawn(child).unwrap();
                assert_eq!(ended.get(), before);
            }
            Ok(())
        })
        .await;
    assert_eq!(result.unwrap().1.len(), 3);
});

behaviour!(what_ends_while_the_owner_waits_is_kept_for_whoever_finishes, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.spawn(async { Ok(0) });
    nursery.reserve().await.unwrap().spawn(async { Err("one") });
    nursery.reserve().await.unwrap().spawn(async { Ok(2) });
    assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(0));
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, 2);
    assert_eq!(report.error().unwrap().first().failure().error(), Some(&"one"));
});

by_hand!(waiters_are_served_in_the_order_in_which_they_came, {
    let started = Log::new();
    let (spawner, driver) = nursery::<(), &str>().limit(1).split();
    let (release, released) = oneshot::channel::<()>();
    spawner.spawn(async { released.await.map_err(|_| "hung up") }).unwrap();
    let mut waiting = [(); 3].map(|()| Task::new(spawner.reserve()));
    for at in [1, 0, 2] {
        assert!(waiting[at].poll().is_pending());
    }
    let mut driver = Task::new(driver);
    assert!(driver.poll().is_pending());
    release.send(()).unwrap();
    for at in [1, 0, 2] {
        assert!(driver.run().is_pending());
        assert_eq!(waiting[at].wakes(), 1);
        let Poll::Ready(Ok(slot)) = waiting[at].poll() else { panic!("it is the turn of {at}") };
        let log = started.clone();
        let child = async move {
            log.add(at);
            Ok(())
        };
        slot.spawn(child).unwrap();
    }
    drop(spawner);
    assert!(driver.run().is_ready());
    assert_eq!(started.take(), [1, 0, 2]);
});

behaviour!(children_that_wait_for_a_slot_get_it_in_the_order_in_which_they_asked, async {
    let (started, asked) = (Log::new(), Log::new());
    let log = started.clone();
    let (release, released) = oneshot::channel::<()>();
    let (spawner, driver) = nursery::<(), &str>().limit(1).split();
    spawner.spawn(async { released.await.map_err(|_| "hung up") }).unwrap();
    let mut waiting = nursery::<(), &str>();
    waiting.spawn(async { driver.await.into_result().map(drop).map_err(|_| "one failed") });
    for n in 0..5 {
        let (spawner, log, asked) = (spawner.clone(), log.clone(), asked.clone());
        waiting.spawn(async move {
            yields(10 - n).await;
            asked.add(n);
            let child = async move {
                log.add(n);
                yields(2).await;
                Ok(())
            };
            let slot = spawner.reserve().await.map_err(|_| "it was refused")?;
            slot.spawn(child).map(drop).map_err(|_| "it was refused")
        });
    }
    drop(spawner);
    waiting.spawn(async {
        yields(30).await;
        release.send(()).map_err(|()| "gone")
    });
    waiting.join().await.unwrap();
    assert_eq!((asked.take(), started.take()), (vec![4, 3, 2, 1, 0], vec![4, 3, 2, 1, 0]));
});

by_hand!(only_as_many_waiters_are_woken_as_there_are_free_slots, {
    let mut nursery = nursery::<(), &str>().limit(3);
    let spawner = nursery.spawner();
    let handles = [(); 3].map(|()| nursery.spawn_with_handle(pending()));
    let mut waiting: Vec<_> = (0..3).map(|_| Task::new(spawner.reserve())).collect();
    assert!(waiting.iter_mut().all(|task| task.poll().is_pending()));
    let wakes = |waiting: &[Task<_>]| waiting.iter().map(Task::wakes).collect::<Vec<_>>();
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    assert_eq!(wakes(&waiting), [0, 0, 0]);
    handles[1].cancel();
    assert!(join.run().is_pending());
    assert_eq!(wakes(&waiting), [1, 0, 0]);
    handles[0].cancel();
    assert!(join.run().is_pending());
    assert_eq!(wakes(&waiting), [1, 1, 0]);
});

by_hand!(a_waiter_that_gives_up_returns_its_place, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let [mut first, mut second, mut third] = [(); 3].map(|()| Task::new(spawner.reserve()));
    assert!(first.poll().is_pending() && second.poll().is_pending() && third.poll().is_pending());
    drop(first);
    handle.cancel();
    assert!(nursery.next().now_or_never().flatten().is_some());
    assert_eq!((second.wakes(), third.wakes()), (1, 0));
    drop(second);
    assert_eq!(third.wakes(), 1);
    let Poll::Ready(Ok(slot)) = third.poll() else { panic!("it is the turn of the third") };
    slot.spawn(async { Ok(()) }).unwrap();
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap().len(), 1);
});

by_hand!(a_granted_slot_is_not_taken_by_those_who_come_later, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut waiter = Task::new(spawner.reserve());
    assert!(waiter.poll().is_pending());
    handle.cancel();
    assert!(nursery.next().now_or_never().unwrap().is_some());
    assert!(spawner.try_reserve().unwrap_err().is_full());
    assert!(nursery.try_reserve().unwrap_err().is_full());
    let mut late = Task::new(spawner.reserve());
    assert!(late.poll().is_pending());
    assert!(waiter.poll().is_ready());
});

by_hand!(a_granted_wait_that_is_never_polled_does_not_keep_the_nursery_open, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let [mut granted, mut behind] = [(); 2].map(|()| Task::new(spawner.reserve()));
    assert!(granted.poll().is_pending() && behind.poll().is_pending());
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    handle.cancel();
    assert!(join.run().is_ready(), "nothing else is left");
    assert_eq!((granted.wakes(), behind.wakes()), (1, 1));
    for waiter in [&mut granted, &mut behind] {
        let Poll::Ready(Err(refused)) = waiter.run() else { panic!("the nursery has ended") };
        assert!(refused.is_closed());
    }
});

by_hand!(a_granted_wait_has_its_slot_while_something_else_is_left, {
    let mut nursery = nursery::<(), &str>().limit(2);
    let spawner = nursery.spawner();
    let [first, second] = [(); 2].map(|()| nursery.spawn_with_handle(pending()));
    let mut waiter = Task::new(spawner.reserve());
    assert!(waiter.poll().is_pending());
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    first.cancel();
    assert!(join.run().is_pending());
    let Poll::Ready(Ok(slot)) = waiter.run() else { panic!("a slot is free") };
    second.cancel();
    assert!(join.run().is_pending(), "a child may come by the slot");
    slot.spawn(async { Ok(()) }).unwrap();
    assert_eq!(join.run().map(|outputs| outputs.unwrap().len()), Poll::Ready(1));
});

by_hand!(the_owner_stands_in_the_same_queue_as_spawners, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut before = Task::new(spawner.reserve());
    assert!(before.poll().is_pending());
    let mut owner = Task::new(nursery.reserve());
    assert!(owner.poll().is_pending());
    let mut after = Task::new(spawner.reserve());
    assert!(after.poll().is_pending());
    handle.cancel();
    assert!(owner.run().is_pending());
    assert_eq!((before.wakes(), after.wakes()), (1, 0));
    let Poll::Ready(Ok(slot)) = before.poll() else { panic!("it was the first to wait") };
    slot.spawn(async { Ok(0) }).unwrap();
    let Poll::Ready(Ok(slot)) = owner.run() else { panic!("it was the second to wait") };
    assert_eq!(after.wakes(), 0);
    slot.spawn(async { Ok(1) });
    drop(owner);
    // The first that there was, and then those two.
    for _ in 0..3 {
        assert!(nursery.next().now_or_never().flatten().is_some());
    }
    let Poll::Ready(Ok(slot)) = after.poll() else { panic!("it was the third to wait") };
    slot.spawn(async { Ok(2) }).unwrap();
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [2]);
});

by_hand!(an_owner_that_waits_behind_a_daemon_is_served_when_that_lets_its_slot_go, {
    let (release, released) = oneshot::channel::<()>();
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async { released.await.map_err(|_| "hung up") });
    nursery.child().daemon().spawn(async move {
        drop(spawner.reserve().await);
        pending().await
    });
    drive(&mut nursery);
    let mut owner = Task::new(nursery.reserve());
    assert!(owner.run().is_pending());
    release.send(()).unwrap();
    assert!(owner.run().is_ready(), "there is only the daemon, which has been served");
});

by_hand!(an_owner_is_served_by_a_child_that_goes_on_without_its_slot, {
    let (release, released) = oneshot::channel::<()>();
    let mut nursery = nursery::<(), &str>().limit(2);
    let spawner = nursery.spawner();
    let slot = spawner.try_reserve().unwrap();
    nursery.spawn(async {
        released.await.map_err(|_| "hung up")?;
        drop(slot);
        pending().await
    });
    let mut owner = Task::new(nursery.reserve());
    assert!(owner.run().is_pending());
    release.send(()).unwrap();
    assert!(owner.run().is_ready(), "the slot came back while the driver was at work");
});

by_hand!(those_who_wait_when_the_nursery_is_cancelled_or_dropped_are_refused, {
    for cancel in [true, false] {
        let mut nursery = nursery::<(), &str>().limit(1);
        let spawner = nursery.spawner();
        nursery.spawn(pending());
        let mut waiter = Task::new(spawner.reserve());
        assert!(waiter.poll().is_pending());
        if cancel {
            nursery.cancel_with("over");
        }
        drop(nursery);
        assert_eq!(waiter.wakes(), 1);
        let Poll::Ready(Err(refused)) = waiter.poll() else { panic!("it must be refused") };
        // A nursery that was cancelled before it went says so afterwards too.
        assert_eq!((refused.is_cancelled(), refused.is_closed()), (cancel, !cancel));
    }
});

behaviour!(an_owner_that_waits_hears_of_a_cancel, async {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        yields(3).await;
        spawner.cancel_with("over");
        pending().await
    });
    let refused = nursery.reserve().await.unwrap_err();
    assert_eq!(refused.to_string(), "the nursery was cancelled (requested: over)");
    assert_eq!(nursery.settle().await.counts().cancelled(), 1);
});

behaviour!(a_loop_that_feeds_ends_with_the_cause_at_a_cancel, async {
    let mut nursery = nursery::<u32, &str>().limit(3).first_error();
    let mut fed = 0;
    let refused = loop {
        match nursery.reserve().await {
            Ok(slot) => slot.spawn(async move {
                yields(2).await;
                if fed == 50 { Err("disk full") } else { Ok(fed) }
            }),
            Err(refused) => break refused,
        };
        fed += 1;
    };
    let Rejection::Cancelled(cause) = refused else { panic!("{refused}") };
    assert_eq!(cause.to_string(), "child #50 failed: disk full");
    assert!((51..=53).contains(&fed), "{fed}");
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().total()), (1, fed as u64));
});

by_hand!(two_hundred_thousand_calls_after_a_first_error_leave_no_entries, {
    let mut nursery = nursery::<(), &str>().limit(1).first_error();
    let spawner = nursery.spawner();
    nursery.spawn(async { Err("disk full") });
    for _ in 0..200_000 {
        assert!(nursery.reserve().now_or_never().unwrap().unwrap_err().is_cancelled());
        assert!(spawner.reserve().now_or_never().unwrap().unwrap_err().is_cancelled());
        assert!(nursery.try_reserve().unwrap_err().is_cancelled());
    }
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!((report.counts().total(), report.cancelled().len()), (1, 0));
});

by_hand!(an_owner_waits_for_no_slot_in_a_cancelled_nursery_where_a_child_has_its_grace, {
    for asked in [false, true] {
        let mut nursery = nursery::<(), &str>().limit(1);
        let _spawner = asked.then(|| nursery.spawner());
        nursery.child().grace(pending::<()>).spawn(pending());
        drive(&mut nursery);
        assert!(nursery.cancel_with("over"));
        let refused = nursery.reserve().now_or_never().unwrap().unwrap_err();
        assert!(refused.is_cancelled());
        assert_eq!(nursery.running(), 1);
    }
});

by_hand!(closing_takes_the_slot_back_from_a_spawner_that_has_not_come_for_it, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async { Ok(1) });
    let mut theirs = Task::new(spawner.reserve());
    assert!(theirs.run().is_pending());
    assert!(nursery.next().now_or_never().flatten().is_some(), "the slot is theirs now");
    assert_eq!(theirs.wakes(), 1);
    assert!(spawner.close());
    let ours = nursery.reserve().now_or_never().unwrap().unwrap();
    assert_eq!(ours.spawn(async { Ok(3) }).number(), 1);
    let Poll::Ready(Err(refused)) = theirs.run() else { panic!("a closed nursery refuses") };
    assert!(refused.is_closed());
    // It had nothing to give back any more.
    drop(theirs);
    assert!(nursery.try_reserve().is_err(), "there is one slot, and that is taken");
});

by_hand!(closing_gives_that_slot_to_the_owner_who_waits_behind, {
    let (done, is_done) = oneshot::channel::<()>();
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async {
        is_done.await.unwrap();
        Ok(1)
    });
    let mut theirs = Task::new(spawner.reserve());
    assert!(theirs.run().is_pending());
    let mut ours = Task::new(nursery.reserve());
    assert!(ours.run().is_pending());
    done.send(()).unwrap();
    assert!(ours.run().is_pending(), "the slot is theirs, and they have not come");
    assert!(spawner.close());
    assert!(ours.run().is_ready());
});

by_hand!(the_owner_sleeps_while_the_slot_is_that_of_a_future_which_was_forgotten, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let (done, is_done) = oneshot::channel::<()>();
    nursery.spawn(async {
        is_done.await.unwrap();
        Ok(1)
    });
    let mut forgotten = Task::new(nursery.reserve());
    assert!(forgotten.poll().is_pending());
    std::mem::forget(forgotten);
    done.send(()).unwrap();
    assert!(nursery.next().now_or_never().flatten().is_some(), "the slot is granted to nobody");
    assert!(spawner.close());
    assert!(Task::new(nursery.reserve()).run().is_pending());
    assert!(nursery.join().now_or_never().is_some(), "it keeps nothing open");
});

behaviour!(a_reserve_in_a_select_loses_no_job, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let (mut jobs, mut ticks) = (0..20, 0);
    while !jobs.is_empty() {
        let tick = std::pin::pin!(yields(1));
        match select(nursery.reserve(), tick).await {
            Either::Left((slot, _)) => {
                let job = jobs.next().unwrap();
                slot.unwrap().spawn(async move {
                    yields(50).await;
                    Ok(job)
                });
            }
            Either::Right(_) => ticks += 1,
        }
    }
    assert!(ticks > 0, "each wait was polled to its end");
    assert!(nursery.join().await.unwrap().into_iter().eq(0..20));
});

by_hand!(waits_for_slots_go_on_while_only_daemons_are_left_under_next, {
    let mut nursery = nursery::<(), &str>().limit(1);
    nursery.child().daemon().spawn(pending());
    nursery.spawn(async { Ok(()) });
    let spawner = nursery.spawner();
    let mut waits: Vec<_> = (0..2).map(|_| Task::new(spawner.reserve())).collect();
    for wait in &mut waits {
        assert!(wait.poll().is_pending());
    }
    while nursery.next().now_or_never().unwrap().is_some() {}
    let Poll::Ready(slot) = waits[0].poll() else { panic!("the only child has ended") };
    assert!(waits[1].poll().is_pending());
    drop(slot);
    assert!(matches!(waits[1].poll(), Poll::Ready(Ok(_))));
});

by_hand!(an_owner_that_is_refused_leaves_its_place_without_a_wake, {
    let mut nursery = nursery::<(), &str>().limit(2).first_error().drain_ready();
    let (fails, may_fail) = oneshot::channel::<()>();
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        drop(spawner.reserve().await);
        Ok(())
    });
    nursery.spawn(async {
        may_fail.await.unwrap();
        Err("it fails")
    });
    let mut reserve = Task::new(nursery.reserve());
    assert!(reserve.poll().is_pending());
    fails.send(()).unwrap();
    let woken = reserve.wakes();
    // The place is free for the child, which is polled once the owner drives it again.
    assert!(matches!(reserve.poll(), Poll::Ready(Err(Rejection::Cancelled(_)))));
    assert_eq!(reserve.wakes(), woken);
});
