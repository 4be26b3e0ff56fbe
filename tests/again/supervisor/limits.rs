//! Intensity, backoff, and giving up.

use std::time::Duration;

use nestling::retry::Backoff;
use nestling::supervise::{Decision, Restart, Strategy};

use super::{Fail, Graceful, RUN, SECOND, Step, Succeed, drive, run, why};

#[test]
fn one_restart_more_than_allowed_gives_up_with_the_failures_of_all_incarnations() {
    let (result, world) = run(|world| {
        let supervisor = world.supervisor().name("workers").intensity(3, 10 * SECOND);
        supervisor.child(world.child("steady", &[RUN])).child(world.child("db", &[Fail(1)]))
    });
    let error = result.unwrap_err();
    assert_eq!(world.clock.now(), 4 * SECOND);
    assert_eq!(why(&error), "gave up on #1 db: more than 3 restarts of all children within 10s");
    assert_eq!(
        error.tree().locations(false).to_string(),
        "\
supervisor \"workers\" gave up on #1 db: more than 3 restarts of all children within 10s; \
failed: 1 of 2 children (1 cancelled), first #1
└─ #1 db    child failed: 4 of 4 incarnations, first #1
   ├─ #1    no 1
   ├─ #2    no 2
   ├─ #3    no 3
   └─ #4    no 4"
    );
    assert_eq!(
        error.to_string(),
        "supervisor \"workers\": gave up on #1 db: more than 3 restarts of all children within 10s; \
         1 of 2 children failed: #1 db: 4 of 4 incarnations failed (#1: no 1; \
         #2: no 2; #3: no 3; #4: no 4)"
    );
}

#[test]
fn restarts_that_are_spaced_never_give_up() {
    // Each restart leaves the window in the second in which it is 10 seconds old.
    let (report, world) = drive(
        |world| {
            let child = world.child("a", &[Fail(5)]).intensity(2, 10 * SECOND);
            world.supervisor().child(child)
        },
        |world, _| async move { world.sleep(1_000).await },
    );
    assert_eq!(report.cause().unwrap().to_string(), "requested: the test is over");
    assert!(world.log_of("+a").len() >= 200);
}

#[test]
fn restarts_within_the_window_give_up_also_when_it_slides() {
    const STEPS: &[Step] = &[Fail(8), Fail(1), Fail(3), RUN];
    let (result, world) = run(|world| {
        let child = world.child("a", STEPS).intensity(2, 5 * SECOND);
        world.supervisor().child(child)
    });
    // At 8, 9 and 12: all three are within 5 seconds.
    assert_eq!(world.clock.now(), 12 * SECOND);
    assert_eq!(why(&result.unwrap_err()), "gave up on #0 a: more than 2 restarts of it within 5s");
}

#[test]
fn the_intensity_of_all_counts_a_group_once() {
    let (result, world) = run(|world| {
        let supervisor = world.supervisor().strategy(Strategy::OneForAll).intensity(2, 60 * SECOND);
        let supervisor = supervisor.child(world.child("a", &[Fail(2)]));
        supervisor.child(world.child("b", &[RUN])).child(world.child("c", &[RUN]))
    });
    result.unwrap_err();
    assert_eq!(world.clock.now(), 6 * SECOND);
}

#[test]
fn a_history_that_is_bounded_does_not_keep_a_high_limit_from_tripping() {
    let (result, world) = run(|world| {
        let supervisor = world.supervisor().intensity(200, 1_000 * SECOND).keep_failures(4);
        supervisor.child(world.child("a", &[Fail(1)]))
    });
    let error = result.unwrap_err();
    assert_eq!(world.clock.now(), 201 * SECOND);
    let group = error.first().failure().group().unwrap();
    let kept: Vec<_> = group.iter().map(|failed| failed.child().id().number()).collect();
    assert_eq!(kept, [198, 199, 200, 201]);
    assert_eq!((group.counts().failed(), group.counts().not_stored()), (201, 197));
}

#[test]
fn a_permanent_child_that_succeeds_too_often_is_given_up() {
    let (result, _) = run(|world| {
        world.supervisor().intensity(2, 9 * SECOND).child(world.child("a", &[Succeed(1)]))
    });
    let error = result.unwrap_err();
    assert!(error.first().failure().is_given_up());
    assert_eq!(error.first().child().name(), Some("a"));
    assert_eq!(
        error.to_string(),
        "gave up on #0 a: more than 2 restarts of all children within 9s; \
         1 of 1 child failed: #0 a: gave up on #0 a: more than 2 restarts of all children within 9s"
    );
}

