//! Pools whose lanes run on an executor.

use std::future::{pending, poll_fn, ready};
use std::panic::panic_any;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};

use futures::channel::{mpsc, oneshot};
use futures::executor::{ThreadPool, block_on};
use futures::stream;
use futures::task::{Spawn, SpawnError};
use futures::{FutureExt, StreamExt};
use nestling::failure::ExecutorError;
use nestling::outcome::CauseKind;
use nestling::{Failure, Nursery, Pool, executor};

use crate::remote::{ByHand, ShutDown, on_each_executor};
use crate::support::{
    Count, Live, Log, OnDrop, Task, Wakes, counted_bomb, guarded, panic_when_dropped, yields,
};

#[test]
fn outputs_come_in_the_order_of_the_items_from_any_executor() {
    guarded(|| {
        on_each_executor(|far| {
            let squares = Pool::local(3).on(far).map(0..200_usize, |n| async move {
                yields(n % 4).await;
                Ok::<_, ()>(n * n)
            });
            let expected: Vec<_> = (0..200).map(|n| n * n).collect();
            assert_eq!(block_on(squares).unwrap(), expected);
        });
    });
}

#[test]
fn items_run_at_the_same_time_and_never_more_than_the_limit() {
    guarded(|| {
        let threads = ThreadPool::builder().pool_size(4).create().unwrap();
        let meeting = Arc::new(Barrier::new(2));
        let (running, most) = (Count::default(), Count::default());
        let counts = (running.clone(), most.clone());
        // Each keeps its thread until another has come.
        let pool = Pool::new(2).on(&threads).for_each(0..100, move |_| {
            let (meeting, (running, most)) = (Arc::clone(&meeting), counts.clone());
            async move {
                most.at_least(running.add());
                meeting.wait();
                running.remove();
                Ok::<_, ()>(())
            }
        });
        block_on(pool).unwrap();
        assert_eq!((most.get(), running.get()), (2, 0));
    });
}

#[test]
fn every_failure_and_panic_comes_back_with_its_item() {
    guarded(|| {
        on_each_executor(|far| {
            let pool = Pool::local(2).on(far).map(0..6, |n| {
                assert_ne!(n, 1, "no future");
                let bomb = (n == 4).then(|| OnDrop(|| panic!("late")));
                async move {
                    let _bomb = bomb;
                    yields(1).await;
                    assert_ne!(n, 2, "on the way");
                    if n == 3 { Err("an error") } else { Ok(n) }
                }
            });
            let report = block_on(pool.settle());
            let outputs: Vec<_> = report.outputs().iter().map(|(_, n)| *n).collect();
            assert_eq!(outputs, [0, 5]);
            let failed = report.error().unwrap().by_spawn_order();
            let failed: Vec<_> = failed.map(|error| error.child().id().number()).collect();
            assert_eq!(failed, [1, 2, 3, 4]);
        });
    });
}

#[test]
fn a_pool_that_stops_is_ready_when_no_item_is_left_on_any_executor() {
    guarded(|| {
        on_each_executor(|far| {
            let live = Count::default();
            let counted = live.clone();
            let pool = Pool::local(4).first_error().on(far).for_each(0.., move |n| {
                let item = Live::new(&counted);
                async move {
                    let _item = item;
                    yields(3).await;
                    if n == 2 { Err("failed") } else { pending().await }
                }
            });
            let report = block_on(pool.settle());
            assert_eq!(live.get(), 0);
            assert_eq!(report.counts().failed(), 1);
            // Those that ran, and those that were pulled ahead.
            assert!(
                (3..=8).contains(&report.counts().cancelled()),
                "{}",
                report.counts().cancelled()
            );
            assert_eq!(report.cause().unwrap().child().unwrap().id().number(), 2);
        });
    });
}

#[test]
fn a_cancel_that_meets_the_ends_leaves_nothing_running_on_any_executor_a_thousand_times_over() {
    guarded(|| {
        let live = Count::default();
        on_each_executor(|executor| {
            for round in 0..200_u32 {
                let pool = Pool::local(2);
                let handle = pool.cancel_handle();
                let counted = live.clone();
                let pool = pool.on(executor).map(0..16_u32, move |n| {
                    let item = Live::new(&counted);
                    async move {
                        yields((n % 3) as usize).await;
                        Ok::<_, ()>(item)
                    }
                });
                let cancelling = std::thread::spawn(move || {
                    for _ in 0..(round % 128) * 16 {
                        std::hint::spin_loop();
                    }
                    handle.cancel()
                });
                let report = block_on(pool.settle());
                let in_time = cancelling.join().unwrap();
                let counts = report.counts();
                assert_eq!(counts.failed(), 0);
                assert!(in_time || counts.completed() == 16);
                assert_eq!(report.cause().is_some(), in_time);
                assert_eq!(live.get(), report.outputs().len());
            }
        });
    });
}

