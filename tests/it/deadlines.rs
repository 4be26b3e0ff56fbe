//! Deadlines and timeouts: what was finished is kept, and the unfinished is named.

use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::channel::oneshot;
use nestling::failure::LostKind;
use nestling::future::Timer;
use nestling::outcome::CauseKind;
use nestling::spawn::Rejection;
use nestling::testing::Executor;
use nestling::{Failure, Nursery};

use crate::support::{Count, Live, Log, OnDrop, Task, drive, ends, here, waits, yields};

behaviour!(a_deadline_gives_the_finished_outputs_and_names_the_unfinished, async {
    let mut nursery = nursery::<u32, &str>().name("sync").deadline(yields(10)).limit(3);
    nursery.spawn(async { Ok(1) });
    nursery.child().name("stuck").spawn(pending());
    nursery.child().name("slow").spawn(pending());
    nursery.child().name("other").spawn(pending());
    nursery.child().name("queued").spawn(async { Ok(2) });
    let report = nursery.settle().await;
    assert_eq!((report.outputs().len(), report.outputs()[0].1), (1, 1));
    assert!(report.cancelled().is_empty());
    let error = report.error().unwrap();
    let names: Vec<_> = error.by_spawn_order().map(|one| one.child().name().unwrap()).collect();
    assert_eq!(names, ["stuck", "slow", "other", "queued"]);
    assert!(error.iter().all(|one| one.failure().is_timed_out() && !one.after_cancel()));
    assert_eq!((error.counts().failed(), error.counts().completed()), (4, 1));
    assert_eq!(report.cause().unwrap().kind(), CauseKind::Deadline);
    assert!(error.to_string().ends_with("#1 stuck: timed out: the deadline passed"), "{error}");
});

behaviour!(a_deadline_that_has_already_passed_ends_the_run_at_once, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>().deadline(ready(()));
    let polled = polls.clone();
    nursery.spawn(async move {
        polled.add();
        Ok(())
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), polls.get()), (1, 0));
});

behaviour!(with_a_body_it_ends_that_too, async {
    let polls = Count::default();
    let polled = polls.clone();
    let (output, report) = nursery::<(), &str>()
        .deadline(ready(()))
        .run(|_| async move {
            polled.add();
            Ok(())
        })
        .settle()
        .await;
    assert_eq!((output, polls.get()), (None, 0));
    let error = report.error().unwrap();
    assert!(error.first().child().is_body() && error.first().failure().is_timed_out());
});

behaviour!(a_body_that_never_ends_while_all_children_have_is_ended_by_the_deadline, async {
    let line = here();
    let result = nursery::<u32, &str>()
        .deadline(yields(5))
        .run(|spawner| async move {
            spawner.spawn(async { Ok(1) }).unwrap();
            pending::<Result<(), &str>>().await
        })
        .await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "the body failed: timed out: the deadline passed");
    assert_eq!(error.first().child().location().file(), line.file());
    assert_eq!(error.counts().completed(), 1);
});

behaviour!(a_nursery_that_ends_in_time_has_no_cause, async {
    let mut nursery = nursery::<u32, &str>().deadline(pending::<()>());
    nursery.spawn(async { Ok(1) });
    let report = nursery.settle().await;
    assert!(report.cause().is_none() && report.error().is_none());
});

behaviour!(any_output_of_the_timer_will_do, async {
    let (sender, receiver) = oneshot::channel::<u8>();
    let mut nursery = nursery::<(), &str>().deadline(receiver);
    nursery.child().timeout(|| async { "not ready" }).spawn(async {
        sender.send(7).unwrap();
        yields(1).await;
        Ok(())
    });
    nursery.spawn(pending());
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.len(), 2);
});

