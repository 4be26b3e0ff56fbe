//! Who may spawn, when, and what comes of a child that was not taken.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::FutureExt;
use nestling::Spawner;
use nestling::spawn::{ChildId, Rejected, Rejection};

use crate::support::{Count, Live, Log, Task, drive, ends, waits, yields};

behaviour!(a_child_that_a_child_spawns_is_collected_like_any_other, async {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        let inner = spawner.clone();
        spawner
            .spawn(async move {
                yields(2).await;
                inner.spawn(async { Err("a grandchild") }).unwrap();
                Ok(2)
            })
            .unwrap();
        Ok(1)
    });
    let report = nursery.settle().await;
    let outputs: Vec<_> = report.outputs().iter().map(|(_, n)| *n).collect();
    assert_eq!((outputs, report.error().unwrap().len()), (vec![1, 2], 1));
    assert_eq!(report.error().unwrap().first().child().id().number(), 2);
});

by_hand!(a_child_spawned_while_the_owner_is_joining_is_polled_at_once, {
    let started = Count::default();
    let (send, receive) = futures::channel::oneshot::channel::<()>();
    let mut nursery = nursery::<(), &str>();
    let (spawner, count) = (nursery.spawner(), started.clone());
    nursery.spawn(async move {
        receive.await.unwrap();
        spawner
            .spawn(async move {
                count.add();
                pending().await
            })
            .unwrap();
        pending().await
    });
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    send.send(()).unwrap();
    assert_eq!(join.wakes(), 1);
    assert!(join.poll().is_pending());
    assert_eq!((started.get(), join.wakes()), (1, 1));
});

by_hand!(a_spawn_from_outside_wakes_a_parked_nursery, {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending() && join.poll().is_pending());
    assert_eq!(join.wakes(), 0);
    spawner.spawn(async { Ok(1) }).unwrap();
    assert_eq!(join.wakes(), 1);
    assert!(join.poll().is_pending());
    assert!(handle.cancel());
    assert_eq!(join.wakes(), 2);
    assert_eq!(join.poll().map(Result::unwrap), Poll::Ready(vec![1]));
});

behaviour!(spawning_from_children_at_the_limit_neither_panics_nor_deadlocks, async {
    for limit in [1, 2, 3] {
        let mut nursery = nursery::<usize, &str>().limit(limit);
        for n in 0..10 {
            let spawner = nursery.spawner();
            nursery.spawn(async move {
                for m in 0..10 {
                    spawner.spawn(async move { Ok(10 + 10 * n + m) }).unwrap();
                    yields(1).await;
                }
                Ok(n)
            });
        }
        let mut outputs = nursery.join().await.unwrap();
        outputs.sort_unstable();
        assert!(outputs.into_iter().eq(0..110));
    }
});

behaviour!(a_child_may_wait_for_a_child_that_it_spawned_where_there_is_a_slot, async {
    let mut nursery = nursery::<u32, &str>().limit(2);
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        let handle = spawner.spawn_with_handle(async { Ok(2) }).unwrap();
        handle.finished().await;
        Ok(1)
    });
    assert_eq!(nursery.join().await.unwrap(), [1, 2]);
});

behaviour!(a_spawn_after_the_nursery_ended_gives_the_future_back_and_says_closed, async {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(async { Ok(1) });
    nursery.join().await.unwrap();
    let rejected = spawner.spawn(async { Ok(7) }).unwrap_err();
    let reason = &rejected.reason;
    assert!(reason.is_closed() && !reason.is_full() && !reason.is_cancelled());
    assert_eq!(rejected.future.await, Ok(7));
    assert!(spawner.try_reserve().unwrap_err().is_closed());
    assert!(spawner.spawn_with_handle(async { Ok(7) }).unwrap_err().reason.is_closed());
    assert!(spawner.spawn_group(async { Ok(7) }).unwrap_err().reason.is_closed());
    assert!(spawner.reserve().await.unwrap_err().is_closed());
    assert!(!spawner.cancel_with("too late"));
});

behaviour!(a_spawn_after_a_cancel_gives_the_future_back_and_the_cause, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    assert!(spawner.cancel_with("closing down"));
    let rejected = spawner.spawn(async { Ok(7) }).unwrap_err();
    match &rejected.reason {
        Rejection::Cancelled(cause) => assert_eq!(cause.message(), Some("closing down")),
        reason => panic!("{reason}"),
    }
    assert_eq!(rejected.future.await, Ok(7));
    assert!(spawner.try_reserve().unwrap_err().is_cancelled());
    assert!(spawner.spawn_with_handle(async { Ok(7) }).unwrap_err().reason.is_cancelled());
    assert!(spawner.spawn_group(async { Ok(7) }).unwrap_err().reason.is_cancelled());
    let named = || spawner.child().name("late");
    assert!(named().group().spawn_with_handle(async { Ok(7) }).unwrap_err().reason.is_cancelled());
    assert!(spawner.reserve().await.unwrap_err().is_cancelled());
    let reason = nursery.try_reserve().unwrap_err();
    assert!(reason.is_cancelled() && !reason.is_full() && !reason.is_closed());
    assert!(nursery.reserve().await.unwrap_err().is_cancelled());
    assert!(nursery.join().await.unwrap().is_empty());
});

behaviour!(a_spawner_keeps_no_nursery_open_and_no_child_alive, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let child = Live::new(&live);
    spawner
        .spawn(async move {
            let _child = child;
            pending().await
        })
        .unwrap();
    drop(nursery);
    assert_eq!(live.get(), 0);
    assert!(spawner.spawn(async { Ok(()) }).unwrap_err().reason.is_closed());
});

