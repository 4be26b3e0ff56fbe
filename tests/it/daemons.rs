//! Daemons: children that are not waited for.

use std::future::{pending, poll_fn};
use std::task::Poll;

use futures::channel::oneshot;
use futures::{FutureExt, StreamExt};
use nestling::Outcome;
use nestling::outcome::CauseKind;

use crate::support::{Count, Live, Log, OnDrop, Task, drive, waits, yields};

behaviour!(daemons_are_cancelled_when_the_last_other_child_ends_and_that_is_no_failure, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.child().name("metrics").daemon().spawn(pending());
    nursery.spawn(async {
        yields(3).await;
        Ok(1)
    });
    let report = nursery.settle().await;
    assert_eq!((report.outputs()[0].1, report.outputs().len()), (1, 1));
    assert!(report.error().is_none() && report.cause().is_none());
    let cancelled = &report.cancelled()[0];
    assert_eq!(cancelled.child().name(), Some("metrics"));
    assert_eq!(cancelled.cause().kind(), CauseKind::Finished);
    assert_eq!(cancelled.to_string(), "#0 metrics: finished");
});

behaviour!(daemons_go_on_until_then, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let polled = polls.clone();
    nursery.child().daemon().spawn(async move {
        loop {
            polled.add();
            yields(1).await;
        }
    });
    let polled = polls.clone();
    nursery.spawn(async move {
        while polled.get() < 100 {
            yields(1).await;
        }
        Ok(())
    });
    assert_eq!(nursery.join().await.unwrap().len(), 1);
});

behaviour!(daemons_are_dropped_newest_first, async {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    for number in 0..4 {
        let log = log.clone();
        nursery.child().daemon().spawn(waits(move || log.add(number)));
    }
    nursery.spawn(async {
        yields(2).await;
        Ok(())
    });
    nursery.join().await.unwrap();
    assert_eq!(log.take(), [3, 2, 1, 0]);
});

behaviour!(a_daemons_own_failure_is_reported_and_a_panic_too, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().name("failing").daemon().spawn(async { Err("no sink") });
    nursery.child().name("panicking").daemon().spawn(async { panic!("no more") });
    nursery.spawn(async {
        yields(3).await;
        Ok(())
    });
    let error = nursery.join().await.unwrap_err();
    let names: Vec<_> = error.iter().map(|one| one.child().name().unwrap()).collect();
    assert_eq!(names, ["failing", "panicking"]);
});

behaviour!(a_panic_in_the_destructor_of_a_dismissed_daemon_is_a_failure, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().daemon().spawn(waits(|| panic!("in the destructor")));
    nursery.spawn(async {
        yields(1).await;
        Ok(())
    });
    let report = nursery.settle().await;
    assert_eq!((report.counts().failed(), report.counts().completed()), (1, 1));
    assert!(report.error().unwrap().first().after_cancel());
});

behaviour!(a_daemon_that_fails_stops_a_nursery_that_stops_at_the_first_error, async {
    let mut nursery = nursery::<(), &str>().first_error();
    nursery.spawn(pending());
    nursery.child().daemon().spawn(async {
        yields(2).await;
        Err("no sink")
    });
    let error = nursery.join().await.unwrap_err();
    assert_eq!((error.len(), error.counts().cancelled()), (1, 1));
});

behaviour!(a_daemon_that_succeeds_is_a_child_that_completed, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.child().daemon().spawn(async { Ok(1) });
    nursery.spawn(async {
        yields(3).await;
        Ok(2)
    });
    assert_eq!(nursery.join().await.unwrap(), [1, 2]);
});

