//! A destructor that panics is caught, and neither hides nor replaces how the child ended.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use futures::FutureExt;
use futures::future::BoxFuture;
use nestling::{CancelHandle, Outcome};

use crate::support::{
    Count, Live, OnDrop, Task, counted_bomb, drive, ends, here, panic_when_dropped, waits, yields,
};

behaviour!(after_success_the_output_is_kept_and_there_is_a_failure_too, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(ends(Ok(1), || panic!("too late")));
    nursery.spawn(async { Ok(2) });
    let report = nursery.settle().await;
    let outputs: Vec<_> =
        report.outputs().iter().map(|(child, n)| (child.id().number(), *n)).collect();
    assert_eq!(outputs, [(0, 1), (1, 2)]);
    let error = report.error().unwrap();
    assert_eq!((error.len(), error.first().child().id().number()), (1, 0));
    assert_eq!(error.first().failure().panic().unwrap().message(), "too late");
    assert!(!error.first().after_cancel());
    assert_eq!((report.counts().completed(), report.counts().failed()), (1, 1));
});

behaviour!(after_success_join_fails, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(ends(Ok(1), || panic!("too late")));
    assert_eq!(nursery.join().await.unwrap_err().len(), 1);
});

behaviour!(after_an_error_there_are_two_entries_of_one_failed_child, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(ends(Err("an error"), || panic!("and a panic")));
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().failed(), error.counts().total()), (2, 1, 1));
    assert_eq!(error.first().failure().error(), Some(&"an error"));
    assert!(error.iter().nth(1).unwrap().failure().is_panic());
    assert!(error.iter().all(|e| e.child().id().number() == 0 && !e.after_cancel()));
});

behaviour!(after_a_panic_there_are_two_panics, async {
    let mut nursery = nursery::<u32, &str>();
    let bomb = OnDrop(|| panic!("in the destructor"));
    nursery.spawn(poll_fn(move |_| {
        let _ = &bomb;
        panic!("in the poll")
    }));
    nursery.spawn(async {
        yields(3).await;
        Ok(1)
    });
    let report = nursery.settle().await;
    assert_eq!(report.counts().completed(), 1);
    let messages: Vec<_> =
        report.error().unwrap().iter().map(|e| e.failure().panic().unwrap().message()).collect();
    assert_eq!(messages, ["in the poll", "in the destructor"]);
});

behaviour!(that_of_the_child_that_stops_the_nursery_comes_before_those_of_its_siblings, async {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(ends(Err("an error"), || panic!("of its own")));
    nursery.spawn(waits(|| panic!("of a sibling")));
    let error = nursery.join().await.unwrap_err();
    let seen: Vec<_> = error
        .iter()
        .map(|e| (e.failure().panic().map_or("an error", |p| p.message()), e.after_cancel()))
        .collect();
    assert_eq!(seen, [("an error", false), ("of its own", false), ("of a sibling", true)]);
});

behaviour!(of_a_cancelled_child_it_is_one_failure_flagged_after_cancel, async {
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_with_handle(waits(|| panic!("flush failed")));
    drive(&mut nursery);
    assert!(handle.cancel());
    let report = nursery.settle().await;
    let error = report.error().unwrap();
    assert_eq!(error.len(), 1);
    assert!(error.first().after_cancel() && error.first().failure().is_panic());
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 0));
    assert!(report.cancelled().is_empty());
    assert!(error.to_string().contains("after cancel: panicked in the destructor: flush failed"));
});

behaviour!(of_a_child_that_never_started_it_is_a_failure_as_well, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.cancel_with("before anything started");
    nursery.spawn(waits(|| panic!("never polled")));
    let error = nursery.join().await.unwrap_err();
    assert!(error.first().after_cancel() && error.first().failure().is_panic());
});

behaviour!(next_gives_the_end_and_then_the_panic, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(ends(Ok(1), || panic!("too late")));
    nursery.spawn(async { Ok(2) });
    let mut ends = Vec::new();
    while let Some(completion) = nursery.next().await {
        ends.push((completion.child().id().number(), completion.outcome().is_failed()));
    }
    assert_eq!(ends, [(0, false), (0, true), (1, false)]);
});

