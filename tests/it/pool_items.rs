//! Items of a pool with names and timeouts.

use std::future::{pending, poll_fn, ready};
use std::task::Poll;

use futures::executor::block_on;
use futures::future::{BoxFuture, Ready};
use futures::{FutureExt, StreamExt};
use nestling::future::{ForEach, Map};
use nestling::generic::{RunOver, Shared, TimeoutBy};
use nestling::outcome::CauseKind;
use nestling::{Nursery, Outcome, Pool};

use crate::pools::OfFlavour;
use crate::remote::on_each_executor;
use crate::support::{Count, Live, Log, OnDrop, Task, guarded, waits, yields};

behaviour!(an_item_that_takes_too_long_has_timed_out_and_its_lane_takes_the_next, async {
    let report = pool!(1)
        .item_timeout(|| yields(5))
        .map(0..4_usize, |n| async move {
            yields(if n % 2 == 0 { 2 } else { 50 }).await;
            Ok::<_, &str>(n)
        })
        .settle()
        .await;
    let outputs: Vec<_> = report.outputs().iter().map(|(_, n)| *n).collect();
    assert_eq!(outputs, [0, 2]);
    let error = report.error().unwrap();
    assert_eq!(error.to_string(), "2 of 4 items failed: #1: timed out; #3: timed out");
    assert!(error.iter().all(|error| error.failure().is_timed_out() && !error.after_cancel()));
    assert_eq!(error.first().cause().unwrap().kind(), CauseKind::Timeout);
});

behaviour!(the_time_of_an_item_begins_when_it_starts, async {
    // Together they take longer than each of them may.
    let pool = pool!(1).item_timeout(|| yields(6)).map(0..10, |n| async move {
        yields(4).await;
        Ok::<_, &str>(n)
    });
    assert_eq!(pool.await.unwrap().len(), 10);
});

behaviour!(an_end_in_the_poll_in_which_the_time_is_over_counts, async {
    let report = pool!(2)
        .item_timeout(|| ready(()))
        .map(0..2, |n| {
            poll_fn(move |_| if n == 0 { Poll::Ready(Ok::<_, &str>(n)) } else { Poll::Pending })
        })
        .settle()
        .await;
    assert_eq!((report.counts().completed(), report.counts().failed()), (1, 1));
});

behaviour!(a_timeout_is_a_failure_like_any_other_and_may_stop_the_pool, async {
    let heard = Count::default();
    let counted = heard.clone();
    let report = pool!(2)
        .cancel_when(|error| error.failure().is_timed_out())
        .on_failure(move |_| {
            counted.add();
        })
        .item_timeout(|| yields(3))
        .for_each(0..9, |_| pending::<Result<(), &str>>())
        .settle()
        .await;
    assert_eq!((report.counts().failed(), report.counts().cancelled(), heard.get()), (1, 1, 1));
    assert_eq!(report.cause().unwrap().to_string(), "item #0 failed: timed out");
});

behaviour!(a_nursery_inside_an_item_tells_what_it_had_when_the_time_is_over, async {
    let report = pool!(1)
        .item_timeout(|| yields(5))
        .map([()], |()| async {
            let mut inner = Nursery::new();
            inner.spawn(ready(Err::<(), _>("a failure inside")));
            inner.spawn(pending());
            inner.join().await.map_err(|error| error.to_string())
        })
        .settle()
        .await;
    let error = report.error().unwrap();
    assert_eq!(
        error.to_string(),
        "1 of 1 item failed: #0: after cancel: 1 of 2 children failed: #0: a failure inside",
    );
});

behaviour!(a_timer_that_panics_ends_its_item, async {
    let live = Count::default();
    let error = pool!(2)
        .item_timeout(|| poll_fn(|_| -> Poll<()> { panic!("no clock") }))
        .map(0..2, |_| {
            let item = Live::new(&live);
            async move {
                let _item = item;
                pending::<Result<(), &str>>().await
            }
        })
        .await
        .unwrap_err();
    assert_eq!((error.len(), live.get()), (2, 0));
    assert!(error.first().to_string().contains("panicked in the timeout: no clock"), "{error}");
});

behaviour!(a_closure_that_makes_the_timer_and_panics_ends_its_item, async {
    let error = pool!(1)
        .item_timeout(|| -> std::future::Ready<()> { panic!("no clock") })
        .map([()], |()| ready(Ok::<_, &str>(())))
        .await
        .unwrap_err();
    assert!(error.first().to_string().contains("panicked in the timeout: no clock"), "{error}");
});

by_hand!(timers_go_with_their_items, {
    let timers = Count::default();
    let counted = timers.clone();
    let make = move || {
        let timer = Live::new(&counted);
        async move {
            let _timer = timer;
            pending::<()>().await;
        }
    };
    let mut task = Task::new(
        pool!(2)
            .item_timeout(make)
            .map(0..5, |n| async move { if n < 4 { Ok::<_, &str>(()) } else { pending().await } }),
    );
    assert!(task.poll().is_pending());
    assert_eq!(timers.get(), 1);
    drop(task);
    assert_eq!(timers.get(), 0);
});

