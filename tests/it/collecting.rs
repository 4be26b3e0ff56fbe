//! Every outcome is collected, in an order that is promised.

use std::fmt;
use std::future::{pending, ready};
use std::task::Poll;

use futures::channel::oneshot;
use nestling::failure::Panic;
use nestling::{JoinedError, Outcome};

use crate::support::{Count, Live, Task, here, yields};

behaviour!(an_empty_nursery_joins_ok, async {
    assert!(nursery::<u32, &str>().join().await.unwrap().is_empty());
    let report = nursery::<u32, &str>().settle().await;
    assert_eq!(report.counts().total(), 0);
    assert!(report.outputs().is_empty() && report.error().is_none());
    assert!(nursery::<u32, &str>().next().await.is_none());
});

behaviour!(children_that_all_succeed_join_ok, async {
    let mut nursery = nursery::<u32, &str>();
    for n in 0..3 {
        nursery.spawn(async move {
            yields(n).await;
            Ok(n as u32)
        });
    }
    assert_eq!(nursery.join().await.unwrap(), [0, 1, 2]);
});

behaviour!(outputs_are_told_apart_by_child_where_some_were_cancelled, async {
    let mut nursery = nursery::<&str, &str>();
    let handles = ["a", "b", "c", "d"].map(|word| {
        nursery.spawn_with_handle(async move {
            // The later ones end first.
            yields(if word == "a" { 5 } else { 1 }).await;
            Ok(word)
        })
    });
    handles[1].cancel();
    let outputs = nursery.join().by_child().await.unwrap();
    let outputs: Vec<_> = outputs.iter().map(|(id, word)| (id.number(), *word)).collect();
    assert_eq!(outputs, [(0, "a"), (2, "c"), (3, "d")]);
});

behaviour!(asked_for_outputs_by_child_a_join_fails_with_every_failure, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Ok(1) });
    nursery.spawn(async { Err("a") });
    nursery.spawn(async { Err("b") });
    let error = nursery.join().by_child().await.unwrap_err();
    assert_eq!(error.to_string(), "2 of 3 children failed: #1: a; #2: b");
});

behaviour!(every_failed_child_is_found_and_successful_siblings_add_nothing, async {
    let mut nursery = nursery();
    for n in 0..40_u32 {
        nursery.spawn(async move {
            yields(n as usize % 4).await;
            if n % 3 == 0 { Err(n) } else { Ok(()) }
        });
    }
    let error = nursery.join().await.unwrap_err();
    let mut failed: Vec<_> = error.iter().map(|e| *e.failure().error().unwrap()).collect();
    failed.sort_unstable();
    assert_eq!(failed, (0..40).filter(|n| n % 3 == 0).collect::<Vec<_>>());
    assert_eq!((error.counts().failed(), error.counts().completed()), (14, 26));
    assert!(
        error.iter().all(|e| e.child().id().number() == u64::from(*e.failure().error().unwrap()))
    );
});

behaviour!(one_failure_has_the_same_shape_as_many, async {
    for failures in [1, 2, 1000] {
        let mut nursery = nursery::<(), _>();
        for n in 0..failures {
            nursery.spawn(async move { Err(n) });
        }
        let error = nursery.join().await.unwrap_err();
        assert_eq!(error.len(), failures);
        assert_eq!(error.first().failure().error(), Some(&0));
        assert_eq!(error.leaves().count(), failures);
        let head = if failures == 1 {
            "1 of 1 child failed: #0: 0".to_owned()
        } else {
            format!("{failures} of {failures} children failed: #0: 0; #1: 1")
        };
        assert!(error.to_string().starts_with(&head), "{error}");
    }
});

behaviour!(three_children_that_fail_in_the_same_poll_are_kept_in_order, async {
    let mut nursery = nursery::<(), _>();
    for text in ["first", "second", "third"] {
        nursery.spawn(async move { Err(text) });
    }
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.first().failure().error(), Some(&"first"));
    let texts: Vec<_> = error.iter().map(|e| *e.failure().error().unwrap()).collect();
    assert_eq!(texts, ["first", "second", "third"]);
});

