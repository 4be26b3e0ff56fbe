//! Destructors that wake, panic and spawn.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;

use crate::support::{Count, Live, Log, Task, drive, ends, waits};

// A driver that drops a child under the lock that a wake takes waits for itself where its
// destructor wakes another: the sending half of a channel does, when it is dropped.
by_hand!(a_destructor_may_wake_another_child_however_its_own_ends, {
    let ways = ["completes", "fails", "panics", "is cancelled", "is cancelled with its nursery"];
    for way in ways {
        let (send, receive) = oneshot::channel::<()>();
        let (wake, woken) = oneshot::channel::<()>();
        let mut nursery = nursery::<&str, &str>();
        nursery.spawn(async move {
            // The other half is dropped and never used.
            receive.await.map_or(Ok("woken"), |()| Err("it was sent"))
        });
        let mut body = Box::pin(async move {
            woken.await.map_err(|_| "hung up")?;
            match way {
                "completes" => Ok("ended"),
                "fails" => Err("ended"),
                "panics" => panic!("ended"),
                _ => pending().await,
            }
        });
        let ending = poll_fn(move |cx| {
            // Not the body's, which drops what it has while it is polled.
            let _send = &send;
            body.as_mut().poll(cx)
        });
        let handle = if way.ends_with("its nursery") {
            nursery.child().group().spawn_with_handle(async move {
                let mut inner = crate::support::shared::nursery::<&str, &str>();
                inner.spawn(ending);
                inner.join().await.map(|outputs| outputs[0])
            })
        } else {
            nursery.spawn_with_handle(ending)
        };
        let mut settle = Task::new(nursery.settle());
        assert!(settle.run().is_pending());
        wake.send(()).unwrap();
        if way.starts_with("is cancelled") {
            assert!(settle.run().is_pending());
            handle.cancel();
        }
        let Poll::Ready(report) = settle.run() else { panic!("one that {way} wakes nobody") };
        assert_eq!(report.outputs()[0].1, "woken");
        assert_eq!(report.counts().total(), 2);
    }
});

// Where the destructor of a future that is through panics, `FuturesUnordered` loses what it
// returned.
behaviour!(a_destructor_that_panics_takes_no_output_along, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(ends(Ok(1), || panic!("destructor")));
    nursery.spawn(ends(Err("failed"), || panic!("destructor")));
    let report = nursery.settle().await;
    assert_eq!(report.outputs()[0].1, 1);
    let failures: Vec<_> = report.error().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        failures,
        [
            "#0: panicked in the destructor: destructor",
            "#1: failed",
            "#1: panicked in the destructor: destructor"
        ]
    );
});

// Where a destructor panics, a `FuturesUnordered` that is dropped leaks those that were pushed
// before.
by_hand!(a_destructor_that_panics_keeps_no_sibling_alive, {
    for cancel in [false, true] {
        let live = Count::default();
        let mut nursery = nursery::<(), &str>().limit(3);
        for n in 0..6 {
            let one = Live::new(&live);
            nursery.spawn(waits(move || {
                let _one = &one;
                assert!(n % 3 != 1, "destructor of {n}");
            }));
        }
        drive(&mut nursery);
        if cancel {
            nursery.cancel_with("over");
            assert_eq!(live.get(), 0);
            let Some(report) = nursery.settle().now_or_never() else { panic!("all are gone") };
            assert_eq!((report.counts().failed(), report.counts().cancelled()), (2, 4));
        } else {
            let payload = catch_unwind(AssertUnwindSafe(|| drop(nursery))).unwrap_err();
            assert_eq!(payload.downcast_ref::<String>().unwrap(), "destructor of 4");
            assert_eq!(live.get(), 0);
        }
    }
});

// A moro scope that is dropped drops those it has not polled yet under the lock that a spawn takes:
// a destructor among theirs that spawns waits for itself.
by_hand!(a_destructor_may_spawn_wherever_its_child_stands, {
    for way in ["dropped", "cancelled", "cancelled by a spawner", "dropped in mid-run"] {
        let log = Log::new();
        let mut nursery = nursery::<(), &str>().limit(1);
        let spawner = nursery.spawner();
        let child = |name| {
            let (spawner, log) = (spawner.clone(), log.clone());
            waits(move || {
                let refused = spawner.spawn(async { Ok(()) }).unwrap_err().reason;
                log.add((name, refused.is_cancelled(), refused.is_closed()));
            })
        };
        nursery.spawn(child("running"));
        nursery.spawn(child("in the backlog"));
        drive(&mut nursery);
        spawner.spawn(child("on its way")).unwrap();
        let cancelled = way.starts_with("cancelled");
        match way {
            "dropped" => drop(nursery),
            "cancelled" => assert!(nursery.cancel_with("over")),
            "cancelled by a spawner" => {
                spawner.cancel_with("over");
                assert!(nursery.join().now_or_never().unwrap().unwrap().is_empty());
            }
            _ => drop(Task::new(nursery.join())),
        }
        let expected = ["on its way", "in the backlog", "running"];
        assert_eq!(log.take(), expected.map(|name| (name, cancelled, !cancelled)), "{way}");
    }
});

// And one that spawns while the nursery goes on has spawned a child like any other.
by_hand!(what_the_destructor_of_a_cancelled_child_spawns_runs_to_its_end, {
    let mut nursery = nursery::<&str, &str>().limit(1);
    let spawner = nursery.spawner();
    let handles = ["running", "in the backlog"].map(|name| {
        let spawner = spawner.clone();
        nursery.spawn_with_handle(waits(move || {
            spawner.spawn(async move { Ok(name) }).unwrap();
        }))
    });
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    for handle in handles.iter().rev() {
        handle.cancel();
    }
    assert_eq!(join.run().map(Result::unwrap), Poll::Ready(vec!["in the backlog", "running"]));
});
