//! shuttle and the kit: shuttle runs the threads, and chooses which runs; the kit runs the tasks of
//! a thread, and lets shuttle choose among those too. So shuttle explores, and replays, both
//! together.

use std::panic::{UnwindSafe, catch_unwind};

use futures::future::select;
use nestling::testing::Executor;
use nestling_downstream::{Fault, faulty};
use shuttle::rand::Rng;

/// Shuttle's numbers are a part of its schedules.
fn executor() -> Executor<'static> {
    Executor::from_choices(|n| shuttle::rand::thread_rng().gen_range(0..n))
}

/// Drops the tasks before it fails: they take locks then, and a schedule of shuttle ends with the
/// panic.
fn end(mut executor: Executor<'_>) {
    let rest = executor.run();
    drop(executor);
    rest.expect_done();
}

/// A thread sends, while tasks on this one send and receive.
fn a_thread_sends(fault: Fault) {
    let (sender, mut receiver) = faulty(1, fault);
    let mut executor = executor();
    let task = sender.clone();
    executor.spawn(async move { task.send(1).await });
    let received = executor.spawn(async move {
        let mut received = 0;
        while let Some(value) = receiver.recv().await {
            received += value;
        }
        received
    });
    let thread = shuttle::thread::spawn(move || sender.try_send(2).err().unwrap_or(0));
    // The tasks may rest before the thread is through, so they go on when it is.
    let _ = executor.run();
    let refused: u32 = thread.join().unwrap();
    end(executor);
    assert_eq!(received.take(), Some(3 - refused));
}

/// Three tasks of one thread send through a channel of one slot, and the first of them may give up.
fn one_gives_up(fault: Fault) {
    let (sender, mut receiver) = faulty(1, fault);
    let mut executor = executor();
    let enough = executor.signal();
    let (first, wait) = (sender.clone(), enough.wait());
    executor.spawn(async move {
        select(wait, first.send(0)).await;
    });
    for n in 1..3 {
        let sender = sender.clone();
        executor.spawn(async move { sender.send(n).await });
    }
    drop(sender);
    executor.spawn(async move { enough.fire() });
    executor.spawn(async move { while receiver.recv().await.is_some() {} });
    end(executor);
}

#[test]
fn the_channel_loses_no_wake() {
    shuttle::check_random(|| a_thread_sends(Fault::None), 2_000);
    shuttle::check_pct(|| a_thread_sends(Fault::None), 2_000, 3);
    shuttle::check_random(|| one_gives_up(Fault::None), 2_000);
}

#[test]
fn a_wake_that_is_lost_between_threads_is_found() {
    let test = || a_thread_sends(Fault::LateRegister);
    for message in [
        message_of(|| shuttle::check_random(test, 2_000)),
        message_of(|| shuttle::check_pct(test, 2_000, 3)),
    ] {
        assert!(message.contains("the run has stalled\ntask "), "{message}");
    }
}

#[test]
fn a_wake_that_is_lost_among_tasks_is_found_and_found_again() {
    let test = || one_gives_up(Fault::LostWake);
    let message = message_of(|| shuttle::check_random(test, 2_000));
    assert!(message.contains("the run has stalled\ntask "), "{message}");
    // The schedule is between quotes. It has the choices among the tasks, too.
    let schedule = message.split('"').nth(1).unwrap().trim();
    assert_eq!(message_of(|| shuttle::replay(test, schedule)), message);
}

/// What `fails` panics with.
fn message_of(fails: impl FnOnce() + UnwindSafe) -> String {
    let payload = catch_unwind(fails).expect_err("the fault is not found");
    *payload.downcast().expect("a panic with a text")
}
