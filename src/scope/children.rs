//! The children of a nursery that have not ended, and the slots that they take.

use std::cmp::Reverse;
use std::sync::Arc;

use super::backlog::Backlog;
use crate::child::Child;
use crate::drive::DriverWaker;
use crate::flavor::Flavor;
use crate::lanes::Lanes;

/// Children in the backlog, and children in lanes.
pub(crate) struct Children<'env, T, E, M: Flavor> {
    pub(super) lanes: Lanes<Option<Child<'env, T, E, M>>>,
    pub(super) backlog: Backlog<'env, T, E, M>,
    pub(super) limit: usize,
    /// Those that take a slot, and those that wait for one.
    pub(super) unfinished: usize,
    /// Daemons, which take no slot.
    pub(super) daemons: u32,
    /// Daemons that were cancelled by the end of the others, and are waited for.
    pub(super) awaited: u32,
}

/// What an end leaves to the other children.
#[derive(Clone, Copy)]
pub(super) enum Freed {
    Slot,
    Daemon { awaited: bool },
}

impl<'env, T, E, M: Flavor> Children<'env, T, E, M> {
    pub(super) fn new(driver: &Arc<DriverWaker>) -> Self {
        Self {
            lanes: Lanes::new(driver),
            backlog: Backlog::new(),
            limit: usize::MAX,
            unfinished: 0,
            daemons: 0,
            awaited: 0,
        }
    }

    /// Children that have started and not ended.
    #[inline]
    pub(crate) fn running(&self) -> usize {
        self.lanes.taken()
    }

    // See `Backlog::push`.
    #[inline(always)]
    pub(super) fn push(&mut self, child: Child<'env, T, E, M>) {
        let daemon = child.is_daemon();
        if daemon {
            self.daemons += 1
        } else {
            self.unfinished += 1
        }
        self.backlog.push(child, daemon);
    }

    /// Whether fewer children are unfinished than the limit allows.
    pub(super) fn has_room(&self) -> bool {
        self.unfinished < self.limit
    }

    /// Whether one more child may run. A lane that is held for it is taken already.
    #[inline]
    pub(super) fn has_slot(&self, held: Option<usize>) -> bool {
        let running_daemons = self.daemons as usize - self.backlog.daemons();
        self.running() - usize::from(held.is_some()) - running_daemons < self.limit
    }

    #[inline]
    pub(super) fn can_start(&self, held: Option<usize>) -> bool {
        self.backlog.daemons() > 0 || (self.backlog.waiting() > 0 && self.has_slot(held))
    }

    /// Whether no child is left that is waited for.
    #[inline]
    pub(super) fn none_awaited(&self) -> bool {
        self.unfinished == 0 && self.awaited == 0
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.unfinished == 0 && self.daemons == 0
    }

    /// Takes a child out of its lane.
    fn take(&mut self, lane: usize) -> Option<Child<'env, T, E, M>> {
        let child = self.lanes.place(lane).take();
        self.lanes.free(lane);
        child
    }

    /// Takes those children out that have started and for which `leaves` holds, which is asked of
    /// the newest child first. Those that stay and were woken are polled in that order.
    pub(super) fn take_started(
        &mut self,
        mut leaves: impl FnMut(&Child<'env, T, E, M>) -> bool,
    ) -> Vec<Child<'env, T, E, M>> {
        let mut started: Vec<_> = self
            .lanes
            .each_taken()
            .filter_map(|lane| Some((self.lanes.place(lane).as_ref()?.id(), lane)))
            .collect();
        started.sort_unstable_by_key(|(id, _)| Reverse(*id));
        let (mut children, mut staying) = (Vec::new(), Vec::new());
        for (_, lane) in started {
            if self.lanes.place(lane).as_ref().is_some_and(&mut leaves) {
                children.extend(self.take(lane));
            } else {
                staying.push(lane);
            }
        }
        self.lanes.visit_first(staying);
        children
    }

    /// Takes every child out.
    pub(super) fn take_all(&mut self) -> Vec<Child<'env, T, E, M>> {
        let mut children = self.take_started(|_| true);
        children.extend(self.backlog.drain());
        children
    }
}
