//! Children that run on executors: in parallel, and gone when the nursery says so.

use std::future::{pending, poll_fn, ready};
use std::mem;
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};

use futures::channel::{mpsc, oneshot};
use futures::executor::{LocalPool, ThreadPool};
use futures::task::{Spawn, SpawnError, noop_waker};
use futures::{FutureExt, StreamExt};
use nestling::failure::ExecutorError;
use nestling::outcome::CauseKind;
use nestling::spawn::Task as Remote;
use nestling::{CancelHandle, Failure, LocalNursery, Nursery, executor};

use crate::support::{
    Count, Live, OnDrop, Task, Wakes, counted_bomb, drive, ends, guarded, waits, yields,
};

/// An executor whose tasks are polled by the test.
#[derive(Clone, Default)]
pub(crate) struct ByHand(Arc<Mutex<Vec<Remote>>>);

impl Spawn for ByHand {
    fn spawn_obj(&self, task: Remote) -> Result<(), SpawnError> {
        self.0.lock().unwrap().push(task);
        Ok(())
    }
}

impl ByHand {
    /// Polls each task once, and keeps those that are pending.
    pub(crate) fn poll(&self) {
        let mut tasks = mem::take(&mut *self.0.lock().unwrap());
        let waker = noop_waker();
        tasks.retain_mut(|task| task.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        self.0.lock().unwrap().extend(tasks);
    }

    pub(crate) fn drop_all(&self) {
        let tasks = mem::take(&mut *self.0.lock().unwrap());
        drop(tasks);
    }

    pub(crate) fn drop_last(&self) {
        let task = self.0.lock().unwrap().pop();
        drop(task);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Takes nothing any more.
pub(crate) struct ShutDown;

impl Spawn for ShutDown {
    fn spawn_obj(&self, _: Remote) -> Result<(), SpawnError> {
        Err(SpawnError::shutdown())
    }
}

/// Runs `check` with each kind of executor that has threads.
pub(crate) fn on_each_executor(check: impl Fn(&dyn Spawn)) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let handle = tokio.handle().clone();
    check(&executor(move |task| drop(handle.spawn(task))));
    check(&executor(|task| smol::spawn(task).detach()));
    check(&executor(|task| drop(async_std::task::spawn(task))));
    check(&ThreadPool::builder().pool_size(2).create().unwrap());
    check(&executor(|task| drop(std::thread::spawn(|| futures::executor::block_on(task)))));
}

#[test]
fn outputs_and_failures_of_any_executor_are_as_those_of_children_here() {
    guarded(|| {
        on_each_executor(|executor| {
            let mut nursery = Nursery::local();
            for n in 0..20 {
                nursery.spawn_on(executor, async move {
                    yields(n % 3).await;
                    if n % 5 == 0 { Err(format!("{n} failed")) } else { Ok(n) }
                });
            }
            nursery.spawn(async { Ok(99) });
            let report = futures::executor::block_on(nursery.settle());
            let outputs: Vec<_> = report.outputs().iter().map(|(_, n)| *n).collect();
            let expected: Vec<_> = (0..20).filter(|n| n % 5 != 0).chain([99]).collect();
            assert_eq!(outputs, expected);
            let failed = report.error().unwrap().by_spawn_order();
            let failed: Vec<_> = failed.map(|error| error.child().id().number()).collect();
            assert_eq!(failed, [0, 5, 10, 15]);
        });
    });
}

#[test]
fn children_of_an_executor_with_threads_run_at_the_same_time() {
    guarded(|| {
        let threads = ThreadPool::builder().pool_size(2).create().unwrap();
        let meeting = Arc::new(Barrier::new(2));
        let mut nursery: Nursery<'_, _, ()> = Nursery::new();
        for _ in 0..2 {
            let meeting = Arc::clone(&meeting);
            // Each keeps its thread until the other has come.
            nursery.spawn_on(&threads, async move { Ok(meeting.wait().is_leader()) });
        }
        let leaders = futures::executor::block_on(nursery.join()).unwrap();
        assert_eq!(leaders.iter().filter(|leader| **leader).count(), 1);
    });
}

#[test]
fn a_cancelled_child_is_gone_from_any_executor_before_join_returns() {
    guarded(|| {
        on_each_executor(|executor| {
            let live = Count::default();
            let (started, mut has_started) = mpsc::unbounded();
            let mut nursery = Nursery::<'_, (), &str, _>::local();
            for _ in 0..8 {
                let (child, started) = (Live::new(&live), started.clone());
                nursery.spawn_on(executor, async move {
                    let _child = child;
                    started.unbounded_send(()).unwrap();
                    pending().await
                });
            }
            let spawner = nursery.spawner();
            nursery.spawn(async move {
                for _ in 0..8 {
                    has_started.next().await.unwrap();
                }
                assert!(spawner.cancel_with("enough"));
                Ok(())
            });
            let report = futures::executor::block_on(nursery.settle());
            assert_eq!(live.get(), 0);
            assert_eq!((report.counts().cancelled(), report.counts().completed()), (8, 1));
        });
    });
}

/// Each child is cancelled at a moment of its own: before its start, as it runs, and after its end.
#[test]
fn a_cancel_that_meets_the_end_on_any_executor_is_one_or_the_other_a_thousand_times_over() {
    guarded(|| {
        let live = Count::default();
        on_each_executor(|executor| {
            for round in 0..200 {
                let mut nursery: LocalNursery<'_, Live, ()> = Nursery::local();
                let child = Live::new(&live);
                let handle = nursery.spawn_on(executor, async move {
                    yields(round % 4).await;
                    Ok(child)
                });
                let canceller = handle.clone();
                let cancelling = std::thread::spawn(move || {
                    for _ in 0..round % 64 {
                        std::hint::spin_loop();
                    }
                    canceller.cancel()
                });
                let report = futures::executor::block_on(nursery.settle());
                let in_time = cancelling.join().unwrap();
                assert!(handle.is_finished());
                let counts = report.counts();
                assert_eq!((counts.total(), counts.failed()), (1, 0));
                assert!(in_time || counts.completed() == 1);
                assert_eq!(live.get(), report.outputs().len());
            }
        });
    });
}

by_hand!(a_child_is_handed_over_when_it_starts_and_its_slot_is_taken_until_it_is_gone, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>().limit(1);
    nursery.spawn_on(far.clone(), async { Ok(1) });
    nursery.spawn_on(far.clone(), async { Ok(2) });
    assert_eq!(far.len(), 0);
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    assert_eq!(far.len(), 1, "the other waits in the backlog");
    far.poll();
    assert!(join.run().is_pending());
    assert_eq!(far.len(), 1);
    far.poll();
    let Poll::Ready(Ok(outputs)) = join.run() else { panic!("both are through") };
    assert_eq!(outputs, [1, 2]);
});

by_hand!(a_child_that_is_cancelled_is_waited_for_until_its_destructor_has_run_over_there, {
    let (far, live) = (ByHand::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    let child = Live::new(&live);
    let handle = nursery.spawn_on(far.clone(), async move {
        let _child = child;
        pending().await
    });
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    assert!(handle.cancel_with("enough"));
    assert!(settle.run().is_pending());
    assert!(!handle.is_finished());
    assert_eq!(live.get(), 1);
    far.poll();
    assert_eq!((live.get(), far.len()), (0, 0));
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert_eq!(report.cancelled()[0].cause().message(), Some("enough"));
    assert!(handle.is_finished());
});

by_hand!(a_child_that_is_cancelled_before_its_first_poll_over_there_is_never_polled, {
    let (far, polls) = (ByHand::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    let count = polls.clone();
    nursery.spawn_on(far.clone(), async move {
        count.add();
        Ok(())
    });
    drive(&mut nursery);
    nursery.cancel_with("enough");
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert_eq!((report.counts().cancelled(), polls.get()), (1, 0));
});

by_hand!(a_child_that_was_through_before_it_hears_of_the_cancel_keeps_its_output, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_on(far.clone(), async { Ok(7) });
    drive(&mut nursery);
    far.poll();
    assert!(handle.cancel());
    let report = Task::new(nursery.settle()).run();
    let Poll::Ready(report) = report else { panic!("it is through") };
    assert_eq!(report.outputs()[0].1, 7);
});

by_hand!(a_child_that_is_cancelled_in_its_own_poll_over_there_is_dropped_right_after_it, {
    let (far, live) = (ByHand::default(), Count::default());
    let own = Arc::new(OnceLock::<CancelHandle>::new());
    let mut nursery = nursery::<(), &str>();
    let (cancelled, mut is_cancelled) = oneshot::channel::<()>();
    let (handle, child) = (Arc::clone(&own), Live::new(&live));
    let mut cancelled = Some(cancelled);
    let spawned = nursery.spawn_on(
        far.clone(),
        poll_fn(move |_| {
            let _child = &child;
            assert!(handle.get().unwrap().cancel());
            drop(cancelled.take());
            Poll::Pending
        }),
    );
    own.set(spawned).unwrap();
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    assert!((&mut is_cancelled).now_or_never().is_some());
    assert!(settle.run().is_pending(), "the nursery tells it to go");
    far.poll();
    assert_eq!(live.get(), 0);
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert_eq!(report.counts().cancelled(), 1);
});

by_hand!(a_panic_crosses_over_with_its_payload, {
    let far = ByHand::default();
    let mut nursery = nursery::<(), &str>();
    nursery.spawn_on(far.clone(), async { std::panic::panic_any(42_u32) });
    drive(&mut nursery);
    far.poll();
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.first().failure().panic().unwrap().downcast_ref::<u32>(), Some(&42));
});

by_hand!(a_destructor_that_panics_over_there_is_a_failure_beside_the_output, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(far.clone(), ends(Ok(7), || panic!("late")));
    drive(&mut nursery);
    far.poll();
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(report.outputs()[0].1, 7);
    let error = report.error().unwrap().first();
    assert_eq!(error.failure().to_string(), "panicked in the destructor: late");
});