behaviour!(the_first_cause_wins_deadline_against_request_in_both_orders, async {
    let mut late = nursery::<(), &str>().deadline(yields(20)).grace(|| yields(50));
    let spawner = late.spawner();
    late.spawn(async move {
        yields(2).await;
        assert!(spawner.cancel_with("first"));
        pending().await
    });
    let report = late.settle().await;
    assert_eq!(report.cause().unwrap().message(), Some("first"));
    assert_eq!(report.counts().cancelled(), 1);

    let mut early = nursery::<&str, &str>().deadline(yields(2)).grace(|| yields(50));
    let spawner = early.spawner();
    early.spawn_with_context(|cx| async move {
        cx.cancelled().await;
        assert!(!spawner.cancel_with("second"));
        Ok("cancelled too late")
    });
    let report = early.settle().await;
    assert_eq!(report.cause().unwrap().kind(), CauseKind::Deadline);
    assert_eq!(report.outputs()[0].1, "cancelled too late");
});

behaviour!(spawners_are_refused_after_it_with_its_cause, async {
    let mut nursery = nursery::<(), &str>().deadline(ready(()));
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    nursery.next().await.unwrap();
    match spawner.spawn(async { Ok(()) }).unwrap_err().reason {
        Rejection::Cancelled(cause) => assert_eq!(cause.kind(), CauseKind::Deadline),
        other => panic!("{other:?}"),
    }
    nursery.spawn(pending());
    assert!(nursery.next().await.unwrap().outcome().failure().unwrap().is_timed_out());
});

behaviour!(children_with_grace_are_signalled_and_keep_what_they_come_to, async {
    let mut nursery = nursery::<&str, &str>().deadline(yields(3));
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        assert_eq!(cx.cancelled().await.kind(), CauseKind::Deadline);
        Ok("partial")
    });
    nursery.child().name("stuck").grace(|| yields(3)).spawn(pending());
    nursery.spawn(pending());
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, "partial");
    let error = report.error().unwrap();
    assert_eq!(error.len(), 2);
    assert!(error.iter().all(|one| one.failure().is_timed_out()));
    let overran: Vec<_> = report.overran_grace().map(|child| child.name()).collect();
    assert_eq!(overran, [Some("stuck")]);
});

behaviour!(daemons_are_cancelled_by_it_and_not_late, async {
    let mut nursery = nursery::<(), &str>().deadline(yields(3));
    nursery.child().daemon().spawn(pending());
    nursery.spawn(pending());
    let report = nursery.settle().await;
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 1));
    assert_eq!(report.cancelled()[0].cause().kind(), CauseKind::Deadline);
});

behaviour!(a_deadline_that_panics_ends_the_run_and_is_one_more_failure, async {
    let mut nursery = nursery::<(), &str>().deadline(async { panic!("no timer") });
    nursery.spawn(pending());
    let error = nursery.join().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the nursery itself and 1 of 1 child failed: nursery: panicked in the deadline: no timer; \
         #0: timed out: the deadline passed"
    );
});

behaviour!(the_deadlines_future_is_dropped_with_the_nursery_and_when_it_is_cancelled, async {
    let log = Log::new();
    let dropped = log.clone();
    let mut cancelled =
        nursery::<(), &str>().deadline(waits::<()>(move || dropped.add("deadline")));
    cancelled.cancel_with("enough");
    assert_eq!(log.take(), ["deadline"]);
    let (dropped, child) = (log.clone(), log.clone());
    let mut abandoned =
        nursery::<(), &str>().deadline(waits::<()>(move || dropped.add("deadline")));
    abandoned.spawn(waits(move || child.add("child")));
    drive(&mut abandoned);
    drop(abandoned);
    assert_eq!(log.take(), ["child", "deadline"]);
});

behaviour!(a_timeout_fails_only_its_child, async {
    let live = Count::default();
    let mut nursery = nursery::<u32, &str>();
    let child = Live::new(&live);
    nursery.child().name("stuck").timeout(|| yields(3)).spawn(async move {
        let _child = child;
        pending().await
    });
    nursery.spawn(async {
        yields(10).await;
        Ok(1)
    });
    let report = nursery.settle().await;
    assert_eq!((report.outputs()[0].1, live.get()), (1, 0));
    let error = report.error().unwrap();
    assert_eq!(error.to_string(), "1 of 2 children failed: #0 stuck: timed out");
    assert!(!error.first().after_cancel());
    match error.first().failure() {
        Failure::TimedOut(cause) => {
            assert_eq!(cause.kind(), CauseKind::Timeout);
            assert_eq!(cause.child().unwrap().name(), Some("stuck"));
        }
        other => panic!("{other:?}"),
    }
    assert!(report.cause().is_none());
});

