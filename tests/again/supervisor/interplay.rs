//! What meets what: each thing that is asked for or happens, in each state of a child. The table in
//! the docs of `supervise` has the same cells.

use std::time::Duration;

use nestling::outcome::CauseKind;
use nestling::supervise::{Decision, RunState, Strategy};

use super::{Fail, Graceful, RUN, SECOND, Spec, Step, World, drive};

/// What happens 20 seconds after the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Stop,
    Remove,
    Restart,
    SiblingFails,
    WindowEnds,
    Cancel,
}

/// The child `a`, as it is 20 seconds after the start: in the state that is asked for.
fn child(world: &World, state: RunState, op: Op) -> Spec {
    // Where the window ends, a first restart has opened it.
    const RESTARTED: &[Step] = &[Fail(15), Fail(7), RUN];
    const STOPPING: &[Step] = &[Fail(15), Graceful(10), Fail(3), RUN];
    let has_window = op == Op::WindowEnds;
    let spec = match (state, has_window) {
        (RunState::Starting, false) => world.child("a", &[RUN]).says_ready(1_000 * SECOND),
        (RunState::Starting, true) => world.child("a", RESTARTED).says_ready(1_000 * SECOND),
        (RunState::Running, false) => world.child("a", &[RUN]),
        (RunState::Running, true) => world.child("a", RESTARTED),
        (RunState::Waiting, false) => world.child("a", &[Fail(15), RUN]),
        (RunState::Waiting, true) => world.child("a", &[Fail(15), Fail(7), RUN]),
        (RunState::Stopping, false) => world.child("a", &[Graceful(10)]).grace(50 * SECOND),
        (RunState::Stopping, true) => world.child("a", STOPPING).grace(50 * SECOND),
        _ => unreachable!("a child is in one of four states"),
    };
    let spec = if has_window { spec.intensity(1, 5 * SECOND) } else { spec };
    if state == RunState::Waiting {
        return spec.decide(|failed| match failed.child().id().number() {
            1 => Decision::RestartAfter(10 * SECOND),
            _ => Decision::Restart,
        });
    }
    spec
}

/// What has happened to `a` from 20 seconds on, until 60 seconds have passed; and its state then.
fn cell(state: RunState, op: Op) -> (Vec<String>, Option<RunState>) {
    let last = std::sync::Arc::new(std::sync::Mutex::new(None));
    let told = std::sync::Arc::clone(&last);
    let (report, world) = drive(
        |world| {
            let sibling: &[Step] = if op == Op::SiblingFails { &[Fail(20), RUN] } else { &[RUN] };
            let supervisor = world.supervisor().strategy(Strategy::RestForOne);
            let supervisor = supervisor.child(world.child("s", sibling));
            supervisor.child(child(world, state, op))
        },
        move |world, handle| async move {
            if state == RunState::Stopping {
                world.sleep(if op == Op::WindowEnds { 16 } else { 15 }).await;
                drop(handle.restart("a"));
                world.sleep(if op == Op::WindowEnds { 3 } else { 4 }).await;
            } else {
                world.sleep(19).await;
            }
            assert_eq!(handle.get("a").unwrap().state(), state);
            // Before what happens by itself in the same second.
            nestling::future::Timer::sleep(&world.clock, Duration::from_millis(999)).await;
            world.note("now");
            nestling::future::Timer::sleep(&world.clock, Duration::from_millis(1)).await;
            let (asked, name) = (handle.clone(), "a");
            match op {
                Op::Stop => drop(asked.stop(name)),
                Op::Remove => drop(asked.remove(name)),
                Op::Restart => drop(asked.restart(name)),
                Op::SiblingFails | Op::WindowEnds => {}
                Op::Cancel => return asked.shutdown("cancelled"),
            }
            world.sleep(40).await;
            *told.lock().unwrap() = handle.get("a").map(|child| child.state());
        },
    );
    assert!(report.cause().is_some_and(|cause| cause.kind() == CauseKind::Requested), "{report}");
    let log = world.log().into_iter().skip_while(|line| !line.ends_with("now")).skip(1);
    let second = |line: &String| line.split(' ').next().unwrap().parse::<u64>().unwrap();
    let log = log.filter(|line| line.contains('a') && second(line) < 60);
    let last = *last.lock().unwrap();
    (log.collect(), last)
}

macro_rules! cells {
    ($($name:ident: $op:ident, $state:ident => $log:expr, $last:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let (log, last) = cell(RunState::$state, Op::$op);
                let expected: &[&str] = &$log;
                assert_eq!((log.as_slice(), last), (expected.iter().map(|line| line.to_string()).collect::<Vec<_>>().as_slice(), $last));
            }
        )*
    };
}

const RUNNING: Option<RunState> = Some(RunState::Running);
const DOWN: Option<RunState> = Some(RunState::Down);

cells! {
    stop_of_one_that_starts: Stop, Starting => ["20 -a1"], DOWN;
    stop_of_one_that_runs: Stop, Running => ["20 -a1"], DOWN;
    stop_of_one_that_waits: Stop, Waiting => [], DOWN;
    stop_of_one_that_stops: Stop, Stopping => ["25 -a1"], DOWN;
    remove_of_one_that_starts: Remove, Starting => ["20 -a1"], None;
    remove_of_one_that_runs: Remove, Running => ["20 -a1"], None;
    a_pending_restart_brings_no_removed_child_back: Remove, Waiting => [], None;
    remove_of_one_that_stops: Remove, Stopping => ["25 -a1"], None;
    restart_of_one_that_starts: Restart, Starting => ["20 -a1", "20 +a2"], Some(RunState::Starting);
    restart_of_one_that_runs: Restart, Running => ["20 -a1", "20 +a2"], RUNNING;
    a_child_restarted_by_hand_while_it_waits_runs_once: Restart, Waiting => ["20 +a2"], RUNNING;
    restart_of_one_that_stops: Restart, Stopping => ["25 -a1", "25 +a2"], RUNNING;
    sibling_fails_while_one_starts: SiblingFails, Starting => ["20 -a1", "20 +a2"], Some(RunState::Starting);
    sibling_fails_while_one_runs: SiblingFails, Running => ["20 -a1", "20 +a2"], RUNNING;
    sibling_fails_while_one_waits: SiblingFails, Waiting => ["25 +a2"], RUNNING;
    sibling_fails_while_one_stops: SiblingFails, Stopping => ["25 -a1", "25 +a2"], RUNNING;
    window_ends_while_one_starts: WindowEnds, Starting => ["22 -a2", "22 +a3"], Some(RunState::Starting);
    window_ends_while_one_runs: WindowEnds, Running => ["22 -a2", "22 +a3"], RUNNING;
    window_ends_while_one_waits: WindowEnds, Waiting => ["25 +a2", "32 -a2", "32 +a3"], RUNNING;
    window_ends_while_one_stops: WindowEnds, Stopping => ["26 -a2", "26 +a3", "29 -a3", "29 +a4"], RUNNING;
    cancel_while_one_starts: Cancel, Starting => ["20 -a1"], None;
    cancel_while_one_runs: Cancel, Running => ["20 -a1"], None;
    cancel_while_one_waits: Cancel, Waiting => [], None;
    cancel_while_one_stops: Cancel, Stopping => ["25 -a1"], None;
}
