//! How an observed child is polled, wherever it is.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::current::Entered;
use super::kinds::WokenBy;
use super::lines::{self, Found};
use super::observer::PollSeen;
use super::reading;
use super::record::{Begun, Record};
use super::seen::SeenChild;
use super::tracing::InSpan;
use super::waker::OwnWaker;
use crate::child::Polled;

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

impl Record {
    /// Polls the child by `poll`, which is given the child's own waker.
    ///
    /// In the child's last poll it is given the waker of `cx`, which does nothing.
    pub(crate) fn poll<R: IsPending>(
        self: Arc<Self>,
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

    /// Polls a child of a nursery. A child that runs on an executor is polled [there](Self::poll),
    /// and what is polled here only waits for it.
    pub(crate) fn poll_child<R: IsPending>(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> R,
    ) -> R {
        if !self.traits.remote {
            return self.poll(cx, poll);
        }
        reading::give_up();
        // Here, as children on several threads may start at once.
        self.scene.open_span();
        let _entered = Entered::new(self);
        poll(cx)
    }

    /// Polls; `poll` says whether the child is pending.
    fn poll_by(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        poll: &mut dyn FnMut(&mut Context<'_>) -> bool,
    ) {
        let _in_span = self.span.start(&self);
        // It stays in its place: it is large, and empty for most.
        let mut woken = None;
        let Begun { at, is_first, finds_lines, own } = self.begin(cx.waker(), &mut woken);
        if is_first && self.scene.is_observed() {
            let child = self.seen();
            self.scene.tell(|observer| observer.started(&child, at));
        }
        let own = own.or_else(|| self.make_waker(cx.waker()));
        let entered = Some(Entered::new(self));
        let woken = &mut woken;
        let mut polling = Polling { entered, at, woken, own, is_pending: false, found: None };
        polling.is_pending = match &polling.own {
            Some(own) if finds_lines => {
                let (is_pending, found) = lines::find(own, poll);
                polling.found = Some(found);
                is_pending
            }
            Some(own) => poll(&mut Context::from_waker(own)),
            None => poll(cx),
        };
    }

    /// Makes the child's waker, or another if an executor polls the child by another task's.
    #[cold]
    fn make_waker(self: &Arc<Self>, lane: &Waker) -> Option<Waker> {
        // The driver's last poll is one that wakes nothing.
        if lane.data().is_null() && !self.traits.remote {
            return None;
        }
        let (own, waker) = OwnWaker::new(self.seen(), lane);
        self.set_waker(own);
        Some(waker)
    }

    /// The child's future is dropped in its span, until this is dropped, if it is traced.
    pub(crate) fn in_span(&self) -> InSpan {
        reading::give_up();
        self.span.enter()
    }
}

/// A poll that is going on, until this is dropped: it may panic.
struct Polling<'a> {
    /// It has the child.
    entered: Option<Entered>,
    at: Duration,
    /// When, and by what, it was woken for it.
    woken: &'a mut Option<(Duration, WokenBy)>,
    own: Option<Waker>,
    /// The child goes on. Not so where it has panicked.
    is_pending: bool,
    found: Option<Found>,
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let Some(child) = self.entered.take().and_then(Entered::leave) else { return };
        let Some(ended) = child.end_poll(self.at, self.own.take(), self.is_pending) else { return };
        if let Some(found) = self.found.take() {
            child.set_lines(found);
        }
        if child.scene.is_observed() {
            let poll = PollSeen { began: self.at, ended, woken: self.woken.take() };
            let child = SeenChild(child);
            child.0.scene.tell(|observer| observer.polled(&child, &poll));
        }
    }
}
