//! What a pool's items come to, one by one.

use std::future::{pending, ready};
use std::sync::Mutex;
use std::task::Poll;

use futures::channel::{mpsc, oneshot};
use futures::executor::{ThreadPool, block_on};
use futures::{FutureExt, StreamExt};
use nestling::outcome::CauseKind;
use nestling::{Outcome, Pool};

use crate::pools::OfFlavour;
use crate::remote::{ByHand, on_each_executor};
use crate::support::{Count, Live, OnDrop, Task, ends, guarded, yields};

/// The number of an item, and what it came to.
fn told<T: std::fmt::Debug>(completion: nestling::Completion<T, &str>) -> String {
    let child = completion.child().to_string();
    match completion.into_outcome() {
        Outcome::Completed(output) => format!("{child} {output:?}"),
        Outcome::Failed(error) => format!("{child} failed: {:?}", error.failure().to_string()),
        Outcome::Cancelled(cause) => format!("{child} cancelled: {cause}"),
        _ => unreachable!("an item has no handle"),
    }
}

/// Which item it was.
fn number<T>(completion: &nestling::Completion<T, &str>) -> u64 {
    completion.child().id().number()
}

behaviour!(completions_come_as_items_end, async {
    let items = pool!(3).map([6, 4, 2, 0], |n: usize| async move {
        yields(n).await;
        if n == 4 { Err("failed") } else { Ok(n) }
    });
    let mut completions = items.completions();
    let mut ended = Vec::new();
    while let Some(completion) = completions.next().await {
        let failed = completion.outcome().is_failed();
        assert_eq!(failed, number(&completion) == 1);
        ended.push(number(&completion));
    }
    assert_eq!(ended, [2, 3, 1, 0]);
    // It stays at its end.
    assert!(completions.next().await.is_none());
});

behaviour!(in_order_those_that_end_early_wait_for_the_others, async {
    let items = pool!(4).map([9, 3, 0, 7, 1], |n: usize| async move {
        yields(n).await;
        if n == 3 { Err("failed") } else { Ok(n) }
    });
    let completions = items.completions().in_order();
    let numbers: Vec<_> = completions.map(|completion| number(&completion)).collect().await;
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
});

behaviour!(nothing_is_pulled_far_ahead_of_the_item_that_is_next_in_order, async {
    let (first_ends, first) = oneshot::channel::<()>();
    let mut first = Some(first);
    let mut pulled = 0;
    let items = pool!(3).map(0..100, |n| {
        pulled = n + 1;
        let first = first.take();
        async move {
            if let Some(first) = first {
                first.await.unwrap();
            }
            Ok::<_, &str>(n)
        }
    });
    let mut completions = Box::pin(items.completions().in_order());
    assert!(completions.next().now_or_never().is_none());
    assert!(completions.next().now_or_never().is_none());
    first_ends.send(()).unwrap();
    let mut numbers = Vec::new();
    while let Some(completion) = completions.next().await {
        numbers.push(number(&completion));
    }
    drop(completions);
    assert_eq!((numbers.len(), pulled), (100, 100));
    assert!(numbers.is_sorted());
});

by_hand!(in_order_twice_the_limit_is_pulled_while_the_first_runs, {
    let pulled = Count::default();
    let items = pool!(3).map(0..100, |n| {
        pulled.add();
        async move {
            if n == 0 {
                pending::<()>().await;
            }
            Ok::<_, &str>(n)
        }
    });
    let mut completions = Box::pin(items.completions().in_order());
    for _ in 0..3 {
        assert!(completions.next().now_or_never().is_none());
    }
    assert_eq!(pulled.get(), 6);
});

by_hand!(a_reader_that_does_not_come_holds_the_items_up, {
    let pulled = Count::default();
    let items = pool!(2).map(0..1_000, |n| {
        pulled.add();
        async move { Ok::<_, &str>(n) }
    });
    let mut completions = Box::pin(items.completions());
    for taken in 1..=10 {
        assert!(completions.next().now_or_never().flatten().is_some());
        assert!(pulled.get() <= taken + 2, "{} pulled, {taken} taken", pulled.get());
    }
    let rest = std::iter::from_fn(|| completions.next().now_or_never()?);
    assert_eq!(rest.count(), 990);
});