by_hand!(one_that_panics_after_a_panic_is_a_second_failure, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let bomb = OnDrop(|| panic!("second"));
    nursery.spawn_on(
        far.clone(),
        poll_fn(move |_| {
            let _ = &bomb;
            panic!("first")
        }),
    );
    drive(&mut nursery);
    far.poll();
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    let messages: Vec<_> = error.iter().map(|e| e.failure().panic().unwrap().message()).collect();
    assert_eq!(messages, ["first", "second"]);
});

by_hand!(one_that_panics_at_the_cancel_is_a_failure_after_it, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(far.clone(), waits(|| panic!("late")));
    drive(&mut nursery);
    far.poll();
    nursery.cancel_with("enough");
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    let error = report.error().unwrap().first();
    assert!(error.after_cancel() && error.failure().is_panic());
});

by_hand!(an_executor_that_is_shut_down_is_a_failure_of_the_child_which_is_never_polled, {
    let live = Count::default();
    let mut nursery = nursery::<u32, &str>();
    let child = Live::new(&live);
    let far = async move {
        drop(child);
        Ok(1)
    };
    nursery.spawn_on(ShutDown, far);
    nursery.spawn(ready(Ok(2)));
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!((live.get(), report.outputs().len()), (0, 1));
    let error = report.error().unwrap();
    assert_eq!(
        error.to_string(),
        "1 of 2 children failed: #0: the executor is shut down: the future was dropped and never polled"
    );
    assert!(error.first().failure().is_executor() && !error.first().after_cancel());
    assert!(matches!(error.first().failure(), Failure::Executor(error) if error.is_refused()));
});

