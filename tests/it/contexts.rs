//! What a child may know of itself, and nurseries that are cancelled with it.

use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::outcome::CauseKind;
use nestling::spawn::Rejection;
use nestling::{Cause, Failure, Nursery};

use crate::support::{Count, Live, Log, Task, Wakes, drive, here, yields};

behaviour!(a_child_knows_who_it_is, async {
    let mut nursery = nursery::<u64, &str>();
    nursery.spawn(async { Ok(0) });
    let line = here();
    let handle = nursery.child().name("fetch").spawn_with_context(move |cx| async move {
        assert_eq!(cx.child().name(), Some("fetch"));
        assert_eq!(cx.child().location().file(), line.file());
        assert!(cx.cause().is_none());
        Ok(cx.id().number())
    });
    assert_eq!(handle.id().number(), 1);
    let spawner = nursery.spawner();
    spawner.spawn_with_context(|cx| async move { Ok(cx.id().number()) }).unwrap();
    assert_eq!(nursery.join().await.unwrap(), [0, 1, 2]);
});

behaviour!(a_child_is_made_at_its_first_poll_and_not_before, async {
    let made = Count::default();
    let mut nursery = nursery::<(), &str>();
    let count = made.clone();
    nursery.spawn_with_context(move |_| {
        count.add();
        ready(Ok(()))
    });
    assert_eq!(made.get(), 0);
    nursery.join().await.unwrap();
    assert_eq!(made.get(), 1);
});

behaviour!(a_closure_that_panics_is_the_childs_failure, async {
    let mut nursery = nursery::<(), &str>();
    nursery.spawn_with_context(|_| -> futures::future::Ready<Result<(), &str>> {
        panic!("cannot begin")
    });
    nursery.spawn(async { Ok(()) });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 2 children failed: #0: panicked: cannot begin");
});

behaviour!(a_refused_closure_is_given_back, async {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.cancel_with("enough");
    let live = Count::default();
    let token = Live::new(&live);
    let rejected = spawner
        .spawn_with_context(move |_| {
            let _token = &token;
            ready(Ok(1))
        })
        .unwrap_err();
    assert!(matches!(rejected.reason, Rejection::Cancelled(_)));
    assert_eq!(live.get(), 1);
    let group = spawner.child().group().spawn_with_context(|_| ready(Ok(1))).unwrap_err();
    assert!(matches!(group.reason, Rejection::Cancelled(_)));
    let joined = spawner.child().spawn_join_with_context::<u8, _, _>(|_| ready(Ok(1))).unwrap_err();
    assert!(matches!(joined.reason, Rejection::Cancelled(_)));
});

behaviour!(the_cause_is_readable_from_child_handle_spawner_report_and_error, async {
    let seen = Arc::new(Mutex::new(Vec::<Cause>::new()));
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let causes = seen.clone();
    let handle = nursery.child().grace(pending::<()>).spawn_with_context(move |cx| async move {
        let awaited = cx.cancelled().await;
        causes.lock().unwrap().extend([awaited, cx.cause().unwrap()]);
        Err("after cancel")
    });
    drive(&mut nursery);
    assert!(spawner.cancel_with("enough"));
    let report = nursery.settle().await;
    let mut causes = seen.lock().unwrap().clone();
    causes.extend([
        handle.cause().unwrap(),
        spawner.cause().unwrap(),
        report.cause().unwrap().clone(),
        report.error().unwrap().cause().unwrap().clone(),
    ]);
    assert_eq!(causes.len(), 6);
    for cause in causes {
        assert_eq!((cause.kind(), cause.message()), (CauseKind::Requested, Some("enough")));
    }
});

behaviour!(a_child_hears_of_a_cancel_that_came_before_it_asks, async {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.spawner().cancel_with("by itself");
        assert_eq!(cx.cause().unwrap().message(), Some("by itself"));
        assert_eq!(cx.cancelled().await.message(), Some("by itself"));
        Ok(())
    });
    nursery.join().await.unwrap();
    assert_eq!(spawner.cause().unwrap().message(), Some("by itself"));
});