by_hand!(shared, items_are_pulled_for_as_many_lanes_and_as_many_again, {
    let (far, pulled) = (ByHand::default(), Count::default());
    let count = pulled.clone();
    let items = (0..).inspect(move |_| {
        count.add();
    });
    let pool = Pool::<'_, ()>::new(3).on(far.clone()).for_each(items, |_| pending());
    let mut pool = Task::new(pool);
    for _ in 0..4 {
        assert!(pool.run().is_pending());
        far.poll();
    }
    assert_eq!((pulled.get(), far.len()), (6, 3));
});

by_hand!(shared, lanes_double_in_number_until_all_have_an_item_and_one_ahead, {
    let (far, pulled) = (ByHand::default(), Count::default());
    let items = (0..).inspect(|_: &u64| {
        pulled.add();
    });
    let pool = Pool::<'_, ()>::new(1_000).on(far.clone()).for_each(items, |_| pending());
    let mut pool = Task::new(pool);
    assert!(pool.poll().is_pending());
    assert!(far.len() > 0, "some start in the first turn");
    for _ in 0..10 {
        assert!(pool.run().is_pending());
        far.poll();
    }
    assert_eq!((far.len(), pulled.get()), (1_000, 2_000));
});

by_hand!(shared, lanes_that_are_lost_while_others_have_yet_to_start_do_not_keep_these, {
    let far = ByHand::default();
    let pool = Pool::<'_, ()>::new(1_000).on(far.clone()).for_each(0..1_000, |_| pending());
    let mut pool = Task::new(pool);
    assert!(pool.poll().is_pending());
    let lost = far.len();
    assert!((1..1_000).contains(&lost));
    far.drop_all();
    assert!(pool.run().is_pending());
    assert!(far.len() > 0);
});

by_hand!(shared, a_short_source_has_no_more_lanes_than_items, {
    let far = ByHand::default();
    let mut pool = Task::new(Pool::new(9).on(far.clone()).map([1, 2], |n| ready(Ok::<_, ()>(n))));
    assert!(pool.run().is_pending());
    assert_eq!(far.len(), 2);
    far.poll();
    assert!(pool.run().is_pending(), "the lanes are to end, too");
    far.poll();
    let Poll::Ready(Ok(outputs)) = pool.run() else { panic!("all have ended") };
    assert_eq!((outputs, far.len()), (vec![1, 2], 0));
});

by_hand!(
    shared,
    an_executor_that_takes_nothing_is_a_failure_of_the_pool_and_items_are_cancelled,
    {
        let gone = Count::default();
        let items = (0..5).map(|_| {
            let gone = gone.clone();
            OnDrop(move || {
                gone.add();
            })
        });
        let pool = Pool::<'_, String>::new(2).on(&ShutDown).for_each(items, |_| pending());
        let report = pool.settle().now_or_never().unwrap();
        let error = report.error().unwrap();
        assert_eq!(
            error.to_string(),
            "the pool itself failed: the executor is shut down: the future was dropped and never polled"
        );
        assert!(error.first().child().is_nursery() && error.first().failure().is_executor());
        assert_eq!(report.cause().unwrap().kind(), CauseKind::DependencyLost);
        assert_eq!((report.counts().cancelled() as usize, gone.get()), (4, 4));
    }
);

by_hand!(shared, an_executor_that_drops_every_lane_is_a_failure_and_no_hang, {
    let pool = Pool::<'_, String>::new(2).on(executor(drop)).for_each(0..5, |_| pending());
    let report = pool.settle().now_or_never().unwrap();
    let Failure::Executor(error) = report.error().unwrap().first().failure() else {
        panic!("it is the executor's failure")
    };
    assert!(error.is_dropped() && !error.is_refused());
    assert_eq!(error.to_string(), "the executor dropped the task before its end");
    assert_eq!(report.counts().cancelled(), 4);
});

by_hand!(shared, an_executor_that_panics_is_a_failure_of_the_pool, {
    let broken = executor(|_task| panic!("no thread"));
    let pool = Pool::<'_, String>::new(1).on(broken).for_each(0..5, |_| pending());
    let error = pool.now_or_never().unwrap().unwrap_err();
    assert!(error.iter().all(|e| e.child().is_nursery()));
    assert_eq!(error.first().failure().panic().unwrap().message(), "no thread");
    assert_eq!(error.len(), 1);
});

