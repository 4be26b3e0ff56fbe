//! Two-stage cancel: a signal, a grace, and the drop.

use std::future::{pending, poll_fn, ready};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::outcome::CauseKind;
use nestling::spawn::Rejection;
use nestling::{CancelHandle, Failure, Outcome};

use crate::support::{Count, Live, Log, Task, drive, waits, yields};

behaviour!(a_cancelled_child_with_grace_finishes_its_clean_up, async {
    let mut nursery = nursery::<&str, &str>();
    let handle = nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        yields(5).await;
        Ok("cleaned up")
    });
    nursery.spawn(async move {
        yields(1).await;
        assert!(handle.cancel_with("enough"));
        assert!(!handle.is_finished());
        handle.finished().await;
        Ok("cancelled it")
    });
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, "cleaned up");
    assert_eq!(report.counts().completed(), 2);
    assert_eq!(report.overran_grace().count(), 0);
});

behaviour!(one_that_does_not_is_dropped_when_grace_ends_and_the_report_says_so, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let child = Live::new(&live);
    let handle = nursery.child().name("stuck").grace(|| yields(4)).spawn(async move {
        let _child = child;
        pending().await
    });
    assert_eq!(handle.number(), 0);
    drive(&mut nursery);
    nursery.cancel_with("enough");
    assert_eq!(live.get(), 1, "it has its grace");
    let report = nursery.settle().await;
    assert_eq!(live.get(), 0);
    let overran: Vec<_> = report.overran_grace().map(|child| child.name()).collect();
    assert_eq!(overran, [Some("stuck")]);
    assert!(report.cancelled()[0].overran_grace());
    assert_eq!(
        report.cancelled()[0].to_string(),
        "#0 stuck: requested: enough (dropped after its grace)"
    );
    assert_eq!(
        report.to_string(),
        "1 child: 0 completed, 0 failed, 1 cancelled (requested: enough), 1 dropped after the grace"
    );
});

behaviour!(a_child_that_is_dropped_in_its_grace_is_not_one_that_overran_it, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Err("flush failed")
    });
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let report = nursery.settle().await;
    let error = report.error().unwrap().first();
    assert!(error.after_cancel() && !error.overran_grace());
});

behaviour!(next_says_who_overran_the_grace, async {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.child().grace(|| yields(2)).spawn_with_handle(pending());
    drive(&mut nursery);
    handle.cancel();
    let completion = nursery.next().await.unwrap();
    assert!(completion.overran_grace() && completion.outcome().is_cancelled());
});

behaviour!(a_child_with_grace_that_has_not_started_is_dropped_at_once, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    let first = nursery.spawn_with_handle(pending());
    let polled = polls.clone();
    let handle = nursery.child().grace(pending::<()>).spawn_with_context(move |_| async move {
        polled.add();
        Ok(())
    });
    drive(&mut nursery);
    assert!(handle.cancel());
    assert_eq!(nursery.next().await.unwrap().child().id(), handle.id());
    first.cancel();
    let report = nursery.settle().await;
    assert_eq!(report.counts().cancelled(), 2);
    assert_eq!((polls.get(), report.overran_grace().count()), (0, 0));
});

behaviour!(a_grace_is_first_polled_when_the_child_is_cancelled, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let polled = polls.clone();
    let grace = poll_fn(move |_| {
        polled.add();
        Poll::Ready(())
    });
    let handle = nursery.child().grace(move || grace).spawn_with_handle(pending());
    drive(&mut nursery);
    assert_eq!(polls.get(), 0);
    handle.cancel();
    nursery.join().await.unwrap();
    assert_eq!(polls.get(), 1);
});

behaviour!(a_grace_that_is_over_at_once_still_leaves_the_child_a_poll, async {
    let mut nursery = nursery::<&str, &str>();
    let handle = nursery.child().grace(|| ready(())).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Ok("heard it")
    });
    nursery.spawn(async move {
        handle.cancel();
        Ok("cancels")
    });
    assert_eq!(nursery.join().await.unwrap(), ["heard it", "cancels"]);
});