behaviour!(a_context_outlives_its_child_and_keeps_nothing_of_it, async {
    let live = Count::default();
    let kept = Log::new();
    let mut nursery = nursery::<(), &str>();
    let (child, slot) = (Live::new(&live), kept.clone());
    nursery.spawn_with_context(move |cx| async move {
        let _child = child;
        slot.add(cx);
        Ok(())
    });
    nursery.join().await.unwrap();
    assert_eq!(live.get(), 0);
    let cx = kept.take().remove(0);
    assert!(cx.cause().is_none() && cx.cancelled().now_or_never().is_none());
    assert!(matches!(cx.spawner().spawn(async { Ok(()) }).unwrap_err().reason, Rejection::Closed));
});

behaviour!(cancelling_the_nursery_reaches_grandchildren, async {
    let log = Log::new();
    let mut outer = nursery::<(), String>().name("outer");
    let seen = log.clone();
    outer.child().name("sync").grace(pending::<()>).spawn_with_context(|cx| async move {
        let mut inner = cx.nursery::<(), String>();
        let deepest = seen.clone();
        inner.child().name("upload").grace(pending::<()>).spawn_with_context(|cx| async move {
            let mut innermost = cx.nursery::<(), String>();
            innermost.child().name("part").spawn(pending());
            let report = innermost.settle().await;
            deepest.add(report.cancelled()[0].to_string());
            Ok(())
        });
        let report = inner.settle().await;
        let cause = report.cause().unwrap().clone();
        assert_eq!(
            (cause.kind(), cause.child().unwrap().name()),
            (CauseKind::Parent, Some("sync"))
        );
        assert_eq!(cause.parent().unwrap().kind(), CauseKind::Requested);
        assert_eq!(cause.root().message(), Some("shutting down"));
        assert!(format!("{cause:?}").contains("root: Cause { kind: Requested"), "{cause:?}");
        seen.add(cause.to_string());
        Ok(())
    });
    drive(&mut outer);
    outer.cancel_with("shutting down");
    let report = outer.settle().await;
    assert_eq!(report.counts().completed(), 1);
    assert_eq!(
        log.take(),
        [
            "#0 part: child #0 upload was cancelled: requested: shutting down",
            "child #0 sync was cancelled: requested: shutting down",
        ]
    );
});

behaviour!(what_a_nested_nursery_fails_with_in_its_grace_is_a_subtree, async {
    let mut outer = nursery::<(), String>();
    outer.child().name("sync").grace(pending::<()>).group().spawn_with_context(|cx| async move {
        let mut inner = cx.nursery::<(), _>();
        inner.child().name("flush").grace(pending::<()>).spawn_with_context(|cx| async move {
            Err(format!("disk full ({})", cx.cancelled().await.kind_text()))
        });
        inner.join().await.map(drop)
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    let entry = error.first();
    assert!(entry.after_cancel());
    match entry.failure() {
        Failure::Group(group) => {
            assert!(group.first().after_cancel());
            assert_eq!(group.first().failure().error().unwrap(), "disk full (Parent)");
            assert_eq!(group.cause().unwrap().kind(), CauseKind::Parent);
        }
        other => panic!("{other:?}"),
    }
});

/// The kind of a cause as text.
trait KindText {
    fn kind_text(&self) -> String;
}

impl KindText for Cause {
    fn kind_text(&self) -> String {
        format!("{:?}", self.kind())
    }
}

behaviour!(a_nursery_that_a_cancelled_child_makes_is_cancelled_from_the_beginning, async {
    let polls = Count::default();
    let mut outer = nursery::<(), &str>();
    let polled = polls.clone();
    outer.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        let mut inner = cx.nursery::<(), &str>();
        inner.spawn(async move {
            polled.add();
            Ok(())
        });
        let report = inner.settle().await;
        assert_eq!(report.counts().cancelled(), 1);
        let mut clean_up = Nursery::<(), &str>::new();
        clean_up.spawn(ready(Ok(())));
        assert_eq!(clean_up.join().await.unwrap().len(), 1);
        Ok(())
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    outer.join().await.unwrap();
    assert_eq!(polls.get(), 0);
});

behaviour!(a_nested_nursery_that_is_not_cancelled_ends_as_any_other, async {
    let mut outer = nursery::<u32, &str>();
    outer.child().group().spawn_with_context(|cx| async move {
        let mut inner = cx.nursery();
        inner.spawn(async {
            yields(2).await;
            Ok(1)
        });
        Ok(inner.join().await?[0])
    });
    assert_eq!(outer.join().await.unwrap(), [1]);
});

behaviour!(a_nested_body_goes_on_and_hears_of_the_cancel, async {
    let mut outer = nursery::<&str, &str>();
    outer.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        let inner = cx.nursery::<(), &str>();
        let (output, report) = inner
            .run(|spawner| async move {
                spawner.spawn(pending()).unwrap();
                let cause = cx.cancelled().await;
                assert_eq!(cause.message(), Some("enough"));
                yields(2).await;
                assert_eq!(spawner.cause().unwrap().kind(), CauseKind::Parent);
                Ok("body")
            })
            .settle()
            .await;
        assert_eq!(report.counts().cancelled(), 1);
        Ok(output.unwrap())
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let report = outer.settle().await;
    assert_eq!(report.outputs()[0].1, "body");
});

by_hand!(a_nested_nursery_that_is_gone_is_not_woken_for_the_cancel, {
    let mut outer = nursery::<(), &str>();
    let handle = outer.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        let mut inner = cx.nursery::<(), &str>();
        inner.spawn(pending());
        assert!(inner.next().now_or_never().is_none());
        drop(inner);
        pending().await
    });
    let mut join = Task::new(outer.join());
    assert!(join.run().is_pending());
    handle.cancel();
    assert!(join.run().is_pending());
    drop(join);
    assert!(handle.is_finished());
});

