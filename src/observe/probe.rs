//! The probe: what polls a child that is observed.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::current::Entered;
use super::lines;
use super::observer::PollSeen;
use super::record::{Begun, Record};
use super::seen::SeenChild;
use super::tracing::{self, EnterOnDrop, ExitOnDrop};
use super::waker::ChildWaker;
use crate::child::Polled;

/// The side of an observed child that polls it.
pub(crate) struct Probe {
    child: SeenChild,
    /// The waker that the child is polled with, twice: as what it is, and as a waker.
    waker: Option<(Arc<ChildWaker>, Waker)>,
    /// The child runs on an executor, and what is polled here only waits for it.
    is_elsewhere: bool,
}

impl Probe {
    /// For what polls the child itself.
    pub(crate) fn new(record: Arc<Record>) -> Self {
        Self { child: SeenChild(record), waker: None, is_elsewhere: false }
    }

    /// For a child of a nursery.
    pub(crate) fn of_child(record: Arc<Record>) -> Self {
        let is_elsewhere = record.traits.remote;
        Self { is_elsewhere, ..Self::new(record) }
    }

    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.child.0
    }

    /// What is to stand around the child's future where that is dropped: so it is dropped in its
    /// span.
    pub(crate) fn on_drop(&self) -> (EnterOnDrop, ExitOnDrop) {
        if self.is_elsewhere { Default::default() } else { tracing::on_drop(&self.child.0) }
    }

    /// Polls the child by `poll`, which is given the child's own waker.
    ///
    /// In the child's last poll it is given the waker of `cx`, which does nothing.
    pub(crate) fn poll<R: IsPending>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> R,
    ) -> R {
        let (mut poll, mut polled) = (Some(poll), None);
        // What is not of the child's type is compiled once, and not for each child.
        self.poll_by(cx, &mut |cx| {
            let result = poll.take().map(|poll| poll(cx));
            let is_pending = result.as_ref().is_some_and(R::is_pending);
            polled = result;
            is_pending
        });
        match polled {
            Some(polled) => polled,
            None => unreachable!("it was polled once"),
        }
    }

    /// The same; `poll` says whether the child is pending.
    fn poll_by(&mut self, cx: &mut Context<'_>, poll: &mut dyn FnMut(&mut Context<'_>) -> bool) {
        let _entered = Entered::new(&self.child.0);
        if self.is_elsewhere {
            // Here, as children on several threads may start at once.
            self.child.0.scene.open_span();
            poll(cx);
            return;
        }
        let _in_span = self.child.0.span.start(&self.child.0);
        let begun = self.child.0.begin();
        if begun.is_first {
            let scene = &self.child.0.scene;
            scene.tell_new();
            scene.tell(|observer| observer.started(&self.child, begun.at));
        }
        if !self.waker.as_ref().is_some_and(|(waker, _)| waker.is_for(cx.waker())) {
            self.set_waker(cx.waker());
        }
        let finds_lines = begun.finds_lines;
        let mut polling = Polling { child: &self.child, begun, is_pending: false };
        let own = self.waker.as_ref().filter(|(waker, _)| waker.is_for(cx.waker()));
        let mut found = None;
        polling.is_pending = match own {
            Some((_, own)) if finds_lines => {
                let (is_pending, lines) = lines::find(own, poll);
                found = Some(lines);
                is_pending
            }
            Some((_, own)) => poll(&mut Context::from_waker(own)),
            None => poll(cx),
        };
        drop(polling);
        if let Some(found) = found {
            self.child.0.set_lines(found);
        }
    }

    /// Makes the child's waker, or another if an executor polls the child by another task's.
    #[cold]
    fn set_waker(&mut self, lane: &Waker) {
        // The driver's last poll is one that wakes nothing.
        if lane.data().is_null() {
            return;
        }
        let waker = ChildWaker::new(&self.child, lane);
        self.child.0.set_waker(&waker);
        self.waker = Some((Arc::clone(&waker), Waker::from(waker)));
    }
}

/// A poll that is going on, until this is dropped: it may panic.
struct Polling<'a> {
    child: &'a SeenChild,
    begun: Begun,
    /// The child goes on. Not so where it has panicked.
    is_pending: bool,
}

/// What a poll has come to.
pub(crate) trait IsPending {
    fn is_pending(&self) -> bool;
}

impl<T> IsPending for Poll<T> {
    fn is_pending(&self) -> bool {
        Self::is_pending(self)
    }
}

impl<T, X> IsPending for Polled<T, X> {
    fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let Begun { at, woken, .. } = &mut self.begun;
        let ended = self.child.0.end_poll(*at, self.is_pending);
        let scene = &self.child.0.scene;
        if scene.is_observed() {
            let poll = PollSeen { began: *at, ended, woken: woken.take() };
            scene.tell(|observer| observer.polled(self.child, &poll));
        }
    }
}