behaviour!(a_daemon_takes_no_slot_and_waits_for_none, async {
    let running = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    for _ in 0..3 {
        nursery.child().daemon().spawn(pending());
    }
    for _ in 0..5 {
        let running = running.clone();
        nursery.spawn(async move {
            let _live = Live::new(&running);
            assert_eq!(running.get(), 1);
            yields(2).await;
            Ok(())
        });
    }
    let started = Count::default();
    let daemon = started.clone();
    nursery.child().daemon().spawn(async move {
        daemon.add();
        pending().await
    });
    assert_eq!(nursery.queued(), 9);
    assert_eq!(nursery.join().await.unwrap().len(), 5);
    assert_eq!(started.get(), 1, "it starts beside the first child, though four wait before it");
});

by_hand!(children_and_daemons_start_in_spawn_order, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>().limit(2);
    for number in 0..6 {
        let log = &log;
        let child = nursery.child();
        let child = if number % 2 == 0 { child.daemon() } else { child };
        child.spawn(async move {
            log.add(number);
            pending().await
        });
    }
    drive(&mut nursery);
    // The last waits for a slot.
    assert_eq!(log.take(), [0, 1, 2, 3, 4]);
    assert_eq!((nursery.running(), nursery.queued()), (5, 1));
});

by_hand!(a_daemon_that_fails_at_once_is_not_taken_for_one_that_waits, {
    let mut nursery = nursery::<(), &str>().limit(1);
    nursery.spawn(pending());
    nursery.spawn(pending());
    nursery.child().daemon().spawn(async { Err("failed") });
    let ended = nursery.next().now_or_never().flatten().unwrap();
    assert_eq!(ended.child().id().number(), 2);
    assert_eq!((nursery.running(), nursery.queued()), (1, 1));
});

behaviour!(there_is_always_room_for_a_daemon, async {
    let mut nursery = nursery::<(), &str>().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(yields(5).map(Ok));
    assert!(nursery.try_reserve().unwrap_err().is_full());
    nursery.child().daemon().spawn(pending());
    spawner.child().daemon().spawn(pending()).unwrap();
    assert!(spawner.try_reserve().unwrap_err().is_full());
    let report = nursery.settle().await;
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 2));
});

behaviour!(a_daemon_that_is_made_of_a_slot_gives_the_slot_back, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.try_reserve().unwrap().daemon().spawn(pending());
    let spawner = nursery.spawner();
    nursery.try_reserve().unwrap().daemon().spawn(pending());
    spawner.try_reserve().unwrap().daemon().spawn(pending()).unwrap();
    nursery.try_reserve().unwrap().spawn(async { Ok(1) });
    assert!(spawner.try_reserve().unwrap_err().is_full());
    let report = nursery.settle().await;
    assert_eq!((report.counts().completed(), report.counts().cancelled()), (1, 3));
});

behaviour!(in_a_nursery_of_daemons_alone_none_ever_starts, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let polled = polls.clone();
    nursery.child().daemon().spawn(async move {
        polled.add();
        Ok(())
    });
    assert!(nursery.join().await.unwrap().is_empty());
    assert_eq!(polls.get(), 0);
});

behaviour!(a_body_keeps_daemons_as_a_child_does, async {
    let polls = Count::default();
    let polled = polls.clone();
    let (output, report) = nursery::<(), &str>()
        .run(|spawner| async move {
            let daemon = polled.clone();
            spawner
                .child()
                .daemon()
                .spawn(async move {
                    loop {
                        daemon.add();
                        yields(1).await;
                    }
                })
                .unwrap();
            spawner.spawn(async { Ok(()) }).unwrap();
            while polled.get() < 50 {
                yields(1).await;
            }
            Ok("done")
        })
        .settle()
        .await;
    assert_eq!((output, report.counts().cancelled()), (Some("done"), 1));
});

