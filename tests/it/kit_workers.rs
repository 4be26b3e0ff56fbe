//! Tasks that are handed to the kit's executor while it runs.

use std::future::pending;

use futures::task::Spawn as _;
use nestling::testing::{Counters, Executor, Hazards, Rest, Workers, explore};

use crate::kit::message_of;
use crate::support::{OnDrop, yields};

/// Hands a task over that yields so often and then waits for ever.
fn hand_over(workers: &Workers, counters: &Counters, times: usize) {
    let future = counters.watch(async move {
        yields(times).await;
        pending().await
    });
    workers.spawn_obj(Box::new(future).into()).expect("it takes tasks");
}

#[test]
fn tasks_are_handed_over_before_a_run_in_it_and_by_each_other() {
    explore(0..50, |run| {
        let mut executor = run.executor();
        let (workers, signal) = (executor.workers(), executor.signal());
        let (inner, fired) = (workers.clone(), signal.clone());
        let task = async move {
            yields(2).await;
            let last = async move { fired.fire() };
            inner.spawn_obj(Box::new(last).into()).expect("it takes tasks");
        };
        workers.spawn_obj(Box::new(task).into()).expect("it takes tasks");
        assert_eq!(executor.block_on(async move { signal.wait().await }), ());
        assert_eq!((workers.taken(), executor.run()), (2, Rest::Done));
    });
}

#[test]
fn workers_drop_the_task_that_they_are_told_to_and_no_other() {
    let counters = Counters::new();
    let mut executor = Executor::new(1);
    let other = executor.spawn(counters.watch(pending::<()>()));
    let workers = executor.workers();
    (0..3).for_each(|_| hand_over(&workers, &counters, 0));
    assert_eq!(executor.run().stuck(), 4);
    workers.drop_task(1);
    workers.drop_task(7);
    assert_eq!((counters.futures_dropped(), executor.run().stuck()), (0, 3));
    workers.drop_task(1);
    assert_eq!(executor.run().stuck(), 3);
    executor.abandon(&other);
    assert_eq!(executor.run().stuck(), 2);
    drop(executor);
    counters.assert_nothing_left();
}

#[test]
fn a_task_that_was_not_taken_in_is_dropped_unpolled_where_it_is_to_be() {
    let counters = Counters::new();
    let mut executor = Executor::new(1);
    hand_over(&executor.workers(), &counters, 0);
    executor.workers().drop_task(0);
    assert_eq!(executor.run(), Rest::Done);
    hand_over(&executor.workers(), &counters, 0);
    drop(executor);
    assert_eq!((counters.futures_dropped(), counters.polls()), (2, 0));
}

#[test]
fn workers_that_are_shut_down_drop_all_and_take_nothing_and_the_rest_goes_on() {
    let counters = Counters::new();
    let mut executor = Executor::new(1).hazards(Hazards::none());
    let own = executor.spawn(yields(9));
    let workers = executor.workers();
    (0..3).for_each(|_| hand_over(&workers, &counters, 100));
    (0..4).for_each(|_| assert!(executor.step()));
    workers.shut_down();
    assert_eq!(executor.run(), Rest::Done);
    assert!(own.is_finished());
    assert_eq!((counters.futures_dropped(), workers.taken()), (3, 3));
    assert!(workers.spawn_obj(Box::new(counters.watch(pending())).into()).is_err());
    assert!(workers.status().is_err() && workers.is_shut_down());
    counters.assert_nothing_left();
}

#[test]
fn workers_take_nothing_once_their_executor_is_gone() {
    let executor = Executor::new(1);
    let workers = executor.workers();
    assert!(workers.status().is_ok());
    drop(executor);
    assert!(workers.spawn_obj(Box::new(pending()).into()).is_err());
}

#[test]
fn all_tasks_are_dropped_where_the_destructor_of_one_panics() {
    let counters = Counters::new();
    let mut executor = Executor::new(1);
    let workers = executor.workers();
    let bomb = OnDrop(|| panic!("a bomb"));
    let task = async move {
        let _bomb = bomb;
        pending().await
    };
    workers.spawn_obj(Box::new(task).into()).expect("it takes tasks");
    hand_over(&workers, &counters, 0);
    workers.shut_down();
    assert_eq!(message_of(|| _ = executor.run()), "a bomb");
    counters.assert_nothing_left();
    assert_eq!(executor.run(), Rest::Done);
}

#[test]
fn a_task_that_comes_of_the_drop_of_another_runs_in_the_same_run() {
    let mut executor = Executor::new(1);
    let (workers, signal) = (executor.workers(), executor.signal());
    let (inner, fired) = (workers.clone(), signal.clone());
    let mut last = Some(async move { fired.fire() });
    let hands_over = OnDrop(move || {
        let last = last.take().expect("it is dropped once");
        inner.spawn_obj(Box::new(last).into()).expect("it takes tasks");
    });
    let task = async move {
        let _hands_over = hands_over;
        pending().await
    };
    workers.spawn_obj(Box::new(task).into()).expect("it takes tasks");
    assert_eq!(executor.run().stuck(), 1);
    workers.drop_task(0);
    assert_eq!(executor.run(), Rest::Done);
    assert_eq!((workers.taken(), signal.has_fired()), (2, true));
}
