//! Takes a tree apart and puts it together again, without recursion.

use std::mem;

use smallvec::SmallVec;

use super::child_error::Origin;
use super::joined::{Entries, Joined, Sources};
use super::{ChildError, Failure, JoinedError, Stored, head};

/// Sorts the leaves of a tree into `N` trees of the same shape, the groups without leaves left out.
///
/// `place` says which tree a leaf goes to, and as what.
pub(super) fn regrow<E, F, const N: usize>(
    root: JoinedError<E>,
    sources: impl Fn(Sources<E>) -> Option<Sources<F>>,
    mut place: impl FnMut(ChildError<E>) -> (usize, ChildError<F>),
) -> [Option<JoinedError<F>>; N] {
    let mut level = Level::open(None, root);
    let mut above = Vec::new();
    loop {
        match level.rest.next() {
            Some(ChildError { origin, failure: Failure::Group(group) }) => {
                above.push(mem::replace(&mut level, Level::open(Some(origin), group)));
            }
            Some(leaf) => {
                let (tree, leaf) = place(leaf);
                level.grown[tree].push(leaf);
            }
            None => {
                let Some(outer) = above.pop() else {
                    return level.close(&sources).1;
                };
                let (origin, groups) = mem::replace(&mut level, outer).close(&sources);
                for (entries, group) in level.grown.iter_mut().zip(groups) {
                    if let (Some(origin), Some(group)) = (&origin, group) {
                        let failure = Failure::Group(group);
                        entries.push(ChildError { origin: origin.clone(), failure });
                    }
                }
            }
        }
    }
}

/// The number of children that the entries are of, the nursery's own body and timers left out.
pub(super) fn children<'a, E: 'a>(entries: impl Iterator<Item = &'a ChildError<E>>) -> u64 {
    let mut children: Vec<_> = entries
        .filter(|entry| !head::is_own_body(entry) && !head::is_nursery_itself(entry))
        .map(|entry| (entry.origin.path.address(), entry.child().id()))
        .collect();
    children.sort_unstable();
    children.dedup();
    children.len() as u64
}

/// A group that is being worked on.
struct Level<E, F, const N: usize> {
    // Of the entry that the group is the failure of; the root has none.
    origin: Option<Origin>,
    // Without its entries.
    shell: Joined<E>,
    rest: smallvec::IntoIter<[ChildError<E>; 1]>,
    grown: [Stored<F>; N],
}

impl<E, F, const N: usize> Level<E, F, N> {
    fn open(origin: Option<Origin>, group: JoinedError<E>) -> Self {
        let mut shell = *group.0;
        let rest = mem::take(&mut shell.entries.0).into_iter();
        Self { origin, shell, rest, grown: std::array::from_fn(|_| SmallVec::new()) }
    }

    fn close(
        self,
        sources: impl Fn(Sources<E>) -> Option<Sources<F>>,
    ) -> (Option<Origin>, [Option<JoinedError<F>>; N]) {
        let shell = &self.shell;
        let all = children(self.grown.iter().flatten());
        let groups = self.grown.map(|entries| {
            (!entries.is_empty()).then(|| {
                let counts = shell.counts.without(all - children(entries.iter()));
                JoinedError(Box::new(Joined {
                    name: shell.name.clone(),
                    counts,
                    cause: shell.cause.clone(),
                    bare: shell.bare,
                    sources: shell.sources.and_then(&sources),
                    entries: Entries(entries),
                }))
            })
        });
        (self.origin, groups)
    }
}
