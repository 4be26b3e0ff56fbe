//! One child: its future behind an unwind guard, and the control block that says where it is in its
//! life.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::cancel::current::Inside;
use crate::cancel::{
    CancelHandle, Cause, CauseKind, Control, FinishOnDrop, How, LostKind, Nest, Time,
};
use crate::drive::budget;
use crate::error::{Counts, Failure, Panic};
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded};
use crate::info::{ChildId, ChildInfo};
use crate::observe::Record;

/// How a child ended.
#[doc(hidden)]
#[derive(Debug)]
pub enum End<T, E> {
    Completed(T),
    /// It succeeded, and its output went to its handle.
    Delivered,
    Failed(Failure<E>),
    Cancelled(Cause),
}

impl<T, E> End<T, E> {
    /// The end of a child that is dropped for this cause. A child that ran out of time has failed;
    /// daemons cannot miss a deadline.
    pub(crate) fn stopped(cause: Cause, daemon: bool) -> Self {
        match cause.kind() {
            CauseKind::Timeout => Self::Failed(Failure::TimedOut(cause)),
            CauseKind::Deadline if !daemon => Self::Failed(Failure::TimedOut(cause)),
            _ => Self::Cancelled(cause),
        }
    }

    /// Whether the child was dropped, and came to no end of its own.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, Self::Cancelled(_) | Self::Failed(Failure::TimedOut(_)))
    }

    /// Why there is no output for the tasks that wait for it.
    pub(crate) fn lost(&self) -> Option<LostKind> {
        match self {
            Self::Completed(_) | Self::Delivered => None,
            Self::Failed(Failure::Panic(_)) => Some(LostKind::Panicked),
            Self::Failed(Failure::TimedOut(_)) => Some(LostKind::TimedOut),
            Self::Failed(_) => Some(LostKind::Failed),
            Self::Cancelled(_) => Some(LostKind::Cancelled),
        }
    }
}

/// How a child or an item ended. Its future is gone.
pub(crate) struct Ended<T, E> {
    pub(crate) end: End<T, E>,
    /// A panic of its destructor, on top of an end of its own.
    pub(crate) aftermath: Option<Panic>,
    pub(crate) how: How,
}

impl<T, E> Ended<T, E> {
    pub(crate) fn completed(output: T) -> Self {
        Self::new(End::Completed(output), None)
    }

    /// `panic` is that of the destructor.
    #[inline]
    pub(crate) fn new(end: End<T, E>, panic: Option<CaughtPanic>) -> Self {
        Self::with_aftermath(end, panic.map(Panic::of_destructor))
    }

    #[inline]
    pub(crate) fn with_aftermath(end: End<T, E>, panic: Option<Panic>) -> Self {
        let how = How { dropped: end.is_stopped(), ..How::default() };
        let (end, aftermath) = match (end, panic) {
            // The panic says more than that the child was cancelled.
            (End::Cancelled(_), Some(panic)) => (End::Failed(Failure::Panic(panic)), None),
            (end, panic) => (end, panic),
        };
        Self { end, aftermath, how }
    }

    /// Counts it as what it is.
    pub(crate) fn count_in(&self, counts: &mut Counts) {
        match (&self.end, &self.aftermath) {
            (End::Completed(_) | End::Delivered, None) => counts.completed += 1,
            (End::Cancelled(_), None) => counts.cancelled += 1,
            (End::Failed(_), _) | (_, Some(_)) => counts.failed += 1,
        }
        let how = &self.how;
        counts.after_cancel += u64::from(how.cause.is_some() && !how.dropped);
        counts.overran += u64::from(how.overran);
        counts.not_stored += u64::from(how.lost);
    }

    /// It panicked in its poll; `panic` is that of the destructor which was called after that.
    #[cold]
    pub(crate) fn by_panic(caught: CaughtPanic, panic: Option<CaughtPanic>) -> Self {
        Self::new(End::Failed(Failure::Panic(Panic::new(caught))), panic)
    }
}

/// What a poll of a child or an item has come to. A success has a short way of its own: it is what
/// most come to, and its output is moved as seldom as can be.
pub(crate) enum Polled<T, X> {
    Pending,
    /// It succeeded, and left nothing else.
    Completed(T),
    /// It has come to any other end.
    Ended(X),
}

