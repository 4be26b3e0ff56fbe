//! How scripts are made up for proptest.

use proptest::collection::vec;
use proptest::prelude::*;

use super::script::{Child, End, Finish, Room, Rule, SIGNALS, Script, Spawn, Step};

/// Scripts of children that spawn and nest others at most `depth` deep: with 0 they do not.
///
/// They shrink towards few children with few steps.
pub fn script(depth: u32) -> BoxedStrategy<Script> {
    script_of(step(depth))
}

fn script_of(step: BoxedStrategy<Step>) -> BoxedStrategy<Script> {
    let limit = prop_oneof![1 => Just(0_u8), 2 => 1..4_u8];
    let keep = || prop_oneof![3 => Just(0_u8), 1 => 1..3_u8];
    let kept = (keep(), keep(), prop::bool::weighted(0.2));
    let child = child(step.clone());
    let outside = vec(prop_oneof![2 => step, 1 => Just(Step::Yield(3))], 0..6);
    let times = (time(9, 6), time(9, 4));
    let children = vec((room(), spawn(), child.clone()), 0..6);
    (limit, rule(), kept, times, finish(child), children, outside)
        .prop_map(|(limit, rule, kept, (deadline, grace), finish, children, outside)| {
            let (keep, keep_cancelled, drain_ready) = kept;
            Script {
                limit,
                rule,
                drain_ready,
                keep,
                keep_cancelled,
                deadline,
                grace,
                finish,
                children,
                outside,
            }
        })
        .boxed()
}

/// No time, which is so many times as likely as the others together, or up to so many milliseconds.
fn time(none: u32, most: u8) -> impl Strategy<Value = u8> {
    prop_oneof![none => Just(0_u8), 1 => 1..=most]
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        4 => Just(Rule::Collect),
        2 => Just(Rule::FirstError),
        2 => (0..3_u8).prop_map(Rule::After),
        1 => Just(Rule::Broken),
    ]
}

fn finish(body: BoxedStrategy<Child>) -> impl Strategy<Value = Finish> {
    prop_oneof![
        2 => Just(Finish::Join),
        3 => Just(Finish::Settle),
        2 => Just(Finish::Next),
        1 => Just(Finish::FickleNext),
        2 => (1..4_u8).prop_map(Finish::NextJoin),
        2 => Just(Finish::FirstOk),
        1 => Just(Finish::FirstOkSettle),
        3 => body.prop_map(|body| Finish::Run(Box::new(body))),
        1 => (0..4_u8).prop_map(Finish::Split),
    ]
}

fn room() -> impl Strategy<Value = Room> {
    prop_oneof![8 => Just(Room::Any), 1 => Just(Room::Try), 2 => Just(Room::Wait)]
}

fn spawn() -> impl Strategy<Value = Spawn> {
    prop_oneof![
        3 => Just(Spawn::Plain),
        3 => Just(Spawn::Handle),
        1 => Just(Spawn::Join),
        2 => Just(Spawn::On),
    ]
}

fn child(step: BoxedStrategy<Step>) -> BoxedStrategy<Child> {
    let end = prop_oneof![
        6 => Just(End::Ready),
        4 => Just(End::Fail),
        2 => Just(End::Panic),
        1 => Just(End::Never),
    ];
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (vec(step, 0..5), end, flags, time(9, 4), time(4, 4))
        .prop_map(|(steps, end, (drop_panics, daemon), timeout, grace)| Child {
            steps,
            end,
            drop_panics,
            daemon,
            timeout,
            grace,
        })
        .boxed()
}

fn step(depth: u32) -> BoxedStrategy<Step> {
    let flat = prop_oneof![
        6 => prop_oneof![8 => 0..4_u8, 1 => Just(130_u8), 1 => Just(u8::MAX)].prop_map(Step::Yield),
        6 => (0..SIGNALS).prop_map(Step::Park),
        2 => (0..4_u8).prop_map(Step::Sleep),
        3 => (0..SIGNALS).prop_map(Step::Fire),
        3 => (0..6_u8).prop_map(Step::Cancel),
        1 => (0..6_u8).prop_map(Step::AwaitGone),
        1 => (0..6_u8).prop_map(Step::AwaitOutput),
        2 => Just(Step::AwaitCancel),
        1 => Just(Step::CancelAll),
        1 => (1..4_u8).prop_map(Step::StopWithin),
        1 => Just(Step::Close),
        2 => (0..4_u8).prop_map(Step::DropTask),
        1 => Just(Step::ShutDown),
        1 => (0..4_u8).prop_map(|yields| Step::Hold(yields, None)),
    ];
    if depth == 0 {
        return flat.boxed();
    }
    let below = step(depth - 1);
    let child = child(below.clone());
    prop_oneof![
        12 => flat,
        4 => (room(), spawn(), child.clone())
            .prop_map(|(room, how, child)| Step::Spawn(room, how, Box::new(child))),
        1 => (0..4_u8, spawn(), child)
            .prop_map(|(yields, how, child)| Step::Hold(yields, Some((how, Box::new(child))))),
        2 => script_of(below).prop_map(|script| Step::Nest(Box::new(script))),
    ]
    .boxed()
}