/// The seconds in which incarnations start until 100 seconds have passed.
fn starts(steps: &'static [Step], stable: u64, delays: fn() -> Vec<u64>) -> Vec<u64> {
    let (_, world) = drive(
        |world| {
            let delays = move || delays().into_iter().map(Duration::from_secs);
            let child = world.child("a", steps).backoff(Duration::from_secs(stable), delays);
            world.supervisor().child(child)
        },
        |world, _| async move { world.sleep(100).await },
    );
    let starts = world.log().into_iter().filter(|line| line.contains('+'));
    starts.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_backoff_grows_up_to_its_cap() {
    let (_, world) = drive(
        |world| {
            let delays = || Backoff::new(SECOND).cap(4 * SECOND);
            let child = world.child("a", &[Fail(0)]).backoff(60 * SECOND, delays);
            world.supervisor().unlimited().child(child)
        },
        |world, _| async move { world.sleep(20).await },
    );
    let log = world.log();
    let starts: Vec<_> = log.iter().filter(|line| line.contains('+')).collect();
    assert_eq!(starts, ["0 +a1", "1 +a2", "3 +a3", "7 +a4", "11 +a5", "15 +a6", "19 +a7"]);
}

#[test]
fn a_stable_run_begins_the_backoff_anew() {
    // It fails after 1 second twice, runs for 20, and fails again.
    const STEPS: &[Step] = &[Fail(1), Fail(1), Fail(20), RUN];
    let delays = || vec![2, 4, 8, 16];
    assert_eq!(starts(STEPS, 10, delays), [0, 3, 8, 30]);
    assert_eq!(starts(STEPS, 21, delays), [0, 3, 8, 36]);
    // In the second in which it is stable.
    assert_eq!(starts(STEPS, 20, delays), [0, 3, 8, 30]);
}

#[test]
fn a_child_becomes_stable_when_its_time_is_over_and_not_with_the_next_failure() {
    // A backoff that began anew only with the next failure would have no delay left for it.
    const STEPS: &[Step] = &[Fail(1), Fail(20), Fail(20), Fail(20), RUN];
    assert_eq!(starts(STEPS, 10, || vec![2]), [0, 3, 25, 47, 69]);
}

#[test]
fn a_child_that_waits_does_not_become_stable() {
    // The time of the first incarnation does not count for the second.
    const STEPS: &[Step] = &[Fail(8), Fail(8), Fail(8), RUN];
    assert_eq!(starts(STEPS, 10, || vec![2, 4, 8]), [0, 10, 22, 38]);
}

#[test]
fn it_gives_up_when_the_backoff_has_no_delay_left() {
    let (result, world) = run(|world| {
        let child = world.child("a", &[Fail(1)]).backoff(60 * SECOND, || [SECOND, 2 * SECOND]);
        world.supervisor().child(child)
    });
    assert_eq!(world.clock.now(), 6 * SECOND);
    assert_eq!(why(&result.unwrap_err()), "gave up on #0 a: its backoff has no delay left");
}

#[test]
fn a_group_waits_for_the_backoff_of_the_child_that_failed() {
    let (_, world) = drive(
        |world| {
            let b = world.child("b", &[Fail(5), RUN]).backoff(60 * SECOND, || [3 * SECOND]);
            let supervisor = world.supervisor().strategy(Strategy::OneForAll);
            supervisor.child(world.child("a", &[RUN])).child(b).child(world.child("c", &[RUN]))
        },
        |world, _| async move { world.sleep(20).await },
    );
    assert_eq!(world.log()[3..9], ["5 -b1", "5 -c1", "5 -a1", "8 +a2", "8 +b2", "8 +c2"]);
}

#[test]
fn a_failure_while_a_group_waits_for_its_restart_loses_nothing_and_starts_nothing_twice() {
    // `a` fails while it is stopped for the sake of `b`.
    let (report, world) = drive(
        |world| {
            let clock = world.clone();
            let a = nestling::supervise::ChildSpec::new(
                "a",
                move |incarnation: nestling::supervise::Incarnation| {
                    let world = clock.clone();
                    async move {
                        world.note(format_args!("+a{}", incarnation.number()));
                        nestling::current_cancelled().await;
                        world.sleep(1).await;
                        world.note(format_args!("-a{}", incarnation.number()));
                        Err(format!("clean-up of {}", incarnation.number()))
                    }
                },
            );
            let b = world.child("b", &[Fail(5), Graceful(0)]).backoff(60 * SECOND, || [4 * SECOND]);
            let supervisor = world.supervisor().strategy(Strategy::OneForAll);
            supervisor.child(a.grace(9 * SECOND)).child(b.grace(SECOND))
        },
        |world, _| async move { world.sleep(20).await },
    );
    let log: Vec<_> = world.log().into_iter().filter(|line| line.contains('a')).collect();
    assert_eq!(log, ["0 +a1", "6 -a1", "9 +a2", "21 -a2"]);
    let text = report.error().unwrap().to_string();
    assert!(text.contains("after cancel: clean-up of 1"), "{text}");
    assert!(text.contains("after cancel: clean-up of 2"), "{text}");
    assert!(text.contains("no 1"), "{text}");
}

#[test]
fn what_it_is_given_may_panic_and_nothing_is_lost() {
    let timer = |_: Duration| -> std::future::Ready<()> { panic!("no timer") };
    let mut executor = nestling::testing::Executor::new(1);
    let failing = nestling::supervise::ChildSpec::new("a", |_| async { Err("no".to_owned()) });
    let supervisor = nestling::Supervisor::new(timer).child(failing).build().unwrap();
    let error = executor.block_on(supervisor).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("panicked in the timer: no timer") && text.contains(": no"), "{text}");

    for child in 0..2 {
        let (result, _) = run(|world| {
            let spec = world.child("a", &[Fail(1)]);
            let spec = match child {
                0 => spec.decide(|_| -> Decision { panic!("undecided") }),
                // The rules are checked by the first delays.
                _ => spec.backoff(SECOND, {
                    let mut asked = 0;
                    move || {
                        asked += 1;
                        let is_check = asked == 1;
                        std::iter::from_fn(move || if is_check { None } else { panic!("no delay") })
                    }
                }),
            };
            world.supervisor().child(spec.restart(Restart::Transient))
        });
        let text = result.unwrap_err().to_string();
        assert!(text.contains("undecided") || text.contains("no delay"), "{text}");
        assert!(text.contains("no 1"), "{text}");
    }
}
