//! The model: what a nursery must do with a script, in plain words, and a run that is held against
//! it.
//!
//! A script leaves open in which order children are polled; everything else follows. So the run
//! tells what happens, event by event, and the [`Rules`](rules::Rules) say of each whether it may
//! happen now, and in the end what the nursery must report: which outputs, which failures in which
//! order, who was cancelled by which cause. At each rest of the executor they say whether anyone
//! should still be at work: so a wake that is lost is found. They know nothing of lanes.
//!
//! A run is also to do no more than it must, and to leave nothing:
//!
//! | what | is | see |
//! |---|---|---|
//! | a child, a body, a timer | polled when it was woken, and at no other time | [`wakes`] |
//! | an owner | woken when something has come, and by a driver whose turn is over | [`drive`] |
//! | a wait for a handle or a slot | woken once | [`wakes`] |
//! | a waker | gone when what it was for is | [`watch`] |
//! | a value: an output, an error, a timer, a policy | dropped once | [`values`] |
//! | memory | given back | `memory` |

mod act;
mod bytes;
mod drive;
mod due;
mod elsewhere;
mod ends;
mod event;
mod finish;
mod inside;
mod kind;
#[cfg(test)]
mod memory;
mod person;
pub(crate) mod pool;
mod probe;
mod remote;
mod rest;
mod rules;
mod scope;
mod seen;
mod slot;
mod spawn;
mod values;
mod wakes;
mod watch;
mod world;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use nestling::testing::{
    Child, Executor, Finish, Hazards, SIGNALS, Script, ScriptedPanic, Step, perform,
};

use self::act::Stage;
pub(crate) use self::bytes::check_bytes;
use self::event::{Actor, Event, Whose};
use self::finish::finish;
pub(crate) use self::kind::Kind;
use self::world::World;

/// Scripts that nest deeper are not run: the stack ends somewhere.
const DEPTH: u32 = 4;

/// What happened that must not, and all that happened before it.
pub(crate) struct Violation(String);

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs the script with the seed, and holds what happens against the rules.
pub(crate) fn check<M: Kind>(script: &Script, seed: u64) -> Result<(), Violation> {
    if depth(script) > DEPTH {
        return Ok(());
    }
    // A wake too many can hide that one was lost: half of the runs have none.
    let hazards = if seed % 2 == 0 { Hazards::none() } else { Hazards::all() };
    let mut executor = Executor::new(seed).hazards(hazards);
    // Half of them are watched, which must change nothing.
    let watch = (seed / 2 % 2 == 0).then(|| executor.watch());
    let world = Arc::new(World::new(&executor, watch));
    let (nursery, stage) = Stage::<M>::open(&world, script, None);
    let outside = stage.clone().acting_as(Actor::Outsider);
    let owner = Whose::Actor(Actor::Owner);
    let root = executor.spawn(stage.watch(owner, finish(nursery, stage.clone(), script.clone())));
    let outsider = Child { steps: script.outside.clone(), ..Child::default() };
    world.tell(Event::Appears { nursery: 0, actor: Actor::Outsider, child: outsider.clone() });
    executor.spawn(async move {
        let (act, tell) = (outside.acting(), outside.telling());
        let acting = perform(outsider, outside.cues(), act, tell, |_| ());
        outside.watch(Whose::Actor(Actor::Outsider), acting).await;
    });
    let _ = executor.run();
    for signal in 0..SIGNALS {
        world.tell(Event::Rests(world.look()));
        world.fire(signal);
        let _ = executor.run();
    }
    world.tell(Event::Rests(world.look()));
    if !root.is_finished() {
        world.tell(Event::Abandoned { nursery: 0 });
    }
    // A destructor that panics goes on through the nursery's.
    drop_scripted(executor);
    probe::clear();
    // The handles and the spawner stay, and keep nothing.
    drop(root);
    stage.drop_outputs();
    world.tell(world.over());
    drop(stage);
    world.verdict().map_err(|fault| Violation(format!("{fault}\nseed {seed}, {script:#?}")))
}

/// Drops what may panic as its script says. No other panic is passed over.
fn drop_scripted<V>(value: V) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        if payload.downcast_ref() != Some(&ScriptedPanic::Drop) {
            resume_unwind(payload);
        }
    }
}

fn depth(script: &Script) -> u32 {
    let mut children: Vec<&Child> = script.children.iter().map(|(.., child)| child).collect();
    let steps = script.outside.iter();
    if let Finish::Run(body) = &script.finish {
        children.push(body);
    }
    let steps = steps.chain(children.into_iter().flat_map(|child| &child.steps));
    1 + steps.map(step_depth).max().unwrap_or(0)
}

fn step_depth(step: &Step) -> u32 {
    match step {
        Step::Spawn(.., child) | Step::Hold(_, Some((_, child))) => {
            1 + child.steps.iter().map(step_depth).max().unwrap_or(0)
        }
        Step::Nest(script) => depth(script),
        _ => 0,
    }
}

#[cfg(test)]
mod cases {
    use nestling::generic::{Local, Shared};
    use nestling::testing::script;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::memory::left_by;
    use super::{check, check_bytes};
    use crate::support::random_cases;

    #[test]
    fn a_nursery_does_what_the_model_says_whatever_its_children_do() {
        proptest!(random_cases(10_000), |(script in script(2), seed: u64, local: bool)| {
            let check = if local { check::<Local> } else { check::<Shared> };
            match left_by(|| check(&script, seed)) {
                Ok(left) => prop_assert_eq!(left, 0, "allocations of seed {}", seed),
                Err(violation) => prop_assert!(false, "{:?}", violation),
            }
        });
    }

    /// So many that they take several blocks of lanes, and that turns end for want of budget.
    #[test]
    fn it_does_so_with_many_children() {
        let cases = (script(1), 10..60_usize, any::<u64>());
        // Each takes as long as several others.
        proptest!(random_cases(100), |((mut script, times, seed) in cases)| {
            script.limit = 0;
            script.children = vec![script.children; times].concat();
            match left_by(|| check::<Shared>(&script, seed)) {
                Ok(left) => prop_assert_eq!(left, 0, "allocations of seed {}", seed),
                Err(violation) => prop_assert!(false, "{:?}", violation),
            }
        });
    }

    #[test]
    fn it_does_so_with_scripts_that_are_made_from_bytes() {
        proptest!(random_cases(1_000), |(data in vec(any::<u8>(), 0..400))| check_bytes(&data));
    }
}