behaviour!(all_clean_up_errors_of_cancelled_children_are_reported, async {
    let mut nursery = nursery::<(), &str>().first_error();
    for name in ["a", "b", "c"] {
        nursery.child().name(name).spawn(waits(move || panic!("clean-up of {name}")));
    }
    nursery.spawn(pending());
    nursery.spawn(async {
        yields(1).await;
        Err("the first")
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.first().failure().error(), Some(&"the first"));
    assert!(!error.first().after_cancel());
    let late: Vec<_> =
        error.iter().skip(1).map(|e| (e.child().name().unwrap(), e.after_cancel())).collect();
    assert_eq!(late, [("c", true), ("b", true), ("a", true)]);
    assert_eq!((error.counts().failed(), error.counts().cancelled()), (4, 1));
});

behaviour!(in_first_error_mode_it_cancels_the_siblings, async {
    let mut nursery = nursery::<u32, &str>().first_error();
    nursery.spawn(pending());
    nursery.spawn(ends(Ok(1), || panic!("too late")));
    let report = nursery.settle().await;
    assert_eq!((report.outputs().len(), report.counts().cancelled()), (1, 1));
    assert_eq!(report.cause().unwrap().child().unwrap().id().number(), 1);
});

behaviour!(of_a_body_it_is_one_more_failure, async {
    let (output, report) =
        nursery::<(), &str>().run(|_| ends(Ok(1), || panic!("in the body"))).settle().await;
    assert_eq!(output, Some(1));
    let error = report.error().unwrap();
    assert!(error.first().child().is_body() && error.first().failure().is_panic());
});

by_hand!(dropping_a_nursery_drops_all_children_and_then_goes_on_with_the_first_panic, {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>().limit(4);
    for n in 0..6 {
        let child = Live::new(&live);
        nursery.spawn(waits(move || {
            let _ = &child;
            if n % 2 == 0 {
                panic!("child {n}");
            }
        }));
    }
    drive(&mut nursery);
    assert_eq!(panic_when_dropped(nursery), "child 4");
    assert_eq!(live.get(), 0);
});

by_hand!(those_of_what_has_ended_go_on_once_all_of_it_is_gone, {
    for joined in [false, true] {
        let gone = Count::default();
        let bomb = |n| counted_bomb(&gone, &format!("bomb {n}"));
        let mut nursery = nursery().limit(2);
        let last = bomb(9);
        nursery.spawn(async move {
            let _last = last;
            pending().await
        });
        for n in 0..4 {
            let bomb = bomb(n);
            nursery.spawn(async move { if n % 2 == 0 { Ok(bomb) } else { Err(bomb) } });
        }
        nursery.spawn(pending());
        let thrown = if joined {
            let mut join = Task::new(nursery.join());
            assert!(join.poll().is_pending());
            panic_when_dropped(join)
        } else {
            let waits = nursery.reserve();
            assert!(waits.now_or_never().is_none(), "two are left");
            panic_when_dropped(nursery)
        };
        assert_eq!(thrown, "bomb 9", "children go first");
        assert_eq!(gone.get(), 5);
    }
});

behaviour!(those_of_outputs_that_go_with_a_failure_do_not_take_it_along, async {
    let gone = Count::default();
    let bomb = |n| counted_bomb(&gone, &format!("bomb {n}"));
    let children = || {
        let mut nursery = nursery();
        for n in 0..2 {
            let bomb = bomb(n);
            nursery.spawn(async move { Ok(bomb) });
        }
        nursery.spawn(async { Err("failed") });
        nursery
    };
    assert_eq!(children().join().await.map(drop).unwrap_err().len(), 1);
    let report = children().settle().await;
    assert_eq!(report.into_result().map(drop).unwrap_err().len(), 1);
    let output = bomb(3);
    let run = children().run(|_| async move { Ok(output) }).await;
    assert_eq!(run.map(drop).unwrap_err().len(), 1);
    assert_eq!(gone.get(), 7);
});

by_hand!(those_of_a_child_and_of_the_winner_or_the_bodys_output_end_no_process, {
    let gone = Count::default();
    let bomb = |n| counted_bomb(&gone, &format!("bomb {n}"));
    let mut race = nursery().grace(pending::<()>);
    for n in 0..2 {
        let bomb = bomb(n);
        race.spawn(async move {
            let bomb = bomb;
            if n == 0 {
                pending::<()>().await;
            }
            Ok::<_, &str>(bomb)
        });
    }
    let mut race = Task::new(race.first_ok());
    assert!(race.poll().is_pending());
    assert_eq!((panic_when_dropped(race).as_str(), gone.get()), ("bomb 0", 2));

    let (output, left) = (bomb(3), bomb(4));
    let run = nursery::<(), &str>().run(|spawner| async move {
        let left = left;
        let left = async move {
            let _left = left;
            pending().await
        };
        spawner.spawn(left).unwrap();
        Ok(output)
    });
    let mut run = Task::new(run);
    assert!(run.poll().is_pending());
    assert_eq!((panic_when_dropped(run).as_str(), gone.get()), ("bomb 4", 4));
});

behaviour!(of_grandchildren_that_are_cancelled_with_their_child_each_panic_is_kept, async {
    let gone = Count::default();
    let count = gone.clone();
    let mut outer = nursery::<(), &str>();
    let handle = outer.child().name("uploads").group().spawn_with_handle(async move {
        let mut inner = nursery::<(), &str>();
        for n in 0..3 {
            let count = count.clone();
            inner.spawn(waits(move || {
                count.add();
                panic!("grandchild {n}");
            }));
        }
        inner.join().await.map(drop)
    });
    drive(&mut outer);
    handle.cancel();
    let error = outer.join().await.unwrap_err();
    let panics: Vec<_> = error.leaves().map(ToString::to_string).collect();
    let text = |n: u32| format!("#{n}: after cancel: panicked in the destructor: grandchild {n}");
    assert_eq!((panics, gone.get()), (vec![text(2), text(1), text(0)], 3));
});

by_hand!(of_a_body_that_failed_it_comes_before_those_of_the_children_that_are_cancelled_for_it, {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(waits(|| panic!("in the child")));
    let body = ends(Err::<(), _>("the body"), || panic!("in the body"));
    let (_, report) = nursery.run(|_| body).settle().now_or_never().unwrap();
    let error = report.error().unwrap();
    let whose: Vec<bool> = error.iter().map(|error| error.child().is_body()).collect();
    assert_eq!(whose, [true, true, false]);
});

by_hand!(dropping_a_run_whose_children_and_body_panic_drops_all_and_does_not_abort, {
    let gone = Count::default();
    let mut nursery = nursery::<(), &str>();
    for n in 0..2 {
        let count = gone.clone();
        nursery.spawn(waits(move || {
            count.add();
            panic!("child {n}");
        }));
    }
    let count = gone.clone();
    let body = waits::<Result<(), &str>>(move || {
        count.add();
        panic!("the body");
    });
    let mut run = Task::new(nursery.run(|_| body));
    assert!(run.run().is_pending());
    assert_eq!(panic_when_dropped(run), "child 1");
    assert_eq!(gone.get(), 3);
});

by_hand!(dropping_a_nursery_while_panicking_drops_all_children_and_does_not_abort, {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    for _ in 0..3 {
        let child = Live::new(&live);
        nursery.spawn(waits(move || {
            let _ = &child;
            panic!("in a destructor");
        }));
    }
    drive(&mut nursery);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        let _nursery = nursery;
        panic!("around the nursery");
    }));
    assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"around the nursery"));
    assert_eq!(live.get(), 0);
});