behaviour!(a_child_spawned_from_a_destructor_runs, async {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(ends(Ok(1), move || {
        spawner.spawn(async { Ok(2) }).unwrap();
    }));
    assert_eq!(nursery.join().await.unwrap(), [1, 2]);
});

behaviour!(a_child_spawned_from_the_destructor_of_a_child_cancelled_alone_runs, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(waits(move || {
        spawner.spawn(async { Ok(2) }).unwrap();
    }));
    drive(&mut nursery);
    handle.cancel();
    assert_eq!(nursery.join().await.unwrap(), [2]);
});

behaviour!(a_child_spawned_from_a_destructor_in_a_cancelled_nursery_comes_back, async {
    let log = Log::new();
    let mut nursery = nursery::<u32, &str>();
    for _ in 0..2 {
        let (spawner, log) = (nursery.spawner(), log.clone());
        nursery.spawn(waits(move || {
            log.add(spawner.spawn(async { Ok(2) }).unwrap_err().reason.is_cancelled());
        }));
    }
    drive(&mut nursery);
    nursery.cancel_with("over");
    assert!(nursery.join().await.unwrap().is_empty());
    assert_eq!(log.take(), [true, true]);
});

behaviour!(a_child_spawned_from_a_destructor_in_a_dropped_nursery_comes_back, async {
    let log = Log::new();
    let mut nursery = nursery::<u32, &str>();
    for _ in 0..2 {
        let (spawner, log) = (nursery.spawner(), log.clone());
        nursery.spawn(waits(move || {
            log.add(spawner.spawn(async { Ok(2) }).unwrap_err().reason.is_closed());
        }));
    }
    drive(&mut nursery);
    drop(nursery);
    assert_eq!(log.take(), [true, true]);
});

behaviour!(numbers_follow_the_order_of_spawning_by_whomever_and_none_is_used_twice, async {
    let mut nursery = nursery::<(), &str>();
    let mut ids = vec![nursery.spawn(async { Ok(()) })];
    let spawner = nursery.spawner();
    ids.push(spawner.spawn(async { Ok(()) }).unwrap());
    ids.push(nursery.spawn(async { Ok(()) }));
    ids.push(spawner.clone().spawn(async { Err("no") }).unwrap());
    while nursery.next().await.is_some() {}
    ids.push(spawner.spawn(async { Ok(()) }).unwrap());
    ids.push(nursery.try_reserve().unwrap().spawn(async { Ok(()) }));
    ids.push(spawner.reserve().await.unwrap().spawn(async { Ok(()) }).unwrap());
    ids.push(nursery.reserve().await.unwrap().spawn(async { Ok(()) }));
    assert!(ids.into_iter().map(ChildId::number).eq(0..8));
    nursery.join().await.unwrap();
});

behaviour!(a_tree_that_spawns_itself_is_walked_to_its_last_leaf, async {
    fn walk<'env, M>(depth: u32, spawner: Spawner<'env, u32, &'static str, M>, leaves: Count)
    where
        M: nestling::generic::Hold<'env, Leaf<'env, M>> + 'static,
    {
        let next = spawner.clone();
        let leaf = Leaf { depth, next, leaves };
        spawner.spawn(leaf).unwrap();
    }

    struct Leaf<'env, M: nestling::generic::Flavor> {
        depth: u32,
        next: Spawner<'env, u32, &'static str, M>,
        leaves: Count,
    }

    impl<'env, M: nestling::generic::Hold<'env, Self> + 'static> Future for Leaf<'env, M> {
        type Output = Result<u32, &'static str>;

        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Self::Output> {
            if self.depth == 0 {
                self.leaves.add();
            } else {
                for _ in 0..2 {
                    walk(self.depth - 1, self.next.clone(), self.leaves.clone());
                }
            }
            Poll::Ready(Ok(self.depth))
        }
    }

    let leaves = Count::default();
    let mut nursery = nursery().limit(3);
    walk::<Flavour>(8, nursery.spawner(), leaves.clone());
    assert_eq!(nursery.join().await.unwrap().len(), 511);
    assert_eq!(leaves.get(), 256);
});

by_hand!(a_future_may_be_spawned_while_another_is_dropped_on_the_way_in, {
    let nested = Arc::new(Mutex::new(None));
    let mut nursery = nursery::<u32, &str>();
    let (spawner, slot) = (nursery.spawner(), nested.clone());
    nursery.cancel_with("over");
    nursery.spawn(waits(move || {
        *slot.lock().unwrap() =
            spawner.spawn(async { Ok(1) }).err().map(|e| e.reason.is_cancelled());
    }));
    assert_eq!(*nested.lock().unwrap(), Some(true));
    assert!(nursery.join().now_or_never().unwrap().unwrap().is_empty());
});

by_hand!(children_that_park_start_in_spawn_order, {
    const CHILDREN: usize = 1_000;
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    for n in 0..CHILDREN {
        let log = log.clone();
        nursery.spawn(async move {
            log.add(n);
            pending().await
        });
    }
    while nursery.queued() > 0 {
        drive(&mut nursery);
    }
    assert!(log.take().into_iter().eq(0..CHILDREN));
});

behaviour!(the_reason_of_a_rejection_serves_where_the_future_is_not_static, async {
    fn boxed(reason: Rejection) -> Box<dyn std::error::Error + Send + Sync> {
        reason.into()
    }
    let borrowed = String::from("borrowed");
    let mut nursery = nursery::<usize, &str>();
    let spawner = nursery.spawner();
    nursery.close();
    let error = spawner.spawn(async { Ok(borrowed.len()) }).map_err(Rejected::into_reason);
    assert!(boxed(error.unwrap_err()).to_string().starts_with("the nursery is closed"));
});
