//! The kit by itself: many schedules of a few tasks, the race that they are for, and replays.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use futures::future::select;
use nestling::testing::{Counters, Executor, Schedules, explore, yields};

use crate::{Fault, faulty};

/// Three tasks send through a channel of one slot, and the first of them may give up.
fn one_gives_up(mut executor: Executor<'_>, fault: Fault) {
    let counters = Counters::new();
    let (sender, mut receiver) = faulty(1, fault);
    let enough = executor.signal();
    let (first, wait, sent) = (sender.clone(), enough.wait(), counters.track(()));
    executor.spawn(async move {
        select(wait, first.send(sent)).await;
    });
    for _ in 0..2 {
        let (sender, sent) = (sender.clone(), counters.track(()));
        executor.spawn(async move { sender.send(sent).await.is_ok() });
    }
    drop(sender);
    executor.spawn(async move { enough.fire() });
    executor.spawn(async move { while receiver.recv().await.is_some() {} });
    executor.run().expect_done();
    drop(executor);
    counters.assert_nothing_left();
}

/// Two tasks send through a channel of one slot, and the receiver may leave before it has both
/// values.
fn the_receiver_leaves(mut executor: Executor<'_>, fault: Fault) {
    let counters = Counters::new();
    let (sender, mut receiver) = faulty(1, fault);
    let leave = executor.signal();
    let wait = leave.wait();
    executor.spawn(async move {
        select(wait, pin!(async { while receiver.recv().await.is_some() {} })).await;
    });
    for _ in 0..2 {
        let (sender, sent) = (sender.clone(), counters.track(()));
        executor.spawn(async move { drop(sender.send(sent).await) });
    }
    drop(sender);
    executor.spawn(async move {
        yields(3).await;
        leave.fire();
    });
    executor.run().expect_done();
    drop(executor);
    counters.assert_nothing_left();
}

const WOKEN_AND_DROPPED: &str = "a send was dropped that had been woken";
const LEFT_VALUES: &str = "a receiver was dropped with values while a send waited";

/// At random, by ranks, and all there are.
fn schedules() -> [Schedules; 3] {
    [Schedules::random(0..2_000), Schedules::pct(0..2_000, 3), Schedules::every(100_000)]
}

#[test]
fn the_channel_loses_no_wake() {
    for schedules in schedules() {
        let explored = explore(schedules.twice().reaching([WOKEN_AND_DROPPED]), |run| {
            one_gives_up(run.executor(), Fault::None);
        });
        println!("{explored}");
    }
}

#[test]
fn the_channel_drops_each_value_once() {
    for schedules in schedules() {
        let explored = explore(schedules.twice().reaching([LEFT_VALUES]), |run| {
            the_receiver_leaves(run.executor(), Fault::None);
        });
        println!("{explored}");
    }
}

#[test]
fn a_lost_wake_is_found_and_told() {
    for schedules in schedules() {
        let message = message_of(|| {
            explore(schedules, |run| one_gives_up(run.executor(), Fault::LostWake));
        });
        // One that sends and one that receives: each waits for the other.
        assert!(message.starts_with("the run has stalled\ntask "), "{message}");
        assert_eq!(message.matches("only what keeps its waker could wake it").count(), 2);
    }
}

#[test]
fn a_double_drop_is_found_and_told() {
    for schedules in schedules() {
        let message = message_of(|| {
            explore(schedules, |run| the_receiver_leaves(run.executor(), Fault::DoubleDrop));
        });
        assert!(message.contains("dropped_twice: 1"), "{message}");
    }
}

/// The tests that keep a fault from coming back: what the explorations above have printed.
#[test]
fn a_replay_shows_the_fault_again() {
    let replay = "1:45:a2cba2ba14ba5b".parse().unwrap();
    one_gives_up(Executor::from_replay(&replay), Fault::None);
    let message = message_of(|| one_gives_up(Executor::from_replay(&replay), Fault::LostWake));
    assert!(message.starts_with("the run has stalled"), "{message}");

    let replay = "1:every:a4b3".parse().unwrap();
    let again = || Executor::from_replay(&replay);
    the_receiver_leaves(again(), Fault::None);
    let message = message_of(|| the_receiver_leaves(again(), Fault::DoubleDrop));
    assert!(message.contains("dropped_twice: 1"), "{message}");
}

/// What `fails` panics with.
fn message_of(fails: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(fails)).expect_err("the fault is not found");
    *payload.downcast().expect("a panic with a text")
}
