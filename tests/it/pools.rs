//! Pools: many items, few lanes.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::channel::{mpsc, oneshot};
use futures::stream::{self, StreamExt};
use futures::{FutureExt, SinkExt};
use nestling::outcome::{CauseKind, Progress};
use nestling::{Nursery, Pool};

use crate::support::{
    Count, Live, Log, OnDrop, Task, Wakes, counted_bomb, ends, guarded, here, panic_when_dropped,
    waits, yields,
};

pub(crate) trait OfFlavour: nestling::generic::Flavor {
    fn pool<'env, E>(limit: usize) -> Pool<'env, E, Self>;
}

impl OfFlavour for nestling::generic::Shared {
    fn pool<'env, E>(limit: usize) -> Pool<'env, E> {
        Pool::new(limit)
    }
}

impl OfFlavour for nestling::generic::Local {
    fn pool<'env, E>(limit: usize) -> Pool<'env, E, Self> {
        Pool::local(limit)
    }
}

behaviour!(never_more_items_run_than_the_limit_allows, async {
    for limit in [1, 10, 100] {
        let (running, most) = (Count::default(), Count::default());
        let pool = pool!(limit).for_each(0..500, |n| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.at_least(running.add());
                yields(n % 4).await;
                running.remove();
                Ok::<_, &str>(())
            }
        });
        pool.await.unwrap();
        assert_eq!((most.get(), running.get()), (limit, 0));
    }
});

behaviour!(outputs_come_in_the_order_of_the_items, async {
    let outputs = pool!(7).map(0..100_usize, |n| async move {
        yields(100 - n).await;
        Ok::<_, &str>(n)
    });
    assert_eq!(outputs.await.unwrap(), (0..100).collect::<Vec<_>>());
});

behaviour!(every_failure_is_there_with_the_index_of_its_item, async {
    let pool = pool!(3).name("parse").for_each(["1", "x", "2", "", "3"], |text| async move {
        yields(text.len()).await;
        text.parse::<u8>().map(drop)
    });
    let error = pool.await.unwrap_err();
    let failed: Vec<_> = error.by_spawn_order().map(|e| e.child().id().number()).collect();
    assert_eq!(failed, [1, 3]);
    assert_eq!((error.counts().completed(), error.counts().failed()), (3, 2));
    assert_eq!(error.name(), Some("parse"));
});

behaviour!(an_item_that_panics_costs_only_its_own_result_and_its_lane_takes_the_next, async {
    let report = pool!(1)
        .map(0..4, |n| async move {
            yields(n % 2).await;
            assert_ne!(n, 1, "panicked late");
            assert_ne!(n, 2, "panicked at once");
            Ok::<_, &str>(n)
        })
        .settle()
        .await;
    let outputs: Vec<_> =
        report.outputs().iter().map(|(child, n)| (child.id().number(), *n)).collect();
    assert_eq!(outputs, [(0, 0), (3, 3)]);
    let error = report.error().unwrap();
    assert!(error.iter().all(|e| e.failure().is_panic() && !e.after_cancel()));
    assert_eq!(report.counts().failed(), 2);
});

behaviour!(a_closure_that_panics_is_that_items_failure, async {
    let pool = pool!(2).map(0..3, |n| {
        assert_ne!(n, 1, "no future");
        ready(Ok::<_, &str>(n))
    });
    let report = pool.settle().await;
    assert_eq!(report.outputs().len(), 2);
    let error = report.error().unwrap().first();
    assert_eq!(error.child().id().number(), 1);
    assert!(error.failure().panic().unwrap().message().contains("no future"));
});

behaviour!(an_iterator_that_panics_is_a_failure_of_the_pool_and_those_that_run_go_on, async {
    let line = here();
    let items = (0..).inspect(|n| assert_ne!(*n, 3, "no more"));
    let pool = pool!(2).map(items, |n| async move {
        yields(3).await;
        Ok::<_, &str>(n)
    });
    let report = pool.settle().await;
    assert_eq!(report.outputs().len(), 3);
    let error = report.error().unwrap();
    assert!(error.first().child().is_nursery());
    assert_eq!(error.first().child().location().line(), line.line() + 2);
    assert!(error.to_string().starts_with(
        "the pool itself failed: panicked in the source of items: assertion `left != right` failed"
    ));
    assert!(report.cause().is_none());
});

