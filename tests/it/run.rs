//! A body driven beside the children.

use std::future::pending;
use std::sync::Arc;
use std::task::Waker;

use futures::channel::{mpsc, oneshot};
use futures::{FutureExt, SinkExt, StreamExt};

use crate::support::{Count, Live, Log, OnDrop, Task, Wakes, drive, yields};

behaviour!(a_failing_body_and_a_failing_child_are_both_present, async {
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(async {
        yields(2).await;
        Err("the child")
    });
    let error = nursery.run(|_| async { Err::<(), _>("the body") }).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body and 1 of 1 child failed: body: the body; #0: the child"
    );
    assert!(error.first().child().is_body());
    assert_eq!(error.by_spawn_order().last().unwrap().failure().error(), Some(&"the body"));
    assert_eq!((error.len(), error.counts().failed()), (2, 1));
});

behaviour!(awaiting_in_the_body_never_freezes_the_children, async {
    let (send, mut receive) = mpsc::channel(0);
    let result = nursery::<(), mpsc::SendError>()
        .run(|spawner| async move {
            for n in 0..10 {
                let mut send = send.clone();
                spawner.spawn(async move { send.send(n).await }).unwrap();
            }
            drop(send);
            let mut sum = 0;
            while let Some(n) = receive.next().await {
                sum += n;
                yields(2).await;
            }
            Ok(sum)
        })
        .await;
    assert_eq!(result.unwrap().0, 45);
});

behaviour!(the_body_is_no_child_and_takes_no_slot, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.spawn(async { Ok(1) });
    let (output, outputs) = nursery
        .run(|spawner| async move {
            let (send, receive) = oneshot::channel();
            let id = spawner.spawn(async move { Ok(receive.await.unwrap()) }).unwrap();
            assert_eq!(id.number(), 1);
            yields(5).await;
            send.send(2).unwrap();
            Ok("body")
        })
        .await
        .unwrap();
    assert_eq!((output, outputs), ("body", vec![1, 2]));
});

behaviour!(children_are_waited_for_after_the_body_has_ended, async {
    let result = nursery::<u32, &str>()
        .run(|spawner| async move {
            spawner
                .spawn(async {
                    yields(20).await;
                    Ok(1)
                })
                .unwrap();
            Ok(())
        })
        .await;
    assert_eq!(result.unwrap().1, [1]);
});

behaviour!(a_failure_that_stops_the_nursery_drops_the_body, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(async {
        yields(2).await;
        Err("stop")
    });
    let body = Live::new(&live);
    let error = nursery
        .run(|_| async move {
            let _body = body;
            pending::<Result<(), &str>>().await
        })
        .await
        .unwrap_err();
    assert_eq!((error.len(), live.get()), (1, 0));
});

behaviour!(a_body_that_fails_in_first_error_mode_cancels_the_children, async {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(pending());
    let error = nursery
        .run(|_| async {
            yields(2).await;
            Err::<(), _>("the body")
        })
        .await
        .unwrap_err();
    assert_eq!((error.len(), error.counts().cancelled()), (1, 1));
});

behaviour!(a_nursery_cancelled_by_its_spawner_leaves_the_body_to_its_own_end, async {
    let result = nursery::<(), &str>()
        .run(|spawner| async move {
            let handle = spawner.spawn_with_handle(pending()).unwrap();
            yields(1).await;
            assert!(spawner.cancel_with("by the body"));
            handle.finished().await;
            yields(3).await;
            assert!(spawner.spawn(async { Ok(()) }).unwrap_err().reason.is_cancelled());
            Ok("its own end")
        })
        .await;
    assert_eq!(result.unwrap(), ("its own end", vec![]));
});

behaviour!(settle_gives_the_bodys_output_beside_the_failures, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(async { Err("the child") });
    nursery.spawn(async { Ok(1) });
    let (output, report) = nursery.run(|_| async { Ok("body") }).settle().await;
    assert_eq!((output, report.outputs()[0].1), (Some("body"), 1));
    assert_eq!((report.error().unwrap().len(), report.counts().total()), (1, 2));
});

