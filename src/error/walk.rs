//! Which failures are shown of a joined error, within limits: the same for the line and the tree.

use std::collections::VecDeque;
use std::vec;

use super::head::{is_nursery_itself, is_own_body, untold};
use super::joined::Sources;
use super::settings::Settings;
use super::{ChildError, Failure, JoinedError};
use crate::cancel::Cause;
use crate::info::Owner;

/// What is shown next, depth first.
pub(super) struct Item<'a, E> {
    pub(super) depth: usize,
    /// Whether nothing follows on this level.
    pub(super) last: bool,
    pub(super) what: What<'a, E>,
}

pub(super) enum What<'a, E> {
    Entry(Entry<'a, E>),
    /// So many failures are not shown.
    More(u64),
}

/// A failure, or a group; its entries follow one level deeper.
pub(super) struct Entry<'a, E> {
    /// The groups around it that are shown with it, the nearest first: each is all that is in the
    /// one around it.
    pub(super) path: Vec<&'a ChildError<E>>,
    /// Whether groups between the path and the level are left out.
    pub(super) elided: bool,
    pub(super) error: &'a ChildError<E>,
    pub(super) after_cancel: bool,
    pub(super) lost: u32,
    /// The head has said already which child failed.
    pub(super) named: bool,
    pub(super) sources: Option<Sources<E>>,
    /// What the innermost group is of.
    pub(super) owner: Owner,
}

impl<'a, E> Entry<'a, E> {
    /// The entry, or what is at the end of a chain of groups with one entry each; with `to_leaf`,
    /// the first failure in it that is no group. Returns also how many failures were passed over.
    fn of(
        mut error: &'a ChildError<E>,
        level: &Level<'a, E>,
        to_leaf: bool,
        keep: usize,
    ) -> (Self, u64) {
        let (named, mut sources, mut owner) = (level.named, level.sources, level.owner);
        let mut path = VecDeque::new();
        let (mut elided, mut after_cancel, mut lost, mut passed) = (false, false, 0_u32, 0);
        loop {
            after_cancel |= error.after_cancel();
            lost = lost.saturating_add(error.lost_failures());
            let Failure::Group(group) = error.failure() else { break };
            let others = group.len() as u64 - 1 + untold(group);
            // What a supervisor gave up for stands in the text of the group.
            if !to_leaf && (others > 0 || has_given_up(group)) {
                break;
            }
            passed += others;
            (sources, owner) = (group.0.sources.or(sources), group.0.owner);
            if path.len() == keep {
                path.pop_back();
                elided = true;
            }
            path.push_front(error);
            error = group.first();
        }
        let (path, sources) = (path.into(), error.sources.or(sources));
        (Self { path, elided, error, after_cancel, lost, named, sources, owner }, passed)
    }
}

/// Whether it is the error of a supervisor that has given up.
pub(super) fn has_given_up<E>(error: &JoinedError<E>) -> bool {
    error.cause().is_some_and(Cause::has_given_up)
}

/// What is shown of one entry by itself.
pub(super) fn of_entry<E>(entry: &ChildError<E>, settings: Settings) -> Vec<Item<'_, E>> {
    let (rest, owner) = (vec![entry], Owner::Nursery);
    let rest = rest.into_iter();
    let level = Level { rest, left: 1, shown: 0, named: false, sources: None, owner };
    walk(level, settings)
}

/// What is shown of all. `sources` is used where a joined error does not say how to find them.
pub(super) fn of_joined<'a, E>(
    error: &'a JoinedError<E>,
    sources: Option<Sources<E>>,
    settings: Settings,
) -> Vec<Item<'a, E>> {
    walk(Level::of(error, sources, settings), settings)
}

fn walk<E>(root: Level<'_, E>, settings: Settings) -> Vec<Item<'_, E>> {
    let mut items = Vec::new();
    let (mut total, mut leaves) = (0, 0);
    let mut open = vec![root];
    while let Some((level, around)) = open.split_last_mut() {
        if level.left == 0 {
            open.pop();
            continue;
        }
        let depth = around.len();
        // A group on the innermost level is opened for one leaf only.
        let is_deepest = depth >= settings.depth;
        let entries = if is_deepest { 1 } else { settings.entries };
        let room = level.shown < entries && total < settings.total;
        // Whatever the limits are, the first leaf is shown.
        let entry = if room || leaves == 0 { level.rest.next() } else { None };
        let Some(entry) = entry else {
            let what = What::More(level.left);
            items.push(Item { depth, last: true, what });
            open.pop();
            continue;
        };
        level.shown += 1;
        total += 1;
        let (entry, passed) = Entry::of(entry, level, is_deepest, settings.depth);
        level.left = level.left - 1 + passed;
        let group = entry.error.failure().group();
        let inner = group.map(|group| Level::of(group, entry.sources, settings));
        leaves += usize::from(inner.is_none());
        items.push(Item { depth, last: level.left == 0, what: What::Entry(entry) });
        open.extend(inner);
    }
    items
}

/// The failures of one nursery that are not shown yet.
struct Level<'a, E> {
    /// Those that may be shown.
    rest: vec::IntoIter<&'a ChildError<E>>,
    /// How many there are, those that were not stored included.
    left: u64,
    shown: usize,
    named: bool,
    sources: Option<Sources<E>>,
    owner: Owner,
}

impl<'a, E> Level<'a, E> {
    fn of(error: &'a JoinedError<E>, around: Option<Sources<E>>, settings: Settings) -> Self {
        let all = |is: fn(&ChildError<E>) -> bool| error.iter().all(is);
        let named = error.counts().failed() == 0 && (all(is_own_body) || all(is_nursery_itself));
        // The first is shown in any case, where it leads to the first leaf.
        let most = settings.entries.max(1);
        let rest: Vec<_> = match settings.by_spawn_order {
            true => error.by_spawn_order().take(most).collect(),
            false => error.iter().take(most).collect(),
        };
        let left = error.len() as u64 + untold(error);
        let sources = error.0.sources.or(around);
        let (rest, owner) = (rest.into_iter(), error.0.owner);
        Self { rest, left, shown: 0, named, sources, owner }
    }
}