behaviour!(a_failure_and_the_panic_of_a_destructor_come_one_after_the_other, async {
    let items = pool!(2).map(0..3, |n| match n {
        0 => ends(Err("failed"), || panic!("a bad destructor")).left_future(),
        _ => yields(2).map(move |()| Ok(n)).right_future(),
    });
    let numbers: Vec<_> = items.completions().in_order().map(told).collect().await;
    assert_eq!(numbers.len(), 4);
    assert!(numbers[0].ends_with(r#"failed: "failed""#), "{numbers:?}");
    assert!(numbers[1].contains("a bad destructor"), "{numbers:?}");
});

behaviour!(what_is_cancelled_comes_too_and_the_callbacks_are_asked, async {
    let heard = Count::default();
    let told = heard.clone();
    let items = pool!(3)
        .on_failure(move |_| {
            told.add();
        })
        .cancel_when(|error| error.child().id().number() == 1)
        .for_each(0..9, |n: usize| async move {
            if n == 1 {
                yields(2).await;
                return Err("failed");
            }
            pending().await
        });
    let ended: Vec<_> = items.completions().collect().await;
    let numbers: Vec<_> = ended.iter().map(number).collect();
    assert_eq!((numbers, heard.get()), (vec![1, 2, 0], 1));
    let Outcome::Cancelled(cause) = ended[2].outcome() else { panic!("it was cancelled") };
    assert_eq!(cause.kind(), CauseKind::ChildFailed);
});

behaviour!(a_panic_of_the_iterator_comes_at_once_also_in_order, async {
    let mut left = 2;
    let items = std::iter::from_fn(|| {
        left -= 1;
        assert!(left >= 0, "no more");
        Some(left)
    });
    let items = pool!(4).map(items, |n| async move {
        yields(5).await;
        Ok::<_, &str>(n)
    });
    let ended: Vec<_> = items.completions().in_order().collect().await;
    assert!(ended[0].child().is_nursery());
    assert_eq!(ended[1..].iter().map(number).collect::<Vec<_>>(), [0, 1]);
});

behaviour!(a_stream_of_items_serves_too, async {
    let (feed, fed) = mpsc::unbounded::<usize>();
    let items = pool!(2).map_stream(fed, |n| async move { Ok::<_, &str>(n) });
    let mut completions = items.completions();
    for n in 0..5 {
        feed.unbounded_send(n).unwrap();
        assert_eq!(completions.next().await.unwrap().into_outcome().completed(), Some(n));
    }
    drop(feed);
    assert!(completions.next().await.is_none());
});

by_hand!(a_stream_that_is_dropped_drops_the_items_and_what_was_not_taken, {
    let live = Count::default();
    let items = pool!(4).map(0..9, |n| {
        let item = Live::new(&live);
        async move {
            if n % 2 == 0 {
                pending::<()>().await;
            }
            Ok::<_, &str>(item)
        }
    });
    let mut completions = Box::pin(items.completions().in_order());
    assert!(completions.next().now_or_never().is_none());
    assert!(live.get() > 2);
    drop(completions);
    assert_eq!(live.get(), 0);
});

by_hand!(a_stream_drops_all_even_where_destructors_panic, {
    let live = Count::default();
    let items = pool!(4).map(0..4, |n| {
        let item = Live::new(&live);
        async move {
            if n == 0 {
                pending::<()>().await;
            }
            Ok::<_, &str>((item, OnDrop(move || panic!("output {n}"))))
        }
    });
    let mut task = Task::new(items.completions().in_order().into_future());
    assert!(task.poll().is_pending());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(task)));
    assert_eq!((caught.is_err(), live.get()), (true, 0));
});

#[test]
fn completions_come_from_lanes_on_any_executor() {
    guarded(|| {
        on_each_executor(|far| {
            for in_order in [false, true] {
                let items = Pool::local(3).on(far).map(0..100_usize, |n| async move {
                    yields(n % 4).await;
                    if n == 50 { Err("failed") } else { Ok(n) }
                });
                let items = items.completions();
                let mut items = Box::pin(if in_order { items.in_order() } else { items });
                let mut numbers = Vec::new();
                while let Some(completion) = block_on(items.next()) {
                    assert_eq!(completion.outcome().is_failed(), number(&completion) == 50);
                    numbers.push(number(&completion));
                }
                assert!(!in_order || numbers.is_sorted());
                numbers.sort_unstable();
                assert!(numbers.into_iter().eq(0..100));
            }
        });
    });
}

