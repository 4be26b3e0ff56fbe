//! Random programs: whatever children do, every one has its end, and each end is reported once.
//!
//! The task is polled only when it was woken, so a wake that is lost leaves a run that does not end.

mod program;
mod script;
mod seen;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use self::program::{World, finish, prepare};
use self::script::{EVENTS, Outside, Plan, outside, plan};
use crate::support::Task;

fn all_ends_are_reported(plan: &Plan, outside: &[Outside]) {
    let world = Arc::new(World::default());
    let (nursery, here) = prepare(&world, plan);
    let mut task = Task::new(finish(nursery, here.clone(), plan.clone()));
    let rest = (0..EVENTS).map(Outside::Fire);
    let mut ended = task.run().is_ready();
    for happening in outside.iter().cloned().chain(rest) {
        if ended {
            break;
        }
        match happening {
            Outside::Fire(event) => world.events[event].fire(),
            Outside::Cancel(at) => world.cancel(at),
            Outside::Spawn(script) => here.spawn(&script),
        }
        ended = task.run().is_ready();
    }
    assert!(ended, "every event has come, and the nursery has not ended");
    drop((task, here));
    assert_eq!(world.live.get(), 0, "a child outlived its nursery");
}

#[test]
fn whatever_children_do_each_end_is_reported_once() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(4_000),
        // A seed means another program as soon as the strategies change: what is found here becomes
        // a test with a name.
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(plan in plan(2), outside in vec(outside(), 0..8))| {
        all_ends_are_reported(&plan, &outside);
    });
}