#[test]
fn a_refusal_is_found_as_an_error() {
    let mut nursery: Nursery<'_, (), std::fmt::Error> = Nursery::new();
    nursery.spawn_on(ShutDown, pending());
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert!(error.find::<ExecutorError>().unwrap().is_refused());
    assert!(error.map(|_| "other").first().failure().is_executor());
}

by_hand!(a_task_that_the_executor_drops_is_a_child_that_has_failed, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_on(far.clone(), pending());
    nursery.spawn_on(executor(drop), pending());
    nursery.spawn(ready(Ok(2)));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    far.poll();
    far.drop_all();
    let Poll::Ready(Err(error)) = join.run() else { panic!("two outputs are missing") };
    assert_eq!(
        error.to_string(),
        "2 of 3 children failed: #1: the executor dropped the task before its end; \
         #0: the executor dropped the task before its end"
    );
    for entry in &error {
        assert!(!entry.after_cancel());
        assert!(matches!(entry.failure(), Failure::Executor(error) if error.is_dropped()));
    }
    assert!(handle.is_finished() && handle.cause().is_none());
});

by_hand!(a_task_that_the_executor_drops_stops_a_nursery_as_any_failure_does, {
    let mut nursery = nursery::<u32, &str>().first_error();
    nursery.spawn(pending());
    nursery.spawn_on(executor(drop), pending());
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!((report.counts().failed(), report.counts().cancelled()), (1, 1));
    assert_eq!(
        report.cause().unwrap().to_string(),
        "child #1 failed: the executor dropped the task before its end"
    );
});