#[test]
fn a_slow_reader_holds_up_lanes_on_an_executor() {
    guarded(|| {
        let threads = ThreadPool::builder().pool_size(2).create().unwrap();
        let pulled = Count::default();
        let counted = pulled.clone();
        let items = Pool::new(2).on(&threads).map(0..1_000, move |n| {
            counted.add();
            ready(Ok::<_, &str>(n))
        });
        let mut items = Box::pin(items.completions());
        for taken in 1..=100 {
            assert!(block_on(items.next()).is_some());
            assert!(pulled.get() <= taken + 8, "{} pulled, {taken} taken", pulled.get());
        }
    });
}

#[test]
fn the_last_poll_of_the_child_around_hands_out_all() {
    guarded(|| {
        let mut nursery: nestling::Nursery<'_, usize, &str> = nestling::Nursery::new();
        let handle = nursery.spawn_with_handle(async {
            let items = Pool::new(2).map(0..9, |_| pending::<Result<(), &str>>());
            Ok(items.completions().count().await)
        });
        let mut settle = Task::new(nursery.settle());
        assert!(settle.poll().is_pending());
        handle.cancel();
        let Poll::Ready(report) = settle.poll() else { panic!("the child is gone") };
        assert_eq!(report.outputs()[0].1, 2);
    });
}

/// The first item ends when it is told to; the others go on.
#[test]
fn the_end_of_one_item_on_an_executor_wakes_the_reader() {
    guarded(|| {
        for in_order in [false, true] {
            let far = ByHand::default();
            let (go, first) = oneshot::channel::<()>();
            let first = Mutex::new(Some(first));
            let items = Pool::new(4).on(&far).map(0..100, move |n| {
                let first = first.lock().unwrap().take_if(|_| n == 0);
                async move {
                    match first {
                        Some(first) => first.await.map_err(|_| "dropped"),
                        None => pending().await,
                    }
                }
            });
            let items = items.completions();
            let items = if in_order { items.in_order() } else { items };
            let mut task = Task::new(items.into_future());
            while task.poll().is_pending() && task.wakes() > 0 {
                far.poll();
            }
            for _ in 0..4 {
                far.poll();
                assert!(task.poll().is_pending());
            }
            let woken = task.wakes();
            go.send(()).unwrap();
            far.poll();
            assert!(task.wakes() > woken, "the reader is not woken");
            let Poll::Ready((Some(completion), _)) = task.poll() else { panic!("it has ended") };
            assert_eq!(number(&completion), 0);
        }
    });
}

by_hand!(a_run_that_was_polled_cannot_become_a_stream, {
    let run = || {
        pool!(2)
            .map(0..9, |n| async move { if n > 0 { pending().await } else { Ok::<_, &str>(n) } })
    };
    let mut polled = run();
    assert!((&mut polled).now_or_never().is_none());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(polled.completions());
    }));
    let text = *caught.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(text, "`completions` and `in_order` have to be called before the run is polled");
    let mut polled = run().completions();
    assert!(polled.next().now_or_never().is_some());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(polled.in_order());
    }));
    assert!(caught.is_err());
});

by_hand!(a_stream_at_its_end_is_inside_no_child, {
    let polls = Count::default();
    let mut nursery: nestling::Nursery<'_, (), &str> = nestling::Nursery::new();
    let counted = polls.clone();
    let handle = nursery.spawn_with_handle(async move {
        let mut items = Pool::new(2).map(0..3, |n| ready(Ok::<_, &str>(n))).completions();
        while items.next().await.is_some() {}
        std::future::poll_fn(|_| {
            counted.add();
            Poll::<()>::Pending
        })
        .await;
        drop(items);
        Ok(())
    });
    let mut settle = Task::new(nursery.settle());
    assert!(settle.poll().is_pending());
    let before = polls.get();
    handle.cancel();
    assert!(settle.poll().is_ready());
    // It is dropped without a last poll.
    assert_eq!(polls.get(), before);
});
