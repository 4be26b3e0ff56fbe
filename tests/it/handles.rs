//! Handles: what they know, and when `finished()` resolves.

use std::future::pending;
use std::sync::Arc;
use std::task::{Poll, Waker};

use futures::FutureExt;

use crate::support::{Count, Live, Log, Task, Wakes, drive, here, waits, yields};

behaviour!(finished_resolves_after_the_destructor_has_run, async {
    let log = Log::new();
    let mut nursery = nursery::<(), &str>();
    let dropped = log.clone();
    let handle = nursery.spawn_with_handle(waits(move || dropped.add("dropped")));
    let finished = log.clone();
    let waiting = handle.clone();
    nursery.spawn(async move {
        waiting.finished().await;
        finished.add("finished");
        Ok(())
    });
    nursery.spawn(async move {
        yields(3).await;
        assert!(handle.cancel());
        assert!(!handle.is_finished());
        Ok(())
    });
    nursery.join().await.unwrap();
    assert_eq!(log.take(), ["dropped", "finished"]);
});

behaviour!(finished_resolves_in_the_body_for_a_child_that_ended_in_any_way, async {
    let live = Count::default();
    let children = live.clone();
    let result = nursery::<u32, &str>()
        .run(|spawner| async move {
            let (a, b, c, d) = [(); 4].map(|()| Live::new(&children)).into();
            let completed = spawner
                .spawn_with_handle(async move {
                    let _a = a;
                    yields(2).await;
                    Ok(1)
                })
                .unwrap();
            let failed = spawner
                .spawn_with_handle(async move {
                    let _b = b;
                    Err("failed")
                })
                .unwrap();
            let panicked = spawner
                .spawn_with_handle(async move {
                    let _c = c;
                    panic!("panicked")
                })
                .unwrap();
            let cancelled = spawner
                .spawn_with_handle(async move {
                    let _d = d;
                    pending().await
                })
                .unwrap();
            completed.finished().await;
            failed.finished().await;
            panicked.finished().await;
            assert!(cancelled.cancel());
            cancelled.finished().await;
            assert_eq!(children.get(), 0);
            Ok(())
        })
        .await;
    assert_eq!(result.unwrap_err().counts().failed(), 2);
});

behaviour!(a_handle_kept_long_after_the_nursery_is_inert_and_holds_no_childs_memory, async {
    let memory = Arc::new([0_u8; 4096]);
    let mut nursery = nursery::<(), &str>().name("gone");
    let held = memory.clone();
    let cancelled = nursery.child().name("kept").spawn_with_handle(async move {
        let _held = held;
        pending().await
    });
    let held = memory.clone();
    let ended = nursery.spawn_with_handle(async move {
        let _held = held;
        yields(1).await;
        Ok(())
    });
    drive_to_the_end_of_one(&mut nursery).await;
    assert!(nursery.cancel_with("over"));
    nursery.join().await.unwrap();
    assert_eq!(Arc::strong_count(&memory), 1);
    for handle in [&cancelled, &ended] {
        assert!(handle.is_finished() && !handle.cancel());
        handle.finished().await;
    }
    assert_eq!((cancelled.child().name(), ended.cause().is_none()), (Some("kept"), true));
    assert_eq!(cancelled.cause().unwrap().message(), Some("over"));
});

async fn drive_to_the_end_of_one<M: nestling::generic::Flavor>(
    nursery: &mut nestling::Nursery<'_, (), &str, M>,
) {
    assert!(nursery.next().await.unwrap().outcome().is_completed());
}

behaviour!(handles_after_the_nursery_was_dropped_are_finished_and_inert, async {
    let live = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    let mut handles = Vec::new();
    for _ in 0..2 {
        let child = Live::new(&live);
        handles.push(nursery.spawn_with_handle(async move {
            let _child = child;
            pending().await
        }));
    }
    drive(&mut nursery);
    assert!(handles.iter().all(|handle| !handle.is_finished()));
    drop(nursery);
    assert_eq!(live.get(), 0);
    for handle in handles {
        assert!(handle.is_finished() && !handle.cancel() && handle.cause().is_none());
        handle.finished().await;
    }
});