behaviour!(a_run_without_failures_and_cancels_has_no_cause, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_with_context(|cx| async move {
        let mut inner = cx.nursery::<(), &str>();
        inner.spawn(async { Ok(()) });
        let report = inner.settle().await;
        assert!(report.cause().is_none() && cx.cause().is_none());
        Ok(())
    });
    let report = outer.settle().await;
    assert!(report.cause().is_none());
});

behaviour!(a_cause_message_of_a_megabyte_is_kept_whole_and_shown_cut, async {
    let message = "x".repeat(1 << 20);
    let mut nursery = nursery::<(), String>().first_error();
    nursery.spawn(pending());
    let error = message.clone();
    nursery.spawn(async move { Err(error) });
    let error = nursery.join().await.unwrap_err();
    let cause = error.cause().unwrap();
    assert_eq!(cause.message().unwrap().len(), message.len());
    assert!(cause.to_string().len() < 4_096, "{}", cause.to_string().len());
    let mut requested = Nursery::<(), String>::new();
    requested.cancel_with(message);
    let report = requested.settle().await;
    assert!(report.to_string().len() < 4_096);
});

/// Polls what waits, and sees that it keeps a clone of its waker: the third one that counts wakes.
fn keeps_its_waker<F: Future>(future: F) -> (Task<F>, Waker, Arc<Wakes>) {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut waiting = Task::new(future);
    assert!(waiting.poll_with(&waker).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 3);
    (waiting, waker, wakes)
}

by_hand!(who_gives_up_waiting_for_the_cancel_of_a_child_leaves_no_waker_behind, {
    let own = Log::new();
    let known = own.clone();
    let mut nursery = nursery::<(), &str>();
    nursery.child().grace(pending::<()>).spawn_with_context(move |cx| {
        known.add(cx);
        pending()
    });
    drive(&mut nursery);
    let cx = own.take().pop().unwrap();
    let (waiting, _waker, wakes) = keeps_its_waker(cx.cancelled());
    drop(waiting);
    assert_eq!(Arc::strong_count(&wakes), 2);
});

by_hand!(of_a_child_that_ends_without_a_cancel_no_waker_is_kept, {
    let own = Log::new();
    let known = own.clone();
    let mut nursery = nursery::<(), &str>();
    let (end, may_end) = oneshot::channel::<()>();
    nursery.spawn_with_context(move |cx| {
        known.add(cx);
        may_end.map(|_| Ok(()))
    });
    let mut next = Task::new(nursery.next());
    assert!(next.run().is_pending());
    let cx = own.take().pop().unwrap();
    let (mut waiting, waker, wakes) = keeps_its_waker(cx.cancelled());
    end.send(()).unwrap();
    assert!(next.run().is_ready());
    assert_eq!(Arc::strong_count(&wakes), 2, "the child cannot be cancelled any more");
    assert!(waiting.poll_with(&waker).is_pending());
    assert_eq!((Arc::strong_count(&wakes), wakes.count()), (2, 0));
});