behaviour!(a_grace_that_panics_is_over_and_its_panic_is_the_childs_failure, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let child = Live::new(&live);
    let grace = async { panic!("no timer") };
    let handle = nursery.child().name("stuck").grace(move || grace).spawn_with_handle(async move {
        let _child = child;
        pending().await
    });
    nursery.spawn(async { Ok(()) });
    drive_one(&mut nursery).await;
    handle.cancel();
    let error = nursery.join().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 of 2 children failed: #0 stuck: after cancel: panicked in the grace: no timer"
    );
    assert!(error.first().after_cancel() && error.first().overran_grace());
    assert_eq!(live.get(), 0);
});

/// Takes the first completion.
async fn drive_one<T, E, M: nestling::generic::Flavor>(
    nursery: &mut nestling::Nursery<'_, T, E, M>,
) {
    nursery.next().await.unwrap();
}

behaviour!(a_child_that_cancels_itself_has_its_grace, async {
    let own = Arc::new(OnceLock::<CancelHandle>::new());
    let mut nursery = nursery::<&str, &str>();
    let handle = own.clone();
    own.set(nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        assert!(handle.get().unwrap().cancel_with("myself"));
        assert_eq!(cx.cancelled().await.message(), Some("myself"));
        yields(3).await;
        Ok("done")
    }))
    .unwrap();
    assert_eq!(nursery.join().await.unwrap(), ["done"]);
});

behaviour!(siblings_without_grace_are_dropped_at_once_and_nobody_is_spawned_any_more, async {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    let cleaning = log.clone();
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        yields(2).await;
        let refused = cx.spawner().spawn(async { Ok(()) }).unwrap_err();
        assert!(matches!(refused.reason, Rejection::Cancelled(_)));
        cleaning.add("cleaned up");
        Ok(())
    });
    let dropped = log.clone();
    nursery.spawn(waits(move || dropped.add("dropped")));
    drive(&mut nursery);
    nursery.cancel_with("enough");
    assert_eq!(log.take(), ["dropped"]);
    nursery.spawn(pending());
    let report = nursery.settle().await;
    assert_eq!(log.take(), ["cleaned up"]);
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 2));
});

behaviour!(the_first_error_gives_siblings_their_grace, async {
    let mut nursery = nursery::<String, &str>().first_error();
    nursery
        .child()
        .name("flush")
        .grace(pending::<()>)
        .spawn_with_context(|cx| async move { Ok(cx.cancelled().await.to_string()) });
    nursery.child().name("fetch").spawn(async {
        yields(2).await;
        Err("refused")
    });
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, "child #1 fetch failed: refused");
    let cause = report.cause().unwrap();
    assert_eq!(cause.kind(), CauseKind::ChildFailed);
    assert_eq!((cause.child().unwrap().name(), cause.message()), (Some("fetch"), Some("refused")));
});

behaviour!(all_clean_up_errors_of_cancelled_children_are_reported, async {
    let mut nursery = nursery::<(), String>();
    for number in 0..3 {
        nursery.child().grace(pending::<()>).spawn_with_context(move |cx| async move {
            cx.cancelled().await;
            yields(number).await;
            Err(format!("clean-up {number}"))
        });
    }
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let error = nursery.join().await.unwrap_err();
    assert!(error.iter().all(|one| one.after_cancel()));
    let texts: Vec<_> = error.iter().map(|one| one.failure().to_string()).collect();
    assert_eq!(texts, ["clean-up 0", "clean-up 1", "clean-up 2"]);
});

behaviour!(the_losers_of_a_race_have_their_grace_before_it_is_over, async {
    let log = Log::new();
    let mut race = nursery::<u32, &str>();
    let loser = log.clone();
    race.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        let cause = cx.cancelled().await;
        yields(3).await;
        loser.add(cause.to_string());
        Ok(0)
    });
    race.spawn(async {
        yields(1).await;
        Ok(1)
    });
    assert_eq!(race.first_ok().await.unwrap().unwrap().1, 1);
    assert_eq!(log.take(), ["child #1 succeeded first"]);
});

