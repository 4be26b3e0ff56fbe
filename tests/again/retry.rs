//! Attempts, their delays, their failures and their end.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use nestling::future::Timer;
use nestling::retry::{Again, Attempt, Backoff, Retry};
use nestling::testing::{Clock, Executor, yields};
use nestling::{Failure, JoinedError, Nursery, retry};

const SECOND: Duration = Duration::from_secs(1);

fn seconds(seconds: u64) -> Duration {
    SECOND * u32::try_from(seconds).unwrap()
}

/// Runs what is made with a virtual clock, and then tells how late it is.
fn drive<F: Future>(make: impl FnOnce(Clock) -> F) -> (F::Output, Duration) {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let output = executor.block_on(make(clock.clone()));
    drop(executor);
    (output, clock.now())
}

/// Notes when each attempt starts, and fails by its number until the last.
fn run(delays: &[u64], fail: u64) -> (Result<u64, JoinedError<String>>, Vec<u64>) {
    let starts = RefCell::new(Vec::new());
    let delays: Vec<_> = delays.iter().copied().map(seconds).collect();
    let (result, _) = drive(|clock| {
        let starts = &starts;
        retry(clock.clone(), delays, move |attempt| {
            starts.borrow_mut().push(clock.now().as_secs());
            let number = attempt.number();
            ready(if number > fail { Ok(number) } else { Err(format!("no {number}")) })
        })
    });
    (result, starts.into_inner())
}

#[test]
fn the_first_attempt_starts_at_once_and_each_other_after_its_delay() {
    let (result, starts) = run(&[1, 2, 4, 8], 3);
    assert_eq!(result.unwrap(), 4);
    assert_eq!(starts, [0, 1, 3, 7]);
}

#[test]
fn it_gives_up_when_the_delays_are_over_and_tells_each_failure_by_its_number() {
    let (result, starts) = run(&[1, 2], u64::MAX);
    let error = result.unwrap_err();
    assert_eq!(starts, [0, 1, 3]);
    assert_eq!(error.to_string(), "3 of 3 attempts failed: #1: no 1; #2: no 2; #3: no 3");
    let numbers = error.iter().map(|failed| failed.child().id().number());
    assert!(numbers.eq([1, 2, 3]));
}

#[test]
fn without_delays_there_is_one_attempt() {
    assert_eq!(run(&[], 1).0.unwrap_err().len(), 1);
    assert_eq!(run(&[], 0).0.unwrap(), 1);
}

#[test]
fn a_delay_of_nothing_is_not_slept() {
    let (result, starts) = run(&[0, 0, 0], 3);
    assert_eq!((result.unwrap(), starts), (4, vec![0; 4]));
}

#[test]
fn a_backoff_is_an_iterator_of_delays() {
    let starts = RefCell::new(Vec::new());
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let delays = Backoff::new(SECOND).cap(3 * SECOND).take(4);
    let (starts_of, now) = (&starts, clock.clone());
    let failed = retry(clock, delays, move |_| {
        starts_of.borrow_mut().push(now.now().as_secs());
        ready(Err::<(), _>(()))
    });
    assert_eq!(executor.block_on(failed).unwrap_err().len(), 5);
    assert_eq!(*starts.borrow(), [0, 1, 3, 6, 9]);
}

#[test]
fn the_tree_names_the_retry_and_the_line_that_made_it() {
    let mut executor = Executor::new(1);
    let failed = retry(executor.clock(), [SECOND], |_| ready(Err::<(), _>("refused")));
    let line = line!() - 1;
    let error = executor.block_on(failed.name("connect")).unwrap_err();
    assert_eq!(
        error.tree().by_spawn_order().locations(false).to_string(),
        "\
retry \"connect\" failed: 2 of 2 attempts, first #1
├─ #1    refused
└─ #2    refused"
    );
    for failed in error.iter() {
        assert_eq!(failed.child().location().line(), line);
        assert!(failed.child().location().file().ends_with("retry.rs"));
    }
}