/// What the poll of a child has come to that is no plain success.
pub(crate) struct Otherwise<T, E> {
    caught: Option<CaughtPanic>,
    end: Option<End<T, E>>,
}

/// What is left of a child.
pub(crate) struct Gone {
    id: ChildId,
    location: &'static Location<'static>,
    control: Option<Arc<Control>>,
}

impl Gone {
    /// Whether it was not cancelled by itself, and has had no nursery inside.
    #[inline]
    pub(crate) fn was_plain(&self) -> bool {
        self.control().is_none_or(|control| control.was_plain())
    }

    /// What happened to it before its end; `dropped` says whether that was no end of its own.
    pub(crate) fn how(&self, dropped: bool) -> How {
        let Some(control) = self.control() else { return How { dropped, ..How::default() } };
        let how = How {
            cause: control.own_cause(),
            lost: 0,
            dropped,
            overran: dropped && control.overran(),
            daemon: self.is_daemon(),
            decisive: false,
        };
        how.losing(control.lost_inside())
    }

    /// The same of a child that [was plain](Self::was_plain).
    pub(crate) fn plain_how(&self) -> How {
        How { daemon: self.is_daemon(), ..How::default() }
    }

    #[inline]
    pub(crate) fn id(&self) -> ChildId {
        self.id
    }

    #[inline]
    pub(crate) fn control(&self) -> Option<&Control> {
        self.control.as_deref()
    }

    #[inline]
    pub(crate) fn is_daemon(&self) -> bool {
        self.control().is_some_and(|control| control.traits().daemon)
    }

    #[inline]
    pub(crate) fn info(&self) -> ChildInfo {
        match &self.control {
            Some(control) => control.info().clone(),
            None => ChildInfo::new(self.id, None, self.location),
        }
    }
}

/// A child as its owner sees it.
pub(crate) struct Spawned {
    pub(crate) id: ChildId,
    control: Option<Arc<Control>>,
}

impl Spawned {
    pub(crate) fn into_handle(self) -> CancelHandle {
        match self.control {
            Some(control) => CancelHandle::new(control),
            None => unreachable!("a child that was spawned with a handle has a control block"),
        }
    }
}

/// A child that has not ended.
///
/// It is small on purpose: each lane has room for one.
pub(crate) struct Child<'env, T, E, M: Flavor> {
    /// `None` once the child is gone.
    future: Option<M::Boxed<'env, End<T, E>>>,
    id: ChildId,
    location: &'static Location<'static>,
    /// Behind `future`: tasks that wait for the child to be gone are told after the destructor has
    /// run.
    finish: FinishOnDrop,
}

impl<'env, T, E, M: Flavor> Child<'env, T, E, M> {
    /// A child with the number that its nursery gave it, which `finish` has, too.
    #[inline]
    pub(crate) fn new(
        future: M::Boxed<'env, End<T, E>>,
        id: ChildId,
        location: &'static Location<'static>,
        finish: FinishOnDrop,
    ) -> Self {
        Self { future: Some(future), id, location, finish }
    }

    pub(crate) fn id(&self) -> ChildId {
        self.id
    }

    #[inline]
    pub(crate) fn control(&self) -> Option<&Arc<Control>> {
        self.finish.control()
    }

    /// What is known of the child, if it is observed.
    #[inline]
    fn record(&self) -> Option<&Arc<Record>> {
        self.control()?.record()
    }

    /// Drops the future, and returns the panic of its destructor.
    fn drop_future(&mut self) -> Option<CaughtPanic> {
        // A remote child is dropped in its span where it ran.
        let here = self.control().filter(|control| !control.traits().remote);
        let record = here.and_then(|control| control.record().cloned());
        let _in_span = record.as_ref().map(|record| record.in_span());
        drop_guarded(self.future.take()).err()
    }

    #[inline]
    pub(crate) fn spawned(&self) -> Spawned {
        Spawned { id: self.id, control: self.control().cloned() }
    }

    /// Whether it is not waited for, and takes no slot.
    #[inline]
    pub(crate) fn is_daemon(&self) -> bool {
        self.control().is_some_and(|control| control.traits().daemon)
    }

    /// Whether it is a daemon that was told to end, as no other child is left.
    pub(crate) fn is_awaited(&self) -> bool {
        self.control().is_some_and(|control| control.is_awaited())
    }

    pub(crate) fn has_own_grace(&self) -> bool {
        self.control().is_some_and(|control| control.traits().own_grace)
    }