behaviour!(dropping_the_nursery_drops_those_in_their_grace_too, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let child = Live::new(&live);
    nursery.child().grace(pending::<()>).spawn(async move {
        let _child = child;
        pending().await
    });
    drive(&mut nursery);
    nursery.cancel_with("enough");
    drive(&mut nursery);
    assert_eq!(live.get(), 1);
    drop(nursery);
    assert_eq!(live.get(), 0);
});

by_hand!(a_child_in_its_grace_is_polled_only_when_it_is_woken, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let polled = polls.clone();
    let handle = nursery.child().grace(pending::<()>).spawn_with_handle(poll_fn(move |_| {
        polled.add();
        Poll::Pending
    }));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    handle.cancel();
    assert!(join.run().is_pending());
    let before = (polls.get(), join.wakes());
    assert!(join.poll().is_pending());
    assert_eq!((polls.get(), join.wakes()), before);
});

behaviour!(the_grace_of_the_nursery_is_everybodys, async {
    let mut nursery = nursery::<&str, &str>().grace(|| yields(20));
    nursery.spawn(async {
        yields(5).await;
        Ok("needs no signal")
    });
    nursery.spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Ok("heard it")
    });
    nursery.child().name("stuck").spawn(pending());
    nursery.child().name("quick").grace(|| yields(2)).spawn(pending());
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        spawner.cancel_with("enough");
        assert!(!spawner.cancel_with("again"));
        Ok("cancels")
    });
    let report = nursery.settle().await;
    assert_eq!(report.counts().completed(), 3);
    let overran: Vec<_> = report.overran_grace().map(|child| child.name().unwrap()).collect();
    assert_eq!(overran, ["stuck", "quick"]);
});

behaviour!(a_child_that_is_cancelled_alone_has_nothing_of_the_nurserys_grace, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>().grace(pending::<()>);
    let child = Live::new(&live);
    let handle = nursery.spawn_with_handle(async move {
        let _child = child;
        pending().await
    });
    let children = live.clone();
    nursery.spawn(async move {
        handle.cancel();
        handle.finished().await;
        assert_eq!(children.get(), 0);
        Ok(())
    });
    assert_eq!(nursery.join().await.unwrap().len(), 1);
});

behaviour!(the_grace_of_the_nursery_may_panic_and_everybody_is_dropped, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>().grace(|| async { panic!("no timer") });
    let child = Live::new(&live);
    nursery.spawn(async move {
        let _child = child;
        pending().await
    });
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let report = nursery.settle().await;
    assert_eq!((live.get(), report.counts().cancelled(), report.counts().failed()), (0, 1, 0));
    let error = report.error().unwrap();
    assert!(error.first().child().is_nursery() && error.first().failure().is_panic());
    assert_eq!(
        error.to_string(),
        "the nursery itself failed: after cancel: panicked in the grace: no timer"
    );
});

behaviour!(a_body_has_the_nurserys_grace_too, async {
    let (output, report) = nursery::<(), &str>()
        .first_error()
        .grace(|| yields(30))
        .run(|spawner| async move {
            spawner.spawn(async { Err("refused") }).unwrap();
            yields(10).await;
            Ok("to its end")
        })
        .settle()
        .await;
    assert_eq!((output, report.counts().failed()), (Some("to its end"), 1));
    let (output, report) = nursery::<(), &str>()
        .first_error()
        .grace(|| yields(3))
        .run(|spawner| async move {
            spawner.spawn(async { Err("refused") }).unwrap();
            pending::<()>().await;
            Ok("never")
        })
        .settle()
        .await;
    assert_eq!((output, report.counts().failed()), (None, 1));
});

