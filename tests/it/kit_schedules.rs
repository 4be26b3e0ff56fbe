//! How an executor's choices are made, made again, and gone through.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nestling::Nursery;
use nestling::future::Timer;
use nestling::testing::{Executor, Hazards, Replay, Run, Schedules, explore, reached};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::kit::message_of;
use crate::support::yields;

/// The order in which `tasks` tasks get to each of their polls.
fn order(executor: &mut Executor<'static>, tasks: usize, polls: usize) -> Vec<usize> {
    let order = Rc::new(RefCell::new(Vec::new()));
    for task in 0..tasks {
        let order = Rc::clone(&order);
        executor.spawn(async move {
            for poll in 0..polls {
                order.borrow_mut().push(task);
                yields(usize::from(poll + 1 < polls)).await;
            }
        });
    }
    executor.run().expect_done();
    order.take()
}

#[test]
fn plain_choices_give_the_run_of_a_plain_queue() {
    let mut executor = Executor::from_choices(|_| 0);
    assert_eq!(order(&mut executor, 3, 2), [0, 1, 2, 0, 1, 2]);
    assert_eq!(executor.polls(), 6);
}

#[test]
fn a_function_chooses_which_task_is_next_and_is_asked_only_where_there_is_a_choice() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = Arc::clone(&asked);
    let last = move |n| {
        asks.lock().unwrap().push(n);
        n - 1
    };
    let mut executor = Executor::from_choices(last).hazards(Hazards::none());
    assert_eq!(order(&mut executor, 3, 2), [2, 2, 1, 1, 0, 0]);
    assert_eq!(*asked.lock().unwrap(), [3, 3, 2, 2]);
}

#[test]
fn any_number_is_an_answer() {
    for answer in [0, 1, 7, 1_000_003, usize::MAX] {
        let mut executor = Executor::from_choices(move |_| answer);
        assert_eq!(order(&mut executor, 3, 4).len(), 12);
    }
}

#[test]
fn a_function_that_asks_for_each_hazard_does_not_keep_a_run_from_its_end() {
    let mut executor = Executor::from_choices(|n| n - 1).max_polls(10_000);
    let (clock, signal) = (executor.clock(), executor.signal());
    for task in 0..5 {
        let (clock, signal) = (clock.clone(), signal.clone());
        executor.spawn(async move {
            let mut nursery: Nursery<'_, (), ()> = Nursery::new();
            for _ in 0..3 {
                nursery.spawn(async {
                    yields(3).await;
                    clock.sleep(Duration::from_secs(1)).await;
                    if task == 4 {
                        signal.fire()
                    } else {
                        signal.wait().await
                    }
                    Ok(())
                });
            }
            nursery.join().await.unwrap();
        });
    }
    executor.run().expect_done();
}

#[test]
fn a_function_may_use_the_executor_that_it_chooses_for() {
    let slot: Arc<Mutex<Option<nestling::testing::Signal>>> = Arc::default();
    let inner = Arc::clone(&slot);
    let mut executor = Executor::from_choices(move |n| {
        if let Some(signal) = inner.lock().unwrap().take() {
            signal.fire();
        }
        n - 1
    });
    let signal = executor.signal();
    *slot.lock().unwrap() = Some(signal.clone());
    for _ in 0..3 {
        executor.spawn(signal.wait());
    }
    executor.run().expect_done();
}

/// A lock that is taken in two steps: two tasks may both see it free.
fn lost_update(executor: &mut Executor<'static>) -> u32 {
    let count = Rc::new(Cell::new(0));
    for _ in 0..2 {
        let count = Rc::clone(&count);
        executor.spawn(async move {
            let seen = count.get();
            yields(1).await;
            count.set(seen + 1);
        });
    }
    executor.run().expect_done();
    count.get()
}

#[test]
fn proptest_finds_a_schedule_and_shrinks_it() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let choices = proptest::collection::vec(any::<u8>(), 0..50);
    let failed = runner.run(&choices, |choices| {
        let mut choices = choices.into_iter();
        let by_choice = move |n| usize::from(choices.next().unwrap_or(255)) * n / 256;
        let mut executor = Executor::from_choices(by_choice).hazards(Hazards::none());
        prop_assert_eq!(lost_update(&mut executor), 2);
        Ok(())
    });
    // The smallest that fails lets the second go before the first is over.
    match failed {
        Err(proptest::test_runner::TestError::Fail(_, choices)) => assert_eq!(choices, [0, 0]),
        other => panic!("{other:?}"),
    }
}