by_hand!(a_task_that_the_executor_drops_after_a_cancel_is_a_cancelled_child, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_on(far.clone(), pending());
    // This one is in its grace when it is dropped.
    let grace = nursery.child().grace(pending::<()>);
    let signalled = grace.spawn_on(far.clone(), pending());
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    assert!(handle.cancel_with("not needed") && signalled.cancel_with("not needed"));
    far.drop_all();
    let Poll::Ready(report) = settle.run() else { panic!("both are gone") };
    assert!(report.error().is_none());
    assert_eq!((report.counts().cancelled(), report.counts().overran_grace()), (2, 0));
    for cancelled in report.cancelled() {
        assert_eq!(cancelled.cause().to_string(), "requested: not needed");
    }
});

by_hand!(a_task_that_panics_when_the_executor_drops_it_leaves_two_failures, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(far.clone(), waits(|| panic!("late")));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    far.drop_all();
    let Poll::Ready(Err(error)) = join.run() else { panic!("it is gone") };
    assert_eq!((error.len(), error.counts().failed()), (2, 1));
    assert!(error.first().failure().is_executor());
    assert_eq!(error.iter().nth(1).unwrap().failure().panic().unwrap().message(), "late");
});

#[test]
fn a_pool_of_tasks_that_is_dropped_takes_its_children_along() {
    let far = LocalPool::new();
    let mut nursery: LocalNursery<'_, (), ()> = Nursery::local();
    nursery.spawn_on(far.spawner(), pending());
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    drop(far);
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert!(report.error().unwrap().first().failure().is_executor());
}

#[test]
fn on_a_runtime_that_was_shut_down_a_child_fails_and_is_never_polled() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let handle = tokio.handle().clone();
    drop(tokio);
    let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    let far = executor(move |task| drop(handle.spawn(task)));
    nursery.spawn_on(far, async { unreachable!("it is never polled") });
    let error = futures::executor::block_on(nursery.join()).unwrap_err();
    assert!(error.first().failure().is_executor());
}

by_hand!(an_executor_that_panics_has_not_taken_the_child, {
    let mut nursery = nursery::<u32, &str>();
    // There is no runtime here.
    nursery.spawn_on(executor(|task| drop(tokio::spawn(task))), ready(Ok(1)));
    let live = Count::default();
    let child = Live::new(&live);
    let inert = executor(|_task| panic!("no thread"));
    nursery.spawn_on(inert, async move {
        drop(child);
        Ok(2)
    });
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.len(), live.get()), (2, 0));
    assert_eq!(error.iter().nth(1).unwrap().failure().panic().unwrap().message(), "no thread");
});

by_hand!(what_runs_inline_has_ended_when_it_has_started, {
    let inline = executor(futures::executor::block_on);
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(inline, async {
        yields(3).await;
        Ok(1)
    });
    nursery.spawn_on(inline, async { Err("no") });
    nursery.spawn_on(inline, async { panic!("inline") });
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!((report.counts().completed(), report.counts().failed()), (1, 2));
});