behaviour!(cancelling_from_inside_a_destructor_is_as_cancelling_from_anywhere, async {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let sibling = nursery.child().name("sibling").spawn_with_handle(pending());
    let graceful =
        nursery.child().name("graceful").grace(pending::<()>).spawn_with_context(|cx| async move {
            assert_eq!(cx.cancelled().await.message(), Some("by a destructor"));
            Ok(())
        });
    let doomed = nursery.spawn_with_handle(waits(move || {
        assert!(sibling.cancel_with("by a destructor"));
        assert!(graceful.cancel_with("by a destructor"));
        assert!(spawner.cancel_with("everything"));
    }));
    drive(&mut nursery);
    doomed.cancel();
    let report = nursery.settle().await;
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 2));
    let messages: Vec<_> = report.cancelled().iter().map(|one| one.cause().message()).collect();
    assert_eq!(messages, [Some("by a destructor"), None]);
    assert_eq!(report.cause().unwrap().message(), Some("everything"));
});

behaviour!(a_panic_of_the_destructor_after_the_grace_is_a_failure_that_overran, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().grace(|| ready(())).spawn(waits(|| panic!("in the destructor")));
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let report = nursery.settle().await;
    let error = report.error().unwrap().first();
    assert!(matches!(error.failure(), Failure::Panic(_)) && error.after_cancel());
    assert_eq!(report.overran_grace().count(), 1);
});

behaviour!(a_graceful_child_is_handed_out_when_it_ends_and_not_before, async {
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        yields(3).await;
        Ok(1)
    });
    drive(&mut nursery);
    handle.cancel();
    assert!(matches!(nursery.next().await.unwrap().outcome(), Outcome::Completed(1)));
    assert!(nursery.next().await.is_none());
});

behaviour!(a_child_that_a_sibling_cancels_in_the_round_it_would_start_in_is_not_polled, async {
    let polled = Count::default();
    let handle = Arc::new(OnceLock::<CancelHandle>::new());
    let mut nursery = nursery::<(), &str>();
    let canceller = Arc::clone(&handle);
    nursery.spawn(async move {
        assert!(canceller.get().unwrap().cancel());
        Ok(())
    });
    let count = polled.clone();
    let child = nursery.child().grace(pending::<()>).spawn_with_handle(poll_fn(move |_| {
        count.add();
        Poll::Pending
    }));
    handle.set(child).unwrap();
    let report = nursery.settle().await;
    assert_eq!((report.counts().cancelled(), polled.get()), (1, 0));
});

by_hand!(children_are_signalled_newest_first_and_then_the_others_are_dropped_so, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    for number in 0..6 {
        let log = log.clone();
        if number % 2 == 0 {
            // The first stays restless for longest, so they lie in another order by then.
            nursery.child().grace(pending::<()>).spawn_with_context(move |cx| async move {
                yields(6 - number).await;
                cx.cancelled().await;
                log.add(("told", number));
                Ok(())
            });
        } else {
            nursery.spawn(waits(move || log.add(("dropped", number))));
        }
    }
    let spawner = nursery.spawner();
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    spawner.cancel_with("enough");
    assert!(settle.run().is_ready());
    let dropped = [("dropped", 5), ("dropped", 3), ("dropped", 1)];
    assert_eq!(log.take(), [&dropped[..], &[("told", 4), ("told", 2), ("told", 0)]].concat());
});

by_hand!(a_grace_that_is_set_after_the_cancel_holds_from_then_on, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().grace(pending::<()>);
    let event = log.clone();
    nursery.child().name("stuck").spawn(waits(move || event.add("dropped")));
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let mut settle = Task::new(nursery.grace(|| yields(2)).settle());
    assert_eq!(log.take(), [] as [&str; 0]);
    let Poll::Ready(report) = settle.run() else { panic!("the later grace is not heeded") };
    assert_eq!(report.overran_grace().next().unwrap().name(), Some("stuck"));
});

by_hand!(a_grace_that_is_set_for_a_nursery_that_was_cancelled_without_is_of_no_use, {
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(pending());
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let mut settle = Task::new(nursery.grace(pending::<()>).settle());
    let Poll::Ready(report) = settle.run() else { panic!("nobody is left to wait for") };
    assert_eq!((report.counts().cancelled(), report.overran_grace().count()), (1, 0));
});

