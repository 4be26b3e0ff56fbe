//! What a snapshot says of each child.

use std::future::{pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;
use nestling::observe::{AtPlace, ChildState, DriverState, Watch, WokenBy};
use nestling::{LocalNursery, Nursery};

use super::{Hand, child, millis, poll_once, states};
use crate::support::yields;

#[test]
fn a_child_is_there_from_its_spawn_to_its_end() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    assert!(watch.snapshot().children().is_empty());
    nursery.child().name("parked").spawn(pending());
    nursery.spawn(ready(Ok(())));
    assert_eq!(states(&watch.snapshot()), [ChildState::Queued; 2]);
    poll_once(nursery.run(|_| async {
        // In the poll of the body.
        let snapshot = watch.snapshot();
        assert_eq!(child(&snapshot, "parked").state(), ChildState::Waiting);
        let names: Vec<_> = snapshot.children().iter().map(|it| it.info().to_string()).collect();
        assert!(names[0].starts_with("#0 parked") && names[1].starts_with("body"), "{names:?}");
        assert_eq!(snapshot.nurseries()[0].ended(), 1);
        Ok(())
    }));
    // The run was dropped, and all with it.
    assert!(watch.snapshot().children().is_empty() && watch.snapshot().nurseries().is_empty());
}

#[test]
fn states_and_times_are_told() {
    let (clock, watch) = hand();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(1).watch(&watch);
    let (sender, receiver) = oneshot::channel::<()>();
    nursery.child().name("reader").spawn(async { receiver.await.map_err(drop) });
    nursery.child().name("next").spawn(ready(Ok(())));
    clock.pass(3);
    poll_once(nursery.next());
    clock.pass(5);
    let snapshot = watch.snapshot();
    let reader = child(&snapshot, "reader");
    assert_eq!((reader.state(), reader.in_state()), (ChildState::Waiting, millis(5)));
    assert_eq!((reader.age(), reader.running()), (millis(8), Some(millis(5))));
    assert_eq!((reader.polls(), reader.wakers(), reader.woken_by()), (1, 1, None));
    let next = child(&snapshot, "next");
    assert_eq!((next.state(), next.in_state()), (ChildState::Queued, millis(8)));
    assert_eq!((next.running(), next.polls()), (None, 0));
    let seen = &snapshot.nurseries()[0];
    assert_eq!((seen.running(), seen.queued(), seen.limit()), (1, 1, Some(1)));
    assert_eq!((seen.age(), seen.driver()), (millis(8), DriverState::Resting));

    sender.send(()).unwrap();
    clock.pass(2);
    let snapshot = watch.snapshot();
    let reader = child(&snapshot, "reader");
    assert_eq!((reader.state(), reader.in_state()), (ChildState::Woken, millis(2)));
    assert_eq!(reader.woken_by(), Some(&WokenBy::Outside));
    assert_eq!(snapshot.nurseries()[0].driver(), DriverState::Woken);
}

#[test]
fn of_the_wakes_in_a_poll_the_first_is_told() {
    for itself_first in [true, false] {
        let watch = Watch::new();
        let mut polls = 0;
        let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
        nursery.child().name("woken").spawn(std::future::poll_fn(|cx| {
            polls += 1;
            if polls > 1 {
                return Poll::Pending;
            }
            let wake = |is_own: bool| match is_own {
                true => cx.waker().wake_by_ref(),
                false => std::thread::scope(|scope| {
                    let waker = cx.waker().clone();
                    scope.spawn(move || waker.wake());
                }),
            };
            wake(itself_first);
            let first = if itself_first { WokenBy::Itself } else { WokenBy::Outside };
            assert_eq!(child(&watch.snapshot(), "woken").woken_by(), Some(&first));
            wake(!itself_first);
            Poll::Pending
        }));
        poll_once(nursery.next());
        let snapshot = watch.snapshot();
        let woken = child(&snapshot, "woken");
        assert_eq!((woken.polls(), woken.self_woken()), (2, u64::from(itself_first)));
        let by = woken.woken_by().cloned();
        assert_eq!(by == Some(WokenBy::Itself), itself_first, "{by:?}");
    }
}

