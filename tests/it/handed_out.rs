//! What `next` hands out, what waiting for a slot keeps, and what is left for the end.

use std::future::pending;
use std::task::Poll;

use futures::FutureExt;
use nestling::outcome::CauseKind;

use crate::support::{Task, ends, yields};

behaviour!(the_error_does_not_announce_what_next_has_handed_out, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Err("handed out") });
    nursery.spawn(async {
        yields(1).await;
        Err("left")
    });
    nursery.spawn(async { Ok(1) });
    assert!(nursery.next().await.unwrap().outcome().is_failed());
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 3 children failed: #1: left");
    let counts = error.counts();
    assert_eq!((error.len(), counts.not_stored(), counts.total()), (1, 0, 3));
});

behaviour!(a_report_counts_as_failed_what_next_has_handed_out, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Err("handed out") });
    nursery.spawn(async {
        yields(1).await;
        Err("left")
    });
    assert!(nursery.next().await.unwrap().outcome().is_failed());
    let report = nursery.settle().await;
    let counts = report.counts();
    assert_eq!((counts.failed(), counts.not_stored(), counts.total()), (2, 0, 2));
    assert_eq!(report.to_string(), "2 children: 0 completed, 2 failed, 0 cancelled");
    assert_eq!(report.error().unwrap().to_string(), "1 of 2 children failed: #1: left");
});

behaviour!(what_came_after_all_failures_were_handed_out_is_all_that_fails, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Err("dealt with") });
    assert!(nursery.next().await.unwrap().outcome().is_failed());
    nursery.spawn(async { Err("new") });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 2 children failed: #1: new");
});

behaviour!(a_child_is_handed_out_in_full_with_the_last_of_its_failures, async {
    for handed_out in 0..=2 {
        let mut nursery = nursery::<u32, &str>();
        nursery.spawn(ends(Err("its own"), || panic!("late")));
        for _ in 0..handed_out {
            let completion = nursery.next().await.unwrap();
            assert_eq!(completion.child().id().number(), 0);
            assert!(completion.outcome().is_failed());
        }
        nursery.spawn(async { Err("new") });
        let error = nursery.join().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            [
                "2 of 2 children failed: #0: its own; \
                 #0: panicked in the destructor: late; #1: new",
                "2 of 2 children failed: #0: panicked in the destructor: late; #1: new",
                "1 of 2 children failed: #1: new",
            ][handed_out]
        );
    }
});

behaviour!(a_deadline_that_panics_is_no_child_when_it_is_handed_out, async {
    let mut nursery = nursery::<u32, &str>().deadline(async {
        yields(2).await;
        panic!("no clock")
    });
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Err("closed")
    });
    let first = nursery.next().await.unwrap();
    assert!(first.child().is_nursery() && first.outcome().is_failed(), "{first:?}");
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: after cancel: closed");
});

by_hand!(two_failures_of_a_child_that_were_kept_for_the_owner_are_one_child, {
    // The owner has its slot when the first was kept for it: the second is still in the nursery.
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.spawn(ends(Err("its own"), || panic!("late")));
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Err("new") });
    for _ in 0..2 {
        assert!(nursery.next().now_or_never().unwrap().unwrap().outcome().is_failed());
    }
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "1 of 2 children failed: #1: new");
});

by_hand!(only_failures_beyond_a_bound_are_announced_as_more, {
    let mut nursery = nursery::<u32, &str>().keep_failures(1);
    nursery.spawn(async { Err("handed out") });
    assert!(nursery.next().now_or_never().unwrap().unwrap().outcome().is_failed());
    for error in ["a", "b", "c"] {
        nursery.spawn(async move { Err(error) });
    }
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "3 of 4 children failed: #1: a; and 2 more");
});

behaviour!(next_hands_out_failures_beyond_keep_errors, async {
    let mut nursery = nursery::<(), u32>().keep_failures(1);
    for n in 0..5 {
        nursery.spawn(async move { Err(n) });
    }
    for n in 0..5 {
        let outcome = nursery.next().await.unwrap().into_outcome();
        assert_eq!(outcome.failure().unwrap().error(), Some(&n));
    }
    let report = nursery.settle().await;
    assert!(report.error().is_none());
    assert_eq!((report.counts().failed(), report.counts().not_stored()), (5, 0));
});

behaviour!(a_body_that_fails_beyond_keep_errors_is_counted_and_the_run_fails, async {
    let mut nursery = nursery::<(), u32>().keep_failures(2);
    for n in 0..5 {
        nursery.spawn(async move { Err(n) });
    }
    let error = nursery
        .run(|_| async {
            yields(20).await;
            Err::<(), _>(9)
        })
        .await
        .unwrap_err();
    assert_eq!((error.len(), error.counts().failed(), error.counts().not_stored()), (2, 5, 4));
});

by_hand!(a_run_that_a_failure_was_dropped_from_fails_although_next_took_those_that_were_kept, {
    let mut nursery = nursery::<u32, &str>().keep_failures(1).limit(1);
    for error in ["a", "b", "c"] {
        nursery.spawn(async move { Err(error) });
    }
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Ok(1) });
    let first = nursery.next().now_or_never().unwrap().unwrap();
    assert_eq!(first.outcome().failure().unwrap().error(), Some(&"a"));
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "2 of 4 children failed: #2: c; and 1 more");
});

