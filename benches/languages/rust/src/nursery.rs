//! The jobs by `Nursery`.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::channel::oneshot;
use futures::executor::block_on;
use nestling::Nursery;

use crate::{LIMIT, TaskError, yield_now};

pub(crate) fn fan_out(tasks: usize) -> usize {
    let ran = AtomicUsize::new(0);
    let mut nursery = Nursery::<(), TaskError>::new();
    for _ in 0..tasks {
        nursery.spawn(async {
            ran.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
    }
    block_on(nursery.join()).expect("no task fails");
    ran.into_inner()
}

pub(crate) fn bounded(tasks: usize) -> usize {
    let ran = AtomicUsize::new(0);
    block_on(async {
        let mut nursery = Nursery::<(), TaskError>::new().limit(LIMIT).discard_outputs();
        for _ in 0..tasks {
            let slot = nursery.reserve().await.expect("no task fails");
            slot.spawn(async {
                yield_now().await;
                ran.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
        }
        nursery.join().await.expect("no task fails");
    });
    ran.into_inner()
}

pub(crate) fn first_error(tasks: usize) -> usize {
    let waiting = AtomicUsize::new(0);
    let mut senders = Vec::with_capacity(tasks);
    let mut nursery = Nursery::<(), TaskError>::new().first_error();
    for _ in 1..tasks {
        // Nothing is sent: it is what the task waits for.
        let (sender, receiver) = oneshot::channel::<()>();
        senders.push(sender);
        let waiting = &waiting;
        nursery.spawn(async move {
            waiting.fetch_add(1, Ordering::Relaxed);
            let _ = receiver.await;
            Ok(())
        });
    }
    nursery.spawn(async {
        while waiting.load(Ordering::Relaxed) < tasks - 1 {
            yield_now().await;
        }
        Err(TaskError(tasks - 1))
    });
    let error = block_on(nursery.join()).expect_err("one task fails");
    error.counts().cancelled() as usize
}

pub(crate) fn all_errors(tasks: usize) -> usize {
    let mut nursery = Nursery::<(), TaskError>::new();
    for task in 0..tasks {
        nursery.spawn(async move { Err(TaskError(task)) });
    }
    block_on(nursery.join()).expect_err("all tasks fail").len()
}
