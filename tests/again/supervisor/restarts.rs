//! Which ends a child comes back from, and which others come back with it.

use nestling::supervise::{Decision, Restart, RunState, Strategy};

use super::{Fail, Panic, RUN, SECOND, Step, Succeed, drive, run};

/// Runs one child, and tells what has happened until 10 seconds have passed.
fn alone(restart: Restart, steps: &'static [Step]) -> Vec<String> {
    let (_, world) = drive(
        |world| world.supervisor().child(world.child("a", steps).restart(restart)),
        |world, _| async move { world.sleep(10).await },
    );
    world.log()
}

#[test]
fn a_permanent_child_comes_back_from_each_end() {
    assert_eq!(
        alone(Restart::Permanent, &[Succeed(1), Fail(1), Panic(1), RUN]),
        ["0 +a1", "1 -a1", "1 +a2", "2 -a2", "2 +a3", "3 -a3", "3 +a4", "10 -a4"]
    );
}

#[test]
fn a_transient_child_comes_back_from_failures_only() {
    assert_eq!(
        alone(Restart::Transient, &[Fail(1), Panic(1), Succeed(1)]),
        ["0 +a1", "1 -a1", "1 +a2", "2 -a2", "2 +a3", "3 -a3"]
    );
}

#[test]
fn a_temporary_child_never_comes_back() {
    assert_eq!(alone(Restart::Temporary, &[Fail(1)]), ["0 +a1", "1 -a1"]);
    assert_eq!(alone(Restart::Temporary, &[Succeed(1)]), ["0 +a1", "1 -a1"]);
}

/// Three children, the second of which fails after 5 seconds.
fn three(strategy: Strategy) -> Vec<String> {
    let (_, world) = drive(
        |world| {
            let supervisor = world.supervisor().strategy(strategy);
            let supervisor = supervisor.child(world.child("a", &[RUN]));
            let supervisor = supervisor.child(world.child("b", &[Fail(5), RUN]));
            supervisor.child(world.child("c", &[RUN])).child(world.child("d", &[RUN]))
        },
        |world, _| async move { world.sleep(9).await },
    );
    let log = world.log();
    assert_eq!(log[..4], ["0 +a1", "0 +b1", "0 +c1", "0 +d1"]);
    log[4..].to_vec()
}

#[test]
fn one_for_one_leaves_the_others_alone() {
    let log = three(Strategy::OneForOne);
    assert_eq!(log, ["5 -b1", "5 +b2", "9 -d1", "9 -c1", "9 -b2", "9 -a1"]);
}

#[test]
fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    let log = three(Strategy::OneForAll);
    assert_eq!(log[..8], ["5 -b1", "5 -d1", "5 -c1", "5 -a1", "5 +a2", "5 +b2", "5 +c2", "5 +d2"]);
    assert_eq!(log[8..], ["9 -d2", "9 -c2", "9 -b2", "9 -a2"]);
}

#[test]
fn rest_for_one_restarts_those_after_it_in_order() {
    let log = three(Strategy::RestForOne);
    assert_eq!(log[..6], ["5 -b1", "5 -d1", "5 -c1", "5 +b2", "5 +c2", "5 +d2"]);
    assert_eq!(log[6..], ["9 -d2", "9 -c2", "9 -b2", "9 -a1"]);
}

#[test]
fn temporary_siblings_and_those_that_are_down_do_not_come_back_with_a_group() {
    let (_, world) = drive(
        |world| {
            let supervisor = world.supervisor().strategy(Strategy::OneForAll);
            supervisor
                .child(world.child("a", &[Fail(5), RUN]))
                .child(world.child("b", &[RUN]).restart(Restart::Temporary))
                .child(world.child("c", &[Succeed(1)]).restart(Restart::Transient))
                .child(world.child("d", &[RUN]))
        },
        |world, handle| async move {
            handle.stop("d").await.unwrap();
            world.sleep(9).await;
            let states = handle.children().iter().map(|child| child.state()).collect::<Vec<_>>();
            use RunState::{Down, Running};
            assert_eq!(states, [Running, Down, Down, Down]);
        },
    );
    assert_eq!(world.log_of("+a").len(), 2);
    assert_eq!(world.log_of("+b").len(), 1);
    assert_eq!(world.log_of("+c").len(), 1);
    assert_eq!(world.log_of("+d").len(), 1);
}

#[test]
fn the_decision_by_a_failure_restarts_delays_stops_and_escalates() {
    let (result, world) = run(|world| {
        let child = world.child("a", &[Fail(1), Fail(1), Fail(1)]);
        world.supervisor().child(child).decide(|failed| match failed.error().map(String::as_str) {
            Some("no 1") => Decision::Restart,
            Some("no 2") => Decision::RestartAfter(5 * SECOND),
            _ => Decision::Escalate,
        })
    });
    assert_eq!(world.log(), ["0 +a1", "1 -a1", "1 +a2", "2 -a2", "7 +a3", "8 -a3"]);
    let error = result.unwrap_err();
    assert_eq!(super::why(&error), "gave up on #0 a: its failure was escalated");
}

#[test]
fn a_decision_for_all_children_knows_which_has_failed() {
    let (result, world) = run(|world| {
        let noted = world.clone();
        let supervisor = world.supervisor().child(world.child("a", &[Fail(1), Succeed(1)]));
        let supervisor = supervisor.child(world.child("b", &[Fail(2)]));
        supervisor.decide(move |failed| {
            noted.note(failed);
            if failed.child().name() == Some("b") { Decision::Escalate } else { Decision::Restart }
        })
    });
    assert_eq!(world.log_of("#1"), ["1 a: no 1", "2 b: no 1"]);
    // In the history of a child the name would stand twice.
    let tree = result.unwrap_err().tree().locations(false).to_string();
    assert!(tree.ends_with("\n└─ #1 b > #1    no 1"), "{tree}");
}

#[test]
fn the_decision_of_a_child_goes_before_that_of_the_supervisor() {
    let (result, world) = run(|world| {
        let child = world.child("a", &[Fail(1)]).decide(|_| Decision::Stop);
        world.supervisor().child(child).decide(|_| Decision::Escalate)
    });
    assert_eq!(world.log(), ["0 +a1", "1 -a1"]);
    result.unwrap();
}

#[test]
fn a_decision_brings_no_temporary_child_back() {
    let (result, world) = run(|world| {
        let child = world.child("a", &[Fail(1)]).restart(Restart::Temporary);
        world.supervisor().child(child).decide(|_| Decision::RestartAfter(SECOND))
    });
    assert_eq!(world.log(), ["0 +a1", "1 -a1"]);
    result.unwrap();
}

#[test]
fn a_factory_that_panics_fails_as_its_incarnation() {
    let mut made = 0;
    let (result, _) = run(move |world| {
        let child = nestling::supervise::ChildSpec::new("a", move |_| {
            made += 1;
            assert!(made > 2, "not made {made}");
            async { Ok(()) }
        });
        world.supervisor().child(child.restart(Restart::Transient))
    });
    result.unwrap();
}

#[test]
fn a_supervisor_without_handles_ends_when_no_child_is_left() {
    let (result, world) = run(|world| {
        let supervisor =
            world.supervisor().child(world.child("a", &[Succeed(1)]).restart(Restart::Transient));
        supervisor.child(world.child("b", &[Fail(3)]).restart(Restart::Temporary))
    });
    result.unwrap();
    assert_eq!(world.clock.now(), 3 * SECOND);
    run(|world| world.supervisor()).0.unwrap();
}
