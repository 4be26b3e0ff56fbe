//! The kit of `nestling::testing`, without any nursery.

use std::cell::{Cell, RefCell};
use std::env;
use std::future::{pending, poll_fn};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use nestling::future::Timer;
use nestling::testing::{
    Act, Child, Counters, Cues, End, Executor, Happening, Hazards, Rest, SIGNALS, Script,
    ScriptedPanic, Spawn, Step, explore, perform, script,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::support::yields;

/// What three tasks do that yield, sleep and wait for each other, and how often they were polled.
fn run_of(seed: u64, hazards: Hazards) -> (Vec<(usize, &'static str)>, u64) {
    let log = RefCell::new(Vec::new());
    let mut executor = Executor::new(seed).hazards(hazards);
    let (clock, signal) = (executor.clock(), executor.signal());
    for task in 0..3 {
        let (log, clock, signal) = (&log, clock.clone(), signal.clone());
        executor.spawn(async move {
            log.borrow_mut().push((task, "begins"));
            yields(3).await;
            log.borrow_mut().push((task, "has yielded"));
            clock.sleep(Duration::from_millis(5)).await;
            log.borrow_mut().push((task, "has slept"));
            if task == 1 {
                signal.fire();
            }
            signal.wait().await;
            log.borrow_mut().push((task, "ends"));
        });
    }
    assert_eq!(executor.run(), Rest::Done);
    let polls = executor.polls();
    drop(executor);
    (log.into_inner(), polls)
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..50 {
        assert_eq!(run_of(seed, Hazards::all()), run_of(seed, Hazards::all()), "seed {seed}");
    }
}

#[test]
fn other_seeds_give_other_orders() {
    let orders: std::collections::BTreeSet<_> =
        (0..50).map(|seed| run_of(seed, Hazards::none()).0).collect();
    assert!(orders.len() > 10, "{}", orders.len());
}

#[test]
fn without_hazards_a_task_is_polled_when_it_was_woken_and_not_else() {
    for seed in 0..20 {
        // Once to begin, three times for the yields, once after the sleep, and once for the signal
        // where it had not come.
        let (log, polls) = run_of(seed, Hazards::none());
        let fired = log.iter().position(|at| *at == (1, "has slept")).unwrap();
        let waited = log[..fired].iter().filter(|(_, what)| *what == "has slept").count() as u64;
        assert_eq!(polls, 3 * 5 + waited, "seed {seed}");
    }
}

/// How often a task is polled that waits for a signal, and is woken `wakes` times.
fn polls_of_a_waiting_task(hazards: Hazards, wakes: usize) -> usize {
    let polls = Cell::new(0);
    for seed in 0..50 {
        let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
        let mut executor = Executor::new(seed).hazards(hazards);
        let (kept, count) = (Rc::clone(&waker), &polls);
        executor.spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            *kept.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        executor.spawn(async move {
            for _ in 0..wakes {
                yields(20).await;
                if let Some(waker) = waker.borrow().as_ref() {
                    waker.wake_by_ref();
                }
            }
        });
        assert_eq!(executor.run().stuck(), 1);
    }
    polls.get()
}

#[test]
fn spurious_and_duplicate_wakes_poll_a_task_more_often_and_no_hazard_does_not() {
    let exact = polls_of_a_waiting_task(Hazards::none(), 3);
    assert_eq!(exact, 50 * 4);
    let spurious = Hazards::none().spurious_wakes(25);
    assert!(polls_of_a_waiting_task(spurious, 3) > exact + 50);
    let duplicate = Hazards::none().duplicate_wakes(50);
    assert!(polls_of_a_waiting_task(duplicate, 3) > exact + 20);
}

#[test]
fn hazards_of_a_hundred_percent_and_more_come_to_an_end() {
    let worst = Hazards::all().spurious_wakes(200).late_wakes(200).duplicate_wakes(100);
    for seed in 0..50 {
        let (log, _) = run_of(seed, worst);
        assert_eq!(log.iter().filter(|(_, what)| *what == "ends").count(), 3);
    }
}

/// In how many of a hundred runs a task that was woken is not polled next.
fn held_back(hazards: Hazards) -> usize {
    let is_held_back = |seed: &u64| {
        let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
        let mut executor = Executor::new(*seed).hazards(hazards);
        let kept = Rc::clone(&waker);
        executor.spawn(poll_fn(move |cx| {
            let woken = kept.borrow_mut().replace(cx.waker().clone()).is_some();
            if woken { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert_eq!(executor.run().stuck(), 1);
        waker.borrow().as_ref().unwrap().wake_by_ref();
        let held_back = !executor.step();
        assert_eq!(executor.run(), Rest::Done, "it is not lost");
        held_back
    };
    (0..100).filter(is_held_back).count()
}

#[test]
fn a_late_wake_is_held_back_and_not_lost() {
    assert_eq!(held_back(Hazards::none()), 0);
    let sometimes = held_back(Hazards::none().late_wakes(50));
    assert!((25..75).contains(&sometimes), "{sometimes}");
    assert!(held_back(Hazards::none().late_wakes(100)) > 75);
}

/// A future that wakes only the waker of its first poll.
async fn keeps_its_first_waker(ready: &Cell<bool>, kept: &RefCell<Option<Waker>>) {
    poll_fn(|cx| {
        if ready.get() {
            return Poll::Ready(());
        }
        kept.borrow_mut().get_or_insert_with(|| cx.waker().clone());
        Poll::Pending
    })
    .await;
}

fn rest_of_one_that_keeps_its_first_waker(fresh: bool) -> Rest {
    let (ready, kept) = (Cell::new(false), RefCell::new(None::<Waker>));
    let mut executor = Executor::new(1).hazards(Hazards::none().fresh_wakers(fresh));
    executor.spawn(async {
        // Polled twice: the second poll is by another waker.
        let mut waiting = std::pin::pin!(keeps_its_first_waker(&ready, &kept));
        let mut first = true;
        poll_fn(|cx| {
            let poll = waiting.as_mut().poll(cx);
            if std::mem::take(&mut first) {
                cx.waker().wake_by_ref();
            }
            poll
        })
        .await;
    });
    executor.spawn(async {
        yields(20).await;
        ready.set(true);
        let waker = kept.borrow().clone();
        waker.unwrap().wake();
    });
    executor.run()
}

#[test]
fn a_future_that_keeps_the_waker_of_its_first_poll_is_found() {
    assert_eq!(rest_of_one_that_keeps_its_first_waker(true).stuck(), 1);
    assert_eq!(rest_of_one_that_keeps_its_first_waker(false), Rest::Done);
}

pub(crate) fn message_of(test: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn a_future_that_nobody_will_wake_is_told_and_not_waited_for() {
    let message = message_of(|| Executor::new(1).block_on(pending()));
    assert!(message.starts_with("the future waits, and nothing is left to wake it\n"), "{message}");
}

#[test]
fn a_run_without_an_end_is_stopped() {
    let mut executor = Executor::new(1).max_polls(100);
    executor.spawn(yields(usize::MAX));
    let message = message_of(|| _ = executor.run());
    assert_eq!(message, "the run did not come to rest within 100 polls");
    assert_eq!(executor.polls(), 100);
}

#[test]
fn a_task_that_is_abandoned_or_left_is_dropped_with_what_it_holds() {
    let counters = Counters::new();
    let mut executor = Executor::new(1);
    let task = executor.spawn(counters.watch(pending::<()>()));
    executor.spawn(counters.watch(pending::<()>()));
    assert_eq!(executor.run().stuck(), 2);
    executor.abandon(&task);
    assert_eq!(counters.futures_dropped(), 1);
    assert_eq!(executor.run().stuck(), 1);
    drop(executor);
    counters.assert_nothing_left();
    assert_eq!(task.take(), None);
}

#[test]
fn time_passes_only_when_everybody_rests() {
    let mut executor = Executor::new(3).hazards(Hazards::none());
    let clock = executor.clock();
    let (now, busy) = (clock.clone(), clock.clone());
    let seen = executor.spawn(async move {
        yields(200).await;
        busy.now()
    });
    executor.spawn(async move { now.sleep(Duration::from_secs(60)).await });
    assert_eq!(executor.run(), Rest::Done);
    assert_eq!(seen.take(), Some(Duration::ZERO));
    assert_eq!(clock.now(), Duration::from_secs(60));
}

#[test]
fn a_sleep_of_nothing_is_over_at_once_and_one_of_all_time_never() {
    let mut executor = Executor::new(3);
    let clock = executor.clock();
    executor.block_on(clock.sleep(Duration::ZERO));
    assert_eq!(clock.now(), Duration::ZERO);
    executor.spawn(clock.sleep(Duration::MAX));
    assert_eq!(executor.run().stuck(), 1);
    assert_eq!(clock.now(), Duration::ZERO);
}

#[test]
fn the_sleep_functions_of_runtimes_are_timers() {
    fn is_timer(_: impl Timer) {}
    is_timer(smol::Timer::after);
    is_timer(async_std::task::sleep);
    is_timer(|_: Duration| async {});
}

#[test]
fn polls_wakes_and_drops_are_counted() {
    let counters = Counters::new();
    let mut executor = Executor::new(1).hazards(Hazards::none());
    let value = counters.track(5);
    let task = executor.spawn(counters.watch(async move {
        yields(3).await;
        value
    }));
    assert_eq!(executor.run(), Rest::Done);
    assert_eq!((counters.polls(), counters.wakes(), counters.futures_dropped()), (4, 3, 1));
    assert_eq!((counters.values_alive(), counters.values_dropped()), (1, 0));
    assert_eq!(*task.take().unwrap(), 5);
    assert_eq!((counters.values_alive(), counters.values_dropped()), (0, 1));
    counters.assert_nothing_left();
}

#[test]
fn a_leak_is_found() {
    let counters = Counters::new();
    std::mem::forget(counters.track(()));
    assert!(message_of(|| counters.assert_nothing_left()).starts_with("something was left"));
    let counters = Counters::new();
    std::mem::forget(counters.watch(pending::<()>()));
    assert!(message_of(|| counters.assert_nothing_left()).starts_with("something was left"));
}

#[test]
fn a_poll_after_the_end_is_found() {
    let counters = Counters::new();
    let mut executor = Executor::new(1);
    let mut future = Box::pin(counters.watch(async {}));
    executor.spawn(poll_fn(move |cx| {
        assert!(future.as_mut().poll(cx).is_ready());
        future.as_mut().poll(cx)
    }));
    let message = message_of(|| _ = executor.run());
    assert_eq!(message, "a future was polled after it was ready");
    drop(executor);
    assert_eq!(counters.polls_after_ready(), 1);
    assert!(message_of(|| counters.assert_nothing_left()).contains("polls_after_ready: 1"));
}

#[test]
fn a_poll_after_a_panic_is_found() {
    let counters = Counters::new();
    let mut future = Box::pin(counters.watch(async { panic!("its end") }));
    let mut poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(message_of(|| _ = poll()), "its end");
    assert_eq!(message_of(|| _ = poll()), "a future was polled after it was ready");
    assert_eq!(counters.polls_after_ready(), 1);
}

/// What the next test runs as a process of its own.
#[test]
fn seeds_from_ten_fail_if_the_environment_asks_for_it() {
    if env::var_os("NESTLING_KIT_FAILS").is_some() {
        explore(0..20, |run| {
            println!("tries {}", run.seed());
            let _executor = run.executor();
            assert!(run.seed() < 10);
        });
    }
}

#[test]
fn a_seed_that_fails_is_printed_and_can_be_run_alone() {
    let run = |seed: Option<&str>| {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "kit::seeds_from_ten_fail_if_the_environment_asks_for_it"]);
        command.arg("--nocapture").env("NESTLING_KIT_FAILS", "1").env_remove("NESTLING_SEED");
        let output = command.envs(seed.map(|seed| ("NESTLING_SEED", seed))).output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
        (output.status.success(), said.concat())
    };
    let (passes, said) = run(None);
    assert!(!passes && said.contains("    NESTLING_SEED=10\n"), "{said}");
    assert!(said.contains("    NESTLING_REPLAY=1:10: ") && !said.contains("tries 11"), "{said}");
    let (passes, said) = run(Some("7"));
    assert!(passes && said.contains("tries 7") && !said.contains("tries 0"), "{said}");
    let (passes, said) = run(Some("seven"));
    assert!(!passes && said.contains("and is \"seven\""), "{said}");
}

/// Performs a child, and tells what happened and how it ended.
fn performed(child: &Child) -> (Vec<Happening>, Option<Result<(), Option<&'static str>>>) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let mut executor = Executor::new(1).hazards(Hazards::none());
    let cues = Cues::new(&executor);
    let (signal, hears) = (cues.signal(SIGNALS).clone(), Rc::clone(&told));
    let act = |Act(step)| async move {
        match step {
            Step::CancelAll => ControlFlow::Break("broken off"),
            _ => ControlFlow::Continue(()),
        }
    };
    let tell = move |what| hears.borrow_mut().push(what);
    let task = executor.spawn(perform(child.clone(), cues, act, tell, |end| end));
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let rest = executor.run();
        signal.fire();
        (rest, executor.run())
    }));
    if let Err(payload) = ran {
        assert_eq!(payload.downcast_ref(), Some(&ScriptedPanic::End));
    }
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(executor)));
    assert_eq!(dropped.is_err(), child.drop_panics && !task.is_finished());
    (told.take(), task.take())
}