behaviour!(a_run_without_children_ends_with_its_body, async {
    let result = nursery::<(), &str>()
        .run(|_| async {
            yields(3).await;
            Ok(1)
        })
        .await;
    assert_eq!(result.unwrap(), (1, vec![]));
});

by_hand!(dropping_a_run_drops_the_children_newest_first_and_then_the_body, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().limit(2);
    for name in ["first", "second", "queued"] {
        let log = log.clone();
        nursery.spawn(crate::support::waits(move || log.add(name)));
    }
    let dropped = log.clone();
    let mut run = Task::new(nursery.run(|_| async move {
        let _guard = OnDrop(|| dropped.add("body"));
        pending::<Result<(), &str>>().await
    }));
    assert!(run.poll().is_pending());
    drop(run);
    assert_eq!(log.take(), ["queued", "second", "first", "body"]);
});

by_hand!(a_body_that_is_woken_is_polled_and_the_children_are_not, {
    let (bodies, children) = (Count::default(), Count::default());
    let (send, receive) = oneshot::channel::<()>();
    let mut nursery = nursery::<(), &str>();
    let polled = children.clone();
    nursery.spawn(std::future::poll_fn(move |_| {
        polled.add();
        std::task::Poll::Pending
    }));
    let polled = bodies.clone();
    let mut receive = receive;
    let mut run = Task::new(nursery.run(|_| {
        std::future::poll_fn(move |cx| {
            polled.add();
            let _ = std::pin::Pin::new(&mut receive).poll(cx).is_ready();
            std::task::Poll::<Result<(), &str>>::Pending
        })
    }));
    assert!(run.poll().is_pending());
    let before = (bodies.get(), children.get());
    send.send(()).unwrap();
    assert_eq!(run.wakes(), 1);
    assert!(run.poll().is_pending());
    assert_eq!((bodies.get(), children.get()), (before.0 + 1, before.1));
});

behaviour!(a_body_dropped_by_a_stop_may_panic_and_is_flagged, async {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(async {
        yields(2).await;
        Err("stop")
    });
    let error = nursery
        .run(|_| crate::support::waits::<Result<(), &str>>(|| panic!("clean-up of the body")))
        .await
        .unwrap_err();
    assert_eq!(error.len(), 2);
    let body = error.iter().nth(1).unwrap();
    assert!(body.child().is_body() && body.after_cancel() && body.failure().is_panic());
});