by_hand!(a_payload_that_panics_when_it_is_dropped_does_not_keep_the_others_from_being_dropped, {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    for _ in 0..3 {
        let child = Live::new(&live);
        nursery.spawn(waits(move || {
            let _ = &child;
            std::panic::panic_any(OnDrop(|| panic!("in a payload")));
        }));
    }
    drive(&mut nursery);
    let payload = catch_unwind(AssertUnwindSafe(|| drop(nursery))).unwrap_err();
    assert_eq!(live.get(), 0);
    std::mem::forget(payload);
});

by_hand!(of_one_that_lost_to_a_first_success_it_is_dropped, {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(waits(|| panic!("a sore loser")));
    nursery.spawn(async { Ok(1) });
    assert_eq!(nursery.first_ok().now_or_never().unwrap().unwrap().unwrap().1, 1);
});

by_hand!(of_one_that_a_handle_cancelled_it_is_the_completion, {
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_with_handle(waits(|| panic!("late")));
    handle.cancel();
    match nursery.next().now_or_never().unwrap().unwrap().into_outcome() {
        Outcome::Failed(error) => assert!(error.after_cancel() && error.failure().is_panic()),
        outcome => panic!("{outcome:?}"),
    }
    assert!(nursery.next().now_or_never().unwrap().is_none());
    assert!(handle.is_finished());
});

/// A future that is pending for ever and panics with `message` when it is dropped.
fn bomb(message: &'static str) -> impl Future<Output = ()> {
    waits(move || panic!("{message}"))
}