by_hand!(a_child_of_a_nursery_that_was_dropped_is_never_polled_again, {
    let (far, polls, live) = (ByHand::default(), Count::default(), Count::default());
    let mut nursery = nursery::<u32, &str>();
    for _ in 0..2 {
        let (count, child) = (polls.clone(), Live::new(&live));
        nursery.spawn_on(
            far.clone(),
            poll_fn(move |_| {
                let _child = &child;
                count.add();
                Poll::Pending
            }),
        );
    }
    drive(&mut nursery);
    // One has been polled, the other not.
    let other = far.0.lock().unwrap().pop().unwrap();
    far.poll();
    far.0.lock().unwrap().push(other);
    drop(nursery);
    assert_eq!((polls.get(), live.get(), far.len()), (1, 2, 2));
    far.poll();
    assert_eq!((polls.get(), live.get(), far.len()), (1, 0, 0));
});

by_hand!(a_task_that_is_told_to_go_is_woken_for_it, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let handle = nursery.spawn_on(far.clone(), pending());
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    let mut task = Task::new(far.0.lock().unwrap().pop().unwrap());
    assert!(task.run().is_pending());
    assert_eq!(task.wakes(), 0);
    handle.cancel();
    assert!(settle.run().is_pending());
    assert_eq!(task.wakes(), 1);
    assert!(task.run().is_ready());
    assert!(settle.run().is_ready());
});

by_hand!(the_nursery_is_woken_once_when_a_child_has_ended_elsewhere, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(far.clone(), ready(Ok(1)));
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let wakes = join.wakes();
    far.poll();
    assert_eq!(join.wakes(), wakes + 1);
    assert!(join.run().is_ready());
});

by_hand!(a_grace_of_its_own_lets_it_go_on_and_then_it_is_told_to_go, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let child = nursery.child().name("far").grace(|| yields(2));
    let handle = child.spawn_on(far.clone(), pending());
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    handle.cancel();
    assert!(settle.run().is_pending(), "the grace is over, and it is not gone");
    far.poll();
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert_eq!(report.overran_grace().next().unwrap().name(), Some("far"));
});

by_hand!(what_it_comes_to_in_its_grace_is_its_end, {
    let (far, (done, is_done)) = (ByHand::default(), oneshot::channel::<u32>());
    let mut nursery = nursery::<u32, &str>().grace(pending::<()>);
    nursery.spawn_on(far.clone(), is_done.map(|done| done.map_err(|_| "lost")));
    drive(&mut nursery);
    far.poll();
    nursery.cancel_with("enough");
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    assert_eq!(far.len(), 1, "it was not told to go");
    done.send(7).unwrap();
    far.poll();
    let Poll::Ready(report) = settle.run() else { panic!("it is through") };
    assert_eq!((report.outputs()[0].1, report.counts().cancelled()), (7, 0));
});

by_hand!(the_nurserys_grace_is_over_for_it_too_and_it_is_waited_for, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>().grace(|| yields(2));
    nursery.spawn_on(far.clone(), pending());
    drive(&mut nursery);
    far.poll();
    nursery.cancel_with("enough");
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert_eq!((report.counts().cancelled(), report.overran_grace().count()), (1, 1));
});

by_hand!(one_that_is_cancelled_alone_has_nothing_of_the_nurserys_grace, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>().grace(pending::<()>);
    let handle = nursery.spawn_on(far.clone(), pending());
    drive(&mut nursery);
    far.poll();
    handle.cancel();
    nursery.cancel_with("enough");
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    assert!(settle.run().is_ready());
});

by_hand!(a_timeout_fails_it_when_it_is_gone, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.child().timeout(|| yields(2)).spawn_on(far.clone(), pending());
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    assert_eq!(far.len(), 1);
    far.poll();
    let Poll::Ready(Err(error)) = join.run() else { panic!("it is gone") };
    assert!(error.first().failure().is_timed_out());
});