#[test]
fn panics_of_the_future_and_of_the_closure_are_failures() {
    let mut executor = Executor::new(1);
    let result = executor.block_on(
        retry(executor.clock(), [SECOND; 5], |attempt| {
            assert!(attempt.number() != 1, "closure");
            async move {
                assert!(attempt.number() != 2, "future");
                if attempt.number() == 3 { Err("error") } else { Ok(attempt.number()) }
            }
        })
        .settle(),
    );
    assert_eq!(
        result.error().unwrap().to_string(),
        "3 of 4 attempts failed: #1: panicked: closure; #2: panicked: future; #3: error"
    );
    assert_eq!(result.into_parts().0[0].1, 4);
}

#[test]
fn an_attempt_that_takes_too_long_has_timed_out_and_another_follows() {
    let begun = Cell::new(0);
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let failed = retry(clock.clone(), [3 * SECOND], |_| {
        begun.set(begun.get() + 1);
        pending::<Result<(), ()>>()
    });
    let error = executor.block_on(failed.timeout(10 * SECOND)).unwrap_err();
    assert!(error.iter().all(|failed| failed.failure().is_timed_out()));
    assert_eq!((error.len(), begun.get(), clock.now()), (2, 2, 23 * SECOND));
}

#[test]
fn an_attempt_that_ends_as_its_time_is_over_is_in_time() {
    let (result, _) = drive(|clock| {
        let timer = clock.clone();
        let done = retry(timer, [SECOND], move |_| {
            let sleep = clock.sleep(10 * SECOND);
            async move {
                sleep.await;
                Ok::<_, ()>(())
            }
        });
        done.timeout(10 * SECOND)
    });
    result.unwrap();
}

#[test]
fn the_decision_may_end_it_change_the_delay_or_let_it_go_on() {
    let starts = RefCell::new(Vec::new());
    let mut executor = Executor::new(1);
    let (clock, now) = (executor.clock(), executor.clock());
    let starts_of = &starts;
    let failed = retry(clock, [SECOND; 100], move |attempt| {
        starts_of.borrow_mut().push(now.now().as_secs());
        ready(Err::<(), _>(attempt.number()))
    });
    let failed = failed.again(|failed| match failed.error() {
        Some(2) => Again::After(10 * SECOND),
        Some(4) => Again::No,
        _ => Again::Yes,
    });
    assert_eq!(executor.block_on(failed).unwrap_err().len(), 4);
    assert_eq!(*starts.borrow(), [0, 1, 11, 12]);
}

#[test]
fn a_delay_of_the_decision_uses_up_one_of_the_delays() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let failed = retry(clock.clone(), [SECOND; 3], |_| ready(Err::<(), _>(())));
    let failed = failed.again(|_| Again::After(5 * SECOND));
    assert_eq!(executor.block_on(failed).unwrap_err().len(), 4);
    assert_eq!(clock.now(), 15 * SECOND);
}

#[test]
fn a_decision_that_panics_ends_it_and_loses_nothing() {
    let mut executor = Executor::new(1);
    let failed = retry(executor.clock(), [SECOND; 9], |_| ready(Err::<(), _>("no")));
    let failed = failed.again(|_| panic!("undecided"));
    let error = executor.block_on(failed).unwrap_err();
    assert_eq!(error.len(), 2);
    assert_eq!(error.first().error(), Some(&"no"));
    assert!(error.to_string().contains("undecided"), "{error}");
}

#[test]
fn delays_and_a_timer_that_panic_end_it_and_lose_nothing() {
    let mut executor = Executor::new(1);
    let delays = std::iter::from_fn(|| -> Option<Duration> { panic!("no delay") });
    let failed = retry(executor.clock(), delays, |_| ready(Err::<(), _>("no")));
    let error = executor.block_on(failed).unwrap_err();
    assert_eq!((error.len(), error.first().error()), (2, Some(&"no")));
    assert!(error.to_string().contains("no delay"), "{error}");

    let timer = |_: Duration| -> std::future::Ready<()> { panic!("no timer") };
    let failed = retry(timer, [SECOND], |_| ready(Err::<(), _>("no")));
    let error = executor.block_on(failed).unwrap_err();
    assert_eq!((error.len(), error.first().error()), (2, Some(&"no")));
    assert!(error.to_string().contains("no timer"), "{error}");
}

