//! The limit: it counts the children that run, and it holds.

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Mutex;

use futures::FutureExt;
use nestling::ChildError;

use crate::pools::OfFlavour;
use crate::support::{Count, Live, Log, drive, here, yields};

behaviour!(never_more_than_the_limit_run_at_once_and_as_many_do, async {
    for limit in [1, 10, 100] {
        let (running, peak) = (Count::default(), Count::default());
        let mut nursery = nursery::<(), &str>().limit(limit);
        for n in 0..250 {
            let (running, peak) = (running.clone(), peak.clone());
            nursery.spawn(async move {
                peak.at_least(running.add());
                yields(n % 5 + 20).await;
                running.remove();
                Ok(())
            });
        }
        nursery.join().await.unwrap();
        assert_eq!((peak.get(), running.get()), (limit, 0));
    }
});

behaviour!(the_limit_holds_for_children_of_spawners_too, async {
    let (running, peak) = (Count::default(), Count::default());
    let mut nursery = nursery::<(), &str>().limit(3);
    for _ in 0..5 {
        let (spawner, running, peak) = (nursery.spawner(), running.clone(), peak.clone());
        nursery.spawn(async move {
            peak.at_least(running.add());
            for _ in 0..5 {
                let (running, peak) = (running.clone(), peak.clone());
                let child = async move {
                    peak.at_least(running.add());
                    yields(3).await;
                    running.remove();
                    Ok(())
                };
                spawner.spawn(child).unwrap();
                yields(1).await;
            }
            running.remove();
            Ok(())
        });
    }
    assert_eq!(nursery.join().await.unwrap().len(), 30);
    assert_eq!(peak.get(), 3);
});

behaviour!(children_of_the_backlog_start_in_spawn_order, async {
    for limit in [1, 4] {
        let started = Log::new();
        let mut nursery = nursery::<(), &str>().limit(limit);
        for n in 0..20 {
            let log = started.clone();
            nursery.spawn(async move {
                log.add(n);
                yields(n % 3).await;
                Ok(())
            });
        }
        nursery.join().await.unwrap();
        assert!(started.take().into_iter().eq(0..20));
    }
});

by_hand!(running_and_queued_are_counted_apart, {
    let mut nursery = nursery::<(), &str>().limit(2);
    for _ in 0..5 {
        nursery.spawn(pending());
    }
    let spawner = nursery.spawner();
    let sixth = spawner.spawn_with_handle(pending()).unwrap();
    assert_eq!((nursery.running(), nursery.queued()), (0, 6));
    drive(&mut nursery);
    assert_eq!((nursery.running(), nursery.queued()), (2, 4));
    sixth.cancel();
    assert!(nursery.next().now_or_never().unwrap().unwrap().outcome().is_cancelled());
    assert_eq!((nursery.running(), nursery.queued()), (2, 3));
    nursery.cancel_with("over");
    assert_eq!((nursery.running(), nursery.queued()), (0, 0));
});

behaviour!(there_is_no_slot_at_the_limit_and_there_is_one_after_a_child_ends, async {
    let mut nursery = nursery::<u32, &str>().limit(2);
    let spawner = nursery.spawner();
    nursery.try_reserve().unwrap().spawn(pending());
    let handle = nursery.try_reserve().unwrap().spawn_with_handle(pending());
    assert!(nursery.try_reserve().unwrap_err().is_full());
    assert!(spawner.try_reserve().unwrap_err().is_full());
    handle.cancel();
    assert!(nursery.next().await.unwrap().outcome().is_cancelled());
    let slot = spawner.try_reserve().unwrap();
    assert!(nursery.try_reserve().unwrap_err().is_full(), "the slot is in hand");
    assert_eq!(slot.spawn(async { Ok(1) }).unwrap().number(), 2);
    assert!(nursery.try_reserve().unwrap_err().is_full());
    assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(1));
    assert_eq!(nursery.try_reserve().unwrap().spawn(async { Ok(2) }).number(), 3);
    assert_eq!(nursery.next().await.unwrap().into_outcome().completed(), Some(2));
});

behaviour!(try_reserve_without_a_spawner_is_refused_and_accepted_alike, async {
    let mut nursery = nursery::<u32, &str>().limit(1);
    drop(nursery.try_reserve().unwrap());
    nursery.try_reserve().unwrap().spawn(async { Ok(1) });
    assert!(nursery.try_reserve().unwrap_err().is_full());
    assert!(nursery.next().await.is_some());
    nursery.try_reserve().unwrap().spawn(async { Ok(2) });
    assert_eq!(nursery.join().await.unwrap(), [2]);
});

behaviour!(try_reserve_counts_the_backlog_as_unfinished, async {
    let mut nursery = nursery::<u32, &str>().limit(2);
    for n in 0..3 {
        nursery.spawn(async move { Ok(n) });
    }
    assert!(nursery.next().await.is_some());
    assert!(nursery.try_reserve().unwrap_err().is_full());
    assert!(nursery.next().await.is_some());
    nursery.try_reserve().unwrap().spawn(async { Ok(7) });
    assert_eq!(nursery.join().await.unwrap(), [2, 7]);
});

