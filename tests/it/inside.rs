//! Nurseries inside a child that is cancelled: they end in its last poll, and nothing is lost.

use std::future::{pending, poll_fn};
use std::task::Poll;

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, pin_mut};
use nestling::outcome::CauseKind;
use nestling::{JoinedError, Nursery, Pool};

use crate::support::{Count, Live, OnDrop, Task, drive, waits, yields};

/// A group that has collected a failure and goes on.
macro_rules! group_with_failure {
    () => {
        async {
            let mut inner = nursery::<(), &str>().name("inner");
            inner.spawn(async { Err("root") });
            inner.spawn(pending());
            inner.join().await.map(drop)
        }
    };
}

/// The one line of the group's failure.
const GROUP: &str = "inner > #0: after cancel: root";

behaviour!(a_group_tells_what_it_had_collected_when_a_sibling_cancels_it, async {
    let mut outer = nursery::<(), &str>().first_error();
    outer.spawn_group(group_with_failure!());
    outer.spawn(async {
        yields(1).await;
        Err("consequence")
    });
    let error = outer.join().await.unwrap_err();
    let text = format!("2 of 2 children failed: #1: consequence; #0 {GROUP}");
    assert_eq!(error.to_string(), text);
    let group = error.iter().nth(1).unwrap();
    assert!(group.after_cancel());
    assert_eq!(group.cause().unwrap().kind(), CauseKind::ChildFailed);
    let cause = group.failure().group().unwrap().cause().unwrap();
    assert_eq!(cause.to_string(), "child #0 was cancelled: child #1 failed: consequence");
    assert_eq!(error.counts().not_stored(), 0);
});

behaviour!(it_does_so_when_its_handle_cancels_it, async {
    let mut outer = nursery::<(), &str>();
    let handle = outer.child().group().spawn_with_handle(group_with_failure!());
    drive(&mut outer);
    handle.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.to_string(), format!("1 of 1 child failed: #0 {GROUP}"));
    assert_eq!(error.first().cause().unwrap().to_string(), "requested: enough");
});

behaviour!(it_does_so_when_it_runs_out_of_time, async {
    let mut outer = nursery::<(), &str>();
    outer.child().timeout(|| yields(2)).group().spawn(group_with_failure!());
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.to_string(), format!("1 of 1 child failed: #0 {GROUP}"));
    assert_eq!(error.first().cause().unwrap().kind(), CauseKind::Timeout);
});

behaviour!(it_does_so_at_the_deadline, async {
    let mut outer = nursery::<(), &str>().deadline(yields(2));
    outer.spawn_group(group_with_failure!());
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.to_string(), format!("1 of 1 child failed: #0 {GROUP}"));
});

behaviour!(it_does_so_as_a_daemon_that_is_told_to_end, async {
    let mut outer = nursery::<(), &str>();
    outer.child().daemon().group().spawn(group_with_failure!());
    outer.spawn(yields(2).map(Ok));
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.to_string(), format!("1 of 2 children failed: #0 {GROUP}"));
});

behaviour!(it_does_so_when_its_nursery_is_cancelled_by_its_owner, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_group(group_with_failure!());
    drive(&mut outer);
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.to_string(), format!("1 of 1 child failed: #0 {GROUP}"));
});

behaviour!(groups_tell_through_any_number_of_levels, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_group(async {
        let mut middle = nursery::<(), &str>();
        middle.spawn_group(group_with_failure!());
        middle.spawn_group(group_with_failure!());
        middle.join().await.map(drop)
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.leaves().count(), 2);
    let middle = error.first().failure().group().unwrap();
    // The newest ends first.
    assert_eq!(middle.iter().map(|one| one.child().id().number()).collect::<Vec<_>>(), [1, 0]);
    let root = middle.first().failure().group().unwrap().cause().unwrap();
    assert_eq!(root.root().to_string(), "requested: enough");
});

behaviour!(a_nursery_deep_in_a_library_needs_no_context, async {
    async fn library(failing: bool) -> Result<u32, String> {
        let mut own: Nursery<'_, (), String> = Nursery::new();
        own.spawn(async move { if failing { Err("root".to_owned()) } else { Ok(()) } });
        own.spawn(pending());
        own.join().await.map(|_| 1).map_err(|error| format!("library: {error}"))
    }
    let mut outer = nursery::<u32, String>();
    outer.spawn(library(true));
    outer.spawn(library(false));
    drive(&mut outer);
    outer.cancel_with("enough");
    let report = outer.settle().await;
    assert_eq!(
        report.error().unwrap().first().to_string(),
        "#0: after cancel: library: 1 of 2 children failed: #0: root",
    );
    assert_eq!(report.cancelled().len(), 1);
});