#[test]
fn a_bound_keeps_the_first_failures_and_counts_the_others() {
    let mut executor = Executor::new(1);
    let failed = retry(executor.clock(), [SECOND; 999], |_| ready(Err::<(), _>(())));
    let error = executor.block_on(failed.keep_failures(10)).unwrap_err();
    assert_eq!(
        (error.len(), error.counts().failed(), error.counts().not_stored()),
        (10, 1_000, 990)
    );
}

/// A destructor that panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("destructor");
    }
}

#[test]
fn an_attempt_that_succeeds_and_panics_in_its_destructor_has_succeeded() {
    let made = Cell::new(0);
    let mut executor = Executor::new(1);
    let result = executor.block_on(
        retry(executor.clock(), [SECOND; 9], |_| {
            made.set(made.get() + 1);
            let bomb = (made.get() == 1).then(|| Bomb);
            async move {
                let _bomb = bomb;
                yields(1).await;
                Ok::<_, ()>("output")
            }
        })
        .settle(),
    );
    // The destructor of what the future holds runs in its last poll: that is a panic of the attempt.
    assert_eq!(made.get(), 2);
    assert_eq!(result.outputs()[0].1, "output");

    made.set(0);
    let result = executor.block_on(
        retry(executor.clock(), [SECOND; 9], |_| {
            made.set(made.get() + 1);
            LateBomb(Some(Bomb))
        })
        .settle(),
    );
    assert_eq!(made.get(), 1);
    assert_eq!(result.outputs()[0].1, "output");
    assert!(result.error().unwrap().first().failure().panic().unwrap().is_of_destructor());
}

/// A future that is ready at once, and panics when it is dropped.
struct LateBomb(#[expect(dead_code, reason = "it is dropped")] Option<Bomb>);

impl Future for LateBomb {
    type Output = Result<&'static str, ()>;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::task::Poll::Ready(Ok("output"))
    }
}

#[test]
fn settle_returns_the_failures_before_a_success() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let make = |attempt: Attempt| ready(if attempt.number() < 3 { Err("no") } else { Ok(()) });
    executor.block_on(retry(clock.clone(), [SECOND; 9], make)).unwrap();
    let report = executor.block_on(retry(clock, [SECOND; 9], make).settle());
    assert_eq!(report.error().unwrap().len(), 2);
    assert_eq!(report.to_string(), "3 attempts: 1 completed, 2 failed, 0 cancelled");
}

#[test]
fn a_cancel_while_it_waits_for_the_next_attempt_tells_the_attempts_before() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let mut nursery: Nursery<'_, (), &str> = Nursery::new();
    let handle = nursery.child().name("connect").group().spawn_with_handle(retry(
        clock.clone(),
        [SECOND, 1_000 * SECOND],
        |_| ready(Err("refused")),
    ));
    let sleep = clock.sleep(5 * SECOND);
    nursery.spawn(async move {
        sleep.await;
        handle.cancel();
        Ok(())
    });
    let error = executor.block_on(nursery.join()).unwrap_err();
    assert_eq!(clock.now(), 5 * SECOND);
    let group = error.first().failure().group().unwrap();
    assert_eq!(group.to_string(), "2 of 2 attempts failed: #1: refused; #2: refused");
    assert!(group.cause().is_some());
}