behaviour!(daemons_live_on_under_next_until_the_nursery_is_closed, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.child().daemon().spawn(pending());
    nursery.spawn(async { Ok(1) });
    nursery.child().daemon().spawn(pending());
    assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(1));
    for _ in 0..2 {
        assert!(nursery.next().await.is_none());
    }
    nursery.spawn(async { Ok(2) });
    assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(2));
    assert!(nursery.close());
    for number in [2, 0] {
        let completion = nursery.next().await.unwrap();
        assert_eq!(completion.child().id().number(), number);
        let Outcome::Cancelled(cause) = completion.outcome() else { panic!("it is a daemon") };
        assert_eq!(cause.kind(), CauseKind::Finished);
    }
    assert!(nursery.next().await.is_none());
    assert!(nursery.is_empty());
    nursery.child().daemon().spawn(pending());
    nursery.spawn(async { Ok(3) });
    assert_eq!(nursery.join().await.unwrap(), [3]);
});

behaviour!(after_a_cancel_next_hands_out_the_daemons_too, async {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.child().daemon().spawn(pending());
    nursery.spawn(async { Ok(1) });
    assert!(nursery.next().await.unwrap().outcome().is_completed());
    assert!(nursery.next().await.is_none());
    spawner.cancel_with("enough");
    let completion = nursery.next().await.unwrap();
    let Outcome::Cancelled(cause) = completion.outcome() else { panic!("it is a daemon") };
    assert_eq!(cause.message(), Some("enough"));
    assert!(nursery.next().await.is_none());
});

behaviour!(a_daemon_serves_one_batch_after_the_other, async {
    let (ask, mut asked) = futures::channel::mpsc::unbounded::<oneshot::Sender<u32>>();
    let mut nursery = nursery::<u32, &str>();
    nursery.child().daemon().spawn(async move {
        let mut served = 0;
        while let Some(answer) = asked.next().await {
            served += 1;
            answer.send(served).unwrap();
        }
        Ok(served)
    });
    for batch in 1..=3 {
        let (answer, answered) = oneshot::channel();
        ask.unbounded_send(answer).unwrap();
        nursery.spawn(async { answered.await.map_err(|_| "the service is gone") });
        let completion = nursery.next().await.unwrap();
        assert_eq!(completion.into_outcome().completed(), Some(batch));
        assert!(nursery.next().await.is_none());
    }
    drop(ask);
    // It has ended by itself while another child was there.
    nursery.spawn(yields(3).map(|()| Ok(0)));
    assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(3));
});

behaviour!(the_winner_of_a_race_ends_the_daemons_and_so_does_a_race_that_nobody_wins, async {
    let mut race = nursery::<u32, &str>();
    race.child().daemon().spawn(pending());
    race.spawn(async { Ok(1) });
    assert_eq!(race.first_ok().await.unwrap().unwrap().1, 1);
    let mut race = nursery::<u32, &str>();
    race.child().daemon().spawn(pending());
    race.spawn(async { Err("no") });
    assert_eq!(race.first_ok().await.unwrap_err().len(), 1);
});

behaviour!(a_child_that_a_daemon_spawns_is_waited_for, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.child().daemon().spawn_with_context(|cx| async move {
        yields(1).await;
        cx.spawner()
            .spawn(async {
                yields(5).await;
                Ok(1)
            })
            .unwrap();
        pending().await
    });
    nursery.spawn(async {
        yields(3).await;
        Ok(0)
    });
    assert_eq!(nursery.join().await.unwrap(), [0, 1]);
});

behaviour!(a_daemon_with_a_grace_is_signalled_and_waited_for, async {
    let mut nursery = nursery::<String, &str>();
    nursery.child().daemon().grace(pending::<()>).spawn_with_context(|cx| async move {
        let cause = cx.cancelled().await;
        yields(3).await;
        Ok(format!("flushed: {cause}"))
    });
    nursery.spawn(async {
        yields(1).await;
        Ok(String::from("work"))
    });
    assert_eq!(nursery.join().await.unwrap(), ["flushed: finished", "work"]);
});

