//! Programs of children, and how to make one up.

use proptest::collection::vec;
use proptest::prelude::*;

/// How many things there are to wait for.
pub(super) const EVENTS: usize = 4;

/// What one child does, step by step, and how it ends.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
    pub(super) handle: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Yield(usize),
    /// Parks until the event has come.
    Await(usize),
    /// Spawns a sibling.
    Spawn(Script),
    /// Spawns a sibling where there is room.
    TrySpawn(Script),
    /// Runs a nursery of its own, and fails with it.
    Nest(Box<Plan>),
    /// Cancels one of those that have a handle.
    Cancel(usize),
    /// Cancels its nursery.
    CancelAll,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Ok,
    Err,
    Panic,
}

/// One nursery.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) limit: usize,
    pub(super) first_error: bool,
    pub(super) finish: Finish,
    pub(super) children: Vec<Script>,
}

#[derive(Clone, Debug)]
pub(super) enum Finish {
    Settle,
    Next,
    /// As `Next`, but each future that is pending is dropped, and another made when that was woken.
    FickleNext,
    /// The body waits for a slot for each child that it spawns.
    Run(Script),
    /// The children are spawned one after the other, as there is room.
    WhenFree,
    WhenFreeThenNext,
}

/// What happens outside while the task rests.
#[derive(Clone, Debug)]
pub(super) enum Outside {
    Fire(usize),
    Cancel(usize),
    Spawn(Script),
}

fn step(depth: u32) -> BoxedStrategy<Step> {
    let flat = prop_oneof![
        3 => prop_oneof![0..4_usize, Just(130), Just(300)].prop_map(Step::Yield),
        5 => (0..EVENTS).prop_map(Step::Await),
        1 => (0..8_usize).prop_map(Step::Cancel),
    ];
    if depth == 0 {
        return flat.boxed();
    }
    prop_oneof![
        9 => flat,
        2 => script(depth - 1).prop_map(Step::Spawn),
        1 => script(depth - 1).prop_map(Step::TrySpawn),
        2 => plan(depth - 1).prop_map(|plan| Step::Nest(Box::new(plan))),
        1 => Just(Step::CancelAll),
    ]
    .boxed()
}

fn script(depth: u32) -> BoxedStrategy<Script> {
    let end = prop_oneof![3 => Just(End::Ok), 2 => Just(End::Err), 1 => Just(End::Panic)];
    (vec(step(depth), 0..4), end, any::<bool>())
        .prop_map(|(steps, end, handle)| Script { steps, end, handle })
        .boxed()
}

pub(super) fn plan(depth: u32) -> BoxedStrategy<Plan> {
    let limit = prop_oneof![1 => 1..4_usize, 1 => Just(usize::MAX)];
    let finish = prop_oneof![
        3 => Just(Finish::Settle),
        1 => Just(Finish::Next),
        1 => Just(Finish::FickleNext),
        1 => Just(Finish::WhenFree),
        1 => Just(Finish::WhenFreeThenNext),
        2 => script(depth).prop_map(Finish::Run),
    ];
    (limit, prop::bool::weighted(0.2), finish, vec(script(depth), 0..5))
        .prop_map(|(limit, first_error, finish, children)| Plan {
            limit,
            first_error,
            finish,
            children,
        })
        .boxed()
}

pub(super) fn outside() -> impl Strategy<Value = Outside> {
    prop_oneof![
        5 => (0..EVENTS).prop_map(Outside::Fire),
        1 => (0..8_usize).prop_map(Outside::Cancel),
        1 => script(1).prop_map(Outside::Spawn),
    ]
}