by_hand!(outputs_come_in_spawn_order_in_whatever_order_children_end_and_whichever_are_missing, {
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..500 {
        let children = rng.usize(1..9);
        let missing: Vec<bool> = (0..children).map(|_| rng.u8(..) < 64).collect();
        let mut nursery = nursery::<usize, oneshot::Canceled>();
        let (mut senders, mut handles) = (Vec::new(), Vec::new());
        for n in 0..children {
            let (sender, receiver) = oneshot::channel();
            senders.push((n, sender));
            handles.push(nursery.spawn_with_handle(receiver));
        }
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        rng.shuffle(&mut senders);
        let mut outputs = Poll::Pending;
        for (n, sender) in senders {
            assert!(outputs.is_pending());
            if missing[n] {
                handles[n].cancel();
            } else {
                sender.send(n).unwrap();
            }
            outputs = join.run();
        }
        let expected: Vec<_> = (0..children).filter(|n| !missing[*n]).collect();
        assert_eq!(outputs.map(Result::unwrap), Poll::Ready(expected));
    }
});

behaviour!(failures_iterate_in_completion_order_and_on_request_in_spawn_order, async {
    let mut nursery = nursery::<(), _>();
    let (first, second) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    nursery.spawn(async move {
        second.1.await.unwrap();
        Err("spawned first")
    });
    nursery.spawn(async move {
        first.1.await.unwrap();
        second.0.send(()).unwrap();
        Err("spawned second")
    });
    nursery.spawn(async move {
        first.0.send(()).unwrap();
        Err("spawned third")
    });
    let error = nursery.join().await.unwrap_err();
    let texts: Vec<_> = error.iter().map(|e| *e.failure().error().unwrap()).collect();
    assert_eq!(texts, ["spawned third", "spawned second", "spawned first"]);
    let ids: Vec<_> = error.by_spawn_order().map(|e| e.child().id().number()).collect();
    assert_eq!(ids, [0, 1, 2]);
});

behaviour!(an_error_type_that_is_called_cancelled_is_still_a_failure, async {
    #[derive(Debug, PartialEq)]
    struct Cancelled;

    impl fmt::Display for Cancelled {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("operation was cancelled")
        }
    }

    let mut nursery = nursery::<(), Cancelled>();
    nursery.spawn(async { Err(Cancelled) });
    nursery.spawn(async { Ok(()) });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.first().failure().error(), Some(&Cancelled));
    assert_eq!((error.counts().failed(), error.counts().cancelled()), (1, 0));
    assert!(!error.first().after_cancel());
});

behaviour!(an_oneshot_that_reports_canceled_is_a_failure_too, async {
    let mut nursery = nursery::<(), oneshot::Canceled>();
    let (sender, receiver) = oneshot::channel();
    drop(sender);
    nursery.spawn(receiver);
    assert!(nursery.join().await.unwrap_err().first().failure().is_error());
});

behaviour!(outputs_come_in_spawn_order_although_the_slowest_child_was_spawned_first, async {
    let mut nursery = nursery::<usize, &str>();
    for n in 0..10 {
        nursery.spawn(async move {
            yields(100 - 10 * n).await;
            Ok(n)
        });
    }
    assert!(nursery.join().await.unwrap().into_iter().eq(0..10));
});

behaviour!(outputs_of_a_report_come_in_spawn_order_and_name_their_child, async {
    let mut nursery = nursery::<usize, &str>();
    for n in 0..4 {
        nursery.child().name(format!("child {n}")).spawn(async move {
            yields(10 - n).await;
            if n == 2 { Err("no") } else { Ok(n) }
        });
    }
    let (outputs, error, cancelled) = nursery.settle().await.into_parts();
    let outputs: Vec<_> = outputs.iter().map(|(child, n)| (child.name().unwrap(), *n)).collect();
    assert_eq!(outputs, [("child 0", 0), ("child 1", 1), ("child 3", 3)]);
    assert_eq!(error.unwrap().first().child().name(), Some("child 2"));
    assert!(cancelled.is_empty());
});