#[test]
fn a_poll_that_goes_on_is_seen_from_another_thread() {
    let (clock, watch) = hand();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.child().name("blocks").spawn(async {
        clock.pass(7);
        std::thread::scope(|scope| {
            let seen = scope.spawn(|| {
                let snapshot = watch.snapshot();
                let blocks = child(&snapshot, "blocks");
                assert_eq!((blocks.state(), blocks.in_state()), (ChildState::Polled, millis(7)));
                assert_eq!((blocks.polls(), blocks.longest_poll()), (1, millis(7)));
                assert_eq!(blocks.busy(), millis(7));
                assert_eq!(snapshot.nurseries()[0].driver(), DriverState::Polled);
            });
            seen.join().unwrap();
        });
        Ok(())
    });
    futures::executor::block_on(nursery.join()).unwrap();
}

#[test]
fn the_child_that_woke_another_is_named() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let (sender, receiver) = oneshot::channel::<()>();
    let own = watch.clone();
    nursery.child().name("reader").spawn(async move {
        let _ = receiver.await;
        let snapshot = own.snapshot();
        let by = child(&snapshot, "reader").woken_by().unwrap().clone();
        assert_eq!(by.to_string(), "#1 writer");
        assert!(matches!(by, WokenBy::Child { info, .. } if info.name() == Some("writer")));
        Ok(())
    });
    nursery.child().name("writer").spawn(async { sender.send(()) });
    futures::executor::block_on(nursery.join()).unwrap();
}

#[test]
fn a_child_that_yields_wakes_itself() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let own = watch.clone();
    nursery.child().name("busy").spawn(async move {
        yields(3).await;
        let snapshot = own.snapshot();
        let busy = child(&snapshot, "busy");
        assert_eq!((busy.polls(), busy.self_woken()), (4, 3));
        assert_eq!(busy.woken_by(), Some(&WokenBy::Itself));
        Ok(())
    });
    futures::executor::block_on(nursery.join()).unwrap();
}

#[test]
fn nothing_holds_the_waker_of_a_child_that_nothing_can_wake() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let (sender, receiver) = oneshot::channel::<()>();
    nursery.child().name("pending").spawn(pending());
    nursery.child().name("reader").spawn(async { receiver.await.map_err(drop) });
    nursery.child().name("both").spawn(async {
        let wakers = std::future::poll_fn(|cx| {
            std::task::Poll::Ready([cx.waker().clone(), cx.waker().clone()])
        });
        let _wakers = wakers.await;
        pending().await
    });
    poll_once(nursery.next());
    let wakers = |name| child(&watch.snapshot(), name).wakers();
    assert_eq!((wakers("pending"), wakers("reader"), wakers("both")), (0, 1, 2));
    drop(sender);
}

#[test]
fn places_are_told_while_their_futures_wait() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let (sender, receiver) = oneshot::channel::<()>();
    let place = || watch.snapshot().children()[0].place().map(String::from);
    nursery.spawn_with_context(|cx| async move {
        let _ = receiver.at("connect").await;
        cx.at("session");
        async { yields(1).at("read").await }.at("request").await;
        cx.at(format!("close {}", 1));
        pending().await
    });
    assert_eq!(place(), None);
    poll_once(nursery.next());
    assert_eq!(place().as_deref(), Some("connect"));
    sender.send(()).unwrap();
    let mut next = pin!(nursery.next());
    let mut cx = Context::from_waker(Waker::noop());
    // A child that yields is polled again in the next turn at the latest.
    let mut seen = Vec::new();
    for _ in 0..3 {
        assert!(next.as_mut().poll(&mut cx).is_pending());
        seen.extend(place());
    }
    assert_eq!(seen.last().map(String::as_str), Some("close 1"));
}