behaviour!(a_child_does_not_go_on_with_half_the_outputs_of_a_join, async {
    let committed = Count::default();
    let mut outer = nursery::<(), &str>();
    let commit = committed.clone();
    let handle = outer.child().group().spawn_with_handle(async move {
        let mut inner = nursery::<u32, &str>();
        inner.spawn(async { Ok(1) });
        inner.spawn(pending());
        inner.join().await?;
        commit.add();
        Ok(())
    });
    drive(&mut outer);
    handle.cancel();
    let report = outer.settle().await;
    assert_eq!((committed.get(), report.cancelled().len()), (0, 1));
});

behaviour!(a_settled_nursery_reports_in_the_last_poll, async {
    let mut outer = nursery::<(usize, usize), &str>();
    outer.spawn(async {
        let mut inner = nursery::<u32, &str>();
        inner.spawn(async { Ok(1) });
        inner.spawn(pending());
        let report = inner.settle().await;
        Ok((report.outputs().len(), report.cancelled().len()))
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let report = outer.settle().await;
    assert_eq!(report.outputs()[0].1, (1, 1));
    assert_eq!((report.counts().completed(), report.counts().after_cancel()), (1, 1));
});

behaviour!(all_that_was_collected_is_told_in_one_poll_however_much_it_is, async {
    const MANY: usize = 3_000;
    let mut outer = nursery::<(), usize>();
    outer.spawn_group(async {
        let mut inner = nursery::<(), usize>();
        for n in 0..MANY {
            inner.spawn(waits(move || {
                if n % 2 == 0 {
                    panic!("when it is dropped")
                }
            }));
        }
        inner.join().await.map(drop)
    });
    for _ in 0..30 {
        drive(&mut outer);
    }
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.leaves().count(), MANY / 2);
});

behaviour!(what_is_dropped_all_the_same_is_counted_and_told_with_its_child, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Err("lost") });
        inner.spawn(async { Err("lost too") });
        inner.spawn(pending());
        let (join, patience) = (inner.join(), yields(3));
        pin_mut!(patience);
        match select(join, patience).await {
            Either::Left(_) => unreachable!("a child is pending"),
            Either::Right(((), join)) => drop(join),
        }
        Err("impatient")
    });
    let error = outer.join().await.unwrap_err();
    let text = "1 of 1 child failed: #0: impatient (2 failures inside were lost)";
    assert_eq!((error.to_string().as_str(), error.counts().not_stored()), (text, 2));
    assert_eq!(error.first().lost_failures(), 2);
    assert!(format!("{error:#}").ends_with("impatient (2 failures inside were lost)"), "{error:#}");
});

behaviour!(what_is_lost_in_a_child_that_is_cancelled_or_succeeds_is_counted, async {
    let mut outer = nursery::<(), &str>();
    for succeeds in [true, false] {
        outer.spawn(async move {
            let mut inner = nursery::<(), &str>();
            inner.spawn(async { Err("lost") });
            inner.next().await;
            inner.spawn(async { Err("lost") });
            inner.spawn(pending());
            assert!(inner.reserve().now_or_never().is_some());
            drop(inner.join().now_or_never());
            if succeeds { Ok(()) } else { pending().await }
        });
    }
    let spawner = outer.spawner();
    outer.spawn(async move {
        yields(1).await;
        spawner.cancel_with("enough");
        pending().await
    });
    let report = outer.settle().await;
    assert_eq!((report.counts().completed(), report.counts().not_stored()), (1, 2));
    let text = "#1: requested: enough (1 failure inside was lost)";
    assert_eq!(report.cancelled()[0].to_string(), text);
});

behaviour!(a_nursery_that_serves_the_clean_up_is_not_cancelled, async {
    let mut outer = nursery::<usize, &str>();
    let handle = outer.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        let mut clean_up = nursery::<(), &str>();
        for _ in 0..3 {
            clean_up.spawn(yields(2).map(Ok));
        }
        Ok(clean_up.join().await.unwrap().len())
    });
    drive(&mut outer);
    handle.cancel();
    assert_eq!(outer.join().await.unwrap(), [3]);
});