by_hand!(shared, a_lane_that_is_dropped_fails_its_item_and_another_takes_the_next, {
    let far = ByHand::default();
    let pool = Pool::new(1).on(far.clone()).map(0..3, |n| {
        let mut polls = 0;
        poll_fn(move |_| {
            polls += 1;
            if n == 1 || polls == 1 { Poll::Pending } else { Poll::Ready(Ok::<_, &str>(n)) }
        })
    });
    let mut pool = Task::new(pool.settle());
    assert!(pool.run().is_pending());
    far.poll();
    far.poll();
    assert!(pool.run().is_pending());
    // It takes the second item.
    far.poll();
    far.drop_all();
    let report = loop {
        match pool.run() {
            Poll::Pending => far.poll(),
            Poll::Ready(report) => break report,
        }
    };
    let outputs: Vec<_> = report.outputs().iter().map(|(_, n)| *n).collect();
    assert_eq!(outputs, [0, 2]);
    let error = report.error().unwrap();
    assert_eq!((error.len(), error.first().child().id().number()), (1, 1));
    assert!(matches!(error.first().failure(), Failure::Executor(error) if error.is_dropped()));
});

by_hand!(shared, what_runs_inline_runs_to_the_end, {
    let inline = executor(block_on);
    let pool = Pool::new(3).on(&inline).map(0..100, |n| async move {
        yields(n % 3).await;
        if n % 10 == 0 { Err(n) } else { Ok(n) }
    });
    let report = Task::new(pool.settle()).run();
    let Poll::Ready(report) = report else { panic!("nothing is left to wait for") };
    assert_eq!((report.counts().completed(), report.counts().failed()), (90, 10));
});

by_hand!(shared, a_pool_without_items_asks_no_executor, {
    let pool = Pool::<'_, ()>::new(2).on(executor(|_| unreachable!("there is no lane")));
    pool.for_each([(); 0], |()| ready(Ok(()))).now_or_never().unwrap().unwrap();
});

by_hand!(shared, a_cancelled_pool_waits_for_its_lanes, {
    let (far, live) = (ByHand::default(), Count::default());
    let pool = Pool::<'_, &str>::new(2);
    let handle = pool.cancel_handle();
    let counted = live.clone();
    let pool = pool.on(far.clone()).for_each(0..9, move |_| {
        let item = Live::new(&counted);
        async move {
            let _item = item;
            pending().await
        }
    });
    let mut pool = Task::new(pool.settle());
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    assert!(handle.cancel_with("enough"));
    assert!(pool.run().is_pending());
    assert_eq!((live.get(), handle.is_finished()), (2, false));
    far.poll();
    assert_eq!((live.get(), far.len()), (0, 0));
    let Poll::Ready(report) = pool.run() else { panic!("the lanes are gone") };
    assert_eq!(report.counts().cancelled(), 4);
    assert!(report.cancelled().iter().all(|c| c.cause().message() == Some("enough")));
    assert!(handle.is_finished());
});

by_hand!(shared, a_destructor_that_panics_over_there_at_the_cancel_is_a_failure, {
    let far = ByHand::default();
    let pool = Pool::<'_, &str>::new(1);
    let handle = pool.cancel_handle();
    let pool = pool.on(far.clone()).for_each(0..1, |_| {
        let bomb = OnDrop(|| panic!("late"));
        poll_fn(move |_| {
            let _ = &bomb;
            Poll::Pending
        })
    });
    let mut pool = Task::new(pool);
    assert!(pool.run().is_pending());
    far.poll();
    handle.cancel();
    assert!(pool.run().is_pending());
    far.poll();
    let Poll::Ready(Err(error)) = pool.run() else { panic!("it is gone") };
    assert!(error.first().after_cancel() && error.first().failure().is_panic());
});

by_hand!(shared, dropping_it_tells_the_lanes_to_go_and_drops_what_none_has, {
    let (far, log) = (ByHand::default(), Log::new());
    let items = (0..6).map(|n| {
        let log = log.clone();
        (n, OnDrop(move || log.add(n)))
    });
    let mut pool =
        Task::new(Pool::<'_, ()>::new(2).on(far.clone()).for_each(items, |item| async {
            let _item = item;
            pending().await
        }));
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    drop(pool);
    assert_eq!(log.take(), [3, 2], "the newest first");
    far.poll();
    assert_eq!((log.take().len(), far.len()), (2, 0));
});

by_hand!(shared, what_has_ended_over_there_is_dropped_with_the_pool, {
    let (far, gone) = (ByHand::default(), Count::default());
    let counted = gone.clone();
    let pool = Pool::<'_, ()>::new(2)
        .on(far.clone())
        .map(0..2, move |n| ready(Ok(counted_bomb(&counted, &format!("bomb {n}")))));
    let mut pool = Task::new(pool);
    assert!(pool.run().is_pending());
    far.poll();
    assert_eq!(panic_when_dropped(pool), "bomb 0");
    assert_eq!(gone.get(), 2);
});