by_hand!(a_timer_of_its_own_that_panics_is_its_failure_when_it_is_gone, {
    for grace in [false, true] {
        let far = ByHand::default();
        let mut nursery = nursery::<u32, &str>();
        let broken = async { panic!("no timer") };
        let child = nursery.child();
        let handle = if grace {
            child.grace(move || broken).spawn_on(far.clone(), pending())
        } else {
            child.timeout(move || broken).spawn_on(far.clone(), pending())
        };
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        if grace {
            handle.cancel();
            assert!(join.run().is_pending());
        }
        assert!(!handle.is_finished());
        far.poll();
        let Poll::Ready(Err(error)) = join.run() else { panic!("it is gone") };
        assert_eq!(error.first().failure().panic().unwrap().message(), "no timer");
        assert_eq!((error.len(), error.first().overran_grace()), (1, grace));
    }
});

by_hand!(a_timer_that_panics_before_the_task_has_run_leaves_it_unpolled, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let broken = async { panic!("no timer") };
    nursery
        .child()
        .timeout(move || broken)
        .spawn_on(far.clone(), async { unreachable!("it is never polled") });
    let mut join = Task::new(nursery.join());
    // The child starts, and its timeout breaks, before the task is polled at all.
    assert!(join.run().is_pending());
    far.poll();
    let Poll::Ready(Err(error)) = join.run() else { panic!("it is gone") };
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().failure().panic().unwrap().message(), "no timer");
});

by_hand!(a_timer_that_panics_when_it_has_ended_is_named_beside_its_output, {
    let far = ByHand::default();
    let runs = far.clone();
    let mut nursery = nursery::<u32, &str>();
    // It is polled before the child: the second time there is a task to be polled.
    let timeout = async move {
        yields(1).await;
        runs.poll();
        panic!("no timer")
    };
    nursery.child().timeout(move || timeout.map(|(): ()| ())).spawn_on(far, ready(Ok(1)));
    let Poll::Ready(report) = Task::new(nursery.settle()).run() else { panic!("it has ended") };
    assert_eq!(report.outputs()[0].1, 1);
    let error = report.error().unwrap();
    let text = error.first().failure().to_string();
    assert_eq!((error.len(), text.as_str()), (1, "panicked in the timeout: no timer"));
});

by_hand!(shared, an_output_of_one_whose_nursery_is_dropped_in_its_last_poll_harms_no_executor, {
    let (far, gone) = (ByHand::default(), Count::default());
    let slot: Arc<Mutex<Option<Box<dyn Send>>>> = Arc::default();
    let (owner, counted) = (Arc::clone(&slot), gone.clone());
    let mut nursery = Nursery::<'_, _, ()>::new();
    nursery.spawn_on(far.clone(), async move {
        drop(owner.lock().unwrap().take());
        Ok(counted_bomb(&counted, "late"))
    });
    drive(&mut nursery);
    *slot.lock().unwrap() = Some(Box::new(nursery));
    far.poll();
    assert_eq!((gone.get(), far.len()), (1, 0));
});

by_hand!(one_that_the_executor_drops_once_the_nursery_is_cancelled_is_cancelled_with_it, {
    let far = ByHand::default();
    let (runs, (send, receive)) = (far.clone(), oneshot::channel::<()>());
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(async move {
        receive.await.unwrap();
        spawner.cancel_with("enough");
        runs.drop_all();
        pending().await
    });
    nursery.spawn_on(far.clone(), pending());
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    send.send(()).unwrap();
    let Poll::Ready(report) = settle.run() else { panic!("both are gone") };
    assert_eq!(report.cancelled().len(), 2);
    assert!(report.cancelled().iter().all(|one| one.cause().message() == Some("enough")));
});

by_hand!(one_that_was_told_to_go_before_overruns_no_grace, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>().grace(|| yields(2));
    let handle = nursery.spawn_on(far.clone(), pending());
    let spawner = nursery.spawner();
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    handle.cancel();
    assert!(settle.run().is_pending());
    spawner.cancel_with("enough");
    assert!(settle.run().is_pending());
    far.poll();
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert_eq!((report.counts().cancelled(), report.counts().overran_grace()), (1, 0));
});