behaviour!(a_grace_may_bring_about_another_at_its_end, async {
    let mut nursery = nursery::<&str, &str>();
    let spawner = nursery.spawner();
    nursery.spawn_with_context(|cx| async move {
        cx.cancelled().await;
        yields(5).await;
        Ok("cleaned up")
    });
    drive(&mut nursery);
    let again = spawner.clone();
    spawner.cancel_within("enough", async move {
        yields(1).await;
        again.cancel_within("a little longer", pending::<()>());
    });
    assert_eq!(nursery.join().await.unwrap(), ["cleaned up"]);
});

behaviour!(those_who_overran_are_all_counted_also_where_few_failures_are_stored, async {
    let mut nursery =
        nursery::<(), &str>().keep_failures(1).deadline(yields(1)).grace(|| yields(1));
    for _ in 0..3 {
        nursery.spawn(pending());
    }
    let report = nursery.settle().await;
    assert_eq!((report.counts().overran_grace(), report.overran_grace().count()), (3, 1));
    assert_eq!(
        report.to_string(),
        "3 children: 0 completed, 3 failed, 0 cancelled (the deadline passed), 3 dropped after the grace"
    );
    let groups = report.into_parts().1.unwrap();
    assert_eq!(groups.flatten().counts().overran_grace(), 3);
});

behaviour!(a_grace_that_comes_too_late_may_panic_when_it_is_dropped, async {
    let mut nursery = nursery::<&str, &str>();
    let spawner = nursery.spawner();
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        spawner.cancel_within("a little longer", waits::<()>(|| panic!("of no use")));
        Ok("cleaned up")
    });
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let report = nursery.settle().await;
    assert_eq!(report.counts().completed(), 1);
    let error = report.error().unwrap().first();
    assert!(error.child().is_nursery());
    assert_eq!(error.failure().panic().unwrap().message(), "of no use");
});

by_hand!(a_grace_that_begins_in_the_middle_of_a_round_is_polled, {
    // The one child has no waker that anything holds, and the other ends the run: nothing else
    // wakes it.
    let mut nursery = nursery::<(), &str>().first_error().grace(|| async {});
    nursery.spawn(pending());
    nursery.spawn(async { Err("failed") });
    let Poll::Ready(report) = Task::new(nursery.settle()).run() else { panic!("it rests") };
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 1));
    assert_eq!(report.counts().overran_grace(), 1);
});

// In some turns the body is polled after the children.
by_hand!(a_grace_given_in_the_round_of_a_failure_is_the_bodys_too, {
    for round in 1..40 {
        let live = Count::default();
        let (over, grace) = oneshot::channel::<()>();
        let mut nursery = nursery::<(), &str>().first_error();
        let spawner = nursery.spawner();
        nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
            cx.cancelled().await;
            spawner.cancel_within("a little longer", grace.map(drop));
            Ok(())
        });
        nursery.spawn(async move {
            yields(round).await;
            Err("it stops the others")
        });
        let body = Live::new(&live);
        let mut run = Task::new(nursery.run(|_| async move {
            let _body = body;
            yields(1_000).await;
            Ok(())
        }));
        for _ in 0..10 {
            assert!(run.poll().is_pending());
        }
        assert_eq!(live.get(), 1, "after {round} rounds");
        over.send(()).unwrap();
        assert!(run.run().is_ready());
        assert_eq!(live.get(), 0);
    }
});

behaviour!(a_grace_of_the_owner_takes_the_place_of_one_that_a_spawner_sent_before, async {
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(waits(|| {}));
    drive(&mut nursery);
    nursery.spawner().cancel_within("first", pending::<()>());
    assert!(!nursery.cancel_within("second", yields(2)));
    let report = nursery.settle().await;
    assert_eq!(report.counts().overran_grace(), 1);
    assert_eq!(report.cause().unwrap().message(), Some("first"));
});