/// Makes the same when it is called, and panics also if it never is.
fn armed(message: &'static str) -> impl FnOnce() -> BoxFuture<'static, ()> {
    let bomb = bomb(message).boxed();
    move || bomb
}

behaviour!(that_of_a_deadline_which_did_not_come_is_a_failure_beside_the_outputs, async {
    let line = here();
    let mut nursery = nursery::<u32, &str>().deadline(bomb("clock"));
    nursery.spawn(async { Ok(7) });
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, 7);
    let error = report.error().unwrap().first();
    assert!(error.child().is_nursery() && !error.after_cancel());
    assert_eq!(error.child().location().line(), line.line() + 1);
    assert_eq!(
        report.error().unwrap().to_string(),
        "the nursery itself failed: panicked in the deadline: clock"
    );
});

behaviour!(that_of_a_deadline_is_a_failure_too_when_the_nursery_is_cancelled_before, async {
    let mut nursery = nursery::<u32, &str>().deadline(bomb("clock"));
    nursery.spawn(pending());
    nursery.cancel_with("enough");
    let report = nursery.settle().await;
    let error = report.error().unwrap().first();
    assert!(error.child().is_nursery() && error.after_cancel());
    assert_eq!(report.counts().cancelled(), 1);
});

behaviour!(that_of_a_deadline_which_has_come_is_a_failure_beside_the_timed_out, async {
    let mut nursery = nursery::<u32, &str>().deadline(ends((), || panic!("clock")));
    nursery.spawn(pending());
    let error = nursery.join().await.unwrap_err();
    assert_eq!(error.len(), 2);
    assert_eq!(error.iter().filter(|e| e.failure().is_panic()).count(), 1);
    assert_eq!(error.iter().filter(|e| e.failure().is_timed_out()).count(), 1);
});

behaviour!(that_of_a_deadline_which_another_has_replaced_is_a_failure, async {
    let mut nursery = nursery::<u32, &str>().deadline(bomb("first")).deadline(pending::<()>());
    nursery.spawn(async { Ok(1) });
    assert_eq!(nursery.join().await.unwrap_err().len(), 1);
});

behaviour!(that_of_a_grace_is_a_failure_whether_it_ran_or_not, async {
    let mut unused = nursery::<u32, &str>().grace(armed("unused"));
    unused.spawn(async { Ok(1) });
    let report = unused.settle().await;
    assert_eq!(report.outputs().len(), 1);
    let error = report.error().unwrap().first();
    assert_eq!(error.failure().to_string(), "panicked in the grace: unused");

    let mut ran = nursery::<u32, &str>().grace(armed("ran"));
    ran.spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Ok(2)
    });
    drive(&mut ran);
    ran.cancel_with("enough");
    let report = ran.settle().await;
    assert_eq!(report.outputs().len(), 1);
    assert!(report.error().unwrap().first().after_cancel());
});

behaviour!(that_of_the_policy_is_a_failure_beside_the_outputs, async {
    let guard = OnDrop(|| panic!("rules"));
    let line = here();
    let mut nursery = nursery::<u32, &str>().cancel_when(move |_| {
        let _ = &guard;
        false
    });
    nursery.spawn(async { Ok(1) });
    let report = nursery.settle().await;
    assert_eq!(report.outputs().len(), 1);
    let error = report.error().unwrap().first();
    assert_eq!(error.failure().to_string(), "panicked in the policy of `cancel_when`: rules");
    assert_eq!(error.child().location().line(), line.line() + 1);
});

behaviour!(those_of_a_child_and_both_its_timers_end_no_process, async {
    let mut nursery = nursery::<u32, &str>();
    let child = nursery.child().timeout(armed("timeout")).grace(armed("grace"));
    let handle = child.spawn_with_handle(waits(|| panic!("child")));
    nursery.spawn(async { Ok(1) });
    handle.cancel();
    let report = nursery.settle().await;
    assert_eq!(report.outputs().len(), 1);
    let error = report.error().unwrap();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().failure().panic().unwrap().message(), "child");
});

by_hand!(that_of_a_timer_does_not_take_a_rejected_future_along, {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.cancel_with("enough");
    let rejected = spawner.child().timeout(armed("timeout")).spawn(async { Ok(7) }).unwrap_err();
    assert_eq!(rejected.future.now_or_never(), Some(Ok(7)));
});

by_hand!(that_of_a_grace_which_nobody_can_have_goes_to_whoever_brought_it, {
    let (spawner, driver) = nursery::<u32, &str>().split();
    let stop =
        |message| catch_unwind(AssertUnwindSafe(|| spawner.cancel_within("enough", bomb(message))));
    assert!(stop("fetched").unwrap());
    let report = Task::new(driver).run();
    let Poll::Ready(report) = report else { panic!("there was nobody to wait for") };
    assert_eq!(report.error().unwrap().first().failure().panic().unwrap().message(), "fetched");
    let thrown = stop("late").unwrap_err();
    assert_eq!(thrown.downcast_ref::<String>().unwrap(), "late");
});

