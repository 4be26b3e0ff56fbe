//! `spawn_when_free`: backpressure, in the order of those who wait.

use std::future::pending;
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;

use crate::support::{Count, Live, Log, Task, drive, yields};

behaviour!(three_calls_at_limit_1_take_as_long_as_two_children, async {
    let ended = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    for before in 0..3 {
        let ended = ended.clone();
        let count = ended.clone();
        nursery
            .spawn_when_free(async move {
                yields(5).await;
                count.add();
                Ok(())
            })
            .await;
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
                spawner.spawn_when_free(child).await.unwrap();
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
    nursery.spawn_when_free(async { Err("one") }).await;
    nursery.spawn_when_free(async { Ok(2) }).await;
    assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(0));
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, 2);
    assert_eq!(report.error().unwrap().first().failure().error(), Some(&"one"));
});

by_hand!(waiters_are_served_in_the_order_in_which_they_came, {
    let started = Log::new();
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let (release, released) = oneshot::channel::<()>();
    nursery.spawn(async move {
        released.await.unwrap();
        Ok(())
    });
    let mut waiting: Vec<_> = (0..3)
        .map(|n| {
            let log = started.clone();
            Task::new(spawner.spawn_when_free(async move {
                log.add(n);
                Ok(())
            }))
        })
        .collect();
    for at in [1, 0, 2] {
        assert!(waiting[at].poll().is_pending());
    }
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    release.send(()).unwrap();
    for at in [1, 0, 2] {
        assert!(join.run().is_pending());
        assert_eq!(waiting[at].wakes(), 1);
        assert!(waiting[at].poll().is_ready());
    }
    assert!(join.run().is_ready());
    assert_eq!(started.take(), [1, 0, 2]);
});

behaviour!(children_that_wait_for_a_slot_get_it_in_the_order_in_which_they_asked, async {
    let (started, asked) = (Log::new(), Log::new());
    let log = started.clone();
    let (release, released) = oneshot::channel::<()>();
    let mut inner = nursery::<(), &str>().limit(1);
    inner.spawn(async { released.await.map_err(|_| "hung up") });
    let spawner = inner.spawner();
    let mut waiting = nursery::<(), &str>();
    waiting.spawn(async { inner.join().await.map(drop).map_err(|_| "one failed") });
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
            spawner.spawn_when_free(child).await.map(drop).map_err(|_| "it was refused")
        });
    }
    waiting.spawn(async {
        yields(30).await;
        release.send(()).map_err(|()| "gone")
    });
    waiting.join().await.unwrap();
    assert_eq!((asked.take(), started.take()), (vec![4, 3, 2, 1, 0], vec![4, 3, 2, 1, 0]));
});

by_hand!(only_as_many_waiters_are_woken_as_there_are_free_slots, {
    let mut nursery = nursery::<(), &str>().limit(2);
    let spawner = nursery.spawner();
    let handles = [(); 2].map(|()| nursery.spawn_with_handle(pending()));
    let mut waiting: Vec<_> =
        (0..3).map(|_| Task::new(spawner.spawn_when_free(pending()))).collect();
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
    let [mut first, mut second, mut third] =
        [(); 3].map(|()| Task::new(spawner.spawn_when_free(async { Ok(()) })));
    assert!(first.poll().is_pending() && second.poll().is_pending() && third.poll().is_pending());
    drop(first);
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    handle.cancel();
    assert!(join.run().is_pending());
    assert_eq!((second.wakes(), third.wakes()), (1, 0));
    drop(second);
    assert_eq!(third.wakes(), 1);
    assert!(third.poll().is_ready());
    assert_eq!(join.run().map(|outputs| outputs.unwrap().len()), Poll::Ready(1));
});

by_hand!(the_last_waiter_that_gives_up_a_granted_slot_lets_the_nursery_end, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut waiter = Task::new(spawner.spawn_when_free(async { Ok(()) }));
    assert!(waiter.poll().is_pending());
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    handle.cancel();
    assert!(join.run().is_pending());
    let before = join.wakes();
    drop(waiter);
    assert_eq!(join.wakes(), before + 1);
    assert!(join.run().is_ready());
});

by_hand!(a_granted_slot_is_not_taken_by_those_who_come_later, {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut waiter = Task::new(spawner.spawn_when_free(pending()));
    assert!(waiter.poll().is_pending());
    handle.cancel();
    assert!(nursery.next().now_or_never().unwrap().is_some());
    assert!(spawner.try_spawn(pending()).unwrap_err().reason.is_full());
    assert!(nursery.try_spawn(pending()).unwrap_err().reason.is_full());
    let mut late = Task::new(spawner.spawn_when_free(pending()));
    assert!(late.poll().is_pending());
    assert!(waiter.poll().is_ready());
});