behaviour!(a_stream_that_panics_is_a_failure_too, async {
    let items = stream::iter(0..).inspect(|n| assert_ne!(*n, 3, "no more"));
    let pool = pool!(2).map_stream(items, |n| ready(Ok::<_, &str>(n)));
    let report = pool.settle().await;
    assert_eq!(report.outputs().len(), 3);
    assert!(report.error().unwrap().first().child().is_nursery());
});

behaviour!(the_first_error_drops_those_that_run_and_pulls_no_more, async {
    let (live, pulled) = (Count::default(), Count::default());
    let items = (0..).inspect(|_| {
        pulled.add();
    });
    let pool = pool!(4).first_error().for_each(items, |n| {
        let child = Live::new(&live);
        async move {
            let _child = child;
            if n == 2 {
                yields(2).await;
                return Err("disk full");
            }
            pending().await
        }
    });
    let report = pool.settle().await;
    assert_eq!((live.get(), pulled.get()), (0, 4));
    let cause = report.cause().unwrap();
    assert_eq!(
        (cause.kind(), cause.to_string()),
        (CauseKind::ChildFailed, "item #2 failed: disk full".into())
    );
    let cancelled: Vec<_> = report.cancelled().iter().map(|c| c.child().id().number()).collect();
    assert_eq!(cancelled, [0, 1, 3]);
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 3));
});

behaviour!(a_policy_stops_at_the_failure_that_it_says, async {
    let mut seen = 0;
    let pool = pool!(1).cause_text(|error: &&str| (*error).into()).cancel_when(move |_| {
        seen += 1;
        seen == 3
    });
    let error = pool.for_each(0.., |_| ready(Err("no"))).await.unwrap_err();
    assert_eq!((error.len(), error.cause().unwrap().message()), (3, Some("no")));
});

behaviour!(a_policy_that_panics_ends_the_run_and_is_one_more_failure, async {
    let pool = pool!(2).cancel_when(|_| panic!("rules"));
    let error = pool.for_each(0.., |_| ready(Err("no"))).await.unwrap_err();
    assert_eq!(error.len(), 2);
    assert!(error.iter().nth(1).unwrap().failure().is_panic());
});

behaviour!(a_policy_that_stops_a_pool_is_not_asked_of_a_panic_after_that, async {
    let asked = Count::default();
    let count = asked.clone();
    let pool = pool!(1).cancel_when(move |_| count.add() > 0);
    let report = pool.for_each(0..1, |_| ends(Err("first"), || panic!("late"))).settle().await;
    assert_eq!((asked.get(), report.error().unwrap().len()), (1, 2));
});

behaviour!(failures_beyond_keep_errors_are_counted, async {
    let pool = pool!(8).keep_failures(10);
    let error = pool.for_each(0..10_000, |n| ready(Err::<(), _>(n))).await.unwrap_err();
    assert_eq!((error.len(), error.counts().not_stored()), (10, 9_990));
    assert_eq!(error.counts().failed(), 10_000);
});

behaviour!(a_pool_without_items_has_nothing_to_say, async {
    let none: [u8; 0] = [];
    assert!(pool!(1).map(none, |n| ready(Ok::<_, &str>(n))).await.unwrap().is_empty());
    let report = pool!(1).for_each(none, |_| ready(Err("no"))).settle().await;
    assert_eq!(report.to_string(), "0 items: 0 completed, 0 failed, 0 cancelled");
});

behaviour!(a_handle_cancels_the_run_from_inside_of_an_item, async {
    let pool = pool!(3);
    let handle = pool.cancel_handle();
    let canceller = handle.clone();
    let pool = pool.for_each(0.., move |n| {
        let canceller = canceller.clone();
        async move {
            yields(n).await;
            if n == 2 {
                assert!(canceller.cancel_with("enough") && !canceller.cancel());
                return Ok::<_, &str>(());
            }
            pending().await
        }
    });
    let report = pool.settle().await;
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 2));
    assert_eq!(report.cancelled()[0].cause().message(), Some("enough"));
    assert!(handle.is_finished() && !handle.cancel());
    assert!(handle.child().is_nursery());
    handle.finished().await;
});