by_hand!(what_was_kept_is_handed_out_in_completion_order_the_last_failure_too, {
    let mut nursery = nursery::<u32, &str>().keep_failures(1).limit(1);
    nursery.spawn(async { Err("a") });
    nursery.spawn(async { Err("b") });
    nursery.spawn(async { Ok(3) });
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Ok(4) });
    let ids: Vec<_> = std::iter::from_fn(|| nursery.next().now_or_never().unwrap())
        .map(|completion| completion.child().id().number())
        .collect();
    assert_eq!(ids, [0, 1, 2, 3]);
});

by_hand!(the_first_failure_that_is_left_is_the_primary, {
    let mut nursery = nursery::<u32, &str>().keep_failures(1).limit(1);
    nursery.spawn(async { Err("a") });
    nursery.spawn(async { Err("b") });
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Err("c") });
    assert!(nursery.next().now_or_never().unwrap().unwrap().outcome().is_failed());
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(async { Ok(4) });
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "2 of 4 children failed: #1: b; and 1 more");
});

by_hand!(of_a_stopped_nursery_the_body_is_not_even_polled, {
    let polls = crate::support::Count::default();
    let polled = polls.clone();
    let mut nursery = nursery::<(), &str>().first_error().limit(1);
    nursery.spawn(async { Err("stop") });
    assert!(nursery.reserve().now_or_never().unwrap().unwrap_err().is_cancelled());
    let run = nursery.run(|_| async move {
        polled.add();
        Ok(())
    });
    assert!(run.now_or_never().unwrap().is_err());
    assert_eq!(polls.get(), 0);
});

by_hand!(a_failure_that_stopped_the_nursery_while_its_owner_waited_for_a_slot_stops_a_body, {
    let mut nursery = nursery::<(), &str>().first_error().limit(1);
    nursery.spawn(async { Err("stop") });
    assert!(nursery.reserve().now_or_never().unwrap().unwrap_err().is_cancelled());
    let mut run = Task::new(nursery.run(|_| pending::<Result<(), &str>>()));
    let Poll::Ready(Err(error)) = run.run() else { panic!("the body was to be dropped") };
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: stop");
    assert_eq!(error.cause().unwrap().kind(), CauseKind::ChildFailed);
});

by_hand!(a_failure_that_stopped_the_nursery_and_was_handed_out_leaves_a_body_alone, {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(async { Err("stop") });
    assert!(nursery.next().now_or_never().unwrap().unwrap().outcome().is_failed());
    let run = nursery.run(|_| async {
        yields(2).await;
        Ok("its own end")
    });
    assert_eq!(Task::new(run).run().map(Result::unwrap), Poll::Ready(("its own end", vec![])));
});

by_hand!(a_failure_that_stopped_the_nursery_beyond_the_bound_stops_a_body, {
    let mut seen = 0;
    let mut nursery = nursery::<(), &str>().keep_failures(1).limit(1).cancel_when(move |_| {
        seen += 1;
        seen == 2
    });
    for _ in 0..2 {
        nursery.spawn(async { Err("stop") });
    }
    assert!(nursery.reserve().now_or_never().unwrap().unwrap_err().is_cancelled());
    let run = Task::new(nursery.run(|_| pending::<Result<(), _>>())).run();
    let Poll::Ready(Err(error)) = run else { panic!("the body was to be dropped") };
    assert_eq!((error.len(), error.counts().not_stored()), (2, 0));
});

by_hand!(handing_out_what_is_kept_is_part_of_the_turn, {
    for kept in [false, true] {
        // With one slot the owner waits until all have ended.
        let mut nursery = nursery::<u32, &str>().limit(if kept { 1 } else { 10_000 });
        for n in 0..10_000 {
            nursery.spawn(async move { if kept { Ok(n) } else { pending().await } });
        }
        if kept {
            let mut waiting = Task::new(nursery.reserve());
            let Poll::Ready(Ok(slot)) = waiting.run() else { panic!("all have ended") };
            slot.spawn(async { Ok(0) });
        } else {
            nursery.cancel_with("all of them");
        }
        let mut handed_out = 0;
        let mut owner = Task::new(async {
            while nursery.next().await.is_some() {
                handed_out += 1;
            }
        });
        assert!(owner.poll().is_pending(), "a turn without end");
        assert_eq!(owner.wakes(), 1);
        assert!(owner.run().is_ready());
        drop(owner);
        assert_eq!(handed_out, if kept { 10_001 } else { 10_000 });
    }
});

by_hand!(a_failure_left_beside_one_that_was_handed_out_stops_a_body, {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(ends(Err("stop"), || panic!("late")));
    let first = nursery.next().now_or_never().unwrap().unwrap();
    assert!(first.outcome().is_failed());
    let run = Task::new(nursery.run(|_| pending::<Result<(), &str>>())).run();
    let Poll::Ready(Err(error)) = run else { panic!("the body was to be dropped") };
    assert_eq!(error.first().failure().panic().unwrap().message(), "late");
});