/// A run with all that can be chosen, as a text.
fn busy(mut executor: Executor<'static>) -> (String, u64, Replay) {
    let log = Arc::new(Mutex::new(String::new()));
    let (clock, signal) = (executor.clock(), executor.signal());
    let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    for task in 0..6 {
        let clock = clock.clone();
        nursery.spawn_on(executor.workers(), async move {
            yields(task).await;
            clock.sleep(Duration::from_secs(2)).await;
            Ok(())
        });
        let (wait, log) = (signal.wait(), Arc::clone(&log));
        nursery.spawn(async move {
            wait.await;
            log.lock().unwrap().push_str(&task.to_string());
            Ok(())
        });
    }
    nursery.spawn(async move {
        yields(9).await;
        signal.fire();
        Ok(())
    });
    executor.block_on(async move { nursery.join().await.map(drop) }).unwrap();
    let (polls, replay) = (executor.polls(), executor.replay());
    let log = log.lock().unwrap().clone();
    (log, polls, replay)
}

#[test]
fn the_same_seed_gives_the_same_run_and_so_does_its_replay() {
    let mut texts = BTreeSet::new();
    for seed in 0..50 {
        let run = busy(Executor::new(seed));
        assert_eq!(busy(Executor::new(seed)), run);
        let replay: Replay = run.2.to_string().parse().unwrap();
        assert_eq!((replay.clone(), replay.seed()), (run.2.clone(), seed));
        assert_eq!(busy(Executor::from_replay(&replay)), run);
        texts.insert(run.0);
    }
    assert!(texts.len() > 10, "{}", texts.len());
}

#[test]
fn a_run_by_a_function_has_a_replay_too() {
    let mut seed = 1_usize;
    let run = busy(Executor::from_choices(move |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    }));
    assert_eq!(busy(Executor::from_replay(&run.2)), run);
}

#[test]
fn a_replay_is_a_short_text_of_a_form_that_stays() {
    let mut choices = [1, 0, 0, 0, 2, 2, 40, 0].into_iter();
    let by_choice = move |_| choices.next().unwrap_or(0);
    let mut executor = Executor::from_choices(by_choice).hazards(Hazards::none());
    for _ in 0..100 {
        executor.spawn(async {});
    }
    executor.run().expect_done();
    assert_eq!(executor.replay().to_string(), "1:0:ba3c2_40_");
    assert_eq!(format!("{:?}", executor.replay()), "Replay(1:0:ba3c2_40_)");
}

#[test]
fn what_is_no_replay_is_refused_with_what_and_where() {
    let refused = |text: &str| text.parse::<Replay>().unwrap_err().to_string();
    for (text, message) in [
        ("", "not a replay: it is not of the form format:seed:choices"),
        ("1:7", "not a replay: it is not of the form format:seed:choices"),
        ("2:7:a", "not a replay: its format is \"2\", and this version reads \"1\""),
        ("1:x:a", "not a replay: its seed is \"x\""),
        ("1:7:ab!", "not a replay: at byte 6 it has '!' and not a letter from a to z, or `_`"),
        ("1:7:_4", "not a replay: at byte 6 it has its end and not a second `_`"),
        ("1:7:_é_", "not a replay: at byte 5 it has 'é' and not a choice after `_`"),
        ("1:7:a99999999999999999999", "not a replay: it has more than 16777216 choices"),
        ("1:7:ba18446744073709551615", "not a replay: it has more than 16777216 choices"),
    ] {
        assert_eq!(refused(text), message);
    }
    assert_eq!("1:7:\n".parse::<Replay>().unwrap().to_string(), "1:7:");
}

#[test]
fn all_schedules_are_gone_through_and_each_once() {
    let mut seen = BTreeMap::new();
    let explored = explore(Schedules::every(1_000), |run| {
        let mut executor = run.executor();
        *seen.entry(order(&mut executor, 3, 2)).or_insert(0) += 1;
    });
    // 6 polls, of which each of three tasks has two.
    assert_eq!((explored.runs(), seen.len()), (90, 90));
    assert!(seen.values().all(|&times| times == 1));
}

#[test]
fn all_schedules_with_late_wakes_are_more_and_come_to_an_end_too() {
    let mut orders = BTreeSet::new();
    let explored = explore(Schedules::every(100_000), |run| {
        let mut executor = run.executor().hazards(Hazards::none().late_wakes(1));
        let log = Rc::new(RefCell::new(String::new()));
        let signal = executor.signal();
        for name in ["x", "y"] {
            let (wait, log) = (signal.wait(), Rc::clone(&log));
            executor.spawn(async move {
                wait.await;
                log.borrow_mut().push_str(name);
            });
        }
        let inner = Rc::clone(&log);
        executor.spawn(async move {
            signal.fire();
            for _ in 0..3 {
                inner.borrow_mut().push('.');
                yields(1).await;
            }
        });
        executor.run().expect_done();
        orders.insert(log.take());
    });
    assert!(explored.runs() > 100, "{explored}");
    // Each of the two comes between or after all later steps of the third, and in both orders.
    assert_eq!(orders.len(), 12, "{orders:?}");
}

