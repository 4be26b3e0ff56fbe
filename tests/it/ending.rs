//! How a child ends for its cancel: work that it gives up, and an end as cancelled.

use std::future::{pending, ready};

use futures::FutureExt;
use futures::future::{Either, select};
use nestling::Nursery;
use nestling::failure::LostKind;
use nestling::outcome::CauseKind;

use crate::support::{Count, OnDrop, ends, waits, yields};

behaviour!(a_child_that_heard_its_cancel_may_end_as_cancelled, async {
    let mut nursery = nursery::<(), &str>().first_error().grace(pending::<()>);
    let cleaned = Count::default();
    for _ in 0..2 {
        let cleaned = cleaned.clone();
        nursery.spawn_with_context(move |cx| async move {
            cx.cancelled().await;
            yields(2).await;
            cleaned.add();
            cx.end_cancelled().await
        });
    }
    nursery.spawn(async { Err("no") });
    let report = nursery.settle().await;
    assert_eq!(report.error().unwrap().to_string(), "1 of 3 children failed: #2: no");
    assert_eq!((report.counts().cancelled(), report.counts().overran_grace()), (2, 0));
    assert_eq!(cleaned.get(), 2);
    assert_eq!(report.cancelled()[0].cause().to_string(), "child #2 failed: no");
});

behaviour!(a_child_that_was_not_cancelled_may_end_so_too, async {
    let mut nursery = nursery::<u8, &str>();
    let gone = Count::default();
    let own = gone.clone();
    let handle = nursery.child().spawn_with_context(move |cx| async move {
        let _guard = OnDrop(|| {
            own.add();
        });
        yields(1).await;
        cx.end_cancelled().await
    });
    nursery.spawn(async { Ok(1) });
    let report = nursery.settle().await;
    assert_eq!((gone.get(), handle.is_finished()), (1, true));
    let cause = report.cancelled()[0].cause();
    assert_eq!(cause.to_string(), "requested: by the child itself");
    assert!(report.error().is_none() && report.cause().is_none());
});

behaviour!(a_child_that_is_out_of_time_has_timed_out_all_the_same, async {
    let mut nursery = nursery::<(), &str>();
    let child = nursery.child().timeout(|| yields(1)).grace(pending::<()>);
    child.spawn_with_context(|cx| async move {
        cx.cancelled().await;
        cx.end_cancelled().await
    });
    let error = nursery.join().await.unwrap_err();
    assert!(error.first().failure().is_timed_out() && !error.first().overran_grace());
});

behaviour!(failures_in_a_nursery_inside_it_are_told_where_it_is_a_group, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().group().spawn_with_context(|cx| async move {
        let mut inner = Nursery::<(), &str>::new();
        inner.spawn(async { Err("no") });
        inner.spawn(pending());
        // It has begun, and is not awaited to its end.
        let mut joined = inner.join();
        assert!((&mut joined).now_or_never().is_none());
        match select(joined, cx.end_cancelled::<()>()).await {
            Either::Left((joined, _)) => joined.map(drop),
            Either::Right(_) => unreachable!("it never resolves"),
        }
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0 > #0: after cancel: no");
});

behaviour!(a_destructor_that_panics_then_is_a_failure, async {
    let mut nursery = nursery::<(), &str>();
    nursery.spawn_with_context(|cx| async move {
        let held = waits::<()>(|| panic!("in the destructor"));
        cx.end_cancelled::<()>().await;
        held.await;
        Ok(())
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 of 1 child failed: #0: after cancel: panicked in the destructor: in the destructor"
    );
});

behaviour!(awaited_in_another_child_it_ends_its_own, async {
    let mut nursery = nursery::<(), &str>();
    let (told, context) = futures::channel::oneshot::channel();
    let handle = nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        told.send(cx).ok();
        pending().await
    });
    nursery.spawn(async move {
        let cx = context.await.unwrap();
        let gone = handle.finished();
        select(cx.end_cancelled::<()>(), gone).await;
        Ok(())
    });
    let report = nursery.settle().await;
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 1));
});

behaviour!(a_failure_is_told_once_where_others_waited_for_its_child, async {
    let mut nursery = nursery::<u8, &str>();
    let first = nursery.child().name("compile").spawn_join(ends(Err::<u8, _>("syntax"), || {}));
    let second = nursery.child().name("link").spawn_join_with_context(|cx| async move {
        match first.await {
            Ok(object) => Ok(object),
            Err(lost) => cx.end_without(&lost).await,
        }
    });
    nursery.child().name("run").spawn_with_context(|cx| async move {
        match second.await {
            Ok(binary) => Ok(binary),
            Err(lost) => {
                assert_eq!(lost.kind(), LostKind::Cancelled);
                cx.end_without(&lost).await
            }
        }
    });
    let report = nursery.settle().await;
    assert_eq!(
        report.tree().locations(false).to_string(),
        "\
3 children: 0 completed, 1 failed, 2 cancelled
├─ #0 compile    syntax
├─ #1 link       cancelled: child #0 compile was lost: it failed
└─ #2 run        cancelled: child #1 link was lost: child #0 compile was lost: it failed"
    );
    let cause = report.cancelled()[1].cause();
    assert_eq!(cause.kind(), CauseKind::DependencyLost);
    assert_eq!(cause.root().child().unwrap().name(), Some("compile"));
});

behaviour!(work_is_given_up_when_its_child_is_cancelled, async {
    let mut nursery = nursery::<Option<u8>, &str>();
    let dropped = Count::default();
    let own = dropped.clone();
    let handle = nursery.child().grace(pending::<()>).spawn_with_context(move |cx| async move {
        let first = cx.until_cancelled(ready(1)).await;
        assert_eq!(first, Some(1));
        let second = cx
            .until_cancelled(waits::<u8>(move || {
                own.add();
            }))
            .await;
        // The cancel goes before work that is ready.
        assert_eq!(cx.until_cancelled(ready(3)).await, None);
        Ok(second)
    });
    nursery.spawn(async move {
        handle.cancel();
        Ok(Some(2))
    });
    assert_eq!(nursery.join().await.unwrap(), [None, Some(2)]);
    assert_eq!(dropped.get(), 1);
});

behaviour!(a_cancel_by_a_spawner_is_known_before_the_driver_has_acted_on_it, async {
    let mut nursery = nursery::<(), &str>().grace(pending::<()>);
    let spawner = nursery.spawner();
    nursery.spawn_with_context(|cx| async move {
        let end = cx.end_cancelled();
        spawner.cancel_with("enough");
        assert_eq!(cx.until_cancelled(ready(1)).await, None);
        end.await
    });
    let report = nursery.settle().await;
    assert_eq!(report.cancelled()[0].cause().message(), Some("enough"));
});

behaviour!(what_a_child_needs_is_its_own_or_ends_it, async {
    let mut nursery = nursery::<u32, &str>();
    let there = nursery.child().name("there").spawn_join(async { Ok(20) }).shared();
    let lost = nursery.child().name("lost").spawn_join(async { Err::<u32, _>("failed") }).shared();
    for needs in [vec![there.clone()], vec![there.clone(), lost.clone()], vec![lost, there]] {
        nursery.spawn_with_context(move |cx| async move {
            let mut sum = 0;
            for need in needs {
                sum += cx.needs(need).await;
            }
            Ok(sum)
        });
    }
    let report = nursery.settle().await;
    assert_eq!(report.outputs().iter().map(|(_, sum)| *sum).collect::<Vec<_>>(), [20]);
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 2));
    for child in report.cancelled() {
        assert_eq!(child.cause().to_string(), "child #1 lost was lost: it failed");
    }
});
