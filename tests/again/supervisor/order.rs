//! The order in which children start and stop, and readiness.

use nestling::supervise::{AutoShutdown, Restart, RunState, Strategy};

use super::{Fail, Graceful, RUN, SECOND, Step, Succeed, UpThenFail, UpThenSucceed, drive, run};

const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// It is up after so many seconds, and runs.
const fn up(after: u64) -> Step {
    UpThenFail(after, super::LONG)
}

#[test]
fn each_child_starts_when_the_one_before_is_up() {
    const A: &[Step] = &[up(2)];
    const B: &[Step] = &[up(3)];
    let (_, world) = drive(
        |world| {
            let supervisor = world.supervisor().child(world.child("a", A).says_ready(LIMIT));
            let supervisor = supervisor.child(world.child("b", B).says_ready(LIMIT));
            supervisor.child(world.child("c", &[RUN]))
        },
        |world, handle| async move {
            use RunState::{Queued, Running, Starting};
            let states = || handle.children().iter().map(|it| it.state()).collect::<Vec<_>>();
            world.sleep(1).await;
            assert_eq!(states(), [Starting, Queued, Queued]);
            world.sleep(2).await;
            assert_eq!(states(), [Running, Starting, Queued]);
            world.sleep(3).await;
            assert_eq!(states(), [Running, Running, Running]);
        },
    );
    assert_eq!(world.log()[..3], ["0 +a1", "2 +b1", "5 +c1"]);
}

#[test]
fn groups_restart_in_order_each_after_the_one_before_is_up() {
    const A: &[Step] = &[up(1)];
    const C: &[Step] = &[up(2)];
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let (_, world) = drive(
            |world| {
                let supervisor = world.supervisor().strategy(strategy);
                supervisor
                    .child(world.child("a", A).says_ready(LIMIT))
                    .child(world.child("b", &[Fail(9), RUN]))
                    .child(world.child("c", C).says_ready(LIMIT))
                    .child(world.child("d", &[RUN]))
            },
            |world, _| async move { world.sleep(30).await },
        );
        let starts: Vec<_> = world.log().into_iter().filter(|line| line.contains('+')).collect();
        assert_eq!(starts[..4], ["0 +a1", "1 +b1", "1 +c1", "3 +d1"]);
        match strategy {
            Strategy::OneForAll => {
                assert_eq!(starts[4..], ["10 +a2", "11 +b2", "11 +c2", "13 +d2"])
            }
            _ => assert_eq!(starts[4..], ["10 +b2", "10 +c2", "12 +d2"]),
        }
    }
}

#[test]
fn a_child_that_does_not_come_up_in_time_has_timed_out_and_is_restarted() {
    const A: &[Step] = &[RUN, up(1)];
    let (report, world) = drive(
        |world| {
            let supervisor = world.supervisor().child(world.child("a", A).says_ready(5 * SECOND));
            supervisor.child(world.child("b", &[RUN]))
        },
        |world, _| async move { world.sleep(60).await },
    );
    assert_eq!(world.log()[..4], ["0 +a1", "5 -a1", "5 +a2", "6 +b1"]);
    let error = report.error().unwrap();
    let failures = error.first().failure().group().unwrap();
    assert!(failures.first().failure().is_timed_out());
}

#[test]
fn a_child_that_comes_up_as_its_time_is_over_is_in_time() {
    const A: &[Step] = &[up(5)];
    let (report, world) = drive(
        |world| world.supervisor().child(world.child("a", A).says_ready(5 * SECOND)),
        |world, _| async move { world.sleep(60).await },
    );
    assert_eq!(world.log()[..1], ["0 +a1"]);
    assert!(report.error().is_none());
}

#[test]
fn a_child_that_has_done_its_work_before_it_is_up_holds_up_nothing() {
    let (result, world) = run(|world| {
        let setup = world.child("setup", &[Succeed(2)]).restart(Restart::Transient);
        let work = world.child("work", &[UpThenSucceed(1, 1)]).restart(Restart::Transient);
        world.supervisor().child(setup.says_ready(LIMIT)).child(work.says_ready(LIMIT))
    });
    result.unwrap();
    assert_eq!(world.log(), ["0 +setup1", "2 -setup1", "2 +work1", "4 -work1"]);
}

#[test]
fn a_child_that_fails_before_it_is_up_holds_up_those_after_it() {
    const A: &[Step] = &[Fail(1), up(1)];
    let (_, world) = drive(
        |world| {
            let a = world.child("a", A).says_ready(LIMIT).backoff(60 * SECOND, || [4 * SECOND]);
            world.supervisor().child(a).child(world.child("b", &[RUN]))
        },
        |world, _| async move { world.sleep(60).await },
    );
    assert_eq!(world.log()[..4], ["0 +a1", "1 -a1", "5 +a2", "6 +b1"]);
}