behaviour!(a_body_that_waits_for_a_slot_is_dropped_by_a_stop, async {
    let mut nursery = nursery::<(), &str>().first_error().limit(1);
    nursery.spawn(async {
        yields(4).await;
        Err("stop")
    });
    let error = nursery
        .run(|spawner| async move {
            spawner.reserve().await.unwrap().spawn(pending()).unwrap();
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!((error.len(), error.counts().total()), (1, 1));
});

behaviour!(a_body_in_a_nursery_that_was_cancelled_before_runs_to_its_own_end, async {
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(pending());
    nursery.cancel_with("before");
    let (output, report) = nursery
        .run(|spawner| async move {
            yields(2).await;
            Ok(spawner.spawn(async { Ok(()) }).unwrap_err().reason.is_cancelled())
        })
        .settle()
        .await;
    assert_eq!((output, report.counts().cancelled()), (Some(true), 1));
});

behaviour!(a_body_may_join_nurseries_of_its_own, async {
    let result = nursery::<u32, &str>()
        .run(|spawner| async move {
            let mut inner = nursery::<u32, &str>();
            for n in 0..3 {
                let spawner = spawner.clone();
                inner.spawn(async move {
                    yields(2).await;
                    spawner.spawn(async move { Ok(n) }).unwrap();
                    Ok(n)
                });
            }
            Ok(inner.join().await.unwrap().len())
        })
        .await;
    let (inner, mut outputs) = result.unwrap();
    outputs.sort_unstable();
    assert_eq!((inner, outputs), (3, vec![0, 1, 2]));
});

by_hand!(a_body_that_is_woken_when_the_turn_is_spent_is_not_forgotten, {
    for children in 0..8 {
        let nursery = nursery::<(), &str>();
        let mut run = Task::new(nursery.run(|spawner| async move {
            let handles: Vec<_> =
                (0..children).map(|_| spawner.spawn_with_handle(pending()).unwrap()).collect();
            yields(1_000).await;
            for handle in handles {
                handle.cancel();
            }
            Ok(())
        }));
        assert!(run.run().is_ready(), "with {children} children");
    }
});

behaviour!(a_body_that_waits_for_the_cancel_is_told_why_it_came, async {
    let mut nursery = nursery::<(), &str>();
    let outside = nursery.spawner();
    nursery.spawn(async move {
        yields(2).await;
        assert!(outside.cancel_with("maintenance"));
        Ok(())
    });
    let body = nursery.run(|spawner| async move {
        // Two who wait at once are both told, and so is one that asks afterwards.
        let (cause, _) = futures::join!(spawner.cancelled(), spawner.clone().cancelled());
        assert_eq!(spawner.cancelled().await.message(), cause.message());
        Ok(cause)
    });
    let (cause, _) = body.await.unwrap();
    assert_eq!(cause.message(), Some("maintenance"));
});

behaviour!(the_body_of_a_childs_nursery_is_told_when_the_child_is_cancelled, async {
    let mut nursery = nursery::<String, &str>();
    let child = nursery.child().grace(pending::<()>);
    let handle = child.group().spawn_with_context(|cx| async move {
        let inner = cx.nursery::<(), &str>();
        let body = inner.run(|spawner| async move { Ok(spawner.cancelled().await.to_string()) });
        body.await.map(|(cause, _)| cause)
    });
    drive(&mut nursery);
    handle.cancel_with("enough");
    let outputs = nursery.join().await.unwrap();
    assert_eq!(outputs, ["child #0 was cancelled: requested: enough"]);
});

by_hand!(who_waits_for_a_cancel_is_woken_once_by_that_and_by_nothing_else, {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let mut waiting = Task::new(spawner.cancelled());
    let mut gone = Task::new(spawner.cancelled());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(waiting.poll().is_pending() && gone.poll_with(&waker).is_pending());
    nursery.spawn(async { Ok(()) });
    assert!(nursery.next().now_or_never().is_some());
    spawner.close();
    drop(gone);
    assert_eq!(waiting.wakes(), 0);
    nursery.cancel_with("enough");
    assert_eq!((waiting.wakes(), wakes.count()), (1, 0));
    assert!(waiting.poll().is_ready() && waiting.poll().is_ready());
});

by_hand!(of_a_nursery_that_ends_without_a_cancel_nobody_is_told_and_no_waker_is_kept, {
    let mut joined = nursery::<(), &str>();
    let spawner = joined.spawner();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut early = Task::new(spawner.cancelled());
    assert!(early.poll_with(&waker).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 3);
    assert!(joined.join().now_or_never().is_some());
    assert_eq!(Arc::strong_count(&wakes), 2, "only the one above is left, and its maker");
    let mut late = Task::new(spawner.cancelled());
    assert!(early.poll_with(&waker).is_pending() && late.poll_with(&waker).is_pending());
    assert!(!spawner.cancel_with("too late"));
    assert_eq!((Arc::strong_count(&wakes), wakes.count()), (2, 0));

    let mut dropped = nursery::<(), &str>();
    let spawner = dropped.spawner();
    let mut early = Task::new(spawner.cancelled());
    assert!(early.poll_with(&waker).is_pending());
    drop(dropped);
    assert_eq!(Arc::strong_count(&wakes), 2);
});

behaviour!(the_bodys_error_is_named_where_others_have_failed_that_are_not_stored, async {
    let mut nursery = nursery::<(), &str>().keep_failures(1);
    nursery.spawn(async {
        yields(2).await;
        Err("not stored")
    });
    let error = nursery.run(|_| async { Err::<(), _>("stored") }).await.unwrap_err();
    assert_eq!(error.to_string(), "the body and 1 of 1 child failed: body: stored; and 1 more");
});