behaviour!(a_pool_that_is_cancelled_before_it_is_awaited_pulls_nothing, async {
    let pool = pool!(3);
    assert!(pool.cancel_handle().cancel_with("never mind"));
    let pool = pool.for_each([()], |()| -> std::future::Ready<Result<(), &str>> {
        unreachable!("no item runs")
    });
    let report = pool.settle().await;
    assert_eq!(
        (report.counts().total(), report.cause().unwrap().message()),
        (0, Some("never mind"))
    );
});

behaviour!(a_failure_after_the_cancel_is_kept_and_flagged, async {
    let pool = pool!(1);
    let handle = pool.cancel_handle();
    let pool = pool.for_each(0.., |_| {
        handle.cancel();
        ready(Err("too late"))
    });
    let error = pool.await.unwrap_err();
    assert!(error.first().after_cancel());
    assert_eq!(error.len(), 1);
});

#[test]
fn a_handle_cancels_a_pool_that_is_parked_on_another_thread() {
    guarded(|| {
        let (started, has_started) = std::sync::mpsc::channel();
        let pool: Pool<'_, ()> = Pool::new(2);
        let handle = pool.cancel_handle();
        let running = std::thread::spawn(move || {
            let pool = pool.for_each(0..2, move |_| {
                started.send(()).unwrap();
                pending()
            });
            futures::executor::block_on(pool.settle())
        });
        has_started.recv().unwrap();
        assert!(handle.cancel_with("from here"));
        futures::executor::block_on(handle.finished());
        assert_eq!(running.join().unwrap().counts().completed(), 0);
    });
}

by_hand!(dropping_it_drops_the_items_newest_first_and_then_the_source, {
    let log = Log::new();
    let event = log.clone();
    let guard = OnDrop(move || event.add("source".to_owned()));
    let items = (0..3)
        .inspect(move |_| {
            let _ = &guard;
        })
        .chain(std::iter::repeat(9));
    let pool = pool!(3);
    let handle = pool.cancel_handle();
    let event = log.clone();
    let mut pool = Task::new(pool.for_each(items, |n| {
        let log = event.clone();
        waits::<Result<(), &str>>(move || log.add(format!("item {n}")))
    }));
    assert!(pool.run().is_pending());
    drop(pool);
    assert_eq!(log.take(), ["item 2", "item 1", "item 0", "source"]);
    assert!(handle.is_finished() && !handle.cancel());
});

by_hand!(each_item_is_dropped_even_if_the_destructor_of_another_panics, {
    let gone = Count::default();
    let mut pool = Task::new(pool!(3).for_each(0..3, |n| {
        let gone = gone.clone();
        waits::<Result<(), &str>>(move || {
            gone.add();
            panic!("bomb {n}")
        })
    }));
    assert!(pool.run().is_pending());
    assert_eq!(panic_when_dropped(pool), "bomb 2");
    assert_eq!(gone.get(), 3);
});

by_hand!(so_is_all_that_the_pool_was_given, {
    let gone = Count::default();
    let given = ["source", "closure", "policy", "progress"];
    let [source, closure, policy, progress] = given.map(|name| counted_bomb(&gone, name));
    let pool = pool!(1)
        .cancel_when(move |_| {
            let _ = &policy;
            false
        })
        .on_progress(move |_| {
            let _ = &progress;
        });
    let items = (0..2).inspect(move |_| {
        let _ = &source;
    });
    let pool = pool.for_each(items, move |_| {
        let _ = &closure;
        pending::<Result<(), &str>>()
    });
    let mut pool = Task::new(pool);
    assert!(pool.run().is_pending());
    assert_eq!(panic_when_dropped(pool), "source");
    assert_eq!(gone.get(), 4);
});