#[test]
fn places_inside_each_other_are_told_in_order() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.spawn_with_context(|cx| async move {
        cx.at("session");
        async {
            drop(pending::<()>().at("never polled"));
            let (one, two) = (pending::<()>().at("read"), pending::<()>().at("write"));
            futures::join!(one, two);
        }
        .at("request")
        .await;
        Ok(())
    });
    poll_once(nursery.next());
    let snapshot = watch.snapshot();
    let place = snapshot.children()[0].place();
    assert_eq!(place, Some("session > request > read > write"));
}

#[test]
fn a_place_is_of_no_use_where_nothing_is_observed() {
    let mut nursery: LocalNursery<'_, u8, ()> = Nursery::local();
    nursery.spawn_with_context(|cx| async move {
        cx.at("somewhere");
        Ok(ready(7).at("there").await)
    });
    assert_eq!(futures::executor::block_on(nursery.join()).unwrap(), [7]);
}

#[test]
fn children_of_a_spawner_are_there_before_they_are_fetched() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let spawner = nursery.spawner();
    std::thread::scope(|scope| {
        scope.spawn(|| spawner.child().name("far").spawn(ready(Ok(()))).unwrap());
    });
    assert_eq!(child(&watch.snapshot(), "far").state(), ChildState::Queued);
    nursery.cancel();
    spawner.spawn(ready(Ok(()))).unwrap_err();
    assert_eq!(futures::executor::block_on(nursery.settle()).counts().cancelled(), 1);
    assert!(watch.snapshot().children().is_empty());
}

#[test]
fn a_child_that_is_told_to_end_is_cancelling() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    nursery.child().name("slow").grace(pending::<()>).spawn(pending());
    nursery.child().name("metrics").daemon().spawn(pending());
    poll_once(nursery.next());
    nursery.cancel_with("shutting down");
    let snapshot = watch.snapshot();
    assert!(child(&snapshot, "slow").is_cancelling());
    let metrics = child(&snapshot, "metrics");
    assert!(metrics.is_daemon() && !metrics.is_cancelling());
    assert_eq!(snapshot.nurseries()[0].cancelled(), Some("requested: shutting down"));
}

#[test]
fn a_remote_child_is_seen_where_it_runs() {
    let watch = Watch::new();
    let threads = nestling::executor(|task| {
        std::thread::spawn(|| futures::executor::block_on(task));
    });
    let mut nursery: Nursery<'_, u64, ()> = Nursery::new().watch(&watch);
    let own = watch.clone();
    nursery.child().name("far").spawn_on(threads, async move {
        yields(2).await;
        let snapshot = own.snapshot();
        let far = child(&snapshot, "far");
        assert!(far.is_remote());
        assert_eq!(far.state(), ChildState::Polled);
        Ok(far.polls())
    });
    assert_eq!(futures::executor::block_on(nursery.join()).unwrap(), [3]);
}

#[test]
fn options_hold_in_any_order() {
    let watch = Watch::new();
    let mut one: Nursery<'_, (), ()> = Nursery::new().watch(&watch).name("one").limit(3);
    let two: Nursery<'_, (), ()> = Nursery::new().name("two").limit(4).watch(&watch);
    let told = |at: usize| {
        let snapshot = watch.snapshot();
        let seen = &snapshot.nurseries()[at];
        (seen.name().map(String::from), seen.limit())
    };
    assert_eq!(told(0), (Some("one".into()), Some(3)));
    assert_eq!(told(1), (Some("two".into()), Some(4)));
    one.set_limit(9);
    assert_eq!(told(0).1, Some(9));
    drop((one, two));
    assert!(watch.snapshot().nurseries().is_empty());
}

#[test]
fn two_watches_see_the_same_child_and_each_once() {
    let (one, two) = (Watch::new(), Watch::new());
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&one).watch(&two).watch(&one);
    nursery.spawn(pending());
    for watch in [&one, &two] {
        assert_eq!(watch.snapshot().children().len(), 1);
    }
}