behaviour!(names_are_told_wherever_an_item_is, async {
    let report = pool!(3)
        .cancel_when(|error| error.child().name() == Some("broken"))
        .map(["fine", "broken", "slow", "pulled last"], |name| async move {
            match name {
                "fine" => Ok(name.len()),
                "broken" => {
                    yields(2).await;
                    Err("it broke")
                }
                _ => pending().await,
            }
        })
        .item_name(|name| *name)
        .settle()
        .await;
    assert_eq!(report.outputs()[0].0.name(), Some("fine"));
    assert_eq!(report.error().unwrap().to_string(), "1 of 4 items failed: #1 broken: it broke");
    let (cancelled, cause) = (&report.cancelled()[0], report.cause().unwrap());
    assert_eq!(cancelled.child().name(), Some("slow"));
    assert_eq!(cause.to_string(), "item #1 broken failed");
});

behaviour!(an_item_with_a_name_and_without_one_is_told_so, async {
    let error = pool!(1)
        .for_each([1, 2], |n: u32| ready(Err(n)))
        .item_name(|n| if *n == 1 { String::new() } else { format!("item {n}") })
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "2 of 2 items failed: #0: 1; #1 item 2: 2");
});

behaviour!(names_come_with_completions_and_timeouts, async {
    let items = pool!(2)
        .item_timeout(|| yields(5))
        .map(["quick", "slow"], |name| async move {
            if name == "slow" { pending().await } else { Ok::<_, &str>(name) }
        })
        .item_name(|name| name.to_string());
    let mut told = Vec::new();
    let mut completions = items.completions();
    while let Some(completion) = completions.next().await {
        told.push(match completion.outcome() {
            Outcome::Failed(error) => error.cause().unwrap().to_string(),
            _ => completion.child().name().unwrap().to_owned(),
        });
    }
    assert_eq!(told, ["quick", "child #1 slow timed out"]);
});

behaviour!(a_name_that_panics_is_the_failure_of_its_item, async {
    let made = Count::default();
    let report = pool!(2)
        .cancel_when(|_| true)
        .map(0..9, |n| {
            made.add();
            async move {
                yields(2).await;
                Ok::<_, &str>(n)
            }
        })
        .item_name(|n| {
            assert_ne!(*n, 1, "no name");
            n.to_string()
        })
        .settle()
        .await;
    let error = report.error().unwrap();
    assert_eq!((error.len(), error.first().child().id().number()), (1, 1));
    assert!(error.first().failure().panic().unwrap().message().contains("no name"));
    assert_eq!((made.get(), report.counts().cancelled()), (1, 1));
});

by_hand!(a_name_is_made_when_the_item_is_pulled, {
    let log = Log::new();
    let (names, makes) = (log.clone(), log.clone());
    let pool = pool!(1).for_each([1, 2], move |n| {
        makes.add(format!("item {n}"));
        ready(Ok::<_, &str>(()))
    });
    block_on(pool.item_name(move |n| {
        names.add(format!("name {n}"));
        "name"
    }))
    .unwrap();
    assert_eq!(log.take(), ["name 1", "item 1", "name 2", "item 2"]);
});

by_hand!(what_names_and_times_items_is_dropped_with_the_pool_and_its_panic_told, {
    let bomb = |text: &'static str| OnDrop(move || panic!("{text}"));
    let (name, timeout) = (bomb("the name"), Bomb(Count::default()));
    let pool = pool!(1).item_timeout(move || {
        let _ = &timeout;
        pending::<()>()
    });
    let pool = pool.for_each([1], |_| ready(Ok::<_, &str>(()))).item_name(move |_| {
        let _ = &name;
        "name"
    });
    let error = block_on(pool).unwrap_err().to_string();
    assert!(error.contains("panicked in the closure: the name"), "{error}");
    assert!(error.contains("panicked in the closure: the timeout"), "{error}");
});

/// Panics when the last but one of its copies is dropped.
struct Bomb(Count);

impl Clone for Bomb {
    fn clone(&self) -> Self {
        self.0.add();
        Self(self.0.clone())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0.get() == 0 {
            panic!("the timeout");
        }
        self.0.remove();
    }
}