#[test]
fn what_the_test_chooses_is_a_choice_of_the_schedule() {
    let mut seen = BTreeSet::new();
    let explored = explore(Schedules::every(100), |run: &Run| {
        seen.insert((run.choose(3), run.choose(2)));
        assert_eq!((run.seed(), run.choose(1)), (0, 0));
    });
    assert_eq!((explored.runs(), seen.len()), (6, 6));
}

#[test]
fn more_schedules_than_may_be_are_told_and_not_passed_over() {
    let message = message_of(|| {
        explore(Schedules::every(89), |run| drop(order(&mut run.executor(), 3, 2)));
    });
    let expected = "there are more than 89 schedules: make the run smaller, or the bound larger";
    assert_eq!(message, expected);
    explore(Schedules::every(90), |run| drop(order(&mut run.executor(), 3, 2)));
}

#[test]
fn a_test_that_depends_on_something_else_is_found() {
    for schedules in [Schedules::random(0..10).twice(), Schedules::every(1_000)] {
        let mut runs = 0;
        let message = message_of(|| {
            explore(schedules, |run| {
                runs += 1;
                drop(order(&mut run.executor(), 2 + runs % 2, 2));
            });
        });
        assert!(message.contains("asks for other choices when it is made again"), "{message}");
    }
}

#[test]
fn each_schedule_is_made_twice_and_the_same_where_that_is_asked_for() {
    let mut seen = Vec::new();
    let mut note = |run: &Run| {
        let made = run.choose(1_000);
        seen.push((run.seed(), made, order(&mut run.executor(), 4, 4)));
    };
    let explored = explore(Schedules::random(0..20).twice(), &mut note);
    assert_eq!(explored.runs(), 20);
    explore(Schedules::pct(0..20, 3).twice(), note);
    assert_eq!(seen.len(), 80);
    assert!(seen.chunks(2).all(|pair| pair[0] == pair[1]));
}

/// Two tasks that pass a word to and fro, and a third that is to come before they are through.
fn overtaken(run: &Run) {
    let mut executor = run.executor().hazards(Hazards::none());
    let words: Vec<_> = (0..60).map(|_| executor.signal()).collect();
    let third = Rc::new(Cell::new(false));
    for task in 0..2 {
        let (words, third) = (words.clone(), Rc::clone(&third));
        executor.spawn(async move {
            for (at, word) in words.iter().enumerate() {
                if at % 2 == task { word.fire() } else { word.wait().await }
            }
            reached!("they are through before the third begins", !third.get());
        });
    }
    executor.spawn(async move { third.set(true) });
    executor.run().expect_done();
}

#[test]
fn ranks_meet_an_order_that_uniform_choices_do_not() {
    let name = "they are through before the third begins";
    // A third of all orders of three ranks.
    let ranked = explore(Schedules::pct(0..300, 1), overtaken).reached(name);
    assert!((100..300).contains(&ranked), "{ranked}");
    let message = message_of(|| drop(explore(0..300, overtaken)));
    assert!(message.starts_with(&format!("never reached: {name:?}")), "{message}");
}

#[test]
fn ranks_change_in_a_run_as_often_as_the_depth_says() {
    let orders = |depth| {
        let mut orders = BTreeSet::new();
        explore(Schedules::pct(0..1_000, depth), |run| {
            let mut executor = run.executor().hazards(Hazards::none());
            let log = Rc::new(RefCell::new(Vec::new()));
            for task in 0..2 {
                let (clock, log) = (executor.clock(), Rc::clone(&log));
                executor.spawn(async move {
                    log.borrow_mut().push(task);
                    clock.sleep(Duration::from_secs(1)).await;
                    log.borrow_mut().push(task);
                });
            }
            executor.run().expect_done();
            orders.insert(log.take());
        });
        orders
    };
    let [mut some, more] = [[[0, 1, 0, 1], [1, 0, 1, 0]], [[0, 1, 1, 0], [1, 0, 0, 1]]]
        .map(|orders| orders.into_iter().map(Vec::from).collect::<BTreeSet<_>>());
    assert_eq!(orders(1), some);
    some.extend(more);
    assert_eq!(orders(2), some);
}

#[test]
fn a_task_that_spins_does_not_keep_out_what_it_waits_for() {
    explore(Schedules::pct(0..100, 3), |run| {
        let done = Rc::new(Cell::new(false));
        let mut executor = run.executor().max_polls(1_000);
        let seen = Rc::clone(&done);
        executor.spawn(async move {
            while !seen.get() {
                yields(1).await;
            }
        });
        executor.spawn(async move { done.set(true) });
        executor.run().expect_done();
    });
}