by_hand!(what_has_ended_is_dropped_even_if_the_destructor_of_another_panics, {
    let gone = Count::default();
    let mut pool = Task::new(pool!(1).map(0..5, |n| {
        let gone = gone.clone();
        async move {
            if n == 4 {
                pending::<()>().await;
            }
            let bomb = counted_bomb(&gone, &format!("bomb {n}"));
            if n % 2 == 0 { Ok(bomb) } else { Err(bomb) }
        }
    }));
    assert!(pool.run().is_pending());
    assert_eq!(panic_when_dropped(pool), "bomb 0");
    assert_eq!(gone.get(), 4);
});

behaviour!(a_destructor_that_panics_after_success_is_a_failure_beside_the_output, async {
    let report = pool!(2)
        .map(0..3, |n| ends(Ok::<_, &str>(n), move || assert_ne!(n, 1, "late")))
        .settle()
        .await;
    assert_eq!(report.outputs().len(), 3);
    assert_eq!((report.counts().completed(), report.counts().failed()), (2, 1));
    assert!(!report.error().unwrap().first().after_cancel());
});

behaviour!(one_that_panics_after_an_error_or_a_panic_is_one_more_failure, async {
    let bomb = || OnDrop(|| panic!("second"));
    let pool = pool!(2).for_each(0..2, |n| {
        let bomb = bomb();
        poll_fn(move |_| {
            let _ = &bomb;
            assert_eq!(n, 0, "first");
            Poll::Ready(Err("error"))
        })
    });
    let error = pool.await.unwrap_err();
    assert_eq!((error.len(), error.counts().failed()), (4, 2));
    assert_eq!(error.iter().filter(|e| e.failure().is_panic()).count(), 3);
});

behaviour!(one_that_panics_at_the_cancel_is_a_failure_after_it, async {
    let pool = pool!(3).first_error();
    let pool = pool.for_each(0..3, |n| async move {
        let _bomb = (n == 0).then(|| OnDrop(|| panic!("late")));
        if n == 2 { Err("failed") } else { pending().await }
    });
    let error = pool.await.unwrap_err();
    assert_eq!((error.len(), error.counts().failed(), error.counts().cancelled()), (2, 2, 1));
    assert!(error.iter().nth(1).unwrap().after_cancel());
});

behaviour!(what_the_pool_was_given_may_panic_when_it_is_dropped_and_nothing_is_lost, async {
    let bomb = || OnDrop(|| panic!("late"));
    let (source, closure, policy) = (bomb(), bomb(), bomb());
    let pool = pool!(1).cancel_when(move |_| {
        let _ = &policy;
        false
    });
    let items = (0..2).inspect(move |_| {
        let _ = &source;
    });
    let pool = pool.map(items, move |n| {
        let _ = &closure;
        ready(Ok::<_, &str>(n))
    });
    let report = pool.settle().await;
    assert_eq!(report.outputs().len(), 2);
    let failures: Vec<_> =
        report.error().unwrap().iter().map(|e| e.failure().to_string()).collect();
    assert_eq!(
        failures,
        [
            "panicked in the source of items: late",
            "panicked in the closure: late",
            "panicked in the policy of `cancel_when`: late",
        ]
    );
});

behaviour!(progress_is_told_after_each_end, async {
    let log = Log::new();
    let told = log.clone();
    let pool = pool!(2).on_progress(move |now| told.add((now.done(), now.failed(), now.total())));
    let pool = pool.for_each(0..3, |n| ready(if n == 1 { Err("no") } else { Ok(()) }));
    assert_eq!(pool.await.unwrap_err().len(), 1);
    assert_eq!(log.take(), [(1, 0, Some(3)), (2, 1, Some(3)), (3, 1, Some(3))]);
});

behaviour!(of_a_source_that_does_not_know_progress_has_no_total, async {
    let log = Log::new();
    let told = log.clone();
    let pool = pool!(2).on_progress(move |now: &Progress| told.add(now.to_string()));
    let items = (0..4).filter(|n| n % 2 == 0);
    pool.for_each(items, |_| ready(Ok::<_, &str>(()))).await.unwrap();
    assert_eq!(log.take(), ["1, 0 failed", "2, 0 failed"]);
});