by_hand!(shared, what_ends_once_the_pool_is_dropped_harms_no_executor, {
    let (far, gone) = (ByHand::default(), Count::default());
    let slot: Arc<Mutex<Option<Box<dyn Send>>>> = Arc::default();
    let (counted, owner) = (gone.clone(), Arc::clone(&slot));
    let pool = Pool::<'_, ()>::new(2).on(far.clone()).map(0..2, move |n| {
        let (bomb, owner) = (counted_bomb(&counted, "late"), Arc::clone(&owner));
        async move {
            if n == 0 {
                let mut bomb = Some(bomb);
                let _thrown = OnDrop(|| panic_any(bomb.take()));
                pending::<()>().await;
                unreachable!("it is dropped");
            }
            yields(1).await;
            drop(owner.lock().unwrap().take());
            Ok(bomb)
        }
    });
    let mut pool = Task::new(pool);
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    *slot.lock().unwrap() = Some(Box::new(pool));
    while far.len() > 0 {
        far.poll();
    }
    assert_eq!(gone.get(), 2);
});

by_hand!(shared, lanes_that_end_when_nothing_is_left_of_the_turn_are_followed_by_others, {
    for siblings in 0..40 {
        let mut nursery = Nursery::<'_, (), ()>::new();
        for _ in 0..siblings {
            nursery.spawn(yields(200).map(Ok));
        }
        let pool = Pool::new(1).on(executor(block_on));
        nursery.spawn_group(pool.for_each(0..500, |_| ready(Ok(()))));
        assert!(
            matches!(Task::new(nursery.join()).run(), Poll::Ready(Ok(_))),
            "{siblings} siblings"
        );
    }
});

by_hand!(shared, those_of_children_live_on_the_turn_of_the_nursery, {
    let (far, pulled) = (ByHand::default(), Count::default());
    let mut nursery = Nursery::<'_, (), ()>::new();
    for _ in 0..4 {
        let pulled = pulled.clone();
        let items = (0..).inspect(move |_: &u64| {
            pulled.add();
        });
        let pool = Pool::new(1_000).on(far.clone());
        nursery.spawn_group(pool.for_each(items, |_| ready(Ok(()))));
    }
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    assert!((1..=256).contains(&pulled.get()), "{} items in one turn", pulled.get());
    assert!(join.run().is_pending());
    assert_eq!(pulled.get(), 8_000, "twice as many as the limits");
});

by_hand!(shared, items_of_a_stream_run_as_they_come, {
    let far = ByHand::default();
    let (send, items) = mpsc::unbounded();
    let pool = Pool::new(2).on(far.clone()).map_stream(items, |n| ready(Ok::<_, ()>(n)));
    let mut pool = Task::new(pool);
    for n in 0..5 {
        assert!(pool.run().is_pending());
        send.unbounded_send(n).unwrap();
        assert!(pool.run().is_pending());
        far.poll();
    }
    drop(send);
    assert!(pool.run().is_pending());
    far.poll();
    let Poll::Ready(Ok(outputs)) = pool.run() else { panic!("there are no more") };
    assert_eq!(outputs, [0, 1, 2, 3, 4]);
});

by_hand!(shared, a_source_that_panics_is_a_failure_of_the_pool, {
    let inline = executor(block_on);
    let items = stream::iter(0..).inspect(|n| assert_ne!(*n, 3, "no more"));
    let pool = Pool::new(2).on(inline).for_each_stream(items, |_| ready(Ok::<_, ()>(())));
    let report = pool.settle().now_or_never().unwrap();
    assert_eq!(report.counts().completed(), 3);
    assert!(report.error().unwrap().first().child().is_nursery());
});

by_hand!(shared, the_closure_and_the_executor_may_panic_when_they_are_dropped, {
    let (closure, exec) = (OnDrop(|| panic!("closure")), Arc::new(OnDrop(|| panic!("executor"))));
    let inline = executor(move |task| {
        let _ = &exec;
        block_on(task)
    });
    let pool = Pool::new(1).on(Arc::new(inline)).map(0..2, move |n| {
        let _ = &closure;
        ready(Ok::<_, &str>(n))
    });
    let report = pool.settle().now_or_never().unwrap();
    assert_eq!(report.outputs().len(), 2);
    let failures: Vec<_> =
        report.error().unwrap().iter().map(|e| e.failure().to_string()).collect();
    assert_eq!(
        failures,
        ["panicked in the executor: executor", "panicked in the closure: closure"]
    );
});

#[test]
fn progress_and_policy_stay_with_whoever_awaits_the_pool() {
    guarded(|| {
        let here = std::thread::current().id();
        let is_here = move || assert_eq!(std::thread::current().id(), here);
        let threads = ThreadPool::builder().pool_size(2).create().unwrap();
        let log = Log::new();
        let told = log.clone();
        let mut seen = 0;
        let pool = Pool::new(2).on_progress(move |now| {
            is_here();
            told.add(now.done());
        });
        let pool = pool.cancel_when(move |_| {
            is_here();
            seen += 1;
            seen == 2
        });
        let error = block_on(pool.on(&threads).for_each(0.., |_| ready(Err("no")))).unwrap_err();
        assert!(error.iter().all(|e| !e.failure().is_panic()), "{}", error.tree());
        assert_eq!(error.cause().unwrap().kind(), CauseKind::ChildFailed);
        assert_eq!(log.take().first(), Some(&1));
    });
}

