//! Each of the crate's futures may be dropped wherever it waits.

use std::future::pending;
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::Nursery;
use nestling::generic::{Flavor, Hold};

use crate::support::{Count, Live, Log, Task, drive, waits, yields};

/// A nursery that has kept one output, runs two children and has one waiting.
fn half_way<'env, M>(
    mut nursery: Nursery<'env, Live, &'static str, M>,
    live: &Count,
) -> Nursery<'env, Live, &'static str, M>
where
    M: Flavor + Hold<'env, futures::future::BoxFuture<'static, Result<Live, &'static str>>>,
{
    for n in 0..4 {
        let output = Live::new(live);
        let child = async move {
            let output = output;
            if n > 0 {
                pending::<()>().await;
            }
            Ok(output)
        };
        nursery.spawn(child.boxed());
    }
    nursery
}

/// Polls a future that waits, drops it, and sees to it that nothing is left.
fn nothing_is_left(future: impl Future, live: &Count) {
    let mut task = Task::new(future);
    assert!(task.poll().is_pending());
    assert!(live.get() > 0);
    drop(task);
    assert_eq!(live.get(), 0);
}

by_hand!(a_join_drops_all_children_and_outputs, {
    let live = Count::default();
    nothing_is_left(half_way(nursery().limit(2), &live).join(), &live);
    drop(half_way(nursery().limit(2), &live).join());
    assert_eq!(live.get(), 0);
});

by_hand!(a_settle_drops_all_children_and_outputs, {
    let live = Count::default();
    nothing_is_left(half_way(nursery().limit(2), &live).settle(), &live);
    drop(half_way(nursery().limit(2), &live).settle());
    assert_eq!(live.get(), 0);
});

by_hand!(a_first_ok_drops_all_children, {
    let live = Count::default();
    let mut nursery = nursery::<Live, &str>().limit(2);
    for _ in 0..3 {
        let child = Live::new(&live);
        nursery.spawn(async move {
            let _child = child;
            pending().await
        });
    }
    nothing_is_left(nursery.first_ok(), &live);
});

by_hand!(a_run_drops_all_children_the_body_and_its_output, {
    let live = Count::default();
    for ended in [true, false] {
        for settle in [true, false] {
            let output = Live::new(&live);
            let run = half_way(nursery().limit(2), &live).run(|_| async move {
                let output = output;
                if !ended {
                    pending::<()>().await;
                }
                Ok(output)
            });
            if settle { nothing_is_left(run.settle(), &live) } else { nothing_is_left(run, &live) }
        }
    }
});

by_hand!(a_next_loses_nothing, {
    let (send, receive) = oneshot::channel();
    let mut nursery = nursery::<u32, oneshot::Canceled>();
    nursery.spawn(receive);
    for _ in 0..3 {
        let mut next = Task::new(nursery.next());
        assert!(next.poll().is_pending());
    }
    send.send(1).unwrap();
    drop(nursery.next());
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [1]);
});

by_hand!(a_reserve_keeps_what_has_ended, {
    let (send, receive) = oneshot::channel();
    let mut nursery = nursery::<u32, &str>().limit(2);
    nursery.spawn(pending());
    nursery.spawn(async move { Ok(receive.await.unwrap()) });
    let mut waiting = Task::new(nursery.reserve());
    assert!(waiting.poll().is_pending());
    drop(waiting);
    send.send(1).unwrap();
    let third = nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Ok(3) });
    assert_eq!(third.number(), 2);
    assert_eq!(nursery.next().now_or_never().unwrap().unwrap().into_outcome().completed(), Some(1));
    assert_eq!(nursery.next().now_or_never().unwrap().unwrap().into_outcome().completed(), Some(3));
});

by_hand!(a_reserve_gives_up_its_place_in_the_queue, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut waiting = Task::new(nursery.reserve());
    assert!(waiting.poll().is_pending());
    let mut other = Task::new(spawner.reserve());
    assert!(other.poll().is_pending());
    drop(waiting);
    handle.cancel();
    assert!(nursery.next().now_or_never().unwrap().is_some());
    assert_eq!(other.wakes(), 1);
    let Poll::Ready(Ok(slot)) = other.poll() else { panic!("the slot is theirs") };
    slot.spawn(async { Ok(1) }).unwrap();
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [1]);
});

by_hand!(a_reserve_of_a_spawner_gives_up_its_place, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(pending());
    let mut waiting = Task::new(spawner.reserve());
    assert!(waiting.poll().is_pending());
    drop(waiting);
    handle.cancel();
    assert!(nursery.next().now_or_never().unwrap().is_some());
    nursery.try_reserve().unwrap().spawn(async { Ok(1) });
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [1]);
});

by_hand!(a_finished_loses_nothing_and_leaves_those_beside_it_waiting, {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(pending());
    drive(&mut nursery);
    let mut tasks: Vec<_> = (0..4).map(|_| Task::new(handle.finished())).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    drop(tasks.remove(3));
    drop(tasks.remove(1));
    let mut late = Task::new(handle.finished());
    assert!(late.poll().is_pending());
    tasks.push(late);
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    handle.cancel();
    assert!(nursery.next().now_or_never().unwrap().is_some());
    assert!(tasks.iter_mut().all(|task| task.wakes() == 1 && task.poll().is_ready()));
});

by_hand!(a_future_of_the_nursery_that_was_never_polled_drops_all_the_same, {
    let log = Log::new();
    let spawned = |nursery: &mut Nursery<'static, (), &'static str, Flavour>| {
        let log = log.clone();
        nursery.spawn(waits(move || log.add(())));
    };
    let mut nurseries: Vec<_> = (0..4).map(|_| nursery()).collect();
    nurseries.iter_mut().for_each(spawned);
    let [a, b, c, d] = nurseries.try_into().unwrap_or_else(|_| unreachable!());
    drop((a.join(), b.settle(), c.first_ok(), d.run(|_| pending::<Result<(), &str>>())));
    assert_eq!(log.take().len(), 4);
});

behaviour!(the_loser_of_a_race_drops_its_children_there_and_then, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let child = Live::new(&live);
    nursery.spawn(async move {
        let _child = child;
        pending().await
    });
    let winner = Box::pin(yields(5));
    futures::future::select(nursery.join(), winner).map(drop).await;
    assert_eq!(live.get(), 0);
});

by_hand!(a_next_that_was_dropped_leaves_the_nursery_with_its_last_task_until_it_is_polled, {
    let (send, receive) = oneshot::channel();
    let mut nursery = nursery::<u32, oneshot::Canceled>();
    nursery.spawn(receive);
    let mut first = Task::new(nursery.next());
    assert!(first.poll().is_pending());
    drop(first);
    send.send(1).unwrap();
    let mut second = Task::new(nursery.next());
    let Poll::Ready(Some(completion)) = second.poll() else { panic!("it has ended") };
    assert_eq!(completion.into_outcome().completed(), Some(1));
});