behaviour!(cancelled_items_count_as_done, async {
    let log = Log::new();
    let told = log.clone();
    let pool = pool!(2).first_error().on_progress(move |now| told.add((now.done(), now.failed())));
    let pool =
        pool.for_each(0..5, |n| async move { if n == 1 { Err("no") } else { pending().await } });
    assert!(pool.await.is_err());
    assert_eq!(log.take(), [(1, 1), (2, 1)]);
});

behaviour!(who_panics_at_the_progress_is_told_no_more_and_the_run_goes_on, async {
    let told = Count::default();
    let count = told.clone();
    let guard = OnDrop(|| panic!("and late"));
    let pool = pool!(1).on_progress(move |_| {
        let _ = &guard;
        count.add();
        panic!("no terminal")
    });
    let report = pool.map(0..3, |n| ready(Ok::<_, &str>(n))).settle().await;
    assert_eq!((report.outputs().len(), told.get()), (3, 1));
    let failures: Vec<_> =
        report.error().unwrap().iter().map(|e| e.failure().to_string()).collect();
    assert_eq!(
        failures,
        [
            "panicked in the progress callback: no terminal",
            "panicked in the progress callback: and late",
        ]
    );
});

by_hand!(items_of_a_stream_run_as_they_come, {
    let (mut send, items) = mpsc::channel(1);
    let feed = async move {
        for n in 0..20 {
            yields(n % 3).await;
            send.send(n).await.unwrap();
        }
    };
    let pool = pool!(4).map_stream(items, |n| async move {
        yields(n % 5).await;
        Ok::<_, &str>(n)
    });
    let both = Task::new(futures::future::join(pool, feed)).run();
    let Poll::Ready((Ok(outputs), ())) = both else { panic!("the feed wakes the pool") };
    assert_eq!(outputs, (0..20).collect::<Vec<_>>());
});

by_hand!(a_stream_is_asked_when_it_was_woken_and_a_lane_is_free_and_not_otherwise, {
    let asked = Count::default();
    let waker = Mutex::new(None::<Waker>);
    let items = stream::poll_fn(|cx| {
        asked.add();
        *waker.lock().unwrap() = Some(cx.waker().clone());
        if asked.get() == 1 { Poll::Ready(Some(())) } else { Poll::Pending }
    });
    let (done, is_done) = oneshot::channel::<()>();
    let mut is_done = Some(is_done);
    let mut pool = Task::new(pool!(2).for_each_stream(items, |()| {
        let is_done = is_done.take().unwrap();
        is_done.map(|done| done.map_err(|_| "lost"))
    }));
    assert!(pool.run().is_pending());
    assert_eq!(asked.get(), 2);
    done.send(()).unwrap();
    assert!(pool.run().is_pending());
    assert_eq!(asked.get(), 2, "it was not woken");
    waker.lock().unwrap().take().unwrap().wake();
    assert!(pool.run().is_pending());
    assert_eq!(asked.get(), 3);
});