by_hand!(shared, lanes_that_are_all_lost_at_once_are_told_of_however_many_they_are, {
    let far = ByHand::default();
    let pool = Pool::<'_, ()>::new(256).on(far.clone()).for_each(0.., |_| pending());
    let mut pool = Task::new(pool.settle());
    while far.len() < 256 {
        assert!(pool.run().is_pending());
        far.poll();
    }
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    far.drop_all();
    let Poll::Ready(report) = pool.run() else { panic!("no lane is left") };
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (256, 512));
});

by_hand!(shared, a_failure_among_many_ends_still_tells_the_lanes_to_go, {
    let far = ByHand::default();
    let pool = Pool::new(300).first_error().on(far.clone()).for_each(0.., |n| async move {
        yields(1).await;
        if n == 299 { pending().await } else { Err("failed") }
    });
    let mut pool = Task::new(pool);
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_ready());
    assert_eq!(far.len(), 0);
});

by_hand!(shared, an_item_that_was_cancelled_before_its_lane_was_dropped_is_cancelled, {
    let pool = Pool::<'_, ()>::new(2);
    let handle = pool.cancel_handle();
    // The first is polled once, and none of them is kept: an item is left that no lane has.
    let polled = Count::default();
    let once = executor(move |task| {
        if polled.add() == 1 {
            let _ = task.now_or_never();
        }
    });
    let pool = pool.on(&once).for_each(0..9, move |_| {
        handle.cancel_with("by an item");
        pending()
    });
    let report = pool.settle().now_or_never().unwrap();
    assert!(report.error().is_none(), "{report:?}");
    assert_eq!(report.cancelled()[0].cause().message(), Some("by an item"));
});

by_hand!(shared, an_executor_that_takes_too_few_lanes_is_not_asked_once_an_item, {
    let far = ByHand::default();
    let (queue, asked) = (far.clone(), Count::default());
    let counted = asked.clone();
    let takes_one = executor(move |task| {
        assert_eq!(counted.add(), 1, "no more threads");
        queue.spawn_obj(task).unwrap();
    });
    let pool = Pool::<'_, ()>::new(4).on(&takes_one).for_each(0..10_000, |_| ready(Ok(())));
    let mut pool = Task::new(pool.settle());
    let report = loop {
        match pool.run() {
            Poll::Ready(report) => break report,
            Poll::Pending => far.poll(),
        }
    };
    assert_eq!(report.counts().completed(), 10_000);
    let panics = report.error().unwrap().len();
    assert_eq!(panics, asked.get() - 1);
    assert!((20..100).contains(&panics), "{panics} panics are told of");
});

/// Panics when it is copied.
struct Single;

impl Clone for Single {
    fn clone(&self) -> Self {
        panic!("there is only one")
    }
}

impl Spawn for Single {
    fn spawn_obj(&self, _: nestling::spawn::Task) -> Result<(), SpawnError> {
        unreachable!("it is copied for each lane")
    }
}

by_hand!(shared, an_executor_that_panics_when_it_is_copied_is_a_failure_of_the_pool, {
    let pool = Pool::<'_, ()>::new(2).on(Single).for_each(0..5, |_| pending());
    let report = pool.settle().now_or_never().unwrap();
    let error = report.error().unwrap();
    assert_eq!(error.first().failure().panic().unwrap().message(), "there is only one");
    assert!(error.first().child().is_nursery());
    assert_eq!(report.cause().unwrap().kind(), CauseKind::DependencyLost);
});

by_hand!(shared, nothing_is_pulled_once_the_callback_has_cancelled_it, {
    let (far, pulled) = (ByHand::default(), Count::default());
    let pool = Pool::<'_, ()>::new(4);
    let handle = pool.cancel_handle();
    let items = (0..).inspect(|_: &u64| {
        pulled.add();
    });
    let pool = pool
        .on_progress(move |_| {
            handle.cancel();
        })
        .on(far.clone());
    let mut pool = Task::new(pool.for_each(items, |_| async {
        yields(1).await;
        Ok(())
    }));
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    assert_eq!(pulled.get(), 8);
    far.poll();
    while pool.run().is_pending() {
        far.poll();
    }
    assert_eq!(pulled.get(), 8);
});

