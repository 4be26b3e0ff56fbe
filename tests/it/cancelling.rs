//! Cancelling a child or a nursery is no failure, whenever it happens.

use std::future::{pending, poll_fn};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::outcome::CauseKind;
use nestling::{CancelHandle, Outcome};

use crate::support::{Count, Live, Log, OnDrop, Task, drive, ends, yields};

behaviour!(cancelling_one_child_is_no_failure_and_siblings_go_on, async {
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_with_handle(pending());
    nursery.spawn(async move {
        yields(2).await;
        assert!(handle.cancel_with("not needed"));
        yields(2).await;
        Ok(1)
    });
    let report = nursery.settle().await;
    assert_eq!((report.outputs()[0].1, report.counts().cancelled()), (1, 1));
    assert!(report.error().is_none() && report.cause().is_none());
    let cancelled = &report.cancelled()[0];
    assert_eq!(cancelled.child().id().number(), 0);
    assert_eq!(cancelled.cause().kind(), CauseKind::Requested);
    assert_eq!(cancelled.cause().message(), Some("not needed"));
});

behaviour!(cancelled_children_add_no_failure_and_nested_ones_neither, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_with_handle(pending()).cancel();
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn_with_handle(pending()).cancel();
        inner.spawn(pending());
        inner.cancel_with("all of them");
        inner.join().await.map(drop)
    });
    outer.child().group().spawn_with_handle(async { pending().await }).cancel();
    let report = outer.settle().await;
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 2));
    assert!(report.into_result().is_ok());
});

behaviour!(a_child_cancelled_before_its_first_poll_is_never_polled, async {
    let (polls, live) = (Count::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    let (polled, child) = (polls.clone(), Live::new(&live));
    let handle = nursery.spawn_with_handle(poll_fn(move |_| {
        let _ = &child;
        polled.add();
        Poll::Pending
    }));
    assert!(handle.cancel() && !handle.is_finished());
    assert!(nursery.join().await.unwrap().is_empty());
    assert_eq!((polls.get(), live.get()), (0, 0));
    assert!(handle.is_finished());
});

behaviour!(a_child_that_is_cancelled_while_it_waits_is_dropped_and_not_polled_again, async {
    let (polls, live) = (Count::default(), Count::default());
    let mut nursery = nursery::<u32, &str>();
    let (polled, child) = (polls.clone(), Live::new(&live));
    let handle = nursery.spawn_with_handle(poll_fn(move |_| {
        let _ = &child;
        if polled.add() > 2 { Poll::Ready(Ok(1)) } else { Poll::Pending }
    }));
    drive(&mut nursery);
    let before = polls.get();
    assert!(handle.cancel());
    assert!(nursery.join().await.unwrap().is_empty());
    assert_eq!((polls.get(), live.get()), (before, 0));
});

behaviour!(a_child_that_cancels_itself_and_is_pending_is_dropped_and_not_polled_again, async {
    let polls = Count::default();
    let own = Arc::new(OnceLock::<CancelHandle>::new());
    let mut nursery = nursery::<(), &str>();
    let (polled, handle) = (polls.clone(), own.clone());
    own.set(nursery.spawn_with_handle(poll_fn(move |cx| {
        cx.waker().wake_by_ref();
        if polled.add() == 3 {
            assert!(handle.get().unwrap().cancel());
            assert!(!handle.get().unwrap().is_finished());
        }
        Poll::Pending
    })))
    .unwrap();
    let report = nursery.settle().await;
    assert_eq!((report.counts().cancelled(), polls.get()), (1, 3));
});

by_hand!(a_child_that_cancels_itself_and_is_pending_is_gone_before_a_sibling_is_polled, {
    let log = Log::new();
    let own = Arc::new(OnceLock::<CancelHandle>::new());
    let mut nursery = nursery::<(), &str>();
    let (dropped, handle) = (OnDrop(|| log.add("dropped")), own.clone());
    own.set(nursery.spawn_with_handle(poll_fn(move |_| {
        let _ = &dropped;
        assert!(handle.get().unwrap().cancel());
        Poll::Pending
    })))
    .unwrap();
    nursery.spawn(async {
        log.add("sibling");
        Ok(())
    });
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap().len(), 1);
    assert_eq!(log.take(), ["dropped", "sibling"]);
});