by_hand!(the_owner_stands_in_the_same_queue_as_spawners, {
    let started = Log::new();
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let child = |name| {
        let log = started.clone();
        async move {
            log.add(name);
            Ok(())
        }
    };
    let mut before = Task::new(spawner.spawn_when_free(child("before")));
    assert!(before.poll().is_pending());
    let mut owner = Task::new(nursery.spawn_when_free(child("owner")));
    assert!(owner.poll().is_pending());
    let mut after = Task::new(spawner.spawn_when_free(child("after")));
    assert!(after.poll().is_pending());
    handle.cancel();
    assert!(owner.run().is_pending());
    assert_eq!((before.wakes(), after.wakes()), (1, 0));
    assert!(before.poll().is_ready());
    assert!(owner.run().is_ready());
    drop(owner);
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    assert!(after.poll().is_ready());
    assert!(join.run().is_ready());
    assert_eq!(started.take(), ["before", "owner", "after"]);
});

by_hand!(those_who_wait_when_the_nursery_is_cancelled_or_dropped_get_their_future_back, {
    for cancel in [true, false] {
        let mut nursery = nursery::<(), &str>().limit(1);
        let spawner = nursery.spawner();
        nursery.spawn(pending());
        let mut waiter = Task::new(spawner.spawn_when_free(async { Ok(()) }));
        assert!(waiter.poll().is_pending());
        if cancel {
            nursery.cancel("over");
        }
        drop(nursery);
        assert_eq!(waiter.wakes(), 1);
        let Poll::Ready(Err(rejected)) = waiter.poll() else { panic!("it must be refused") };
        // A nursery that was cancelled before it went says so afterwards too.
        assert_eq!(
            (rejected.reason.is_cancelled(), rejected.reason.is_closed()),
            (cancel, !cancel)
        );
        assert_eq!(rejected.future.now_or_never(), Some(Ok(())));
    }
});

by_hand!(a_child_that_waits_for_a_slot_and_is_dropped_was_never_polled, {
    let live = Count::default();
    let mut nursery = nursery::<(), Live>().limit(1);
    nursery.spawn(pending());
    let child = Live::new(&live);
    let mut waiting = Task::new(nursery.spawn_when_free(async move { Err(child) }));
    assert!(waiting.poll().is_pending());
    drop(waiting);
    assert_eq!(live.get(), 0);
    drive(&mut nursery);
    assert_eq!((nursery.running(), nursery.queued()), (1, 0));
});

behaviour!(an_owner_that_waits_is_freed_by_a_cancel, async {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        yields(3).await;
        spawner.cancel("over");
        pending().await
    });
    let id = nursery.spawn_when_free(pending()).await;
    let report = nursery.settle().await;
    assert_eq!(report.cancelled()[1].child().id(), id);
    assert_eq!(report.counts().cancelled(), 2);
});

by_hand!(an_owner_waits_for_no_slot_in_a_cancelled_nursery_where_a_child_has_its_grace, {
    for asked in [false, true] {
        let mut nursery = nursery::<(), &str>().limit(1);
        let _spawner = asked.then(|| nursery.spawner());
        nursery.child().grace(pending::<()>()).spawn(pending());
        drive(&mut nursery);
        assert!(nursery.cancel("over"));
        assert!(Task::new(nursery.spawn_when_free(pending())).poll().is_ready());
        let late = nursery.next().now_or_never().flatten().unwrap();
        assert!(late.outcome().is_cancelled() && late.child().id().number() == 1);
        assert_eq!(nursery.running(), 1);
    }
});

by_hand!(closing_takes_the_slot_back_from_a_spawner_that_has_not_come_for_it, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async { Ok(1) });
    let mut theirs = Task::new(spawner.spawn_when_free(async { Ok(2) }));
    assert!(theirs.run().is_pending());
    assert!(nursery.next().now_or_never().flatten().is_some(), "the slot is theirs now");
    assert_eq!(theirs.wakes(), 1);
    assert!(spawner.close());
    assert_eq!(nursery.spawn_when_free(async { Ok(3) }).now_or_never().unwrap().number(), 1);
    let Poll::Ready(Err(rejected)) = theirs.run() else { panic!("a closed nursery refuses") };
    assert!(rejected.reason.is_closed());
    // It had nothing to give back any more.
    drop(theirs);
    assert!(nursery.try_spawn(async { Ok(4) }).is_err(), "there is one slot, and that is taken");
});

by_hand!(closing_gives_that_slot_to_the_owner_who_waits_behind, {
    let (done, is_done) = oneshot::channel::<()>();
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(async {
        is_done.await.unwrap();
        Ok(1)
    });
    let mut theirs = Task::new(spawner.spawn_when_free(async { Ok(2) }));
    assert!(theirs.run().is_pending());
    let mut ours = Task::new(nursery.spawn_when_free(async { Ok(3) }));
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
    let mut forgotten = Task::new(nursery.spawn_when_free(async { Ok(2) }));
    assert!(forgotten.poll().is_pending());
    std::mem::forget(forgotten);
    done.send(()).unwrap();
    assert!(nursery.next().now_or_never().flatten().is_some(), "the slot is granted to nobody");
    assert!(spawner.close());
    assert!(Task::new(nursery.spawn_when_free(async { Ok(3) })).run().is_pending());
});