fn child(steps: Vec<Step>, end: End) -> Child {
    Child { steps, end, ..Child::default() }
}

#[test]
fn a_scripted_child_does_its_steps_and_tells_of_them() {
    use Happening::{Broke, Dropped, Ended, Pending, Polled, Step as Begins};
    let steps = vec![Step::Yield(1), Step::Sleep(2), Step::Park(0)];
    let (told, end) = performed(&child(steps, End::Ready));
    assert_eq!(end, Some(Ok(())));
    let waits = (0..3).flat_map(|step| [Polled, Begins(step), Pending]);
    let ends = [Polled, Begins(3), Ended(End::Ready), Dropped];
    assert_eq!(told, waits.chain(ends).collect::<Vec<_>>());

    let (told, end) = performed(&child(vec![Step::Fire(0), Step::Park(0)], End::Fail));
    assert_eq!(end, Some(Err(None)));
    assert_eq!(told[told.len() - 2..], [Ended(End::Fail), Dropped]);

    let (told, end) = performed(&child(vec![Step::CancelAll, Step::Yield(1)], End::Ready));
    assert_eq!(end, Some(Err(Some("broken off"))));
    assert_eq!(told, [Polled, Begins(0), Broke, Dropped]);
}

#[test]
fn a_scripted_child_panics_or_never_ends_as_it_is_told_to() {
    use Happening::{Dropped, Ended, Pending, Polled, Step as Begins};
    let (told, end) = performed(&child(vec![], End::Panic));
    assert_eq!((told, end), (vec![Polled, Begins(0), Ended(End::Panic), Dropped], None));
    let (told, end) = performed(&Child { drop_panics: true, ..child(vec![], End::Never) });
    assert_eq!((told, end), (vec![Polled, Begins(0), Pending, Dropped], None));
}

