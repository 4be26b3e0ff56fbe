//! In what order children are dropped, and what their destructors may do.

use std::future::pending;
use std::panic::panic_any;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use nestling::CancelHandle;

use crate::support::{Log, OnDrop, drive, ends, waits, yields};

by_hand!(a_dropped_nursery_drops_the_newest_child_first_and_those_of_the_backlog_too, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().limit(3);
    for n in 0..6 {
        let log = log.clone();
        nursery.spawn(waits(move || log.add(n)));
    }
    drive(&mut nursery);
    let late = log.clone();
    nursery.spawner().spawn(waits(move || late.add(6))).unwrap();
    drop(nursery);
    assert_eq!(log.take(), [6, 5, 4, 3, 2, 1, 0]);
});

by_hand!(a_cancelled_nursery_drops_the_newest_child_first_before_cancel_returns, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().limit(3);
    for n in 0..6 {
        let log = log.clone();
        nursery.spawn(waits(move || log.add(n)));
    }
    drive(&mut nursery);
    let late = log.clone();
    nursery.spawner().spawn(waits(move || late.add(6))).unwrap();
    assert!(nursery.cancel_with("over"));
    assert_eq!(log.take(), [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(nursery.settle().now_or_never().unwrap().counts().cancelled(), 7);
});

behaviour!(a_failure_drops_the_newest_sibling_first, async {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().first_error();
    for n in 0..5 {
        let log = log.clone();
        nursery.spawn(async move {
            if n == 2 {
                let _guard = crate::support::OnDrop(|| log.add(2));
                yields(2).await;
                Err("stop")
            } else {
                waits(|| log.add(n)).await
            }
        });
    }
    nursery.join().await.unwrap_err();
    assert_eq!(log.take(), [2, 4, 3, 1, 0]);
});

behaviour!(the_failures_that_clean_up_brings_come_in_the_order_of_drops, async {
    let mut nursery = nursery::<(), &str>();
    for n in 0..4 {
        nursery.spawn(waits(move || panic!("{n}")));
    }
    drive(&mut nursery);
    nursery.cancel_with("over");
    let error = nursery.join().await.unwrap_err();
    let messages: Vec<_> = error.iter().map(|e| e.failure().panic().unwrap().message()).collect();
    assert_eq!(messages, ["3", "2", "1", "0"]);
    assert!(error.iter().all(|e| e.after_cancel()));
});

behaviour!(a_child_is_dropped_before_its_output_is_handed_out, async {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    for n in 0..3 {
        let log = log.clone();
        nursery.spawn(ends(Ok(()), move || log.add(n)));
    }
    for n in 0..3 {
        assert!(nursery.next().await.unwrap().outcome().is_completed());
        assert_eq!(log.take(), [n]);
    }
});

behaviour!(a_child_that_ended_is_dropped_before_the_next_one_of_the_backlog_starts, async {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().limit(1);
    for n in 0..3 {
        let (started, dropped) = (log.clone(), log.clone());
        nursery.spawn(async move {
            let _guard = crate::support::OnDrop(move || dropped.add((n, "dropped")));
            started.add((n, "started"));
            yields(n).await;
            Ok(())
        });
    }
    nursery.join().await.unwrap();
    let expected: Vec<_> = (0..3).flat_map(|n| [(n, "started"), (n, "dropped")]).collect();
    assert_eq!(log.take(), expected);
});

/// Cancels all that are in the list.
fn cancel_all(handles: &Arc<Mutex<Vec<CancelHandle>>>) -> usize {
    let handles = handles.lock().unwrap().clone();
    handles.iter().filter(|handle| handle.cancel_with("by a sibling")).count()
}

behaviour!(a_destructor_may_cancel_siblings, async {
    for canceller in 0..3 {
        let others = Arc::new(Mutex::new(Vec::new()));
        let mut nursery = nursery::<(), &str>().limit(2);
        let mut own = None;
        for n in 0..3 {
            if n == canceller {
                let others = others.clone();
                own = Some(nursery.spawn_with_handle(waits(move || {
                    assert_eq!(cancel_all(&others), 2);
                    assert_eq!(cancel_all(&others), 0);
                })));
            } else {
                others.lock().unwrap().push(nursery.spawn_with_handle(pending()));
            }
        }
        drive(&mut nursery);
        own.unwrap().cancel_with("by hand");
        let report = nursery.settle().await;
        let reasons: Vec<_> =
            report.cancelled().iter().map(|c| c.cause().message().unwrap()).collect();
        let mut expected = ["by a sibling"; 3];
        expected[canceller] = "by hand";
        assert_eq!(reasons, expected);
    }
});

behaviour!(a_destructor_that_cancels_siblings_while_all_are_cancelled_changes_no_cause, async {
    let handles = Arc::new(Mutex::new(Vec::new()));
    let mut nursery = nursery::<(), &str>().limit(2);
    for _ in 0..4 {
        let all = handles.clone();
        let handle = nursery.spawn_with_handle(waits(move || {
            cancel_all(&all);
        }));
        handles.lock().unwrap().push(handle);
    }
    drive(&mut nursery);
    nursery.cancel_with("all of them");
    let report = nursery.settle().await;
    assert_eq!((report.counts().cancelled(), report.cancelled().len()), (4, 4));
    assert!(report.error().is_none());
    assert_eq!(report.cancelled()[3].cause().message(), Some("all of them"));
});

by_hand!(a_destructor_that_cancels_siblings_while_the_nursery_is_dropped_is_harmless, {
    let handles = Arc::new(Mutex::new(Vec::new()));
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().limit(2);
    for n in 0..4 {
        let (all, log) = (handles.clone(), log.clone());
        let handle = nursery.spawn_with_handle(waits(move || {
            cancel_all(&all);
            log.add(n);
        }));
        handles.lock().unwrap().push(handle);
    }
    drive(&mut nursery);
    drop(nursery);
    assert_eq!(log.take(), [3, 2, 1, 0]);
    assert!(handles.lock().unwrap().iter().all(CancelHandle::is_finished));
});

behaviour!(a_destructor_may_cancel_the_whole_nursery, async {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    nursery.spawn(ends(Ok(1), move || {
        assert!(spawner.cancel_with("by a destructor"));
    }));
    let report = nursery.settle().await;
    assert_eq!((report.outputs().len(), report.counts().cancelled()), (1, 1));
    assert_eq!(report.cause().unwrap().message(), Some("by a destructor"));
});

behaviour!(outputs_of_a_join_that_fails_are_dropped, async {
    let live = crate::support::Count::default();
    let mut nursery = nursery::<crate::support::Live, &str>();
    let output = crate::support::Live::new(&live);
    nursery.spawn(async move { Ok(output) });
    nursery.spawn(async { Err("no") });
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), live.get()), (1, 0));
});

by_hand!(what_has_ended_is_dropped_after_the_children_that_have_not, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    let child = log.clone();
    nursery.spawn(waits(move || child.add("child")));
    let failure = log.clone();
    let mut failure = Some(OnDrop(move || failure.add("failure")));
    nursery.spawn(ends(Ok(()), move || panic_any(failure.take().expect("it is dropped once"))));
    // The output is handed out before the panic.
    assert!(nursery.next().now_or_never().flatten().unwrap().outcome().is_completed());
    drop(nursery);
    assert_eq!(log.take(), ["child", "failure"]);
});