behaviour!(a_child_that_cancels_itself_and_succeeds_has_completed, async {
    let own = Arc::new(OnceLock::<CancelHandle>::new());
    let mut nursery = nursery::<u32, &str>();
    let handle = own.clone();
    own.set(nursery.spawn_with_handle(async move {
        yields(1).await;
        assert!(handle.get().unwrap().cancel());
        Ok(1)
    }))
    .unwrap();
    let report = nursery.settle().await;
    assert_eq!((report.outputs()[0].1, report.counts().cancelled()), (1, 0));
    assert_eq!(own.get().unwrap().cause().unwrap().kind(), CauseKind::Requested);
});

behaviour!(a_failure_raised_while_being_cancelled_is_kept_beside_the_first_and_flagged, async {
    let own = Arc::new(OnceLock::<CancelHandle>::new());
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Err("first") });
    let handle = own.clone();
    own.set(nursery.spawn_with_handle(async move {
        yields(1).await;
        assert!(handle.get().unwrap().cancel());
        Err("different")
    }))
    .unwrap();
    let error = nursery.join().await.unwrap_err();
    let entries: Vec<_> =
        error.iter().map(|e| (*e.failure().error().unwrap(), e.after_cancel())).collect();
    assert_eq!(entries, [("first", false), ("different", true)]);
});

behaviour!(a_cancel_after_completion_does_nothing, async {
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_with_handle(async { Ok(1) });
    assert!(nursery.next().await.unwrap().outcome().is_completed());
    assert!(handle.is_finished() && !handle.cancel());
    assert!(handle.cause().is_none());
    assert!(nursery.next().await.is_none());
});

behaviour!(a_second_cancel_says_that_it_was_not_the_first_and_the_cause_stays, async {
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_with_handle(pending());
    drive(&mut nursery);
    assert!(handle.cancel_with("first"));
    assert!(!handle.clone().cancel_with("second"));
    match nursery.next().await.unwrap().into_outcome() {
        Outcome::Cancelled(cause) => assert_eq!(cause.message(), Some("first")),
        outcome => panic!("{outcome:?}"),
    }
    assert!(!handle.cancel_with("third"));
    assert_eq!(handle.cause().unwrap().message(), Some("first"));
});

behaviour!(cancelling_the_nursery_reaches_grandchildren, async {
    let live = Count::default();
    let mut outer = nursery::<(), &str>();
    for _ in 0..2 {
        let live = live.clone();
        outer.spawn_group(async move {
            let mut inner = nursery::<(), &str>();
            for _ in 0..3 {
                let grandchild = Live::new(&live);
                inner.spawn(async move {
                    let _grandchild = grandchild;
                    pending().await
                });
            }
            inner.join().await.map(drop)
        });
    }
    drive(&mut outer);
    assert_eq!(live.get(), 6);
    assert!(outer.cancel_with("enough"));
    assert_eq!(live.get(), 0);
    assert_eq!(outer.settle().await.counts().cancelled(), 2);
});

behaviour!(a_nursery_cancelled_by_a_spawner_ends_though_every_child_is_pending, async {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    for _ in 0..3 {
        nursery.spawn(pending());
    }
    nursery.spawn(async move {
        yields(2).await;
        assert!(spawner.cancel_with("by a child") && !spawner.cancel_with("again"));
        pending().await
    });
    let report = nursery.settle().await;
    assert_eq!(report.counts().cancelled(), 4);
    assert!(report.cancelled().iter().all(|c| c.cause().message() == Some("by a child")));
});

behaviour!(a_task_added_to_a_cancelled_nursery_is_never_polled_and_is_reported, async {
    let (polls, live) = (Count::default(), Count::default());
    let mut nursery = nursery::<u32, &str>();
    nursery.cancel_with("closed for today");
    let (polled, child) = (polls.clone(), Live::new(&live));
    let handle = nursery.spawn_with_handle(poll_fn(move |_| {
        let _ = &child;
        polled.add();
        Poll::Ready(Ok(1))
    }));
    assert_eq!(live.get(), 0);
    assert!(handle.is_finished());
    let id = nursery.spawn(async { Ok(2) });
    assert!(nursery.reserve().await.unwrap_err().is_cancelled());
    let report = nursery.settle().await;
    assert_eq!((polls.get(), report.outputs().len()), (0, 0));
    let cancelled: Vec<_> = report.cancelled().iter().map(|c| c.child().id()).collect();
    assert_eq!(cancelled, [handle.id(), id]);
    assert!(report.cancelled().iter().all(|c| c.cause().message() == Some("closed for today")));
});

behaviour!(first_error_over_a_thousand_children_ends_at_once, async {
    let mut nursery = nursery::<(), &str>().first_error();
    for n in 0..1000 {
        nursery.spawn(async move { if n == 500 { Err("now") } else { pending().await } });
    }
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().cancelled()), (1, 999));
});