#[test]
fn what_observes_later_takes_no_child_from_a_watch() {
    let (one, two) = (Watch::new(), Watch::new());
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("n").watch(&one);
    nursery.child().name("early").grace(pending::<()>).spawn(pending());
    let mut nursery = nursery.watch(&two);
    nursery.child().name("late").spawn(pending());
    let names = |watch: &Watch| {
        let snapshot = watch.snapshot();
        let names = snapshot.children().iter().map(|child| child.info().name().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&one), names(&two)),
        (vec!["early".into(), "late".into()], vec!["late".into()])
    );
    poll_once(nursery.next());
    nursery.cancel();
    let snapshot = one.snapshot();
    assert_eq!(snapshot.nurseries().len(), 2);
    assert!(snapshot.nurseries().iter().all(|nursery| nursery.cancelled().is_some()));
    drop(nursery);
    assert!(one.snapshot().nurseries().is_empty());
}

#[test]
fn a_nursery_that_is_cancelled_already_is_seen_so() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&Watch::new());
    nursery.cancel_with("enough");
    let _nursery = nursery.watch(&watch);
    assert_eq!(watch.snapshot().nurseries()[0].cancelled(), Some("requested: enough"));
}

#[test]
fn a_body_that_goes_on_is_not_cancelling() {
    let watch = Watch::new();
    let nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let (_output, outputs) = futures::executor::block_on(nursery.run(|spawner| async move {
        spawner.cancel_with("enough");
        yields(1).await;
        let snapshot = watch.snapshot();
        let [body] = snapshot.children() else { panic!("{snapshot:#}") };
        assert!(body.info().is_body() && !body.is_cancelling());
        assert_eq!(snapshot.nurseries()[0].cancelled(), Some("requested: enough"));
        Ok(())
    }))
    .unwrap();
    assert!(outputs.is_empty());
}

#[test]
fn a_remote_child_has_its_slot_before_and_after_it_runs() {
    let (clock, watch) = hand();
    let tasks = std::sync::Mutex::new(Vec::new());
    let elsewhere = nestling::executor(|task| tasks.lock().unwrap().push(task));
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().limit(1).watch(&watch);
    nursery.child().name("far").spawn_on(elsewhere, ready(Ok(())));
    nursery.child().name("next").spawn(ready(Ok(())));
    poll_once(nursery.next());
    clock.pass(5_000);
    let state = |snapshot: &nestling::observe::Snapshot| {
        (child(snapshot, "far").state(), snapshot.nurseries()[0].running())
    };
    assert_eq!(state(&watch.snapshot()), (ChildState::Woken, 1), "it was handed over");
    let kinds = || watch.check().iter().map(|it| it.kind()).collect::<Vec<_>>();
    assert_eq!(kinds(), [], "the executor has not come to it, which is no fault of the nursery");
    let task = tasks.lock().unwrap().pop().unwrap();
    futures::executor::block_on(task);
    assert_eq!(state(&watch.snapshot()), (ChildState::Woken, 1), "its end was not seen");
    clock.pass(5_000);
    assert_eq!(kinds(), [nestling::observe::FindingKind::NotPolled]);
    futures::executor::block_on(nursery.join()).unwrap();
}

fn hand() -> (Hand, Watch) {
    let clock = Hand::default();
    (clock.clone(), Watch::with_clock(clock))
}

#[test]
fn the_kit_tells_what_the_children_do_where_a_run_stalls() {
    use nestling::testing::Executor;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let mut executor = Executor::new(1);
    let watch = executor.watch();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("n").watch(&watch);
    nursery.child().name("reader").spawn(pending());
    let stalled = catch_unwind(AssertUnwindSafe(|| executor.block_on(nursery.join())));
    let payload = stalled.unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("the future waits, and nothing is left to wake it\n"), "{text}");
    assert!(text.contains("\n1 child in 1 nursery\n"), "{text}");
    assert!(text.contains("\n└─ #0 reader  waiting"), "{text}");
    assert!(text.contains("\n#0 reader in \"n\" waits, and nothing can wake it: "), "{text}");
    assert!(watch.snapshot().children().is_empty());
}