behaviour!(without_a_limit_there_is_always_room, async {
    let mut nursery = nursery::<u32, &str>();
    for n in 0..1000 {
        nursery.try_reserve().unwrap().spawn(async move { Ok(n) });
        nursery.reserve().now_or_never().unwrap().unwrap().spawn(async move { Ok(n) });
    }
    assert_eq!(nursery.join().await.unwrap().len(), 2000);
});

static HOOK: Mutex<()> = Mutex::new(());

/// The message of the panic, and the line that it is blamed on.
fn blamed(panics: impl FnOnce()) -> (String, u32) {
    let _one_at_a_time = HOOK.lock().unwrap();
    let blamed = Log::new();
    let log = blamed.clone();
    let thread = std::thread::current().id();
    let before = std::sync::Arc::new(std::panic::take_hook());
    let others = before.clone();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            log.add(info.location().map_or(0, Location::line));
        } else {
            others(info);
        }
    }));
    let payload = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    let _ = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| before(info)));
    (payload.downcast_ref::<&str>().unwrap().to_string(), blamed.take()[0])
}

by_hand!(a_limit_of_zero_panics_with_a_clear_message_at_the_callers_line, {
    let line = here().line() + 1;
    let (message, blamed) = blamed(|| drop(nursery::<(), &str>().limit(0)));
    assert_eq!(blamed, line);
    assert!(message.contains("limit must be at least 1"), "{message}");
});

by_hand!(keeping_no_errors_panics_with_a_clear_message_at_the_callers_line, {
    let line = here().line() + 1;
    let (message, blamed) = blamed(|| drop(nursery::<(), &str>().keep_failures(0)));
    assert_eq!(blamed, line);
    assert!(message.contains("must keep at least 1"), "{message}");
});

behaviour!(keep_errors_stores_the_first_failures_and_counts_the_rest, async {
    let mut nursery = nursery::<(), u32>().keep_failures(2);
    for n in 0..5 {
        nursery.spawn(async move {
            yields(5 - n as usize).await;
            Err(n)
        });
    }
    let error = nursery.join().await.unwrap_err();
    let kept: Vec<_> = error.iter().map(|e| *e.failure().error().unwrap()).collect();
    assert_eq!(kept, [4, 3]);
    assert_eq!((error.counts().failed(), error.counts().not_stored()), (5, 3));
    assert!(error.to_string().ends_with("and 3 more"), "{error}");
});

behaviour!(outputs_that_are_discarded_are_counted_and_dropped_as_they_come, async {
    let (live, most) = (Count::default(), Count::default());
    let mut nursery = nursery::<Live, &str>().discard_outputs().limit(4);
    for _ in 0..100 {
        let (live, most) = (live.clone(), most.clone());
        let child = async move {
            let output = Live::new(&live);
            most.at_least(live.get());
            Ok(output)
        };
        nursery.reserve().await.unwrap().spawn(child);
    }
    let report = nursery.settle().await;
    assert_eq!((report.outputs().len(), report.counts().completed()), (0, 100));
    assert_eq!((live.get(), most.get()), (0, 1));
});

behaviour!(next_and_a_race_hand_out_outputs_that_are_otherwise_discarded, async {
    let mut counting = nursery::<u32, &str>().discard_outputs();
    counting.spawn(async { Ok(1) });
    assert_eq!(counting.next().await.unwrap().into_outcome().completed(), Some(1));
    counting.spawn(async { Ok(2) });
    assert_eq!(counting.first_ok().await.unwrap().unwrap().1, 2);
    let mut joined = nursery::<u32, &str>().discard_outputs();
    joined.spawn(async { Ok(3) });
    assert!(joined.join().await.unwrap().is_empty());
});

behaviour!(the_failure_that_cancels_the_nursery_is_kept_beyond_the_bound, async {
    let mut nursery = nursery::<(), u32>().keep_failures(2).cancel_when(|e| e.error() == Some(&4));
    for n in 0..9 {
        nursery.spawn(async move { Err(n) });
    }
    let error = nursery.join().await.unwrap_err();
    let kept: Vec<_> = error.iter().map(|error| *error.error().unwrap()).collect();
    assert_eq!((kept, error.counts().not_stored()), (vec![0, 1, 4], 2));
});

behaviour!(it_is_kept_also_if_it_comes_while_the_owner_waits_for_a_slot, async {
    let mut nursery =
        nursery::<(), u32>().limit(1).keep_failures(1).cancel_when(|e| e.error() == Some(&3));
    for n in 0..6 {
        nursery.spawn(async move { Err(n) });
    }
    assert!(nursery.reserve().await.is_err());
    let error = nursery.join().await.unwrap_err();
    let kept: Vec<_> = error.iter().map(|error| *error.error().unwrap()).collect();
    assert_eq!((kept, error.counts().not_stored()), (vec![0, 3], 2));
});

behaviour!(the_failure_that_cancels_a_pool_is_kept_beyond_the_bound, async {
    let pool = pool!(1).keep_failures(2).cancel_when(|e: &ChildError<u32>| e.error() == Some(&4));
    let error = pool.for_each(0..9, |n| ready(Err(n))).await.unwrap_err();
    let kept: Vec<_> = error.iter().map(|error| *error.error().unwrap()).collect();
    assert_eq!((kept, error.counts().not_stored()), (vec![0, 1, 4], 2));
});
