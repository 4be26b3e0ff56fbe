//! The first success wins.

use std::future::pending;

use futures::FutureExt;
use futures::channel::oneshot;

use crate::support::{Count, Live, Task, counted_bomb, ends, waits, yields};

behaviour!(the_first_success_wins_and_the_rest_is_gone_before_it_is_ready, async {
    let live = Count::default();
    let mut nursery = nursery::<u32, &str>().limit(3);
    for _ in 0..2 {
        let loser = Live::new(&live);
        nursery.spawn(async move {
            let _loser = loser;
            pending().await
        });
    }
    nursery.spawn(async { Err("refused") });
    nursery.spawn(async {
        yields(2).await;
        Ok(3)
    });
    let queued = Live::new(&live);
    let handle = nursery.spawn_with_handle(async move {
        let _queued = queued;
        pending().await
    });
    assert_eq!(nursery.first_ok().await.unwrap().unwrap().1, 3);
    assert_eq!(live.get(), 0);
    let cause = handle.cause().unwrap();
    assert_eq!(cause.kind(), nestling::outcome::CauseKind::Finished);
    assert_eq!(cause.child().unwrap().id().number(), 3);
});

behaviour!(the_first_success_is_the_first_to_end_not_the_first_spawned, async {
    let mut nursery = nursery::<u32, &str>();
    let (send, receive) = oneshot::channel::<()>();
    nursery.spawn(async move {
        receive.await.unwrap();
        Ok(0)
    });
    nursery.spawn(async move {
        yields(5).await;
        send.send(()).unwrap();
        Ok(1)
    });
    assert_eq!(nursery.first_ok().await.unwrap().unwrap().1, 1);
});

behaviour!(the_winner_is_named_beside_its_output, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(pending());
    let id = nursery.child().name("mirror").spawn(async { Ok(7) });
    let (winner, output) = nursery.first_ok().await.unwrap().unwrap();
    assert_eq!((winner.id(), winner.name(), output), (id, Some("mirror"), 7));
});

behaviour!(a_daemon_wins_no_race, async {
    let mut race = nursery::<u32, &str>();
    race.child().daemon().spawn(async { Ok(1) });
    race.spawn(async {
        yields(3).await;
        Ok(2)
    });
    assert_eq!(race.first_ok().await.unwrap().unwrap().1, 2);
    let mut race = nursery::<u32, &str>();
    race.child().daemon().spawn(async { Ok(1) });
    race.spawn(async {
        yields(3).await;
        Err("refused")
    });
    let error = race.first_ok().await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 2 children failed: #1: refused");
});

behaviour!(a_race_that_is_settled_tells_all_that_came_of_it, async {
    let mut race = nursery::<u32, &str>();
    race.child().daemon().spawn(async { Ok(10) });
    for error in ["refused", "reset"] {
        race.spawn(async move { Err(error) });
    }
    race.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        let cause = cx.cancelled().await;
        assert_eq!(cause.to_string(), "child #5 won succeeded first");
        Ok(20)
    });
    race.spawn(pending());
    race.child().name("won").spawn(async {
        yields(3).await;
        Ok(1)
    });
    race.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Err("closed")
    });
    let (winner, report) = race.first_ok().settle().await;
    let (winner, output) = winner.unwrap();
    assert_eq!((winner.name(), output), (Some("won"), 1));
    assert_eq!(
        report.error().unwrap().to_string(),
        "3 of 7 children failed: #1: refused; #2: reset; #6: after cancel: closed"
    );
    let outputs = report.outputs().iter().map(|(child, output)| (child.id().number(), *output));
    assert_eq!(outputs.collect::<Vec<_>>(), [(0, 10), (3, 20)]);
    assert_eq!(report.cancelled().len(), 1);
    assert_eq!(report.cancelled()[0].to_string(), "#4: child #5 won succeeded first");
    assert_eq!(
        report.to_string(),
        "7 children: 3 completed, 3 failed, 1 cancelled (child #5 won succeeded first), \
         2 ended by themselves after a cancel"
    );
});

behaviour!(a_race_that_nobody_wins_is_settled_with_every_failure, async {
    let mut race = nursery::<u32, &str>();
    race.spawn(async { Err("refused") });
    race.spawn_with_handle(pending()).cancel();
    let (winner, report) = race.first_ok().settle().await;
    assert!(winner.is_none());
    assert_eq!(report.error().unwrap().first().to_string(), "#0: refused");
    assert_eq!((report.cancelled().len(), report.counts().total()), (1, 2));
});

by_hand!(what_came_while_the_owner_waited_for_a_slot_is_in_the_report_of_a_race, {
    let mut race = nursery::<u32, &str>().limit(1);
    race.spawn(async { Err("refused") });
    race.child().daemon().spawn(async { Ok(10) });
    for output in 1..3 {
        race.spawn(async move { Ok(output) });
    }
    race.reserve().now_or_never().unwrap().unwrap().spawn(pending());
    let (winner, report) = race.first_ok().settle().now_or_never().unwrap();
    assert_eq!(winner.unwrap().1, 1);
    let outputs: Vec<_> = report.outputs().iter().map(|(_, output)| *output).collect();
    assert_eq!((outputs, report.cancelled().len()), (vec![10, 2], 1));
    assert_eq!(report.error().unwrap().first().to_string(), "#0: refused");
});