#[test]
fn children_stop_one_after_the_other_the_last_first() {
    let (report, world) = drive(
        |world| {
            let supervisor = world.supervisor().child(world.child("a", &[RUN]));
            let supervisor = supervisor.child(world.child("b", &[Graceful(2)]).grace(9 * SECOND));
            supervisor.child(world.child("c", &[Graceful(3)]).grace(9 * SECOND))
        },
        |world, _| async move { world.sleep(5).await },
    );
    assert_eq!(world.log()[3..], ["5 ?c1", "8 -c1", "8 ?b1", "10 -b1", "10 -a1"]);
    assert!(report.error().is_none());
    assert_eq!(report.cause().unwrap().to_string(), "requested: the test is over");
}

#[test]
fn a_shutdown_timeout_drops_only_the_child_that_hangs() {
    let (_, world) = drive(
        |world| {
            let supervisor = world.supervisor();
            let supervisor = supervisor.child(world.child("a", &[Graceful(1)]).grace(9 * SECOND));
            let supervisor = supervisor.child(world.child("b", &[RUN]).grace(4 * SECOND));
            supervisor.child(world.child("c", &[Graceful(1)]).grace(9 * SECOND))
        },
        |world, _| async move { world.sleep(5).await },
    );
    assert_eq!(world.log()[3..], ["5 ?c1", "6 -c1", "10 -b1", "10 ?a1", "11 -a1"]);
}

#[test]
fn a_significant_child_that_ends_for_good_may_end_the_supervisor() {
    let with = |auto, world: &super::World| {
        let supervisor = world.supervisor().auto_shutdown(auto).child(world.child("a", &[RUN]));
        let b = world.child("b", &[Fail(1), Succeed(1)]).restart(Restart::Transient).significant();
        let c = world.child("c", &[Succeed(9)]).restart(Restart::Transient).significant();
        supervisor.child(b).child(c)
    };
    let (result, world) = run(|world| with(AutoShutdown::Any, world));
    result.unwrap();
    assert_eq!(world.clock.now(), 2 * SECOND);
    assert_eq!(world.log().last().unwrap(), "2 -a1");
    let (result, world) = run(|world| with(AutoShutdown::All, world));
    result.unwrap();
    assert_eq!(world.clock.now(), 9 * SECOND);
}

#[test]
fn a_significant_child_that_is_stopped_by_hand_ends_nothing() {
    let (_, world) = drive(
        |world| {
            let b = world.child("b", &[RUN]).restart(Restart::Transient).significant();
            world
                .supervisor()
                .auto_shutdown(AutoShutdown::Any)
                .child(world.child("a", &[RUN]))
                .child(b)
        },
        |world, handle| async move {
            handle.stop("b").await.unwrap();
            world.sleep(5).await;
        },
    );
    assert_eq!(world.log(), ["0 +a1", "0 +b1", "0 -b1", "5 -a1"]);
}

#[test]
fn all_backoffs_of_a_group_are_over_before_it_starts() {
    // `b` fails and waits; meanwhile `c` is added, and fails without a delay.
    let (_, world) = drive(
        |world| {
            let b = world.child("b", &[Fail(5), RUN]).backoff(60 * SECOND, || [4 * SECOND]);
            let supervisor = world.supervisor().strategy(Strategy::OneForAll);
            supervisor.child(world.child("a", &[RUN])).child(b)
        },
        |world, handle| async move {
            world.sleep(6).await;
            handle.add(world.child("c", &[Fail(1), RUN])).await.unwrap();
            world.sleep(20).await;
        },
    );
    assert_eq!(world.log()[4..9], ["6 +c1", "7 -c1", "9 +a2", "9 +b2", "9 +c2"]);
}

#[test]
fn a_child_that_is_restarted_by_hand_as_it_starts_holds_up_those_after_it() {
    const A: &[Step] = &[Graceful(3), up(1)];
    let (_, world) = drive(
        |world| {
            let a = world.child("a", A).says_ready(LIMIT).grace(9 * SECOND);
            world.supervisor().child(a).child(world.child("b", &[RUN]))
        },
        |world, handle| async move {
            world.sleep(1).await;
            handle.restart("a").await.unwrap();
            world.sleep(9).await;
        },
    );
    assert_eq!(world.log()[..5], ["0 +a1", "1 ?a1", "4 -a1", "4 +a2", "5 +b1"]);
}

#[test]
fn a_child_that_says_it_is_up_when_its_time_is_over_is_not() {
    use nestling::supervise::{ChildSpec, Incarnation};
    let (report, world) = drive(
        |world| {
            let clock = world.clone();
            let a = ChildSpec::new("a", move |incarnation: Incarnation| {
                let world = clock.clone();
                async move {
                    world.sleep(6).await;
                    incarnation.ready();
                    world.sleep(super::LONG).await;
                    Ok(())
                }
            });
            world.supervisor().child(a.says_ready(5 * SECOND)).child(world.child("b", &[RUN]))
        },
        |world, handle| async move {
            world.sleep(18).await;
            assert_eq!(handle.get("a").unwrap().incarnation(), 4);
        },
    );
    assert!(world.log_of("+b").is_empty(), "{:?}", world.log());
    assert!(report.to_string().contains("1 failed"), "{report}");
}
