//! Takes a tree apart and puts it together again, without recursion.

use std::mem;

use super::child_error::Origin;
use super::joined::{Entries, Joined, Sources};
use super::{ChildError, Failure, IntoIter, JoinedError, head};

/// Sorts the leaves of a tree into `N` trees of the same shape, the groups without leaves left out.
///
/// `choose` says which tree an entry goes to, and `change` as what. Of a group for which it says
/// none, the entries are sorted; of a leaf it says one.
pub(super) fn regrow<E, F, const N: usize>(
    root: JoinedError<E>,
    sources: impl Fn(Sources<E>) -> Option<Sources<F>>,
    mut choose: impl FnMut(&ChildError<E>) -> Option<usize>,
    mut change: impl FnMut(ChildError<E>) -> ChildError<F>,
) -> [Option<JoinedError<F>>; N] {
    let mut level = Level::open(None, root);
    let mut above = Vec::new();
    loop {
        // The entry is among the others while `choose` looks at it: if `choose` panics, the entry
        // is dropped with them. By the unwinding itself, a panic of the entry would end the
        // process.
        let tree = level.rest.peek().and_then(&mut choose);
        match (level.rest.next(), tree) {
            (Some(ChildError { origin, failure: Failure::Group(group), .. }), None) => {
                above.push(mem::replace(&mut level, Level::open(Some(origin), group)));
            }
            (Some(entry), tree) => {
                let entry = change(entry);
                level.grown[tree.unwrap_or(0)].0.push(entry);
            }
            (None, _) => {
                let Some(outer) = above.pop() else {
                    return level.close(&sources).1;
                };
                let (origin, groups) = mem::replace(&mut level, outer).close(&sources);
                for (entries, group) in level.grown.iter_mut().zip(groups) {
                    if let (Some(origin), Some(group)) = (&origin, group) {
                        let failure = Failure::Group(group);
                        entries.0.push(ChildError {
                            origin: origin.clone(),
                            failure,
                            sources: None,
                        });
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
    rest: IntoIter<E>,
    grown: [Entries<F>; N],
}

impl<E, F, const N: usize> Level<E, F, N> {
    fn open(origin: Option<Origin>, group: JoinedError<E>) -> Self {
        let mut shell = *group.0;
        let rest = shell.entries.take();
        Self { origin, shell, rest, grown: std::array::from_fn(|_| Entries::new()) }
    }

    fn close(
        self,
        sources: impl Fn(Sources<E>) -> Option<Sources<F>>,
    ) -> (Option<Origin>, [Option<JoinedError<F>>; N]) {
        let shell = &self.shell;
        let all = children(self.grown.iter().flat_map(|entries| &entries.0));
        let groups = self.grown.map(|entries| {
            (!entries.0.is_empty()).then(|| {
                let counts = shell.counts.without(all - children(entries.0.iter()));
                JoinedError(Box::new(Joined {
                    owner: shell.owner,
                    name: shell.name.clone(),
                    counts,
                    cause: shell.cause.clone(),
                    bare: shell.bare,
                    sources: shell.sources.and_then(&sources),
                    entries,
                }))
            })
        });
        (self.origin, groups)
    }
}
