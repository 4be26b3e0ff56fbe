//! A start/stop pair: the spawner that keeps a nursery open, and the driver.

use std::future::{pending, ready};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use futures::FutureExt;
use nestling::Nursery;
use nestling::outcome::CauseKind;
use nestling::spawn::Rejection;

use crate::support::{Count, Live, Log, Task, waits, yields};

behaviour!(a_driver_drains_after_close_and_gives_the_report, async {
    let (spawner, driver) = nursery::<u32, &str>().split();
    let body = async move {
        spawner.spawn(yields(3).map(|()| Ok(1))).unwrap();
        yields(1).await;
        assert!(spawner.close());
        assert!(!spawner.close());
        let refused = spawner.spawn(ready(Ok(2))).unwrap_err();
        assert!(matches!(refused.reason, Rejection::Closed));
        yields(5).await;
        spawner
    };
    let (spawner, report) = futures::join!(body, driver);
    assert_eq!((report.outputs()[0].1, report.counts().total()), (1, 1));
    assert!(report.cause().is_none() && !spawner.close());
});

by_hand!(a_driver_stays_while_there_is_a_spawner_and_ends_with_the_last, {
    let (spawner, driver) = nursery::<u32, &str>().split();
    let mut driver = Task::new(driver);
    assert!(driver.run().is_pending());
    let clone = spawner.clone();
    drop(spawner);
    assert!(driver.run().is_pending());
    clone.spawn(ready(Ok(1))).unwrap();
    assert!(driver.run().is_pending());
    drop(clone);
    assert!(driver.run().is_ready(), "it was woken, and nothing can come any more");
});

by_hand!(stop_ends_it_and_the_children_are_gone, {
    let live = Count::default();
    let (spawner, driver) = nursery::<(), &str>().split();
    let child = Live::new(&live);
    spawner
        .spawn(async move {
            let _child = child;
            pending().await
        })
        .unwrap();
    let mut driver = Task::new(driver);
    assert!(driver.run().is_pending());
    assert!(spawner.cancel_with("shutting down"));
    assert!(!spawner.cancel_with("again"));
    assert_eq!(live.get(), 1, "the driver drops it, not who stops it");
    match driver.run() {
        Poll::Ready(report) => {
            assert_eq!(report.cause().unwrap().message(), Some("shutting down"));
            assert_eq!((report.counts().cancelled(), live.get()), (1, 0));
        }
        Poll::Pending => panic!("it goes on"),
    }
    assert!(matches!(spawner.spawn(pending()).unwrap_err().reason, Rejection::Cancelled(_)));
});

behaviour!(stop_within_drains_and_lists_who_had_to_be_dropped, async {
    let (spawner, driver) = nursery::<&str, &str>().limit(3).split();
    let body = async move {
        let own = spawner.clone();
        let plain = async move {
            while own.cause().is_none() {
                yields(1).await;
            }
            yields(3).await;
            Ok("plain")
        };
        spawner.spawn(plain).unwrap();
        let heard = |cx: nestling::ChildContext<'static, _, _, _>| async move {
            cx.cancelled().await;
            Ok("signalled")
        };
        spawner.spawn_with_context(heard).unwrap();
        spawner.child().name("stuck").spawn(pending()).unwrap();
        spawner.child().name("queued").spawn(pending()).unwrap();
        yields(2).await;
        assert!(spawner.cancel_within("shutting down", yields(20)));
    };
    let ((), report) = futures::join!(body, driver);
    assert_eq!(report.counts().completed(), 2);
    assert_eq!(report.counts().cancelled(), 2);
    let overran: Vec<_> = report.overran_grace().map(|child| child.name()).collect();
    assert_eq!(overran, [Some("stuck")]);
});

by_hand!(a_second_grace_cuts_the_first_one_short_and_the_cause_stays, {
    let dropped = Log::new();
    let (spawner, driver) = nursery::<(), &str>().split();
    spawner.spawn(pending()).unwrap();
    let mut driver = Task::new(driver);
    assert!(driver.run().is_pending());
    let log = dropped.clone();
    assert!(spawner.cancel_within("first", waits::<()>(move || log.add("first grace"))));
    assert!(driver.run().is_pending());
    assert!(!spawner.cancel_within("second", ready(())));
    match driver.run() {
        Poll::Ready(report) => {
            assert_eq!(report.cause().unwrap().message(), Some("first"));
            assert_eq!(report.overran_grace().count(), 1);
        }
        Poll::Pending => panic!("it goes on"),
    }
    assert_eq!(dropped.take(), ["first grace"]);
});

behaviour!(a_nursery_that_was_closed_can_still_be_stopped, async {
    let (spawner, driver) = nursery::<(), &str>().split();
    spawner.spawn(pending()).unwrap();
    let stop = async move {
        assert!(spawner.close());
        yields(3).await;
        assert!(spawner.cancel_with("takes too long"));
    };
    let ((), report) = futures::join!(stop, driver);
    assert_eq!(report.cause().unwrap().kind(), CauseKind::Requested);
});