behaviour!(a_policy_of_ones_own_cancels_at_the_second_failure, async {
    let mut seen = 0;
    let mut nursery = nursery::<(), &str>().cancel_when(move |_| {
        seen += 1;
        seen == 2
    });
    nursery.spawn(pending());
    nursery.spawn(async { Err("one") });
    nursery.spawn(async {
        yields(5).await;
        Err("two")
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.counts().failed(), error.counts().cancelled()), (2, 1));
});

behaviour!(a_policy_is_asked_about_each_failure_as_it_comes_and_not_once_cancelled, async {
    let asked = Log::new();
    let log = asked.clone();
    let mut nursery = nursery::<(), &str>().cancel_when(move |error| {
        log.add(*error.failure().error().unwrap());
        *error.failure().error().unwrap() == "fatal"
    });
    nursery.spawn(async { Err("harmless") });
    nursery.spawn(ends(Err("fatal"), || panic!("not asked about")));
    nursery.spawn(async { Err("never started") });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(asked.take(), ["harmless", "fatal"]);
    assert_eq!((error.len(), error.counts().cancelled()), (3, 1));
});

by_hand!(a_cancelled_child_in_the_backlog_leaves_it_and_the_others_keep_their_order, {
    let started = Log::new();
    let mut nursery = nursery::<(), &str>().limit(1);
    let mut handles = Vec::new();
    for n in 0..6 {
        let log = started.clone();
        handles.push(nursery.spawn_with_handle(async move {
            log.add(n);
            yields(1).await;
            Ok(())
        }));
    }
    for n in [2, 3, 5] {
        assert!(handles[n].cancel());
    }
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(started.take(), [0, 1, 4]);
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (3, 3));
});

by_hand!(a_failure_of_a_child_that_cancelled_its_nursery_in_the_same_poll_is_flagged, {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        spawner.cancel_with("over");
        Err("late")
    });
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert!(error.first().after_cancel());
});

by_hand!(a_child_that_was_woken_beside_one_that_cancels_the_nursery_and_ends_is_not_polled, {
    let (cancelled, late_polls) = (Count::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    let mut senders = Vec::new();
    for number in 0..5 {
        let (send, woken) = oneshot::channel::<()>();
        senders.push(send);
        let (spawner, cancelled, late_polls) =
            (nursery.spawner(), cancelled.clone(), late_polls.clone());
        nursery.spawn(async move {
            woken.await.map_err(|_| "hung up")?;
            if number == 2 {
                assert!(spawner.cancel_with("over"));
                cancelled.add();
                return Ok(());
            }
            if cancelled.get() > 0 {
                late_polls.add();
            }
            pending().await
        });
    }
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    senders.into_iter().for_each(|send| send.send(()).unwrap());
    assert!(join.run().is_ready());
    assert_eq!((cancelled.get(), late_polls.get()), (1, 0));
});

/// A reason that does something when it is asked for its text.
struct Reason<F>(F);

impl<F: FnOnce()> From<Reason<F>> for String {
    fn from(Reason(asked): Reason<F>) -> Self {
        asked();
        "the outer".into()
    }
}

by_hand!(a_cancel_whose_reason_cancels_the_child_itself_comes_second, {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(pending());
    let inner = handle.clone();
    assert!(!handle.cancel_with(Reason(|| assert!(inner.cancel_with("the inner")))));
    assert_eq!(handle.cause().unwrap().message(), Some("the inner"));
});

by_hand!(a_cancel_that_comes_too_late_does_not_ask_for_its_reason, {
    let asked = Count::default();
    let reason = || {
        Reason(|| {
            asked.add();
        })
    };
    let mut nursery = nursery::<(), &str>();
    let cancelled = nursery.spawn_with_handle(pending());
    assert!(cancelled.cancel_with(reason()));
    assert!(!cancelled.cancel_with(reason()));
    let ended = nursery.spawn_with_handle(async { Ok(()) });
    assert!(Task::new(nursery.join()).run().is_ready());
    assert!(!ended.cancel_with(reason()));
    assert_eq!(asked.get(), 1);
});

by_hand!(no_new_child_is_polled_once_one_has_cancelled_the_nursery, {
    let polls = Count::default();
    let count = polls.clone();
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        spawner.cancel_with("enough");
        Ok(())
    });
    nursery.spawn(async move {
        count.add();
        Ok(())
    });
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!((polls.get(), report.counts().cancelled()), (0, 1));
});