behaviour!(a_child_that_ends_in_the_same_poll_has_ended_in_time, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.child().timeout(|| ready(())).spawn(async { Ok(1) });
    nursery.child().timeout(|| yields(2)).spawn(async {
        yields(2).await;
        Ok(2)
    });
    assert_eq!(nursery.join().await.unwrap(), [1, 2]);
});

behaviour!(a_timeout_is_a_failure_that_stops_at_the_first_error, async {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(pending());
    nursery.child().timeout(|| yields(2)).spawn(pending());
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().cancelled()), (1, 1));
    assert_eq!(error.cause().unwrap().to_string(), "child #1 failed: timed out");
});

behaviour!(a_child_in_the_backlog_has_the_time_of_its_timeout_when_it_starts, async {
    let polls = Count::default();
    let mut nursery = nursery::<u32, &str>().limit(1);
    let polled = polls.clone();
    nursery.spawn(async move {
        yields(5).await;
        assert_eq!(polled.get(), 0);
        Ok(1)
    });
    nursery
        .child()
        .timeout(move || {
            poll_fn(move |_| {
                polls.add();
                Poll::<()>::Pending
            })
        })
        .spawn(async {
            yields(1).await;
            Ok(2)
        });
    assert_eq!(nursery.join().await.unwrap(), [1, 2]);
});

behaviour!(a_timeout_with_grace_signals_and_then_fails_the_child, async {
    let mut nursery = nursery::<&str, &str>();
    nursery.child().timeout(|| yields(2)).grace(pending::<()>).spawn_with_context(
        |cx| async move {
            assert_eq!(cx.cancelled().await.kind(), CauseKind::Timeout);
            yields(2).await;
            Ok("partial")
        },
    );
    nursery.child().name("stuck").timeout(|| yields(2)).grace(|| yields(2)).spawn(pending());
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, "partial");
    assert!(report.error().unwrap().first().failure().is_timed_out());
    assert!(report.error().unwrap().first().overran_grace());
    assert_eq!(report.overran_grace().count(), 1);
});

behaviour!(a_timeout_that_panics_is_the_childs_failure, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().timeout(|| async { panic!("no timer") }).spawn(pending());
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: panicked in the timeout: no timer");
});

behaviour!(a_destructor_that_panics_after_a_timeout_is_one_more_failure, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().timeout(|| yields(1)).spawn(waits(|| panic!("in the destructor")));
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().failed()), (2, 1));
    assert!(error.first().failure().is_timed_out());
});

behaviour!(a_timeout_is_not_polled_any_more_once_the_child_is_cancelled, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let polled = polls.clone();
    let timeout = poll_fn(move |_| {
        polled.add();
        Poll::<()>::Pending
    });
    let handle =
        nursery.child().timeout(move || timeout).grace(|| yields(5)).spawn_with_handle(pending());
    drive(&mut nursery);
    let before = polls.get();
    handle.cancel();
    let report = nursery.settle().await;
    assert_eq!((polls.get(), report.counts().cancelled()), (before, 1));
});

behaviour!(a_joined_child_that_timed_out_is_lost_by_that, async {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.child().timeout(|| yields(1)).spawn_join::<u32, _>(pending());
    let _ = nursery.join().await.unwrap_err();
    let lost = handle.await.unwrap_err();
    assert_eq!(
        (lost.kind(), lost.cause().unwrap().kind()),
        (LostKind::TimedOut, CauseKind::Timeout)
    );
});

