//! A pool and its items, as plain values.

use arbitrary::Unstructured;
use nestling::testing::SIGNALS;
#[cfg(test)]
use proptest::{collection::vec, prelude::*};

/// A pool and its items.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) items: Vec<Item>,
    pub(super) limit: usize,
    pub(super) rule: Rule,
    pub(super) keep: usize,
    /// The lanes run on an executor.
    pub(super) remote: bool,
    /// The executor drops lanes: after so many polls, the lane of this number among those that are
    /// left.
    pub(super) drops: Vec<(u8, u8)>,
    /// It is a child of a nursery whose other children leave little of each turn.
    pub(super) nested: bool,
}

impl Script {
    /// The failure of a pool that gives up is to be seen.
    pub(super) fn keep(&self) -> usize {
        if self.drops.is_empty() { self.keep } else { usize::MAX }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    Collect,
    FirstError,
    /// The policy says stop at the failure of this number, from 1.
    Nth(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) waits: Option<u8>,
    pub(super) yields: usize,
    /// Runs a nursery of its own, of which one child fails and another waits for this signal. It
    /// ends with that failure.
    pub(super) nests: Option<u8>,
    /// Cancels the whole pool by its handle.
    pub(super) cancels: bool,
    pub(super) end: End,
    pub(super) drop_panics: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Output,
    Error,
    Panic,
    /// The closure panics: there is no future.
    NoFuture,
    Never,
}

pub(super) fn script_of(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Script> {
    let (remote, nested) = (bytes.arbitrary()?, bytes.ratio(1, 8)?);
    let (limit, keep) = (bytes.int_in_range(1..=9)?, bytes.int_in_range(1..=5)?);
    let rule = match bytes.int_in_range(0..=4)? {
        0 => Rule::FirstError,
        1 => Rule::Nth(bytes.int_in_range(1..=4)?),
        _ => Rule::Collect,
    };
    let mut items = Vec::new();
    while items.len() < 20 && !bytes.is_empty() {
        items.push(Item {
            waits: bytes.ratio(1, 3)?.then(|| bytes.int_in_range(0..=SIGNALS - 1)).transpose()?,
            yields: bytes.int_in_range(0..=3)?,
            nests: bytes.ratio(1, 8)?.then(|| bytes.int_in_range(0..=SIGNALS - 1)).transpose()?,
            cancels: bytes.ratio(1, 20)?,
            end: match bytes.int_in_range(0..=11)? {
                0..=2 => End::Error,
                3 => End::Panic,
                4 => End::NoFuture,
                5 => End::Never,
                _ => End::Output,
            },
            drop_panics: bytes.ratio(1, 10)?,
        });
    }
    let mut drops = Vec::new();
    while remote && drops.len() < 8 && bytes.ratio(1, 4)? {
        drops.push((bytes.int_in_range(0..=30)?, bytes.arbitrary()?));
    }
    Ok(Script { items, limit, rule, keep, remote, drops, nested })
}

#[cfg(test)]
pub(super) fn script() -> impl Strategy<Value = Script> {
    let end = prop_oneof![
        6 => Just(End::Output),
        3 => Just(End::Error),
        1 => Just(End::Panic),
        1 => Just(End::NoFuture),
        1 => Just(End::Never),
    ];
    let item = (
        proptest::option::weighted(0.3, 0..SIGNALS),
        0..4_usize,
        proptest::option::weighted(0.15, 0..SIGNALS),
        proptest::bool::weighted(0.05),
        end,
        proptest::bool::weighted(0.1),
    )
        .prop_map(|(waits, yields, nests, cancels, end, drop_panics)| Item {
            waits,
            yields,
            nests,
            cancels,
            end,
            drop_panics,
        });
    let rule = prop_oneof![
        3 => Just(Rule::Collect),
        1 => Just(Rule::FirstError),
        1 => (1..4_usize).prop_map(Rule::Nth),
    ];
    let drops = prop_oneof![2 => Just(Vec::new()), 1 => vec((0..30_u8, any::<u8>()), 1..8)];
    let shape = (any::<bool>(), drops, proptest::bool::weighted(0.2));
    (vec(item, 0..16), 1..10_usize, rule, 1..6_usize, shape).prop_map(
        |(items, limit, rule, keep, (remote, drops, nested))| Script {
            items,
            limit,
            rule,
            keep,
            remote,
            drops: if remote { drops } else { Vec::new() },
            nested,
        },
    )
}