by_hand!(
    those_of_children_and_of_all_that_the_nursery_was_given_leave_one_panic_when_it_is_dropped,
    {
        let guard = OnDrop(|| panic!("rules"));
        let mut nursery = nursery::<u32, &str>()
            .deadline(bomb("deadline"))
            .grace(armed("grace"))
            .cancel_when(move |_| {
                let _ = &guard;
                false
            });
        nursery.spawner().cancel_within("unfetched", bomb("of a spawner"));
        nursery.spawn(waits(|| panic!("child")));
        let thrown = catch_unwind(AssertUnwindSafe(|| drop(nursery))).unwrap_err();
        assert_eq!(thrown.downcast_ref::<&str>(), Some(&"child"));
    }
);

by_hand!(those_of_timers_do_not_take_along_what_is_refused_or_never_spawned, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    let spawner = nursery.spawner();
    let dropped = |child: &mut dyn FnMut()| {
        let thrown = catch_unwind(AssertUnwindSafe(child)).unwrap_err();
        assert_eq!(thrown.downcast_ref::<String>().unwrap(), "one");
    };
    dropped(&mut || drop(nursery.child().timeout(armed("one")).grace(armed("two"))));
    // A slot goes back all the same.
    dropped(&mut || drop(nursery.try_reserve().unwrap().timeout(armed("one")).grace(armed("two"))));
    dropped(&mut || drop(spawner.try_reserve().unwrap().timeout(armed("one")).grace(armed("two"))));
    let slot = spawner.try_reserve().unwrap().timeout(armed("one")).grace(armed("two"));
    nursery.cancel_with("enough");
    assert_eq!(slot.spawn(async { Ok(3) }).unwrap_err().future.now_or_never(), Some(Ok(3)));
    let late = spawner.child().timeout(armed("one")).grace(armed("two")).spawn(async { Ok(4) });
    assert_eq!(late.unwrap_err().future.now_or_never(), Some(Ok(4)));
});

by_hand!(those_of_a_child_and_of_the_output_that_nobody_took_end_no_process, {
    let mut nursery = nursery::<(), &str>();
    let output = OnDrop(|| panic!("output"));
    drop(nursery.spawn_join(ends(Ok(output), || panic!("child"))));
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.first().failure().panic().unwrap().message(), "child");
});

by_hand!(that_of_an_output_which_nobody_took_goes_to_whoever_drops_the_handle, {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_join(async { Ok(OnDrop(|| panic!("output"))) });
    assert!(nursery.join().now_or_never().unwrap().is_ok());
    let thrown = catch_unwind(AssertUnwindSafe(|| drop(handle))).unwrap_err();
    assert_eq!(thrown.downcast_ref::<&str>(), Some(&"output"));
});

behaviour!(a_nursery_that_has_ended_does_not_follow_a_cancel_of_its_child_any_more, async {
    let own = Arc::new(OnceLock::<CancelHandle>::new());
    let mut outer = nursery::<bool, &str>();
    let canceller = Arc::clone(&own);
    let child = outer.child().grace(pending::<()>);
    let handle = child.spawn_with_context(move |cx| async move {
        // It is dropped when the inner nursery has ended, and sends its driver round once more.
        let deadline = waits::<()>(move || {
            canceller.get().unwrap().cancel();
            panic!("clock")
        });
        let mut inner = cx.nursery::<u32, &str>().deadline(deadline);
        let spawner = inner.spawner();
        inner.spawn(async { Ok(1) });
        let report = inner.settle().await;
        Ok(report.cause().is_none() && spawner.cause().is_none())
    });
    own.set(handle).unwrap();
    assert_eq!(outer.join().await.unwrap(), [true]);
});

by_hand!(two_of_errors_that_were_not_read_end_no_process_at_any_depth, {
    for depth in 0..3 {
        let gone = Count::default();
        let mut outer = nursery();
        for n in 0..2 {
            let bomb = counted_bomb(&gone, &format!("bomb {n}"));
            outer.spawn(async move { Err(bomb) });
        }
        for _ in 0..depth {
            let inner = std::mem::replace(&mut outer, nursery::<(), _>());
            outer.spawn_group(async { inner.join().await.map(drop) });
        }
        outer.spawn(pending());
        let mut join = Task::new(outer.join());
        assert!(join.poll().is_pending());
        assert_eq!(panic_when_dropped(join), "bomb 0");
        assert_eq!(gone.get(), 2);
    }
});