behaviour!(once_daemons_are_told_to_end_spawners_are_refused, async {
    let refused = Count::default();
    let mut nursery = nursery::<&str, &str>();
    let count = refused.clone();
    nursery.child().daemon().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        let spawner = cx.spawner();
        for _ in 0..2 {
            let rejected = spawner.spawn(async { Ok("too late") }).unwrap_err();
            assert!(rejected.reason.is_closed());
            count.add();
            yields(1).await;
        }
        assert!(spawner.child().daemon().spawn(pending()).unwrap_err().reason.is_closed());
        assert!(spawner.try_reserve().unwrap_err().is_closed());
        assert!(spawner.reserve().await.unwrap_err().is_closed());
        Ok("daemon")
    });
    let spawner = nursery.spawner();
    let count = refused.clone();
    nursery.child().daemon().spawn(waits(move || {
        count.at_least(0);
        let rejected = spawner.spawn(async { Ok("from a destructor") });
        assert!(rejected.is_err_and(|rejected| rejected.reason.is_closed()));
        count.add();
    }));
    nursery.spawn(async {
        yields(1).await;
        Ok("main")
    });
    assert_eq!(nursery.join().await.unwrap(), ["daemon", "main"]);
    assert_eq!(refused.get(), 3);
});

by_hand!(spawners_are_taken_while_only_daemons_are_left_under_next, {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    for n in 0..2 {
        nursery.child().daemon().spawn(pending());
        nursery.spawn(async move { Ok(n) });
        assert!(nursery.next().now_or_never().unwrap().is_some());
        assert!(nursery.next().now_or_never().unwrap().is_none());
        spawner.spawn(async { Ok(9) }).unwrap();
        assert!(nursery.next().now_or_never().unwrap().is_some());
    }
});

behaviour!(daemons_are_the_last_to_go_when_the_nursery_is_cancelled, async {
    let order = Log::new();
    let mut nursery = nursery::<(), &str>();
    let child = |name: &'static str| {
        let order = order.clone();
        waits(move || order.add(name))
    };
    nursery.spawn(child("older"));
    nursery.child().daemon().spawn(child("daemon"));
    nursery.spawn(child("newer"));
    nursery.child().daemon().spawn(child("newer daemon"));
    drive(&mut nursery);
    nursery.cancel_with("enough");
    assert_eq!(order.take(), ["newer", "older", "newer daemon", "daemon"]);
    assert_eq!(nursery.settle().await.cancelled().len(), 4);
});

behaviour!(a_body_has_its_daemons_until_it_has_ended, async {
    let (ask, mut asked) = futures::channel::mpsc::unbounded::<oneshot::Sender<&str>>();
    let mut nursery = nursery::<(), String>();
    nursery.child().daemon().spawn(async move {
        while let Some(answer) = asked.next().await {
            answer.send("flushed").unwrap();
        }
        Ok(())
    });
    let outside = nursery.spawner();
    let body = nursery.run(|spawner| async move {
        outside.cancel_with("shutdown");
        spawner.cancelled().await;
        yields(2).await;
        let (answer, answered) = oneshot::channel();
        ask.unbounded_send(answer).map_err(|_| "the service is gone".to_owned())?;
        answered.await.map_err(|_| "the service is gone".to_owned())
    });
    assert_eq!(body.await.unwrap().0, "flushed");
});

behaviour!(a_daemon_of_a_cancelled_nursery_can_be_cancelled_alone, async {
    let mut nursery = nursery::<(), &str>();
    let daemon = nursery.child().daemon().spawn_with_handle(pending());
    let body = nursery.run(|spawner| async move {
        spawner.cancel_with("shutdown");
        assert!(daemon.cause().is_none());
        assert!(daemon.cancel_with("no longer needed") && !daemon.cancel());
        daemon.finished().await;
        Ok(())
    });
    let (_, report) = body.settle().await;
    assert_eq!(report.cancelled()[0].cause().message(), Some("no longer needed"));
});