#[test]
fn a_cancel_during_an_attempt_counts_it_as_cancelled() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let mut nursery: Nursery<'_, (), &str> = Nursery::new();
    let dropped = Rc::new(());
    let held = Rc::downgrade(&dropped);
    let mut local: Nursery<'_, (), &str, _> = Nursery::local();
    let mut dropped = Some(dropped);
    let handle = local.child().group().spawn_with_handle(retry(
        clock.clone(),
        [SECOND; 9],
        move |attempt| {
            let held = dropped.take_if(|_| attempt.number() == 2);
            async move {
                match attempt.number() {
                    1 => Err("refused"),
                    _ => {
                        let _held = held;
                        pending().await
                    }
                }
            }
        },
    ));
    let sleep = clock.sleep(5 * SECOND);
    nursery.spawn(async move {
        sleep.await;
        handle.cancel();
        Ok(())
    });
    let (result, _) = executor.block_on(futures::future::join(local.join(), nursery.join()));
    let error = result.unwrap_err();
    let group = error.first().failure().group().unwrap();
    assert_eq!(group.to_string(), "1 of 2 attempts failed: #1: refused");
    assert_eq!(group.counts().cancelled(), 1);
    assert!(held.upgrade().is_none(), "the attempt is gone");
}

#[test]
fn a_cancel_before_any_failure_goes_with_the_child() {
    let mut executor = Executor::new(1);
    let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    let clock = executor.clock();
    let handle =
        nursery.child().group().spawn_with_handle(retry(clock.clone(), [SECOND], |_| pending()));
    nursery.spawn(async move {
        yields(2).await;
        handle.cancel();
        Ok(())
    });
    let report = executor.block_on(nursery.settle());
    assert_eq!((report.cancelled().len(), report.error().is_none()), (1, true));
}

#[test]
fn a_deadline_ends_the_attempt_and_the_wait_for_the_next() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let timer = clock.clone();
    let make = move |_| {
        let sleep = timer.sleep(2 * SECOND);
        async move {
            sleep.await;
            Err::<(), _>("no")
        }
    };
    let during =
        retry(clock.clone(), [2 * SECOND; 99], make.clone()).deadline(clock.sleep(5 * SECOND));
    let error = executor.block_on(during).unwrap_err();
    assert_eq!((clock.now(), error.len()), (5 * SECOND, 2));
    assert!(matches!(error.iter().next_back().unwrap().failure(), Failure::TimedOut(_)));

    let between = retry(clock.clone(), [2 * SECOND; 99], make).deadline(clock.sleep(3 * SECOND));
    let error = executor.block_on(between).unwrap_err();
    assert_eq!((clock.now(), error.len()), (8 * SECOND, 1));
}

#[test]
fn a_cancel_before_any_failure_is_an_error_in_a_child_with_a_grace() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let mut nursery: Nursery<'_, String, String> = Nursery::new();
    let grace = clock.clone();
    let child = nursery.child().name("connect").grace(move || grace.sleep(1_000 * SECOND));
    let attempts = retry(clock.clone(), [SECOND], |_| pending::<Result<(), String>>());
    let handle = child.spawn_with_handle(async move {
        let error = attempts.await.unwrap_err();
        assert!(error.first().failure().is_given_up());
        Ok(error.to_string())
    });
    nursery.spawn(async move {
        yields(2).await;
        handle.cancel_with("enough");
        Ok(String::new())
    });
    let outputs = executor.block_on(nursery.join()).unwrap();
    // It has not waited for the grace, and the clean-up could run.
    assert_eq!(clock.now(), Duration::ZERO);
    assert_eq!(
        outputs[0],
        "1 of 1 attempt failed: #1: given up: child #0 connect was cancelled: requested: enough"
    );
}

#[test]
fn a_deadline_that_passes_as_an_attempt_succeeds_takes_nothing_from_it() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let timer = clock.clone();
    let done = retry(clock.clone(), [SECOND], move |_| {
        let sleep = timer.sleep(5 * SECOND);
        async move {
            sleep.await;
            Ok::<_, ()>("in time")
        }
    });
    let report = executor.block_on(done.deadline(clock.sleep(5 * SECOND)).settle());
    assert_eq!(report.into_result().unwrap(), ["in time"]);
}