behaviour!(a_handle_knows_its_childs_number_name_and_line, async {
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(pending());
    let line = here().line() + 1;
    let handle = nursery.child().name("fetch").spawn_with_handle(pending());
    assert_eq!((handle.id().number(), handle.child().name()), (1, Some("fetch")));
    assert_eq!(handle.child().location().line(), line);
    let handle = nursery.spawner().spawn_with_handle(pending()).unwrap();
    assert_eq!(handle.id().number(), 2);
    drop(nursery);
});

by_hand!(those_who_wait_for_the_same_child_are_all_woken_once_when_it_is_gone, {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(pending());
    drive(&mut nursery);
    let mut waiting: Vec<_> = (0..3).map(|_| Task::new(handle.finished())).collect();
    for task in &mut waiting {
        assert!(task.poll().is_pending() && task.poll().is_pending());
    }
    handle.cancel();
    assert!(waiting.iter().all(|task| task.wakes() == 0));
    assert!(nursery.next().now_or_never().is_some());
    for task in &mut waiting {
        assert_eq!(task.wakes(), 1);
        assert!(task.poll().is_ready());
    }
});

by_hand!(the_one_who_waits_hears_of_it_only_after_the_destructor, {
    let waiter = Arc::new(std::sync::Mutex::new(None::<Task<nestling::future::Finished>>));
    let mut nursery = nursery::<(), &str>();
    let seen = waiter.clone();
    let handle = nursery.spawn_with_handle(waits(move || {
        let mut waiter = seen.lock().unwrap();
        let task = waiter.as_mut().unwrap();
        assert_eq!((task.wakes(), task.poll()), (0, Poll::Pending));
    }));
    *waiter.lock().unwrap() = Some(Task::new(handle.finished()));
    drive(&mut nursery);
    handle.cancel();
    assert!(nursery.next().now_or_never().unwrap().unwrap().outcome().is_cancelled());
    let mut waiter = waiter.lock().unwrap().take().unwrap();
    assert_eq!((waiter.wakes(), waiter.poll()), (1, Poll::Ready(())));
});

by_hand!(dropping_a_handle_does_nothing_to_its_child, {
    let mut nursery = nursery::<u32, &str>();
    drop(nursery.spawn_with_handle(async {
        yields(2).await;
        Ok(1)
    }));
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [1]);
});

by_hand!(a_handle_kept_after_the_nursery_holds_no_memory_of_the_task_that_drove_it, {
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(pending());
    let task = Arc::new(Wakes::default());
    let mut join = Task::new(nursery.join());
    assert!(join.poll_with(&Waker::from(task.clone())).is_pending());
    drop(join);
    assert!(handle.is_finished());
    assert_eq!(Arc::strong_count(&task), 1);
});

by_hand!(a_handle_knows_why_as_soon_as_a_spawner_has_cancelled_the_nursery, {
    let mut nursery = nursery::<(), &str>();
    let ended = nursery.spawn_with_handle(async { Ok(()) });
    let handles = [(); 2].map(|()| nursery.spawn_with_handle(pending()));
    let spawner = nursery.spawner();
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    assert!(handles[0].cancel_with("before"));
    assert!(spawner.cancel_with("maintenance"));
    // The driver has not acted on it yet.
    let causes = handles.each_ref().map(|handle| {
        assert!(!handle.cancel() && !handle.is_finished());
        handle.cause().unwrap().message().map(String::from)
    });
    assert_eq!(causes, ["before", "maintenance"].map(|reason| Some(reason.to_owned())));
    assert!(!ended.cancel() && ended.cause().is_none());
    assert!(join.run().is_ready());
    assert_eq!(handles[1].cause().unwrap().message(), Some("maintenance"));
    assert!(ended.cause().is_none());
});

by_hand!(a_child_that_ends_in_the_poll_of_such_a_cancel_keeps_the_cause, {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    let handle = nursery.spawn_with_handle(async move {
        assert!(spawner.cancel_with("over"));
        Ok(())
    });
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(report.counts().completed(), 1);
    assert_eq!(handle.cause().unwrap().message(), Some("over"));
});