behaviour!(cancelling_the_nursery_reaches_its_daemons_by_the_same_cause, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().daemon().spawn(pending());
    nursery.spawn(pending());
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let report = nursery.settle().await;
    assert_eq!(report.cancelled().len(), 2);
    assert!(report.cancelled().iter().all(|one| one.cause().message() == Some("enough")));
});

behaviour!(in_the_grace_of_the_nursery_daemons_go_with_the_last_other_child, async {
    let polls = Count::default();
    let mut nursery = nursery::<u32, &str>().grace(pending::<()>);
    let polled = polls.clone();
    nursery.child().name("metrics").daemon().spawn(async move {
        loop {
            polled.add();
            yields(1).await;
        }
    });
    let spawner = nursery.spawner();
    nursery.spawn_with_context(|cx| async move {
        spawner.cancel_with("enough");
        cx.cancelled().await;
        let before = polls.get();
        while polls.get() < before + 10 {
            yields(1).await;
        }
        Ok(1)
    });
    let report = nursery.settle().await;
    assert_eq!((report.outputs()[0].1, report.cancelled().len()), (1, 1));
    assert_eq!(report.overran_grace().count(), 0);
    assert_eq!(report.cancelled()[0].to_string(), "#0 metrics: requested: enough");
});

behaviour!(a_daemon_can_be_cancelled_by_its_handle, async {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.child().daemon().spawn_with_handle(pending());
    nursery.spawn(async move {
        yields(1).await;
        assert!(handle.cancel_with("not needed"));
        handle.finished().await;
        Ok(())
    });
    let report = nursery.settle().await;
    assert_eq!(report.cancelled()[0].cause().message(), Some("not needed"));
});

by_hand!(a_daemon_does_not_wake_a_nursery_for_nothing, {
    let mut nursery = nursery::<(), &str>();
    nursery.child().daemon().spawn(pending());
    nursery.spawn(poll_fn(|_| Poll::<Result<(), &str>>::Pending));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let wakes = join.wakes();
    assert!(join.poll().is_pending());
    assert_eq!(join.wakes(), wakes);
});

by_hand!(dropping_the_nursery_drops_daemons_among_the_others_newest_first, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    for number in 0..4 {
        let log = &log;
        let guard = OnDrop(move || log.add(number));
        let child = async move {
            let _guard = guard;
            pending().await
        };
        let builder = nursery.child();
        if number % 2 == 0 {
            builder.daemon().spawn(child)
        } else {
            builder.spawn(child)
        };
    }
    drive(&mut nursery);
    drop(nursery);
    assert_eq!(log.take(), [3, 2, 1, 0]);
});

behaviour!(daemons_of_a_race_that_nobody_wins_have_their_own_grace, async {
    let mut nursery = nursery::<(), &str>();
    nursery.child().daemon().grace(pending::<()>).spawn_with_context(|cx| async move {
        let cause = cx.cancelled().await;
        yields(2).await;
        Err(if cause.kind() == CauseKind::Finished { "cleaned up" } else { "no" })
    });
    nursery.spawn(async { Err("lost") });
    let error = nursery.first_ok().await.unwrap_err();
    let said: Vec<_> = error.iter().map(|one| *one.failure().error().unwrap()).collect();
    assert_eq!(said, ["lost", "cleaned up"]);
});

by_hand!(daemons_with_a_grace_are_signalled_newest_first, {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    for number in 0..3 {
        let log = log.clone();
        nursery.child().daemon().grace(pending::<()>).spawn_with_context(move |cx| async move {
            // The first stays restless for longest, so they lie in another order by then.
            yields(3 - number).await;
            cx.cancelled().await;
            log.add(number);
            Ok(())
        });
    }
    let (done, is_done) = oneshot::channel::<()>();
    nursery.spawn(async move {
        is_done.await.unwrap();
        Ok(())
    });
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    done.send(()).unwrap();
    assert!(settle.run().is_ready());
    assert_eq!(log.take(), [2, 1, 0]);
});