#[test]
fn timers_of_a_clock_serve_as_deadline_timeout_and_grace() {
    let second = Duration::from_secs(1);
    let mut executor = Executor::new(3);
    let clock = executor.clock();
    let ended = Rc::new(Cell::new(Duration::ZERO));
    let (timers, end) = (clock.clone(), ended.clone());
    let report = executor.block_on(async move {
        let (wait, grace) = (timers.clone(), timers.clone());
        let mut nursery = Nursery::local().deadline(timers.sleep(10 * second));
        nursery.child().timeout(move || timers.sleep(3 * second)).spawn(async move {
            let _guard = OnDrop(|| end.set(wait.now()));
            wait.sleep(60 * second).await;
            Ok::<_, &str>(())
        });
        nursery.child().grace(move || grace.sleep(second)).spawn(pending());
        nursery.settle().await
    });
    assert_eq!(ended.get(), 3 * second);
    assert_eq!(clock.now(), 11 * second);
    assert_eq!((report.counts().failed(), report.overran_grace().count()), (2, 1));
}

by_hand!(a_deadline_that_is_set_after_the_cancel_is_not_heeded, {
    let dropped = Count::default();
    let mut nursery = nursery::<(), &str>();
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        yields(3).await;
        Ok(())
    });
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let count = dropped.clone();
    let deadline = ends((), move || {
        count.add();
    });
    let mut settle = Task::new(nursery.deadline(deadline).settle());
    assert_eq!(dropped.get(), 1);
    let Poll::Ready(report) = settle.run() else { panic!("the child ends by itself") };
    assert!(report.error().is_none());
    assert_eq!(
        (report.counts().completed(), report.cause().unwrap().kind()),
        (1, CauseKind::Requested)
    );
});

behaviour!(a_timeout_that_comes_after_a_spawner_has_stopped_the_nursery_is_not_looked_at, async {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    nursery.child().timeout(|| ready(())).spawn(async move {
        assert!(spawner.cancel_with("first"));
        pending().await
    });
    let report = nursery.settle().await;
    assert!(report.error().is_none());
    assert_eq!(report.cancelled()[0].cause().message(), Some("first"));
});

behaviour!(a_timeout_whose_grace_is_over_at_once_still_leaves_the_child_a_poll, async {
    let mut nursery = nursery::<&str, &str>();
    let child = nursery.child().timeout(|| ready(())).grace(|| ready(()));
    child.spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Ok("told")
    });
    assert_eq!(nursery.join().await.unwrap(), ["told"]);
});

behaviour!(a_policy_that_panics_at_a_timeout_has_not_done_so_after_a_cancel, async {
    let mut nursery = nursery::<(), &str>().cancel_when(|_| panic!("rules"));
    nursery.child().timeout(|| ready(())).spawn(pending());
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.len(), 2);
    assert!(error.iter().all(|e| !e.after_cancel()));
});

#[test]
fn a_timeout_begins_when_its_child_starts() {
    let second = Duration::from_secs(1);
    let mut executor = Executor::new(4);
    let clock = executor.clock();
    let outputs = executor.block_on(async move {
        let mut nursery = Nursery::local().limit(1);
        for _ in 0..6 {
            let (work, time) = (clock.clone(), clock.clone());
            nursery.child().timeout(move || time.sleep(2 * second)).spawn(async move {
                work.sleep(second).await;
                Ok::<_, &str>(())
            });
        }
        nursery.join().await
    });
    assert_eq!(outputs.unwrap().len(), 6);
}

behaviour!(a_timer_that_panics_as_it_is_made_is_a_panic_of_the_timer, async {
    let mut nursery = nursery::<(), &str>();
    let broken = || -> std::future::Ready<()> { panic!("no clock") };
    nursery.child().timeout(broken).spawn(pending());
    let handle = nursery.child().grace(broken).spawn_with_handle(pending());
    nursery.spawn(async move {
        handle.cancel();
        Ok(())
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 of 3 children failed: #0: panicked in the timeout: no clock; \
         #1: after cancel: panicked in the grace: no clock"
    );
});