#[test]
fn a_pool_of_remote_lanes_can_be_a_child_and_its_future_is_send() {
    guarded(|| {
        let threads = ThreadPool::builder().pool_size(2).create().unwrap();
        let (done, is_done) = oneshot::channel();
        let outer = threads.clone();
        outer.spawn_ok(async move {
            let mut nursery: Nursery<'_, usize, String> = Nursery::new();
            nursery.spawn_group(
                Pool::new(2)
                    .on(threads)
                    .map(0..10_usize, |n| ready(Ok::<_, String>(n)))
                    .map(|outputs| outputs.map(|all| all.len())),
            );
            done.send(nursery.join().await.unwrap()).unwrap();
        });
        assert_eq!(block_on(is_done).unwrap(), [10]);
    });
}

#[test]
fn what_an_executor_has_done_is_an_error_that_is_found() {
    let pool = Pool::<'_, std::fmt::Error>::new(1).on(&ShutDown).for_each(0..1, |_| ready(Ok(())));
    let error = pool.now_or_never().unwrap().unwrap_err();
    assert!(error.find::<ExecutorError>().unwrap().is_refused());
}

by_hand!(shared, a_stream_that_wakes_itself_without_end_does_not_keep_the_runtime, {
    let items = stream::poll_fn(|cx| -> Poll<Option<u8>> {
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    let pool = Pool::<'_, ()>::new(2).on(ByHand::default());
    let mut pool = Task::new(pool.for_each_stream(items, |_| ready(Ok(()))));
    assert!(pool.poll().is_pending());
    assert_eq!(pool.wakes(), 1);
});

/// Runs inline, and panics when a copy of it is dropped.
#[derive(Clone)]
struct Bomb;

impl Spawn for Bomb {
    fn spawn_obj(&self, task: nestling::spawn::Task) -> Result<(), SpawnError> {
        block_on(task);
        Ok(())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a copy");
        }
    }
}

by_hand!(shared, an_executor_whose_copies_panic_when_they_are_dropped_loses_no_item, {
    let pool = Pool::<'_, &str>::new(2).on(Bomb).map(0..6, |n| ready(Ok(n)));
    let report = pool.settle().now_or_never().unwrap();
    assert_eq!(report.outputs().len(), 6);
    let error = report.error().unwrap();
    assert!(error.iter().all(|e| e.child().is_nursery() && e.failure().is_panic()));
});

by_hand!(shared, an_executor_that_drops_its_lane_time_and_again_is_asked_again_while_items_end, {
    let far = ByHand::default();
    let pool = Pool::<'_, ()>::new(1).on(far.clone()).for_each(0..20, |_| yields(1).map(Ok));
    let mut pool = Task::new(pool.settle());
    let report = loop {
        if let Poll::Ready(report) = pool.run() {
            break report;
        }
        far.poll();
        assert!(pool.run().is_pending());
        // An item ends, and the lane takes the next.
        far.poll();
        far.drop_all();
    };
    assert_eq!((report.counts().completed(), report.counts().failed()), (10, 10));
    assert!(report.error().unwrap().iter().all(|error| !error.child().is_nursery()));
});

by_hand!(shared, a_lost_lane_is_replaced_by_one, {
    let far = ByHand::default();
    let pool = Pool::<'_, ()>::new(3).on(far.clone());
    let pool = pool.for_each(0.., |n| async move { if n == 0 { Ok(()) } else { pending().await } });
    let mut pool = Task::new(pool);
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    far.drop_last();
    assert!(pool.run().is_pending());
    assert_eq!(far.len(), 3);
});

by_hand!(shared, a_lost_lane_is_replaced_while_another_is_busy, {
    let far = ByHand::default();
    let (done, is_done) = oneshot::channel::<()>();
    let signal = Mutex::new((Some(done), Some(is_done)));
    let pool = Pool::new(2).on(far.clone()).map(0..4, move |n| {
        // The first item waits for the last.
        let (done, is_done) = &mut *signal.lock().unwrap();
        let is_done = is_done.take_if(|_| n == 0);
        let done = done.take_if(|_| n == 3);
        async move {
            if let Some(is_done) = is_done {
                is_done.await.unwrap();
            }
            if n == 2 {
                pending::<()>().await;
            }
            if let Some(done) = done {
                done.send(()).unwrap();
            }
            Ok::<_, &str>(n)
        }
    });
    let mut pool = Task::new(pool.settle());
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    far.poll();
    // One lane has the first item, and the other the third.
    far.drop_last();
    assert!(pool.run().is_pending());
    far.poll();
    assert!(pool.run().is_pending());
    let report = loop {
        far.poll();
        if let Poll::Ready(report) = pool.run() {
            break report;
        }
    };
    let outputs: Vec<_> = report.outputs().iter().map(|(_, n)| *n).collect();
    assert_eq!(outputs, [0, 1, 3]);
    assert_eq!(report.error().unwrap().first().child().id().number(), 2);
});

/// Polls a task when it was woken, and at no other time.
#[derive(Clone, Default)]
struct OnWake(Arc<Mutex<Vec<Woken>>>);

/// A task, its wakes, and how many of them it was polled for.
type Woken = (nestling::spawn::Task, Arc<Wakes>, usize);

impl Spawn for OnWake {
    fn spawn_obj(&self, task: nestling::spawn::Task) -> Result<(), SpawnError> {
        self.0.lock().unwrap().push((task, Arc::default(), usize::MAX));
        Ok(())
    }
}

impl OnWake {
    /// Polls each task that was woken, once, and says how many these were.
    fn poll(&self) -> usize {
        let mut polled = 0;
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        tasks.retain_mut(|(task, wakes, seen)| {
            if *seen == wakes.count() {
                return true;
            }
            *seen = wakes.count();
            polled += 1;
            let waker = Waker::from(Arc::clone(wakes));
            task.poll_unpin(&mut Context::from_waker(&waker)).is_pending()
        });
        self.0.lock().unwrap().extend(tasks);
        polled
    }

    /// Drops the tasks that were woken.
    fn drop_woken(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        tasks.retain(|(_, wakes, seen)| *seen == wakes.count());
        self.0.lock().unwrap().extend(tasks);
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// The future, and how often it was polled.
fn counted<F: Future + Unpin>(mut future: F) -> (Count, impl Future<Output = F::Output>) {
    let polls = Count::default();
    let counted = polls.clone();
    let future = poll_fn(move |cx| {
        counted.add();
        future.poll_unpin(cx)
    });
    (polls, future)
}

by_hand!(shared, an_item_that_comes_alone_costs_the_same_with_many_idle_lanes, {
    let costs = [10, 10_000].map(|lanes| {
        let far = OnWake::default();
        let (send, items) = mpsc::unbounded();
        let (go, may_go) = oneshot::channel::<()>();
        let may_go = may_go.shared();
        let pool = Pool::new(lanes).on(far.clone()).for_each_stream(items, move |n| {
            let may_go = (n < lanes).then(|| may_go.clone());
            async move {
                if let Some(may_go) = may_go {
                    may_go.await.unwrap();
                }
                Ok::<_, ()>(())
            }
        });
        let (polls, pool) = counted(Box::pin(pool));
        let mut pool = Task::new(pool);
        let rest = |pool: &mut Task<_>| {
            let mut polled = 0;
            loop {
                assert!(pool.run().is_pending());
                match far.poll() {
                    0 => return polled,
                    more => polled += more,
                }
            }
        };
        (0..lanes).for_each(|n| send.unbounded_send(n).unwrap());
        rest(&mut pool);
        assert_eq!(far.len(), lanes);
        go.send(()).unwrap();
        rest(&mut pool);
        let mut costs = Vec::new();
        for n in 0..20 {
            let before = (polls.get(), pool.wakes());
            send.unbounded_send(lanes + n).unwrap();
            let polled = rest(&mut pool);
            costs.push((polled, polls.get() - before.0, pool.wakes() - before.1));
        }
        costs
    });
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0].iter().all(|cost| *cost == (1, 2, 2)), "{:?}", costs[0]);
});

by_hand!(shared, ends_wake_the_driver_when_half_of_the_queue_is_gone, {
    for limit in [10, 10_000] {
        let far = OnWake::default();
        let (ends, waits): (Vec<_>, Vec<_>) =
            (0..2 * limit).map(|_| oneshot::channel::<()>()).unzip();
        let pool = Pool::new(limit).on(far.clone());
        let (polls, pool) = counted(Box::pin(pool.for_each(waits, |wait| wait)));
        let mut pool = Task::new(pool.map(|ended| ended.unwrap()));
        while pool.run().is_pending() && far.poll() > 0 {}
        let before = polls.get();
        let mut ends = ends.into_iter();
        for end in ends.by_ref().take(limit / 2) {
            end.send(()).unwrap();
            assert_eq!(far.poll(), 1, "the lane takes the next item");
            assert!(pool.run().is_pending());
        }
        // One, and one more where the ends are more than a turn may see to.
        let polls = polls.get() - before;
        assert!((1..=2).contains(&polls), "{polls} polls");
        ends.for_each(|end| end.send(()).unwrap());
        while pool.run().is_pending() {
            assert!(far.poll() > 0);
        }
    }
});

by_hand!(shared, a_failure_is_seen_while_its_lane_runs_the_next_item, {
    let far = ByHand::default();
    let pool = Pool::<'_, &str>::new(1).first_error().on(far.clone());
    let (woken, in_time) = (Arc::new(Wakes::default()), Count::default());
    let (seen, counted) = (Arc::clone(&woken), in_time.clone());
    let mut pool = Box::pin(pool.for_each(0..2, move |n| {
        // The second item begins in the same poll of the lane.
        if n == 1 && seen.count() > 0 {
            counted.add();
        }
        async move { if n == 0 { Err("failed") } else { pending().await } }
    }));
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(pool.poll_unpin(&mut cx).is_pending());
    far.poll();
    assert_eq!(in_time.get(), 1);
});

by_hand!(shared, a_lane_that_has_run_an_item_is_replaced_at_once_though_others_are_refused, {
    let far = ByHand::default();
    let (queue, asked) = (far.clone(), Count::default());
    let counted = asked.clone();
    // Every other lane is refused.
    let some = executor(move |task| {
        if counted.add() % 2 == 1 {
            queue.spawn_obj(task).unwrap();
        }
    });
    let pool = Pool::<'_, ()>::new(2).on(&some).for_each(0..1_000, |_| yields(1).map(Ok));
    let mut pool = Task::new(pool.settle());
    let mut dropped = 0;
    let report = loop {
        if let Poll::Ready(report) = pool.run() {
            break report;
        }
        (0..4).for_each(|_| far.poll());
        far.drop_last();
        dropped += 1;
    };
    assert!(report.error().is_none_or(|error| error.iter().all(|e| !e.child().is_nursery())));
    assert_eq!(report.counts().cancelled(), 0);
    assert!(dropped > 100 && report.counts().completed() > 500, "{dropped} {:?}", report.counts());
});

by_hand!(shared, lanes_that_wait_double_in_number_until_each_item_has_one, {
    let far = OnWake::default();
    let (send, items) = mpsc::unbounded();
    let pool = Pool::new(64).on(far.clone());
    let pool = pool.for_each_stream(items, |wait: oneshot::Receiver<()>| wait);
    let mut pool = Task::new(pool);
    let mut work = || {
        let mut woken = Vec::new();
        loop {
            assert!(pool.run().is_pending());
            match far.poll() {
                0 => return woken,
                lanes => woken.push(lanes),
            }
        }
    };
    let send_items = || {
        let (ends, waits): (Vec<_>, Vec<_>) = (0..64).map(|_| oneshot::channel::<()>()).unzip();
        waits.into_iter().for_each(|wait| send.unbounded_send(wait).unwrap());
        ends
    };
    let ends = send_items();
    work();
    ends.into_iter().for_each(|end| end.send(()).unwrap());
    work();
    assert_eq!(far.len(), 64);
    // All lanes wait now.
    let _ends = send_items();
    assert_eq!(work(), [4, 4, 8, 16, 32]);
});

by_hand!(shared, a_lane_that_is_lost_on_its_way_sends_another, {
    let far = OnWake::default();
    let (send, items) = mpsc::unbounded();
    let begun = Count::default();
    let count = begun.clone();
    let pool = Pool::<'_, ()>::new(2).on(far.clone()).for_each_stream(items, move |()| {
        count.add();
        yields(1).map(Ok)
    });
    let mut pool = Task::new(pool);
    (0..2).for_each(|_| send.unbounded_send(()).unwrap());
    while pool.run().is_pending() && far.poll() > 0 {}
    assert_eq!((begun.get(), far.len()), (2, 2));
    // Both wait. One of them is woken for the next item.
    send.unbounded_send(()).unwrap();
    assert!(pool.run().is_pending());
    far.drop_woken();
    assert_eq!(far.len(), 1);
    // The pool is not polled for that.
    assert_eq!((far.poll(), begun.get()), (1, 3));
});

