//! The deadline and the grace of a pool.

use std::future::{pending, ready};
use std::task::Poll;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::poll_fn;
use futures::{FutureExt, StreamExt};
use nestling::outcome::CauseKind;
use nestling::{Nursery, Pool};

use crate::pools::OfFlavour;
use crate::remote::{ByHand, on_each_executor};
use crate::support::{Count, Live, Log, OnDrop, Task, guarded, waits, yields};

behaviour!(items_that_run_at_the_deadline_have_timed_out, async {
    let pulled = Count::default();
    let counted = pulled.clone();
    let report = pool!(2)
        .deadline(yields(10))
        .map(0..10, |n| {
            counted.add();
            async move {
                if n > 0 {
                    pending::<()>().await;
                }
                Ok::<_, &str>(n)
            }
        })
        .settle()
        .await;
    assert_eq!(report.cause().unwrap().kind(), CauseKind::Deadline);
    assert_eq!((report.counts().completed(), report.counts().failed()), (1, 2));
    assert_eq!((report.counts().cancelled(), pulled.get()), (0, 3));
    let error = report.error().unwrap();
    assert!(error.iter().all(|error| error.failure().is_timed_out() && !error.after_cancel()));
    assert_eq!(
        error.to_string(),
        "2 of 3 items failed: #2: timed out: the deadline passed; #1: timed out: the deadline passed",
    );
});

by_hand!(what_was_woken_before_the_deadline_passed_is_in_time, {
    let (passes, deadline) = oneshot::channel::<()>();
    let (wakes, woken): (Vec<_>, Vec<_>) = (0..2).map(|_| oneshot::channel::<()>()).unzip();
    let mut woken = woken.into_iter();
    let mut task = Task::new(
        pool!(3)
            .deadline(deadline)
            .map(0..9, |n| {
                let woken = woken.next();
                async move {
                    match woken {
                        Some(woken) => woken.await.map_err(|_| "dropped")?,
                        None => pending().await,
                    }
                    Ok::<_, &str>(n)
                }
            })
            .settle(),
    );
    assert!(task.poll().is_pending());
    passes.send(()).unwrap();
    wakes.into_iter().for_each(|wake| wake.send(()).unwrap());
    let Poll::Ready(report) = task.poll() else { panic!("the deadline has passed") };
    // No item is pulled in between.
    assert_eq!((report.counts().completed(), report.counts().failed()), (2, 1));
});

behaviour!(a_deadline_that_has_passed_at_once_pulls_no_item, async {
    let pool = pool!(2).deadline(ready(()));
    let report = pool.map(0..9, |n| async move { Ok::<_, &str>(n) }).settle().await;
    assert_eq!(report.counts().total(), 0);
    assert_eq!(report.cause().unwrap().kind(), CauseKind::Deadline);
});

behaviour!(outputs_of_a_part_of_the_items_are_no_success_after_the_deadline, async {
    let late = pool!(2).deadline(ready(())).map(0..9, |n| async move { Ok::<_, &str>(n) });
    let error = late.await.unwrap_err();
    assert_eq!(error.to_string(), "the pool itself failed: timed out: the deadline passed");
    // Those that run end in the grace, and others were not pulled.
    let late = pool!(2).deadline(yields(5)).grace(pending::<()>).map(0..9, |n| async move {
        yields(9).await;
        Ok::<_, &str>(n)
    });
    let report = late.settle().await;
    assert_eq!((report.counts().completed(), report.error().unwrap().len()), (2, 1));
    assert!(report.error().unwrap().first().child().is_nursery());
    // All were pulled.
    let late = pool!(2).deadline(yields(5)).grace(pending::<()>).map(0..2, |n| async move {
        yields(9).await;
        Ok::<_, &str>(n)
    });
    assert_eq!(late.await.unwrap(), [0, 1]);
    let late = pool!(2).deadline(ready(())).map(0..9, |n| async move { Ok::<_, &str>(n) });
    let told: Vec<_> = late.completions().map(|one| one.child().is_nursery()).collect().await;
    assert_eq!(told, [true]);
});

behaviour!(a_deadline_that_panics_ends_the_run_and_is_a_failure, async {
    let deadline = async {
        yields(2).await;
        panic!("no clock")
    };
    let report = pool!(2)
        .deadline(deadline.map(|()| ()))
        .map(0..9, |_| pending::<Result<(), &str>>())
        .settle()
        .await;
    let error = report.error().unwrap();
    assert_eq!((error.len(), report.counts().failed()), (3, 2));
    assert!(error.first().to_string().contains("panicked in the deadline: no clock"), "{error}");
});