by_hand!(a_race_that_is_settled_late_counts_what_it_has_not_kept, {
    let mut race = nursery::<u32, &str>();
    race.spawn(async { Err("refused") });
    let (send, receive) = oneshot::channel::<()>();
    race.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        receive.await.unwrap();
        Err("closed")
    });
    race.spawn(async { Ok(1) });
    let mut first_ok = race.first_ok();
    assert!((&mut first_ok).now_or_never().is_none());
    send.send(()).unwrap();
    let (winner, report) = first_ok.settle().now_or_never().unwrap();
    assert_eq!(winner.unwrap().1, 1);
    assert_eq!((report.counts().failed(), report.counts().not_stored()), (2, 1));
    assert_eq!(report.error().unwrap().first().to_string(), "#1: after cancel: closed");
});

by_hand!(the_outputs_beside_a_winner_are_discarded_if_so_told, {
    let live = Count::default();
    let mut race = nursery::<Option<Live>, &str>().discard_outputs();
    let output = Live::new(&live);
    race.child().daemon().spawn(async move { Ok(Some(output)) });
    race.spawn(async {
        yields(1).await;
        Ok(None)
    });
    let (winner, report) = race.first_ok().settle().now_or_never().unwrap();
    assert!(winner.is_some() && report.outputs().is_empty());
    assert_eq!((live.get(), report.counts().completed()), (0, 2));
});

behaviour!(if_all_fail_every_error_is_returned, async {
    let mut nursery = nursery::<u32, u32>();
    for n in 0..5 {
        nursery.spawn(async move {
            yields(n as usize).await;
            Err(n)
        });
    }
    let error = nursery.first_ok().await.unwrap_err();
    assert!(error.iter().map(|e| *e.failure().error().unwrap()).eq(0..5));
});

behaviour!(no_child_is_a_distinct_answer, async {
    assert!(matches!(nursery::<u32, &str>().first_ok().await, Ok(None)));
});

behaviour!(if_all_were_cancelled_the_answer_is_none_as_well, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_with_handle(pending()).cancel();
    assert!(matches!(nursery.first_ok().await, Ok(None)));
});

behaviour!(a_success_that_came_while_the_owner_waited_for_a_slot_counts, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.spawn(async { Ok(1) });
    nursery.reserve().await.unwrap().spawn(pending());
    assert_eq!(nursery.first_ok().await.unwrap().unwrap().1, 1);
});

behaviour!(a_winner_whose_destructor_panics_has_won_all_the_same, async {
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn(pending());
    nursery.spawn(ends(Ok(1), || panic!("too late")));
    assert_eq!(nursery.first_ok().await.unwrap().unwrap().1, 1);
});

by_hand!(a_kept_success_makes_the_failures_of_others_void, {
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.spawn(async { Ok(1) });
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(waits(|| panic!("a sore loser")));
    assert_eq!(nursery.first_ok().now_or_never().unwrap().unwrap().unwrap().1, 1);
});

by_hand!(those_who_lost_to_a_kept_success_know_why, {
    let mut nursery = nursery::<u32, &str>().limit(2);
    nursery.spawn(async { Ok(1) });
    let loser = nursery.spawn_with_handle(pending());
    nursery.reserve().now_or_never().unwrap().unwrap().spawn(pending());
    assert_eq!(nursery.first_ok().now_or_never().unwrap().unwrap().unwrap().1, 1);
    assert_eq!(loser.cause().unwrap().kind(), nestling::outcome::CauseKind::Finished);
});

by_hand!(its_owner_is_not_woken_for_the_losers_that_it_cancels, {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(async { Ok(1) });
    nursery.spawn(pending());
    let mut first_ok = Task::new(nursery.first_ok());
    assert!(first_ok.poll().is_ready());
    assert_eq!(first_ok.wakes(), 0);
    assert!(spawner.cause().is_some());
});

by_hand!(an_output_of_a_loser_that_panics_when_dropped_takes_no_winner_with_it, {
    let gone = Count::default();
    let mut nursery = nursery::<Option<Box<dyn Send>>, &str>();
    let bomb = counted_bomb(&gone, "late");
    nursery.child().grace(pending::<()>).spawn_with_context(|cx| async move {
        cx.cancelled().await;
        Ok(Some(Box::new(bomb) as Box<dyn Send>))
    });
    nursery.spawn(async { Ok(None) });
    assert!(nursery.first_ok().now_or_never().unwrap().unwrap().unwrap().1.is_none());
    assert_eq!(gone.get(), 1);
});

by_hand!(what_a_loser_ends_with_in_its_grace_is_dropped_at_once, {
    for fails in [false, true] {
        let live = Count::default();
        let value = Live::new(&live);
        let mut nursery = nursery::<Option<Live>, Live>();
        nursery.child().grace(pending::<()>).spawn_with_context(move |cx| async move {
            cx.cancelled().await;
            if fails { Err(value) } else { Ok(Some(value)) }
        });
        nursery.child().grace(pending::<()>).spawn(pending());
        nursery.spawn(async { Ok(None) });
        let mut race = Task::new(nursery.first_ok());
        assert!(race.run().is_pending());
        assert_eq!(live.get(), 0);
    }
});

by_hand!(a_race_is_over_in_the_turn_in_which_its_winner_ends, {
    // The winner's poll is the last of the turn in one of these runs. What its future leaves when
    // it is dropped must not put the end off: another task may spawn before the next turn.
    for losers in 200..300 {
        let mut nursery = nursery::<u32, &str>();
        let spawner = nursery.spawner();
        for _ in 0..losers {
            nursery.spawn(pending());
        }
        let gone = Count::default();
        let bomb = counted_bomb(&gone, "left behind");
        nursery.spawn(ends(Ok(1), move || {
            let _bomb = &bomb;
        }));
        let mut race = Task::new(nursery.first_ok());
        while gone.get() == 0 {
            assert!(race.poll().is_pending() || gone.get() == 1);
        }
        assert!(spawner.spawn(pending()).is_err(), "{losers} losers");
    }
});