#[test]
fn items_on_an_executor_have_names_and_timeouts_too() {
    guarded(|| {
        on_each_executor(|far| {
            let live = Count::default();
            let counted = live.clone();
            let pool = Pool::local(2).item_timeout(|| yields(10)).on(far);
            let pool = pool.map(0..6, move |n| {
                let item = Live::new(&counted);
                async move {
                    let _item = item;
                    if n % 3 == 1 {
                        pending::<()>().await;
                    }
                    Ok::<_, &str>(n)
                }
            });
            let report = block_on(pool.item_name(|n| format!("item {n}")).settle());
            let outputs: Vec<_> = report.outputs().iter().map(|(_, n)| *n).collect();
            assert_eq!((outputs, live.get()), (vec![0, 2, 3, 5], 0));
            assert_eq!(report.outputs()[0].0.name(), Some("item 0"));
            let error = report.error().unwrap();
            let told: Vec<_> = error.by_spawn_order().map(ToString::to_string).collect();
            assert_eq!(told, ["#1 item 1: timed out", "#4 item 4: timed out"]);
        });
    });
}

#[test]
fn a_destructor_that_panics_at_the_timeout_is_one_more_failure() {
    guarded(|| {
        let pool = Pool::new(1)
            .item_timeout(|| yields(3))
            .for_each([()], |()| waits::<Result<(), &str>>(|| panic!("a bad destructor")));
        let error = block_on(pool).unwrap_err();
        assert_eq!((error.len(), error.counts().failed()), (2, 1));
        assert!(error.first().failure().is_timed_out());
    });
}

type Doubled = Ready<Result<u8, String>>;
type Boxed<'a> = BoxFuture<'a, Result<(), String>>;
type Timeout = TimeoutBy<fn() -> Ready<()>>;

type Plain<'a> = RunOver<'a, Vec<u8>, fn(u8) -> Doubled, Doubled, u8, String>;
type Timed<'a> = RunOver<'a, [u8; 2], fn(u8) -> Boxed<'a>, Boxed<'a>, (), String, Shared, Timeout>;

/// Runs with their types written out.
struct Runs<'a> {
    plain: Map<Plain<'a>>,
    timed: ForEach<Timed<'a>>,
}

#[test]
fn the_types_of_runs_can_be_named() {
    fn double(n: u8) -> Doubled {
        futures::future::ok(n * 2)
    }
    fn never<'a>(_: u8) -> Boxed<'a> {
        pending().boxed()
    }
    let mut runs = Runs {
        plain: Pool::new(2).map(vec![1, 2], double as fn(u8) -> _),
        timed: Pool::new(2)
            .item_timeout((|| futures::future::ready(())) as fn() -> _)
            .for_each([1, 2], never as fn(u8) -> _),
    };
    assert_eq!(block_on(&mut runs.plain).unwrap(), [2, 4]);
    assert_eq!(block_on(&mut runs.timed).unwrap_err().len(), 2);
}

behaviour!(an_item_that_succeeds_in_its_last_poll_is_told_to_be_late, async {
    let items = || {
        pool!(1).item_timeout(|| yields(5)).map([()], |()| async {
            let mut inner: Nursery<'_, (), &str> = Nursery::new();
            inner.spawn(pending());
            Ok::<_, &str>(inner.settle().await.counts().cancelled())
        })
    };
    let report = items().settle().await;
    assert_eq!(report.outputs()[0].1, 1);
    assert_eq!((report.counts().after_cancel(), report.after_cancel().count()), (1, 1));
    let completion = items().completions().next().await.unwrap();
    assert_eq!(completion.cause().unwrap().kind(), CauseKind::Timeout);
});

behaviour!(an_item_keeps_its_own_end_where_its_timer_panics, async {
    let report = pool!(2)
        .item_timeout(|| poll_fn(|_| -> Poll<()> { panic!("no clock") }))
        .map(0..2, |n| ready(if n == 0 { Ok(n) } else { Err("failed") }))
        .settle()
        .await;
    assert_eq!((report.outputs().len(), report.counts().failed()), (1, 2));
    let told: Vec<_> = report.error().unwrap().iter().map(|e| e.error().copied()).collect();
    assert_eq!(told, [None, Some("failed"), None]);
});

/// Cannot be copied.
struct Once;

impl Clone for Once {
    fn clone(&self) -> Self {
        panic!("no copy")
    }
}

behaviour!(a_closure_for_timers_that_panics_when_it_is_copied_ends_its_item, async {
    let once = Once;
    let make = move || {
        let _ = &once;
        pending::<()>()
    };
    let pool = pool!(1).item_timeout(make).for_each(0..2, |_| pending::<Result<(), &str>>());
    let error = pool.await.unwrap_err();
    assert_eq!(error.len(), 2);
    assert!(error.first().to_string().contains("panicked in the timeout: no copy"), "{error}");
});

#[test]
fn it_ends_its_item_on_an_executor_too() {
    guarded(|| {
        on_each_executor(|far| {
            let once = Once;
            let make = move || {
                let _ = &once;
                pending::<()>()
            };
            let pool = Pool::local(1).item_timeout(make).on(far);
            let pool = pool.for_each(0..2, |_| pending::<Result<(), &str>>());
            assert_eq!(block_on(pool).unwrap_err().len(), 2);
        });
    });
}