fn nests(steps: &[Step]) -> usize {
    let depth = |step: &Step| match step {
        Step::Spawn(.., child) | Step::Hold(_, Some((_, child))) => 1 + nests(&child.steps),
        Step::Nest(script) => {
            let children = script.children.iter().map(|(.., child)| nests(&child.steps));
            1 + children.chain([nests(&script.outside)]).max().unwrap_or(0)
        }
        _ => 0,
    };
    steps.iter().map(depth).max().unwrap_or(0)
}

#[test]
fn scripts_stay_within_their_depth_and_shrink_to_nothing() {
    let mut runner = TestRunner::deterministic();
    let mut deepest = 0;
    for _ in 0..300 {
        let mut tree = script(2).new_tree(&mut runner).unwrap();
        let all = child(vec![Step::Nest(Box::new(tree.current()))], End::Ready);
        deepest = deepest.max(nests(&all.steps));
        while tree.simplify() {}
        let least = tree.current();
        assert!(least.children.is_empty() && least.outside.is_empty(), "{least:?}");
    }
    // The script itself, and two below.
    assert_eq!(deepest, 3);
}

#[test]
fn bytes_make_scripts() {
    let has_children = |mask: &u8| {
        let bytes: Vec<u8> = (0..=255).cycle().take(2_000).map(|byte: u8| byte ^ mask).collect();
        let script = Script::arbitrary(&mut Unstructured::new(&bytes)).unwrap();
        !script.children.is_empty()
    };
    assert!((0..=255).filter(has_children).count() > 50);
    let empty = Script::arbitrary(&mut Unstructured::new(&[])).unwrap();
    assert!(empty.children.is_empty());
    assert_ne!(Spawn::arbitrary(&mut Unstructured::new(&[255; 4])).unwrap(), Spawn::Plain);
}