behaviour!(the_deadline_goes_with_the_cancel_and_a_panic_of_its_destructor_is_told, async {
    let late = async {
        let _bomb = OnDrop(|| panic!("a bad clock"));
        pending::<()>().await;
    };
    let mut late = Box::pin(late);
    assert!(futures::poll!(&mut late).is_pending());
    let pool = pool!(2).first_error().deadline(late);
    let error = pool.for_each(0..9, |_| ready(Err("failed"))).await.unwrap_err();
    assert_eq!(error.len(), 2);
    assert!(error.iter().nth(1).unwrap().to_string().contains("a bad clock"), "{error}");
});

behaviour!(items_end_by_themselves_in_the_grace_and_no_more_are_pulled, async {
    let pool = pool!(3).grace(pending::<()>);
    let handle = pool.cancel_handle();
    let mut pulled = 0;
    let report = pool
        .map(0.., |n: usize| {
            pulled += 1;
            if n == 4 {
                handle.cancel_with("enough");
            }
            async move {
                yields(n * 3).await;
                if n == 2 { Err("failed") } else { Ok(n) }
            }
        })
        .settle()
        .await;
    assert_eq!(pulled, report.counts().total());
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 0));
    assert_eq!(report.cause().unwrap().message(), Some("enough"));
    let late: Vec<_> = report.after_cancel().map(|(item, _)| item.id().number()).collect();
    assert_eq!(report.counts().after_cancel(), late.len() as u64);
    assert!(late.contains(&2) && late.contains(&4), "{late:?}");
});

behaviour!(what_is_left_when_the_grace_is_over_is_dropped_the_newest_first, async {
    let order = Log::new();
    let report = pool!(3)
        .first_error()
        .grace(|| yields(5))
        .map(0..9, |n| {
            let order = order.clone();
            let item = waits::<Result<(), &str>>(move || order.add(n));
            async move {
                if n == 1 {
                    yields(1).await;
                    return Err("failed");
                }
                item.await
            }
        })
        .settle()
        .await;
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 2));
    assert_eq!(report.counts().overran_grace(), 2);
    let overran: Vec<_> = report.overran_grace().map(|item| item.id().number()).collect();
    assert_eq!(overran, [0, 2]);
    assert_eq!(order.take().split_off(1), [2, 0]);
});

behaviour!(with_a_grace_an_item_may_still_meet_the_deadline, async {
    let report = pool!(3)
        .deadline(yields(5))
        .grace(|| yields(20))
        .map(0..3, |n: usize| async move {
            match n {
                0 => yields(10).await,
                _ => pending().await,
            }
            Ok::<_, &str>(n)
        })
        .settle()
        .await;
    assert_eq!((report.counts().completed(), report.counts().failed()), (1, 2));
    assert_eq!((report.counts().after_cancel(), report.counts().overran_grace()), (1, 2));
    assert!(report.error().unwrap().iter().all(|error| error.overran_grace()));
});

behaviour!(a_nursery_inside_an_item_is_cancelled_when_the_grace_begins, async {
    let report = pool!(1)
        .deadline(yields(5))
        .grace(pending::<()>)
        .map([()], |()| async {
            let mut inner: Nursery<'_, (), &str> = Nursery::new();
            inner.spawn(pending());
            let report = inner.settle().await;
            yields(5).await;
            Ok::<_, &str>(report.cause().unwrap().to_string())
        })
        .settle()
        .await;
    assert_eq!(report.outputs()[0].1, "item #0 was cancelled: the deadline passed",);
});

behaviour!(a_grace_that_panics_is_over_and_its_panic_is_a_failure, async {
    let report = pool!(1)
        .deadline(yields(2))
        .grace(|| poll_fn(|_| -> Poll<()> { panic!("no clock") }))
        .map([()], |()| pending::<Result<(), &str>>())
        .settle()
        .await;
    let error = report.error().unwrap();
    assert_eq!((error.len(), report.counts().failed()), (2, 1));
    assert!(error.first().to_string().contains("panicked in the grace: no clock"), "{error}");
});