    /// Starts the child in the lane of this waker. `false` if it was cancelled before.
    #[inline]
    pub(crate) fn start(&self, lane: &Waker) -> bool {
        self.control().is_none_or(|control| control.start(lane))
    }

    /// Cancels the child, which has `time` left; says whether it is to be dropped now.
    ///
    /// A child that has time left goes on. A remote child that has started cannot be dropped here:
    /// it is told to stop, and waited for.
    pub(crate) fn cancel(&self, started: bool, time: Time, cause: &Cause) -> bool {
        match self.control() {
            None => !(started && time == Time::Nursery),
            Some(control) => {
                control.cancel(time, cause);
                control.is_stopping() && !(started && control.traits().remote)
            }
        }
    }

    /// Polls the child. It must not be polled again once it has ended. One that has completed is to
    /// be told so by [`complete`](Self::complete), and one that has ended otherwise by
    /// [`end_otherwise`](Self::end_otherwise).
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Polled<T, Otherwise<T, E>> {
        if self.is_to_be_dropped() {
            return Polled::Ended(Otherwise { caught: None, end: None });
        }
        match self.poll_future(cx) {
            Polled::Pending if self.is_to_be_dropped() => {
                Polled::Ended(Otherwise { caught: None, end: None })
            }
            polled => polled,
        }
    }

    #[inline]
    fn poll_future(&mut self, cx: &mut Context<'_>) -> Polled<T, Otherwise<T, E>> {
        match self.record() {
            None => self.poll_plain(cx),
            Some(record) => self.poll_observed(Arc::clone(record), cx),
        }
    }

    /// Polls a child that is observed.
    #[cold]
    fn poll_observed(
        &mut self,
        record: Arc<Record>,
        cx: &mut Context<'_>,
    ) -> Polled<T, Otherwise<T, E>> {
        record.poll_child(cx, |cx| self.poll_plain(cx))
    }

    #[inline]
    fn poll_plain(&mut self, cx: &mut Context<'_>) -> Polled<T, Otherwise<T, E>> {
        let inside = Inside::enter(self.control());
        let future = &mut self.future;
        // Outside of the guard, so that a destructor that panics does not take them along.
        let (mut output, mut other) = (None, None);
        // One guard for the poll, and for the destructor of a child that has ended.
        let caught = catch(|| {
            let Some(boxed) = future else { return };
            match Pin::new(boxed).poll(cx) {
                Poll::Pending => return,
                Poll::Ready(End::Completed(own)) => output = Some(own),
                Poll::Ready(end) => other = Some(end),
            }
            drop(future.take());
        });
        if let Some(nest) = inside.leave() {
            self.keep_nest(nest);
        }
        match (caught, output, other) {
            // The short way for a success.
            (Ok(()), Some(output), _) => Polled::Completed(output),
            (Ok(()), None, None) => Polled::Pending,
            (Ok(()), None, end) => Polled::Ended(Otherwise { caught: None, end }),
            (caught, output, other) => Polled::Ended(Otherwise {
                caught: caught.err(),
                end: output.map(End::Completed).or(other),
            }),
        }
    }

    /// Keeps the nurseries that are inside the child, in its control block, which is made if there
    /// is none.
    #[cold]
    fn keep_nest(&mut self, nest: Arc<Nest>) {
        match self.control() {
            Some(control) if control.has_nest() => {}
            Some(control) => drop(control.set_nest(nest)),
            None => {
                let info = ChildInfo::new(self.id, None, self.location);
                self.finish = FinishOnDrop::new(Control::of_nest(info, nest));
            }
        }
    }

    /// Ends a child that panicked, did not succeed, or is to be dropped.
    #[inline]
    pub(crate) fn end_otherwise(&mut self, otherwise: Otherwise<T, E>) -> (Gone, Ended<T, E>) {
        match (otherwise.caught, otherwise.end) {
            (caught, Some(end)) => self.end(end, caught),
            (Some(caught), None) => self.end_by_panic(caught),
            (None, None) => self.stop(),
        }
    }

    #[inline]
    fn is_to_be_dropped(&self) -> bool {
        self.control().is_some_and(|control| control.is_stopping() && !control.traits().remote)
    }

