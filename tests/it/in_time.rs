//! What is ready in time counts, and what is ready when a failure comes, where that is asked for.

use std::future::pending;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::outcome::CauseKind;

use crate::support::{Count, drive, yields};

by_hand!(children_that_were_woken_before_the_deadline_are_polled_before_it, {
    let (pass, deadline) = oneshot::channel::<()>();
    let (mut ready, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..1_000 {
        let (sender, receiver) = oneshot::channel();
        ready.push(sender);
        receivers.push(receiver);
    }
    let mut nursery = nursery::<usize, &str>().deadline(deadline);
    for receiver in receivers {
        nursery.spawn(async move { Ok(receiver.await.unwrap()) });
    }
    nursery.child().name("late").spawn(pending());
    for _ in 0..8 {
        assert!(nursery.next().now_or_never().is_none());
    }
    for (n, sender) in ready.into_iter().enumerate() {
        sender.send(n).unwrap();
    }
    pass.send(()).unwrap();
    let report = crate::support::Task::new(nursery.settle()).run();
    let std::task::Poll::Ready(report) = report else { panic!("it ends") };
    assert_eq!((report.counts().completed(), report.counts().failed()), (1_000, 1));
    assert_eq!(report.error().unwrap().first().child().name(), Some("late"));
});

by_hand!(what_is_woken_after_the_deadline_is_late, {
    let (pass, deadline) = oneshot::channel::<()>();
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>().deadline(deadline);
    let polled = polls.clone();
    // It wakes itself for ever, and is polled once more.
    nursery.spawn(async move {
        loop {
            polled.add();
            yields(1).await;
        }
    });
    drive(&mut nursery);
    let before = polls.get();
    pass.send(()).unwrap();
    let report = nursery.settle().now_or_never().unwrap();
    assert!(report.error().unwrap().first().failure().is_timed_out());
    assert!(polls.get() <= before + 2, "{} polls", polls.get() - before);
});

by_hand!(no_child_starts_after_the_deadline, {
    let (pass, deadline) = oneshot::channel::<()>();
    let (go, goes) = oneshot::channel::<()>();
    let started = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1).deadline(deadline);
    nursery.spawn(async move {
        goes.await.unwrap();
        Ok(())
    });
    let count = started.clone();
    nursery.spawn(async move {
        count.add();
        Ok(())
    });
    drive(&mut nursery);
    go.send(()).unwrap();
    pass.send(()).unwrap();
    let report = nursery.settle().now_or_never().unwrap();
    let counts = report.counts();
    assert_eq!((counts.completed(), counts.failed(), started.get()), (1, 1, 0));
});

by_hand!(a_body_that_was_woken_before_the_deadline_is_in_time, {
    let (pass, deadline) = oneshot::channel::<()>();
    let (go, goes) = oneshot::channel::<u32>();
    let nursery = nursery::<(), &str>().deadline(deadline);
    let mut run = Box::pin(nursery.run(|_| async move { Ok(goes.await.unwrap()) }));
    assert!(run.as_mut().now_or_never().is_none());
    go.send(1).unwrap();
    pass.send(()).unwrap();
    assert_eq!(run.now_or_never().unwrap().unwrap().0, 1);
});

by_hand!(a_child_that_fails_in_time_ends_the_run_before_the_deadline_does, {
    let (pass, deadline) = oneshot::channel::<()>();
    let (go, goes) = oneshot::channel::<()>();
    let mut nursery = nursery::<(), &str>().first_error().deadline(deadline);
    nursery.spawn(async move {
        goes.await.unwrap();
        Err("in time")
    });
    nursery.spawn(pending());
    drive(&mut nursery);
    go.send(()).unwrap();
    pass.send(()).unwrap();
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(report.cause().unwrap().kind(), CauseKind::ChildFailed);
    assert_eq!(report.counts().cancelled(), 1);
});

/// Children that wait, each for a channel of its own, all closed at the same time.
macro_rules! closed_together {
    ($nursery:ident) => {{
        let mut peers = Vec::new();
        for name in ["a", "b", "c"] {
            let (peer, closed) = oneshot::channel::<()>();
            peers.push(peer);
            $nursery.spawn(async move { closed.await.map_err(|_| name) });
        }
        let starts = Count::default();
        drive(&mut $nursery);
        drop(peers);
        let started = starts.clone();
        $nursery.spawn(async move {
            started.add();
            Ok(())
        });
        starts
    }};
}

by_hand!(failures_of_the_same_turn_are_kept_where_that_is_asked_for, {
    let mut nursery = nursery::<(), &str>().first_error().drain_ready();
    let starts = closed_together!(nursery);
    nursery.spawn(pending());
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    let mut names: Vec<_> = error.iter().map(|one| *one.failure().error().unwrap()).collect();
    let first = format!("child {} failed: {}", error.first().child().id(), names[0]);
    assert_eq!(error.cause().unwrap().to_string(), first);
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(error.iter().all(|one| !one.after_cancel()));
    assert_eq!((starts.get(), error.counts().cancelled()), (0, 2));
});

by_hand!(otherwise_the_first_of_them_cancels_the_others, {
    let mut nursery = nursery::<(), &str>().first_error();
    closed_together!(nursery);
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.len(), error.counts().cancelled()), (1, 3));
});

by_hand!(the_policy_is_asked_about_the_first_of_them_only, {
    let asked = Count::default();
    let count = asked.clone();
    let mut nursery = nursery::<(), &str>().drain_ready().cancel_when(move |_| {
        count.add();
        true
    });
    closed_together!(nursery);
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.len(), asked.get()), (3, 1));
});

by_hand!(the_last_failure_cancels_the_nursery_all_the_same, {
    let mut nursery = nursery::<(), &str>().first_error().drain_ready();
    nursery.child().daemon().spawn(pending());
    nursery.spawn(async { Err("the last") });
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(report.cause().unwrap().kind(), CauseKind::ChildFailed);
    assert_eq!(report.cancelled()[0].cause().kind(), CauseKind::ChildFailed);
});