behaviour!(next_gives_completion_order, async {
    let mut nursery = nursery::<usize, &str>();
    let mut senders = Vec::new();
    for n in 0..4 {
        let (sender, receiver) = oneshot::channel::<()>();
        senders.push(Some(sender));
        nursery.spawn(async move {
            receiver.await.unwrap();
            if n == 3 { Err("last spawned") } else { Ok(n) }
        });
    }
    for n in [2, 0, 3, 1] {
        senders[n].take().unwrap().send(()).unwrap();
        let completion = nursery.next().await.unwrap();
        assert_eq!(completion.child().id().number(), n as u64);
        match completion.into_outcome() {
            Outcome::Completed(output) => assert_eq!(output, n),
            Outcome::Failed(error) => {
                assert_eq!((n, error.failure().error()), (3, Some(&"last spawned")))
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    assert!(nursery.next().await.is_none());
});

behaviour!(next_holds_no_finished_output_back, async {
    let live = Count::default();
    let mut nursery = nursery::<Live, &str>();
    for _ in 0..1000 {
        let live = live.clone();
        nursery.spawn(async move { Ok(Live::new(&live)) });
    }
    let mut ended = 0;
    while let Some(completion) = nursery.next().await {
        ended += 1;
        assert_eq!(live.get(), 1);
        drop(completion);
    }
    assert_eq!((ended, live.get()), (1000, 0));
});

behaviour!(more_children_can_be_spawned_after_next_found_none, async {
    let mut nursery = nursery::<u32, &str>();
    for n in 0..3 {
        assert!(nursery.next().await.is_none());
        assert_eq!(nursery.spawn(async move { Ok(n) }).number(), u64::from(n));
        assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(n));
    }
});

behaviour!(what_next_has_handed_out_is_not_returned_again, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Err("handed out") });
    nursery.spawn(async { Ok(1) });
    assert!(nursery.next().await.unwrap().outcome().is_failed());
    nursery.spawn(async { Ok(2) });
    assert_eq!(nursery.join().await.unwrap(), [1, 2]);
});

behaviour!(the_error_names_the_nursery_the_child_and_the_line_that_spawned_it, async {
    let mut nursery = nursery::<(), &str>().name("sync");
    let line = here().line() + 1;
    nursery.child().name("fetch").spawn(async { Err("refused") });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.to_string(), "nursery \"sync\": 1 of 1 child failed: #0 fetch: refused");
    let location = error.first().child().location();
    assert_eq!((location.file(), location.line()), (file!(), line));
});

behaviour!(children_and_policies_may_borrow_from_the_caller, async {
    let words = ["12".to_owned(), "x".to_owned(), "7".to_owned()];
    let mut seen = 0;
    {
        let mut nursery = nursery().cancel_when(|_| {
            seen += 1;
            false
        });
        for word in &words {
            nursery.spawn(async { word.parse::<u32>() });
        }
        assert_eq!(nursery.join().await.unwrap_err().len(), 1);
    }
    assert_eq!(seen, 1);
});

behaviour!(each_outcome_is_what_it_is_and_nothing_else, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Ok(1) });
    let joined = nursery.spawn_join(async { Ok("to its handle") });
    nursery.spawn(async { Err("failed") });
    nursery.spawn_with_handle(pending()).cancel_with("enough");
    let mut said = Vec::new();
    while let Some(completion) = nursery.next().await {
        let outcome = completion.outcome();
        let which = (outcome.is_completed(), outcome.is_failed(), outcome.is_cancelled());
        let error = outcome.failure().map(|failure| *failure.error().unwrap());
        let reason = outcome.cause().map(|cause| cause.message().unwrap().to_owned());
        let number = completion.child().id().number();
        said.push((number, which, error, reason, completion.into_outcome().completed()));
    }
    said.sort_unstable();
    assert_eq!(
        said,
        [
            (0, (true, false, false), None, None, Some(1)),
            (1, (true, false, false), None, None, None),
            (2, (false, true, false), Some("failed"), None, None),
            (3, (false, false, true), None, Some("enough".to_owned()), None),
        ]
    );
    assert_eq!(joined.await.unwrap(), "to its handle");
    let counts = nursery.settle().await.counts();
    assert_eq!((counts.completed(), counts.failed(), counts.cancelled()), (2, 1, 1));
});

behaviour!(each_failure_is_what_it_is_and_nothing_else, async {
    let mut nested = nursery::<u32, &str>();
    nested.spawn(async { Err("nested") });
    let mut nursery = nursery::<Vec<u32>, &str>();
    nursery.spawn(async { Err("failed") });
    nursery.spawn_group(nested.join());
    nursery.spawn(async { panic!("panicked") });
    nursery.child().timeout(|| ready(())).spawn(pending());
    let error = nursery.join().await.unwrap_err();
    let said: Vec<_> = error
        .by_spawn_order()
        .map(|one| {
            let failure = one.failure();
            let which = (failure.is_error(), failure.is_group());
            let other = (failure.is_panic(), failure.is_timed_out());
            let inside = (failure.error(), failure.group().map(JoinedError::len));
            (which, other, inside, failure.panic().map(Panic::message))
        })
        .collect();
    assert_eq!(
        said,
        [
            ((true, false), (false, false), (Some(&"failed"), None), None),
            ((false, true), (false, false), (None, Some(1)), None),
            ((false, false), (true, false), (None, None), Some("panicked")),
            ((false, false), (false, true), (None, None), None),
        ]
    );
});