/// Panics when it wakes.
struct Broken;

impl std::task::Wake for Broken {
    fn wake(self: Arc<Self>) {
        panic!("no wake");
    }
}

by_hand!(shared, a_lane_that_panics_is_not_replaced_as_one_that_was_dropped, {
    let (tasks, asked) = (Arc::new(Mutex::new(Vec::new())), Count::default());
    let (given, counted) = (Arc::clone(&tasks), asked.clone());
    let far = executor(move |task| {
        counted.add();
        given.lock().unwrap().push(task);
    });
    let pool = Pool::<'_, ()>::new(16).on(&far).for_each(0..1_000, |_| ready(Ok(())));
    let mut pool = Task::new(pool.settle());
    assert!(pool.run().is_pending());
    let mut cx = Context::from_waker(Waker::noop());
    let take = || tasks.lock().unwrap().pop().unwrap();
    // It wakes itself when it has run a row of items, and panics.
    let broken = Waker::from(Arc::new(Broken));
    assert!(take().poll_unpin(&mut Context::from_waker(&broken)).is_ready());
    assert!(pool.run().is_pending());
    // This one runs as many, and stays. So the executor was asked again after that loss.
    let mut stays = take();
    assert!(stays.poll_unpin(&mut cx).is_pending());
    assert!(pool.run().is_pending());
    let before = asked.get();
    // Those that are left have run none.
    tasks.lock().unwrap().clear();
    assert!(pool.run().is_pending());
    assert_eq!(asked.get(), before);
});