by_hand!(one_wake_costs_one_poll_among_a_thousand, {
    let polls = Count::default();
    let wakers = RefCell::new(Vec::new());
    let mut pool = Task::new(pool!(1_000).for_each(0..1_000, |_| {
        poll_fn(|cx| -> Poll<Result<(), &str>> {
            polls.add();
            wakers.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
    }));
    assert!(pool.run().is_pending());
    assert_eq!(polls.get(), 1_000);
    for (n, at) in [0, 63, 64, 999, 500].into_iter().enumerate() {
        let waker = wakers.borrow()[at].clone();
        waker.wake_by_ref();
        waker.wake();
        assert!(pool.run().is_pending());
        assert_eq!(polls.get(), 1_001 + n);
    }
});

by_hand!(items_that_wake_themselves_starve_neither_the_others_nor_the_runtime, {
    let polls: Vec<_> = (0..1_000).map(|_| Cell::new(0_u32)).collect();
    let mut pool = Task::new(pool!(1_000).for_each(&polls, |polls| {
        poll_fn(|cx| -> Poll<Result<(), &str>> {
            polls.set(polls.get() + 1);
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }));
    let total = || polls.iter().map(Cell::get).sum::<u32>();
    for _ in 0..200 {
        let before = total();
        assert!(pool.poll().is_pending());
        assert!(total() - before <= 256, "the turn has an end");
    }
    assert!(polls.iter().all(|polls| polls.get() > 10), "each had its turn");
});

by_hand!(items_without_end_that_are_ready_at_once_do_not_keep_the_runtime, {
    let pulled = Count::default();
    let items = (0..).inspect(|_| {
        pulled.add();
    });
    let mut pool = Task::new(pool!(4).for_each(items, |_: i32| ready(Ok::<_, &str>(()))));
    assert!(pool.poll().is_pending());
    assert!((1..=256).contains(&pulled.get()));
    assert_eq!(pool.wakes(), 1);
});

by_hand!(a_wake_that_comes_late_costs_the_next_item_a_poll_and_nothing_else, {
    let polls = Count::default();
    let waker = RefCell::new(None::<Waker>);
    let mut first = true;
    let mut pool = Task::new(pool!(1).for_each(0..2, |_| {
        let ends = std::mem::take(&mut first);
        let (polls, waker) = (&polls, &waker);
        poll_fn(move |cx| -> Poll<Result<(), &str>> {
            polls.add();
            waker.borrow_mut().get_or_insert_with(|| cx.waker().clone());
            if ends { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
    }));
    assert!(pool.run().is_pending());
    assert_eq!(polls.get(), 2);
    waker.borrow().as_ref().unwrap().wake_by_ref();
    assert!(pool.run().is_pending());
    assert_eq!(polls.get(), 3);
});

by_hand!(a_waker_that_outlives_the_pool_wakes_nobody, {
    let waker = RefCell::new(None::<Waker>);
    let mut pool = Task::new(pool!(1).for_each(0..1, |_| {
        poll_fn(|cx| {
            *waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(Ok::<_, &str>(()))
        })
    }));
    assert!(pool.run().is_ready());
    let wakes = pool.wakes();
    waker.borrow().as_ref().unwrap().wake_by_ref();
    assert_eq!(pool.wakes(), wakes);
});

by_hand!(a_pool_that_is_over_keeps_no_waker_of_its_task, {
    for limit in [1, 64, 100] {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let item = |_| async {
            yields(1).await;
            Ok::<_, &str>(())
        };
        let mut pool = Task::new(pool!(limit).for_each(0..100, item));
        while pool.poll_with(&waker).is_pending() {}
        // That of the test, and its maker.
        assert_eq!(Arc::strong_count(&wakes), 2, "limit {limit}");
    }
});

by_hand!(pools_without_end_in_children_let_the_siblings_run, {
    let mut nursery = nursery::<(), &str>();
    for _ in 0..2 {
        nursery.spawn_group(async { pool!(4).for_each(0_u64.., |_| ready(Ok(()))).await });
    }
    let sibling = nursery.spawn_with_handle(yields(20).map(Ok));
    let mut join = Task::new(nursery.join());
    let turns = (0..100).take_while(|_| join.poll().is_pending() && !sibling.is_finished());
    assert!(turns.count() < 100);
});

behaviour!(a_pool_in_a_child_is_a_subtree_of_the_error, async {
    let mut nursery = nursery::<usize, &str>();
    for _ in 0..2 {
        nursery.spawn(async move {
            let pool = pool!(2).map(0..50, |n| async move {
                yields(n % 3).await;
                Ok::<_, &str>(n)
            });
            pool.await.map(|outputs| outputs.len()).map_err(|_| "failed")
        });
    }
    nursery.spawn_group(async {
        let pool = pool!(4).for_each(0..10, |n| ready(if n == 7 { Err("seven") } else { Ok(()) }));
        pool.await.map(|()| 0)
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.counts().completed(), 2);
    assert_eq!(error.leaves().next().unwrap().child().id().number(), 7);
});

by_hand!(a_pool_around_pools_goes_on_to_the_end, {
    let sums = pool!(3).map(0..10_u64, |n| {
        pool!(2)
            .map(0..n, move |m| async move {
                yields((n + m) as usize % 4).await;
                Ok::<_, &str>(m)
            })
            .map(|sum| sum.map(|all| all.iter().sum::<u64>()).map_err(|_| "failed"))
    });
    let Poll::Ready(Ok(sums)) = Task::new(sums).run() else { panic!("nothing waits") };
    assert_eq!(sums, [0, 0, 1, 3, 6, 10, 15, 21, 28, 36]);
});

#[test]
fn items_and_closures_borrow_and_need_not_be_send() {
    let counter = std::rc::Rc::new(Cell::new(0));
    let words = vec![String::from("a"), String::from("bb")];
    let pool = Pool::local(2).on_progress(|_| counter.set(counter.get() + 1));
    let sizes = pool.map(&words, |word| {
        let counter = std::rc::Rc::clone(&counter);
        async move {
            yields(1).await;
            counter.set(counter.get() + 10);
            Ok::<_, ()>(word.len())
        }
    });
    assert_eq!(sizes.now_or_never().unwrap().unwrap(), [1, 2]);
    assert_eq!(counter.get(), 22);
}

#[test]
fn a_limit_of_zero_panics_and_says_what_would_be_right() {
    let thrown = catch_unwind(|| Pool::<'_, ()>::new(0)).map(drop).unwrap_err();
    let text = thrown.downcast_ref::<&str>().unwrap();
    assert!(text.contains("at least 1"), "{text}");
    assert!(catch_unwind(|| Pool::<'_, ()>::new(1).keep_failures(0)).is_err());
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn a_pool_is_not_to_be_polled_after_it_was_ready() {
    let mut pool = Pool::<'_, ()>::new(1).for_each([(); 0], |()| ready(Ok(())));
    assert!((&mut pool).now_or_never().is_some());
    let _ = (&mut pool).now_or_never();
}

#[test]
fn the_future_of_a_pool_is_send_where_all_that_it_holds_is() {
    fn is_send<F: Send>(future: F) -> F {
        future
    }
    let pool = Pool::new(2).on_progress(|_| ()).cancel_when(|_| false);
    let pool = is_send(pool.for_each(vec![1], |n| ready(if n == 1 { Ok(()) } else { Err("no") })));
    let mut nursery: Nursery<'_, (), _> = Nursery::new();
    nursery.spawn_group(pool);
    nursery.join().now_or_never().unwrap().unwrap();
}

by_hand!(lanes_beyond_the_first_word_have_their_turn_in_a_pool_that_has_little_of_it, {
    let polls: Vec<_> = (0..200).map(|_| Count::default()).collect();
    let busy = |polls: Count| {
        poll_fn(move |cx| -> Poll<Result<(), &str>> {
            polls.add();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    };
    let mut nursery = nursery::<(), &str>();
    for _ in 0..300 {
        nursery.spawn(busy(Count::default()));
    }
    let items = polls.clone();
    nursery.spawn_group(pool!(200).for_each(items, busy));
    let mut join = Task::new(nursery.join());
    for _ in 0..400 {
        assert!(join.poll().is_pending());
    }
    let (least, most) = (polls.iter().map(Count::get).min(), polls.iter().map(Count::get).max());
    assert!(least.unwrap() > 0 && most.unwrap() <= 2 * least.unwrap() + 2, "{least:?} {most:?}");
});

behaviour!(a_cancel_after_the_last_end_is_the_cause_if_it_was_first, async {
    let pool = pool!(1);
    let handle = pool.cancel_handle();
    let first = Count::default();
    let told = first.clone();
    let last = OnDrop(move || {
        if handle.cancel_with("at the last moment") {
            told.add();
        }
    });
    let pool = pool.for_each(0..2, move |_| {
        let _held = &last;
        ready(Ok::<_, &str>(()))
    });
    let report = pool.settle().await;
    assert_eq!((report.counts().completed(), first.get()), (2, 1));
    assert_eq!(report.cause().unwrap().message(), Some("at the last moment"));
});