behaviour!(with_a_grace_a_nested_nursery_is_signalled_and_may_take_its_time, async {
    let mut outer = nursery::<(), &str>();
    let handle = outer.child().grace(pending::<()>).group().spawn_with_handle(async {
        let mut inner = nursery::<(), &str>();
        inner.child().grace(pending::<()>).spawn_with_context(|cx| async move {
            cx.cancelled().await;
            yields(3).await;
            Err("flush failed")
        });
        inner.join().await.map(drop)
    });
    drive(&mut outer);
    handle.cancel();
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.leaves().next().unwrap().to_string(), "#0: after cancel: flush failed");
});

behaviour!(without_one_its_children_hear_of_the_cancel_in_one_more_poll, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        inner.child().grace(pending::<()>).spawn_with_context(|cx| async move {
            cx.cancelled().await;
            Err("not flushed")
        });
        inner.join().await.map(drop)
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.leaves().next().unwrap().to_string(), "#0: after cancel: not flushed");
});

behaviour!(a_body_is_dropped_in_the_last_poll_if_children_have_failed, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Err("root") });
        inner.run(|_| pending::<Result<(), _>>()).await.map(drop)
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.leaves().next().unwrap().to_string(), "#0: root");
});

behaviour!(a_body_that_a_failure_stops_tells_what_a_nursery_in_it_had_collected, async {
    let mut outer = nursery::<(), String>().first_error();
    outer.spawn(async {
        yields(2).await;
        Err("consequence".to_owned())
    });
    let body = outer.run(|_| async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Err("root") });
        inner.spawn(pending());
        inner.join().await.map(drop).map_err(|error| error.to_string())
    });
    let error = body.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body and 1 of 1 child failed: #0: consequence; \
         body: after cancel: 1 of 2 children failed: #0: root",
    );
});

behaviour!(a_destructor_that_panics_in_the_last_poll_is_one_more_failure, async {
    let mut outer = nursery::<(), &str>();
    let mut group = Box::pin(group_with_failure!());
    let too_late = OnDrop(|| panic!("too late"));
    let handle = outer.child().group().spawn_with_handle(poll_fn(move |cx| {
        let _held = &too_late;
        group.as_mut().poll(cx)
    }));
    drive(&mut outer);
    handle.cancel();
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.leaves().count(), 2);
    assert!(error.iter().nth(1).unwrap().failure().is_panic());
    assert!(error.iter().all(|one| one.after_cancel()));
});

behaviour!(a_panic_in_the_last_poll_is_the_childs_failure, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(pending());
        drop(inner.settle().await);
        panic!("in the last poll")
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert!(error.first().failure().is_panic() && error.first().after_cancel());
});