#[test]
fn a_name_that_is_never_reached_fails_the_exploration() {
    let rare = |run: &Run| {
        reached!("begun");
        reached!("a seed of nine", run.seed() == 9);
    };
    let explored = explore(0..10, rare);
    assert_eq!((explored.reached("begun"), explored.reached("a seed of nine")), (10, 1));
    assert_eq!(explored.reached("anything else"), 0);
    assert_eq!(explored.to_string(), "10 runs\n        1 a seed of nine\n       10 begun");
    let message = message_of(|| drop(explore(0..9, rare)));
    let counts = "9 runs\n        0 a seed of nine\n        9 begun";
    assert_eq!(message, format!("never reached: \"a seed of nine\"\n{counts}"));
    let message = message_of(|| drop(explore(Schedules::random(0..9).reaching(["met"]), |_| {})));
    assert_eq!(message, "never reached: \"met\"\n9 runs\n        0 met");
}

#[test]
fn what_is_reached_counts_for_the_exploration_that_is_going_on() {
    assert!(!reached!("outside", false) && reached!("outside", true));
    let outer = explore(0..2, |_| {
        reached!("outer");
        let inner = explore(0..3, |_| reached!("inner"));
        assert_eq!((inner.reached("inner"), inner.reached("outer")), (3, 0));
        reached!("outer");
    });
    assert_eq!((outer.reached("outer"), outer.reached("inner")), (4, 0));
}

#[test]
fn replays_are_gone_through_as_schedules_and_begin_as_their_runs_did() {
    let mut replays = Vec::new();
    for schedules in [Schedules::random(3..4), Schedules::every(1)] {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            explore(schedules, |run| {
                let mut executor = run.executor();
                let made = (run.seed(), run.choose(9), order(&mut executor, 3, 5));
                replays.push((run.replay().to_string(), made, executor.polls()));
            })
        }));
    }
    assert!(replays[1].0.starts_with("1:every:"), "{replays:?}");
    let mut again = replays.iter();
    let texts = replays.iter().map(|(text, ..)| text.as_str());
    let explored = explore(Schedules::replays(texts), |run| {
        let (text, made, polls) = again.next().unwrap();
        let mut executor = run.executor();
        assert_eq!(&(run.seed(), run.choose(9), order(&mut executor, 3, 5)), made);
        assert_eq!((run.replay().to_string(), executor.polls()), (text.clone(), *polls));
    });
    assert_eq!((explored.runs(), explored.strayed()), (2, 0));
    // Of a run that has changed: one choice was among more, or some are left.
    for text in ["1:every:c", "1:every:baab"] {
        let strays = |run: &Run| drop(order(&mut run.executor(), 2, 1));
        let explored = explore(Schedules::replays([text]), strays);
        assert_eq!(explored.to_string(), "1 runs, of which 1 have strayed");
    }
    let message = message_of(|| drop(explore(0..0, |_| {})));
    assert_eq!(message, "there is no schedule to go through");
    let message = message_of(|| drop(Schedules::replays(["1:7:a", "x"])));
    assert_eq!(message, "\"x\": not a replay: it is not of the form format:seed:choices");
}

/// A run without a nursery, as the wakes of one are no part of the format.
fn plain(mut executor: Executor<'static>) -> (String, u64, Replay) {
    let log = Rc::new(RefCell::new(String::new()));
    let (clock, signal) = (executor.clock(), executor.signal());
    for task in 0..5 {
        let (clock, signal, log) = (clock.clone(), signal.clone(), Rc::clone(&log));
        executor.spawn(async move {
            yields(task).await;
            clock.sleep(Duration::from_secs(1)).await;
            log.borrow_mut().push_str(&task.to_string());
            if task == 2 {
                signal.fire()
            } else {
                signal.wait().await
            }
            log.borrow_mut().push_str(&task.to_string());
        });
    }
    executor.run().expect_done();
    let log = log.borrow().clone();
    (log, executor.polls(), executor.replay())
}

/// If this fails, the choices are others than they were: the replays' format needs another number.
#[test]
fn a_replay_of_an_earlier_version_still_gives_its_run() {
    let text = "1:4:a2ea4ca4ea4ca4ca4eba3ba8ba3b2a4ca8b2a2ba2bca3ca3ba8ba3bca2ba12ba3bea7cba3b2a2b2a5ba4b\
        ababcba2da3ca3ba4bacab";
    let (log, polls, replay) = plain(Executor::from_replay(&text.parse().unwrap()));
    assert_eq!((log.as_str(), polls, replay.to_string().as_str()), ("0142240133", 25, text));
}