#[test]
fn an_attempt_that_succeeds_is_not_tried_again_for_a_timer_that_panics() {
    let made = Cell::new(0);
    let timer = |_: Duration| -> std::future::Ready<()> { panic!("no timer") };
    let mut executor = Executor::new(1);
    let done = retry(timer, [Duration::ZERO; 9], |_| {
        made.set(made.get() + 1);
        ready(Ok::<_, String>("output"))
    });
    let report = executor.block_on(done.timeout(SECOND).settle());
    assert_eq!(made.get(), 1);
    assert_eq!(report.outputs()[0].1, "output");
    assert!(report.error().unwrap().to_string().contains("no timer"));
}

#[test]
fn the_decision_is_not_asked_about_what_the_deadline_ends() {
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let late = retry(clock.clone(), [SECOND; 9], |_| pending::<Result<(), ()>>());
    let late = late.again(|_| panic!("asked")).deadline(clock.sleep(SECOND));
    let error = executor.block_on(late).unwrap_err();
    assert_eq!(error.len(), 1);
    assert!(error.first().failure().is_timed_out());
}

#[test]
fn a_deadline_before_the_first_attempt_is_an_error_and_no_hang() {
    let made = Cell::new(false);
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let attempts = retry(clock.clone(), [SECOND], |_| {
        made.set(true);
        ready(Ok(()))
    });
    let mut nursery: Nursery<'_, (), String, _> = Nursery::local();
    nursery.child().group().spawn(attempts.deadline(std::future::poll_fn(|_| {
        // Nothing is polled before it.
        std::task::Poll::Ready(())
    })));
    match executor.block_on(nursery.join()) {
        Ok(_) => panic!("a deadline that has passed is heeded before the first attempt"),
        Err(error) => {
            let error = error.first().failure().group().unwrap();
            assert!(error.first().failure().is_timed_out(), "{error}");
        }
    }
    drop(executor);
    assert!(!made.get());
}

#[test]
fn it_is_send_if_what_it_is_given_is_and_serves_without() {
    fn is_send<F: Send>(future: F) -> F {
        future
    }
    let clock = Executor::new(1).clock();
    drop(is_send(retry(clock.clone(), [SECOND], |_| ready(Ok::<_, ()>(())))));
    let local: Retry<'_, Clock, _, _, _, Rc<()>, ()> =
        retry(clock, [SECOND], |_| async { Ok(Rc::new(())) });
    drop(local);
}

#[test]
fn a_retry_inside_another_is_a_subtree() {
    let mut first = Vec::new();
    let told = &mut first;
    let mut executor = Executor::new(1);
    let clock = executor.clock();
    let timer = clock.clone();
    let nested = move |outer: Attempt| {
        retry(timer.clone(), [SECOND], move |inner| {
            ready(Err::<(), _>(format!("{outer}, {inner}")))
        })
    };
    let mut nursery: Nursery<'_, (), String> = Nursery::new();
    for number in 0..2 {
        let clock = clock.clone();
        nursery.child().name(format!("host {number}")).group().spawn(retry(
            clock,
            [SECOND],
            move |attempt| ready(Err(format!("{attempt} of {number}"))),
        ));
    }
    let error = executor.block_on(nursery.join()).unwrap_err();
    assert_eq!(
        error.tree().by_spawn_order().locations(false).to_string(),
        "\
nursery failed: 2 of 2 children, first #1
├─ #0 host 0    retry failed: 2 of 2 attempts, first #1
│  ├─ #1        attempt 1 of 0
│  └─ #2        attempt 2 of 0
└─ #1 host 1    retry failed: 2 of 2 attempts, first #1
   ├─ #1        attempt 1 of 1
   └─ #2        attempt 2 of 1"
    );
    let failed = retry(clock, [SECOND], move |attempt| {
        let inner = nested(attempt);
        async { inner.await.map_err(|error| error.to_string()) }
    });
    let failed = failed.again(move |failed| {
        told.push(failed.to_string());
        Again::Yes
    });
    assert_eq!(executor.block_on(failed).unwrap_err().len(), 2);
    drop(executor);
    assert!(first[1].contains("attempt 2, attempt 2"), "{first:?}");
}