behaviour!(a_nursery_behind_another_set_of_futures_is_woken_for_the_last_poll, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn(async {
        let mut set = FuturesUnordered::new();
        set.push(async {
            let mut inner = nursery::<(), &str>();
            inner.spawn(async { Err("root") });
            inner.spawn(pending());
            inner.join().await
        });
        match set.next().await {
            Some(Err(_)) => Err("it was told"),
            _ => Ok(()),
        }
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 1 child failed: #0: after cancel: it was told");
});

behaviour!(a_busy_clean_up_does_not_keep_the_last_poll_from_ending, async {
    let live = Count::default();
    let mut outer = nursery::<(), &str>();
    let count = live.clone();
    outer.spawn(async move {
        let mut inner = nursery::<(), &str>();
        inner.spawn(pending());
        drop(inner.settle().await);
        let mut clean_up = nursery::<(), &str>();
        let alive = Live::new(&count);
        clean_up.spawn(async move {
            let _alive = alive;
            loop {
                yields(1).await;
            }
        });
        clean_up.join().await.map(drop).map_err(|_| "failed")
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    assert_eq!(live.get(), 0);
    assert_eq!(outer.settle().await.cancelled().len(), 1);
});

by_hand!(a_grace_that_comes_in_the_last_poll_is_not_for_daemons, {
    let polls = Count::default();
    let mut outer = nursery::<(), &str>();
    let (polled, (acts, may_act)) = (polls.clone(), oneshot::channel());
    outer.spawn(async move {
        let mut inner = nursery::<(), &str>();
        inner.child().daemon().spawn(poll_fn(move |_| {
            polled.add();
            Poll::Pending
        }));
        inner
            .run(|spawner| async move {
                spawner.cancel_with("a daemon stays as long as the body");
                may_act.await.unwrap();
                spawner.cancel_within("with a grace", pending::<()>());
                Ok(())
            })
            .await
            .map(drop)
            .map_err(|_| "nothing fails")
    });
    drive(&mut outer);
    acts.send(()).unwrap();
    outer.cancel_with("enough");
    assert_eq!(polls.get(), 1);
    let report = outer.settle().now_or_never().unwrap();
    assert_eq!(report.cancelled().len(), 1);
});

by_hand!(a_child_without_nurseries_is_dropped_as_soon_as_it_is_cancelled, {
    let polls = Count::default();
    let mut outer = nursery::<(), &str>();
    let polled = polls.clone();
    outer.spawn(poll_fn(move |_| {
        polled.add();
        Poll::Pending
    }));
    outer.spawn(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(yields(1).map(Ok));
        inner.join().await.unwrap();
        pending().await
    });
    drive(&mut outer);
    drive(&mut outer);
    let before = polls.get();
    outer.cancel_with("enough");
    assert_eq!(polls.get(), before);
});

by_hand!(a_nursery_that_has_left_its_child_is_not_cancelled_with_it, {
    let (sender, receiver) = oneshot::channel();
    let mut outer = nursery::<(), &str>();
    outer.spawn(async move {
        let mut inner = Nursery::<'_, u32, &str>::new();
        let (go, goes) = oneshot::channel();
        inner.spawn(async move { Ok(goes.await.unwrap()) });
        assert!(inner.next().now_or_never().is_none());
        go.send(1).unwrap();
        drop(sender.send(inner));
        pending().await
    });
    drive(&mut outer);
    let mut inner = receiver.now_or_never().unwrap().unwrap();
    assert!(inner.next().now_or_never().unwrap().unwrap().outcome().is_completed());
    let (go, goes) = oneshot::channel();
    inner.spawn(async move { Ok(goes.await.unwrap()) });
    assert!(inner.next().now_or_never().is_none());
    outer.cancel_with("enough");
    go.send(2).unwrap();
    assert_eq!(inner.join().now_or_never().unwrap().unwrap(), [2]);
});

#[test]
fn a_nursery_on_another_thread_than_its_child_is_not_nested() {
    let (result, results) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let mut outer: Nursery<'_, (), &str> = Nursery::new();
    outer.spawn(async move {
        std::thread::spawn(move || {
            let mut inner: Nursery<'_, u32, &str> = Nursery::new();
            inner.spawn(async move {
                wait.recv().unwrap();
                Ok(1)
            });
            drop(result.send(futures::executor::block_on(inner.join()).unwrap()));
        });
        pending().await
    });
    assert!(outer.next().now_or_never().is_none());
    outer.cancel_with("enough");
    go.send(()).unwrap();
    assert_eq!(results.recv().unwrap(), [1]);
}

behaviour!(a_pool_inside_a_child_tells_what_it_had_collected, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn_group(async {
        Pool::new(2)
            .for_each(0..3, |n| async move {
                match n {
                    0 => Err("root"),
                    _ => pending().await,
                }
            })
            .await
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let error: JoinedError<&str> = outer.join().await.unwrap_err();
    assert_eq!(error.leaves().next().unwrap().to_string(), "#0: root");
});

behaviour!(a_group_in_an_item_of_a_pool_tells_too, async {
    let pool = Pool::new(2).first_error();
    let run = pool.for_each(0..2, |n| async move {
        match n {
            0 => {
                let mut inner = nursery::<(), &str>();
                inner.spawn(async { Err("root") });
                inner.spawn(pending());
                inner.join().await.map(drop).map_err(|_| "it was told")
            }
            _ => {
                yields(1).await;
                Err("consequence")
            }
        }
    });
    let error = run.await.unwrap_err();
    let texts: Vec<_> = error.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["#1: consequence", "#0: after cancel: it was told"]);
});

by_hand!(a_step_that_polls_a_join_by_hand_gets_its_error_in_the_last_poll, {
    let mut outer = Task::new(async {
        let mut outer = nursery::<(), &str>();
        let handle = outer.child().group().spawn_with_handle(group_with_failure!());
        outer.spawn(async move {
            yields(1).await;
            handle.cancel();
            Ok(())
        });
        outer.join().await
    });
    let Poll::Ready(Err(error)) = outer.run() else { panic!("it fails") };
    assert_eq!(error.len(), 1);
});

by_hand!(a_join_that_goes_with_its_child_is_not_ready_when_it_is_polled_again, {
    let mut outer = nursery::<usize, &str>();
    outer.spawn(async {
        let mut inner = nursery::<u32, &str>();
        inner.spawn(async { Ok(1) });
        inner.spawn(pending());
        let mut join = inner.join();
        let mut pool = Pool::<&str>::new(1).map([()], |()| pending::<Result<(), _>>());
        poll_fn(move |cx| {
            for _ in 0..3 {
                if let Poll::Ready(outputs) = join.poll_unpin(cx) {
                    return Poll::Ready(Ok(outputs.unwrap().len()));
                }
                if let Poll::Ready(outputs) = std::pin::Pin::new(&mut pool).poll(cx) {
                    return Poll::Ready(Ok(outputs.unwrap().len()));
                }
            }
            Poll::Pending
        })
        .await
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let report = outer.settle().now_or_never().unwrap();
    assert_eq!((report.cancelled().len(), report.counts().failed()), (1, 0));
});

by_hand!(a_body_with_a_join_that_goes_with_its_child_is_not_polled_again, {
    let mut outer = nursery::<(), &str>();
    outer.spawn_group(async {
        let middle = nursery::<(), &str>();
        let run = middle.run(|_| async {
            let mut inner = nursery::<(), &str>();
            inner.spawn(async { Ok(()) });
            inner.spawn(pending());
            inner.join().await.map(drop).map_err(|_| "failed")
        });
        run.await.map(drop)
    });
    drive(&mut outer);
    outer.cancel_with("enough");
    let report = outer.settle().now_or_never().unwrap();
    assert_eq!((report.cancelled().len(), report.counts().completed()), (1, 0));
});

behaviour!(a_clean_up_without_a_context_is_not_cancelled_either, async {
    let mut outer = nursery::<usize, &str>();
    let spawner = outer.spawner();
    let handle = outer.child().grace(pending::<()>).spawn_with_handle(async move {
        spawner.cancelled().await;
        let mut clean_up = nursery::<(), &str>();
        clean_up.spawn(yields(3).map(Ok));
        Ok(clean_up.join().await.unwrap().len())
    });
    drive(&mut outer);
    outer.spawner().cancel_with("enough");
    assert_eq!(outer.join().await.unwrap(), [1]);
    assert!(handle.is_finished());
});

behaviour!(failures_in_the_items_of_a_pool_that_is_dropped_are_counted, async {
    let mut outer = nursery::<(), &str>();
    outer.spawn(async {
        let pool = Pool::<&str>::new(1).for_each([()], |()| async {
            let mut inner = nursery::<(), &str>();
            inner.spawn(async { Err("lost") });
            inner.spawn(pending());
            inner.join().await.map(drop).map_err(|_| "told")
        });
        drop(select(Box::pin(pool), Box::pin(yields(2))).await);
        Ok(())
    });
    let report = outer.settle().await;
    assert_eq!((report.counts().completed(), report.counts().not_stored()), (1, 1));
});

behaviour!(a_shielded_nursery_goes_on_until_its_child_goes, async {
    let mut outer = nursery::<(), &str>();
    let kept = outer.child().grace(|| yields(20)).group().spawn_with_handle(async {
        let mut inner = nursery::<(), &str>().shielded();
        inner.spawn(async {
            yields(4).await;
            Err("drained")
        });
        inner.join().await.map(drop)
    });
    let gone = outer.child().grace(|| yields(2)).group().spawn_with_handle(async {
        let mut inner = nursery::<(), &str>().shielded();
        inner.spawn(async { Err("root") });
        inner.spawn(pending());
        inner.join().await.map(drop)
    });
    outer.spawn(async move {
        yields(1).await;
        assert!(kept.cancel() && gone.cancel());
        Ok(())
    });
    let error = outer.join().await.unwrap_err();
    let mut leaves: Vec<_> = error.leaves().map(ToString::to_string).collect();
    leaves.sort_unstable();
    assert_eq!(leaves, ["#0: drained", "#0: root"]);
});