by_hand!(a_deadline_names_it_when_it_is_gone, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>().deadline(yields(2));
    nursery.spawn_on(far.clone(), pending());
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    far.poll();
    let Poll::Ready(Err(error)) = join.run() else { panic!("it is gone") };
    assert!(error.first().failure().is_timed_out());
});

by_hand!(a_daemon_elsewhere_is_told_to_go_and_waited_for, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.child().daemon().spawn_on(far.clone(), pending());
    nursery.spawn(async { Ok(1) });
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    far.poll();
    let Poll::Ready(report) = settle.run() else { panic!("it is gone") };
    assert_eq!(report.cancelled()[0].cause().kind(), CauseKind::Finished);
});

by_hand!(the_first_error_cancels_it_and_waits_for_it, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>().first_error();
    nursery.spawn_on(far.clone(), pending());
    nursery.spawn(async {
        yields(1).await;
        Err("failed")
    });
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    far.poll();
    let Poll::Ready(Err(error)) = join.run() else { panic!("it is gone") };
    assert_eq!((error.len(), error.counts().cancelled()), (1, 1));
});

by_hand!(a_race_waits_until_the_losers_are_gone, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(far.clone(), pending());
    nursery.spawn(async {
        yields(1).await;
        Ok(1)
    });
    let mut race = Task::new(nursery.first_ok());
    assert!(race.run().is_pending());
    far.poll();
    assert!(matches!(race.run(), Poll::Ready(Ok(Some((_, 1))))));
});

by_hand!(spawners_spawn_so_too_and_get_back_what_is_not_taken, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    spawner.spawn_on(far.clone(), ready(Ok(1))).unwrap();
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    far.poll();
    assert!(join.run().is_ready());
    let rejected = spawner.spawn_on(far.clone(), ready(Ok::<u32, &str>(2))).unwrap_err();
    assert!(rejected.reason.is_closed());
    assert_eq!(rejected.future.now_or_never(), Some(Ok(2)));
    assert_eq!(far.len(), 0);
});

by_hand!(a_task_that_is_polled_when_its_future_is_gone_is_just_ready, {
    let far = ByHand::default();
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(far.clone(), ready(Ok(1)));
    drive(&mut nursery);
    let mut task = Task::new(far.0.lock().unwrap().pop().unwrap());
    assert!(task.poll().is_ready() && task.poll().is_ready());
    assert_eq!(nursery.join().now_or_never().unwrap().unwrap(), [1]);
});

by_hand!(an_executor_that_runs_the_task_and_then_panics_takes_no_output_along, {
    let broken = executor(|task| {
        futures::executor::block_on(task);
        panic!("afterwards")
    });
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(broken, ready(Ok(7)));
    let report = nursery.settle().now_or_never().unwrap();
    assert_eq!(report.outputs()[0].1, 7);
    let error = report.error().unwrap().first();
    assert_eq!(error.failure().panic().unwrap().message(), "afterwards");
});

by_hand!(destructors_of_an_executor_and_of_a_child_that_never_started_end_no_process, {
    let bomb = OnDrop(|| panic!("executor"));
    let far = executor(move |_| {
        let _ = &bomb;
    });
    let mut nursery = nursery::<u32, &str>();
    nursery.spawn_on(far, waits(|| panic!("child")));
    nursery.cancel_with("enough");
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.first().failure().panic().unwrap().message(), "child");
});

by_hand!(a_task_that_has_ended_keeps_no_waker_of_its_executor, {
    let executor = ByHand::default();
    let mut nursery = nursery::<(), &str>();
    let (sender, receiver) = oneshot::channel();
    nursery.spawn_on(&executor, async { receiver.await.map_err(|_| "closed") });
    drive(&mut nursery);
    let mut task = executor.0.lock().unwrap().pop().unwrap();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(task.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    sender.send(()).unwrap();
    assert!(task.poll_unpin(&mut Context::from_waker(&waker)).is_ready());
    // The nursery has not heard of it yet.
    assert_eq!(Arc::strong_count(&wakes), 2);
});