by_hand!(a_pool_that_is_dropped_drops_its_timers, {
    let dropped = Log::new();
    let timer = |name: &'static str| {
        let log = dropped.clone();
        let guard = OnDrop(move || log.add(name));
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    };
    let (deadline, grace) = (timer("deadline"), timer("grace"));
    let pool = pool!(1).deadline(deadline).grace(move || grace);
    let mut task = Task::new(pool.for_each([()], |()| pending::<Result<(), &str>>()));
    assert!(task.poll().is_pending());
    drop(task);
    assert_eq!(dropped.take(), ["deadline", "grace"]);
});

by_hand!(the_grace_of_a_pool_is_over_when_the_child_around_it_goes, {
    let live = Count::default();
    let mut nursery: Nursery<'_, u64, &str> = Nursery::new();
    let counted = live.clone();
    let handle = nursery.spawn_with_handle(async move {
        let pool = Pool::new(2).grace(pending::<()>);
        let report = pool
            .map(0..5, |_| {
                let item = Live::new(&counted);
                async move {
                    let _item = item;
                    pending::<Result<(), &str>>().await
                }
            })
            .settle()
            .await;
        Ok(report.counts().cancelled())
    });
    let mut settle = Task::new(nursery.settle());
    assert!(settle.poll().is_pending());
    assert_eq!(live.get(), 2);
    handle.cancel();
    let Poll::Ready(report) = settle.poll() else { panic!("the child is gone") };
    assert_eq!((report.outputs()[0].1, live.get()), (2, 0));
});

#[test]
fn lanes_on_an_executor_are_stopped_at_the_deadline() {
    guarded(|| {
        on_each_executor(|far| {
            let live = Count::default();
            let counted = live.clone();
            let pool = Pool::local(2).deadline(yields(30)).on(far).map(0..10, move |n| {
                let item = Live::new(&counted);
                async move {
                    let _item = item;
                    if n > 0 {
                        pending::<()>().await;
                    }
                    Ok::<_, &str>(n)
                }
            });
            let report = block_on(pool.settle());
            assert_eq!(live.get(), 0);
            assert_eq!(report.cause().unwrap().kind(), CauseKind::Deadline);
            let error = report.error().unwrap();
            assert!(error.iter().all(|error| error.failure().is_timed_out()), "{error}");
            assert_eq!(report.counts().cancelled(), 0);
        });
    });
}

#[test]
fn lanes_on_an_executor_end_their_items_in_the_grace() {
    guarded(|| {
        on_each_executor(|far| {
            let pool = Pool::local(2).grace(pending::<()>);
            let handle = pool.cancel_handle();
            let pool = pool.on(far).map(0.., move |n| {
                let handle = handle.clone();
                async move {
                    if n == 1 {
                        handle.cancel();
                    }
                    yields(3).await;
                    Ok::<_, &str>(n)
                }
            });
            let report = block_on(pool.settle());
            // Those that a lane had begun have ended; the others were pulled ahead.
            assert!(report.outputs().iter().any(|(_, n)| *n == 1));
            assert_eq!(report.error().map(|error| error.to_string()), None);
            assert!(report.counts().after_cancel() > 0);
            assert_eq!(report.counts().overran_grace(), 0);
        });
    });
}

#[test]
fn lanes_on_an_executor_are_stopped_when_the_grace_is_over() {
    guarded(|| {
        on_each_executor(|far| {
            let pool = Pool::local(2).first_error().grace(|| yields(30)).on(far);
            let pool = pool.map(0..2, |n| async move {
                if n == 1 { Err("failed") } else { pending::<Result<(), _>>().await }
            });
            let report = block_on(pool.settle());
            let counts: (u64, u64) = (report.counts().failed(), report.counts().overran_grace());
            assert_eq!(counts, (1, report.counts().cancelled()));
        });
    });
}

#[test]
fn an_executor_that_drops_a_lane_in_the_grace_is_told() {
    guarded(|| {
        let far = ByHand::default();
        let pool = Pool::new(2).grace(pending::<()>);
        let handle = pool.cancel_handle();
        let pool = pool.on(&far).for_each(0..2, |_| pending::<Result<(), &str>>());
        let mut task = Task::new(pool.settle());
        for _ in 0..4 {
            assert!(task.poll().is_pending());
            far.poll();
        }
        handle.cancel();
        assert!(task.poll().is_pending());
        far.drop_all();
        let Poll::Ready(report) = task.run() else { panic!("no lane is left") };
        assert_eq!((report.counts().failed(), report.counts().cancelled()), (2, 0));
        let error = report.error().unwrap();
        assert!(error.iter().all(|one| one.failure().is_executor() && one.after_cancel()));
    });
}
