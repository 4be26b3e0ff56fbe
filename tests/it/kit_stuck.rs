//! What is told of tasks and children that wait for ever.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use nestling::Nursery;
use nestling::future::Timer;
use nestling::testing::{Executor, Hazards, Rest};

use crate::kit::message_of;
use crate::support::yields;

/// What is told of the run, without the lines of code.
fn told(mut executor: Executor<'_>) -> String {
    let rest = executor.run();
    let Rest::Stalled(stuck) = &rest else { panic!("{rest:?}") };
    let text = stuck.to_string();
    assert_eq!(format!("{rest:?}"), format!("Stalled({text})"));
    text
}

/// The place `lines` below the one where this is called.
#[track_caller]
fn below(lines: u32) -> String {
    let here = std::panic::Location::caller();
    format!("{}:{}", here.file(), here.line() + lines)
}

#[test]
fn a_task_tells_what_it_waits_for_and_what_woke_it() {
    let mut executor = Executor::from_choices(|_| 0);
    let (first, made) = (below(1), below(2));
    let begun = executor.signal();
    let never = executor.signal();
    let waits = begun.wait();
    let spawned = below(1);
    executor.spawn(async move {
        waits.await;
        never.wait().await;
    });
    executor.spawn(async move { begun.fire() });
    let text = told(executor);
    let [task, wait] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(task.starts_with(&format!("task 0, spawned at {spawned}:")), "{text}");
    let woken = format!(": polled 2 times, last woken by the signal made at {first}:");
    assert!(task.contains(&woken) && task.ends_with(", which task 1 has fired"), "{text}");
    assert!(wait.starts_with(&format!("  waits for the signal made at {made}:")), "{text}");
    assert!(wait.ends_with(", which was not fired"), "{text}");
}

#[test]
fn each_way_to_be_woken_is_told() {
    let mut executor = Executor::from_choices(|_| 0);
    let kept: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let clock = executor.clock();
    let keeps = |kept: &Arc<Mutex<Vec<Waker>>>| {
        let kept = Arc::clone(kept);
        poll_fn(move |cx| {
            kept.lock().unwrap().push(cx.waker().clone());
            Poll::<()>::Pending
        })
    };
    executor.spawn(keeps(&kept));
    executor.spawn(async move {
        clock.sleep(Duration::from_secs(1)).await;
        pending::<()>().await
    });
    executor.spawn(async {
        yields(2).await;
        pending::<()>().await
    });
    let inner = Arc::clone(&kept);
    executor.spawn(async move {
        yields(1).await;
        inner.lock().unwrap()[0].wake_by_ref();
    });
    executor.spawn(pending::<()>());
    let text = told(executor);
    let said: Vec<&str> = text.lines().map(|line| line.rsplit(": ").next().unwrap()).collect();
    assert_eq!(
        said,
        [
            "polled 2 times, last woken by task 3",
            "  only what keeps its waker could wake it",
            "polled 2 times, last woken by the clock",
            "  nothing keeps its waker",
            "polled 3 times, last woken by itself",
            "  nothing keeps its waker",
            "polled once, never woken",
            "  nothing keeps its waker",
        ]
    );
}

#[test]
fn a_task_that_keeps_the_waker_of_an_earlier_poll_is_told_so() {
    let mut executor = Executor::new(1).hazards(Hazards::none().fresh_wakers(true));
    let mut first = None;
    executor.spawn(async {
        let mut polls = 0;
        poll_fn(move |cx| {
            polls += 1;
            first.get_or_insert_with(|| cx.waker().clone());
            if polls == 1 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        })
        .await;
    });
    let text = told(executor);
    let last = text.lines().last().unwrap();
    assert_eq!(
        last, "  only wakers of earlier polls are kept, and they do nothing any more",
        "{text}"
    );
}

#[test]
fn a_time_that_never_comes_is_told() {
    let mut executor = Executor::new(1);
    executor.spawn(executor.clock().sleep(Duration::MAX));
    assert!(told(executor).contains("\n  waits for a time that never comes"));
}

#[test]
fn each_stuck_child_is_named_with_what_woke_it_and_what_could() {
    let message = message_of(|| {
        let mut executor = Executor::new(1).hazards(Hazards::none());
        let (go, never) = (executor.signal(), executor.signal());
        let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("sync").watch(&executor.watch());
        let (begun, never) = (go.wait(), never.wait());
        nursery.child().name("reader").spawn(async {
            begun.await;
            never.await;
            Ok(())
        });
        nursery.child().name("writer").spawn(async move {
            yields(1).await;
            go.fire();
            pending().await
        });
        executor.block_on(nursery.join()).unwrap();
    });
    for line in [
        "the future waits, and nothing is left to wake it\ntask 0, spawned at ",
        "\n  #0 reader tests/it/kit_stuck.rs:",
        " waits for the signal made at tests/it/kit_stuck.rs:",
        "#0 reader tests/it/kit_stuck.rs:",
        " was last woken by #1 writer tests/it/kit_stuck.rs:",
        ", and could be woken by what keeps a waker of it\n",
        " was last woken by itself, and nothing keeps a waker of it\n",
        "#1 writer in \"sync\" waits, and nothing can wake it",
    ] {
        assert!(message.contains(line), "{line:?} is not in\n{message}");
    }
}

#[test]
fn to_expect_the_end_of_a_run_tells_what_is_stuck() {
    let stuck = || {
        let mut executor = Executor::new(1);
        executor.spawn(pending::<()>());
        executor.spawn(async {});
        executor.run()
    };
    assert_eq!((stuck().stuck(), stuck().is_done()), (1, false));
    assert_eq!(stuck(), stuck());
    assert_ne!(stuck(), Rest::Done);
    let message = message_of(|| stuck().expect_done());
    assert!(message.starts_with("the run has stalled\ntask 0, spawned at "), "{message}");
}

#[test]
fn a_wake_for_nothing_is_not_told_as_what_woke_a_task() {
    let mut outside = 0;
    for seed in 0..50 {
        let mut executor = Executor::new(seed).hazards(Hazards::none().spurious_wakes(25));
        let (go, never) = (executor.signal(), executor.signal());
        let (begun, waits) = (go.wait(), never.wait());
        executor.spawn(async move {
            begun.await;
            waits.await;
        });
        executor.spawn(yields(50));
        let only = executor.signal().wait();
        executor.spawn(only);
        executor.spawn(async move { go.fire() });
        let text = told(executor);
        // It may have seen the signal before that woke it.
        let first = text.lines().next().unwrap();
        assert!(!first.contains("outside"), "{text}");
        outside += usize::from(text.contains("only woken for nothing, by a hazard"));
    }
    assert!(outside > 10, "{outside}");
}