    /// Drops a child that has not started. If that is to be done `quickly`, it returns only what is
    /// to be told: of most children nothing but that they were cancelled.
    #[inline]
    pub(crate) fn drop_queued(
        mut self,
        cause: &Cause,
        quickly: bool,
    ) -> Option<(Gone, Ended<T, E>)> {
        if !quickly || self.control().is_some() {
            return Some(self.abort(cause, false, false));
        }
        let panic = self.drop_future()?;
        Some(self.end(End::Cancelled(cause.clone()), Some(panic)))
    }

    /// Drops a child that is stopping.
    #[cold]
    fn stop(&mut self) -> (Gone, Ended<T, E>) {
        match self.control().and_then(|control| control.cause()) {
            Some(cause) => self.stop_for(cause, false),
            None => unreachable!("a child is stopping for a cause"),
        }
    }

    /// Drops the child before its end. A cause of its own goes before `cause`. `overran` says
    /// whether the grace of a child without a control block is over. A child that `had_grace`, and
    /// is left none, is polled once more before.
    pub(crate) fn abort(
        mut self,
        cause: &Cause,
        overran: bool,
        had_grace: bool,
    ) -> (Gone, Ended<T, E>) {
        let own = self.control().and_then(|control| control.cause());
        let (child, mut ended) = self.stop_for(own.unwrap_or_else(|| cause.clone()), had_grace);
        ended.how.overran |= overran && ended.how.dropped && child.control.is_none();
        (child, ended)
    }

    /// Drops the child for this cause. If nurseries are inside it, these are ended, and the child
    /// is polled once more before that, to tell what they had collected.
    fn stop_for(&mut self, cause: Cause, had_grace: bool) -> (Gone, Ended<T, E>) {
        let any_inside = self.control().is_some_and(|control| control.end_nest(&cause));
        if any_inside || had_grace {
            match self.poll_last() {
                Polled::Pending => {}
                Polled::Completed(output) => return self.end(End::Completed(output), None),
                Polled::Ended(otherwise) => return self.end_otherwise(otherwise),
            }
        }
        let panic = self.drop_future();
        let end = End::stopped(cause, self.is_daemon());
        self.end(end, panic)
    }

    /// Polls the child for the last time: it is dropped if it is pending. So its waker does
    /// nothing, and nurseries inside go on for as long as it takes them to end.
    fn poll_last(&mut self) -> Polled<T, Otherwise<T, E>> {
        let _unbounded = budget::Unbounded::begin();
        let polled = self.poll_future(&mut Context::from_waker(Waker::noop()));
        budget::has_polled();
        polled
    }

    /// Ends a child that panicked in its poll.
    #[cold]
    fn end_by_panic(&mut self, caught: CaughtPanic) -> (Gone, Ended<T, E>) {
        let panic = self.drop_future();
        let child = self.finish(Some(LostKind::Panicked));
        let mut ended = Ended::by_panic(caught, panic);
        ended.how = child.how(false);
        (child, ended)
    }

    /// Ends a child after its future is gone; `panic` is that of its destructor.
    #[inline]
    fn end(&mut self, end: End<T, E>, panic: Option<CaughtPanic>) -> (Gone, Ended<T, E>) {
        // Only a timer's panic is returned as an end.
        let timer_panicked = matches!(end, End::Failed(Failure::Panic(_)));
        let mut ended = Ended::new(end, panic);
        let child = self.finish(ended.end.lost());
        ended.how = child.how(ended.how.dropped || timer_panicked);
        if timer_panicked && !ended.how.overran {
            // A timeout that panicked is not a failure after the cancel that it brought about.
            ended.how.cause = None;
        }
        (child, ended)
    }

    /// What is left of a child that has completed.
    #[inline]
    pub(crate) fn complete(&mut self) -> Gone {
        self.finish(None)
    }

    /// Tells the tasks that wait for the child that it is gone.
    #[inline]
    fn finish(&mut self, lost: Option<LostKind>) -> Gone {
        Gone { id: self.id, location: self.location, control: self.finish.finish(lost) }
    }
}

/// A child that is dropped with its nursery: in its span, if it is traced.
pub(crate) struct Evicted<'env, T, E, M: Flavor>(pub(crate) Child<'env, T, E, M>);

impl<T, E, M: Flavor> Drop for Evicted<'_, T, E, M> {
    fn drop(&mut self) {
        FirstPanic::of(self.0.drop_future().map_or(Ok(()), Err)).resume();
    }
}