by_hand!(close_sends_away_who_waits_for_a_slot, {
    let (spawner, driver) = nursery::<(), &str>().limit(1).split();
    let handle = spawner.spawn_with_handle(pending()).unwrap();
    let mut driver = Task::new(driver);
    assert!(driver.run().is_pending());
    let mut waiting = Task::new(spawner.reserve());
    assert!(waiting.run().is_pending());
    assert!(spawner.close());
    match waiting.run() {
        Poll::Ready(Err(refused)) => assert!(matches!(refused, Rejection::Closed)),
        other => panic!("{other:?}"),
    }
    assert!(driver.run().is_pending());
    handle.cancel();
    assert!(driver.run().is_ready());
});

behaviour!(a_context_does_not_keep_it_open_so_daemons_may_have_one, async {
    let (spawner, driver) = nursery::<u32, &str>().split();
    let daemon = |cx: nestling::ChildContext<'static, _, _, _>| async move {
        let _spawner = cx.spawner();
        pending().await
    };
    spawner.child().daemon().spawn_with_context(daemon).unwrap();
    spawner.spawn(yields(2).map(|()| Ok(1))).unwrap();
    drop(spawner);
    let report = driver.await;
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 1));
});

behaviour!(daemons_go_on_while_a_spawner_keeps_it_open, async {
    let polls = Count::default();
    let (spawner, driver) = nursery::<(), &str>().split();
    let polled = polls.clone();
    spawner
        .child()
        .daemon()
        .spawn(async move {
            loop {
                polled.add();
                yields(1).await;
            }
        })
        .unwrap();
    let body = async move {
        while polls.get() < 1_000 {
            yields(1).await;
        }
        drop(spawner);
    };
    let ((), report) = futures::join!(body, driver);
    assert_eq!(report.cancelled()[0].cause().kind(), CauseKind::Finished);
});

behaviour!(a_child_that_holds_a_spawner_keeps_it_open_until_it_ends, async {
    let (spawner, driver) = nursery::<u32, &str>().split();
    let own = spawner.clone();
    spawner
        .spawn(async move {
            yields(3).await;
            own.spawn(ready(Ok(2))).unwrap();
            Ok(1)
        })
        .unwrap();
    drop(spawner);
    assert_eq!(driver.await.into_result().unwrap(), [1, 2]);
});

by_hand!(dropping_the_driver_drops_the_children_and_closes, {
    let log = Log::new();
    let (spawner, driver) = nursery::<(), &str>().split();
    for number in 0..3 {
        let log = log.clone();
        spawner.spawn(waits(move || log.add(number))).unwrap();
    }
    let mut driver = Task::new(driver);
    assert!(driver.run().is_pending());
    drop(driver);
    assert_eq!(log.take(), [2, 1, 0]);
    assert!(matches!(spawner.spawn(pending()).unwrap_err().reason, Rejection::Closed));
    assert!(!spawner.cancel_with("too late") && !spawner.close());
});

behaviour!(the_owner_can_still_spawn_into_what_a_spawner_has_closed, async {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    assert!(spawner.close());
    nursery.spawn(async { Ok(1) });
    assert!(matches!(spawner.spawn(ready(Ok(2))).unwrap_err().reason, Rejection::Closed));
    assert_eq!(nursery.join().await.unwrap(), [1]);
});

#[test]
fn a_driver_on_another_thread_is_stopped_from_this_one() {
    let (spawner, driver) = Nursery::<u32, &str>::new().split();
    let (started, has_started) = mpsc::channel();
    let driving = thread::spawn(move || futures::executor::block_on(driver));
    spawner
        .spawn(async move {
            started.send(()).unwrap();
            pending().await
        })
        .unwrap();
    has_started.recv().unwrap();
    spawner.cancel_with("from here");
    let report = driving.join().unwrap();
    assert_eq!(report.cause().unwrap().message(), Some("from here"));
}

by_hand!(a_grace_that_comes_when_the_nursery_has_ended_is_dropped_at_once, {
    let live = Count::default();
    let (spawner, driver) = nursery::<(), &str>().split();
    spawner.cancel_with("enough");
    assert!(Task::new(driver).run().is_ready());
    // Were it kept, the spawner in it would keep itself alive.
    let (kept, again) = (Live::new(&live), spawner.clone());
    let late = spawner.cancel_within("again", async move {
        let _both = (kept, again);
        pending::<()>().await
    });
    assert!(!late);
    assert_eq!(live.get(), 0);
});

by_hand!(a_grace_for_a_nursery_that_was_cancelled_and_dropped_is_dropped_at_once, {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    spawner.cancel_within("enough", pending::<()>());
    drop(nursery);
    let kept = Live::new(&live);
    spawner.cancel_within("again", async move {
        let _kept = kept;
        pending::<()>().await
    });
    assert_eq!(live.get(), 0);
});
