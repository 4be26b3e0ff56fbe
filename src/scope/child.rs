//! One child: its future behind an unwind guard, and the cancel flag it answers to.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::budget;
use crate::adapt::{Exit, Output};
use crate::cancel::{CancelHandle, Cause, CauseKind, Control, LostKind, Tag};
use crate::error::{Failure, Panic};
use crate::flavor::Flavor;
use crate::guard::{Thrown, catch, drop_guarded};
use crate::info::{ChildId, ChildInfo};

/// A child that has not ended.
///
/// Small on purpose: one of these stands in every node of the set.
pub(crate) struct Child<'env, T, E, M: Flavor> {
    /// `None` once the child is gone.
    future: Option<M::Boxed<'env, Output<T, E>>>,
    id: ChildId,
    location: &'static Location<'static>,
    /// Behind `future`: whoever waits for the child to be gone hears of it after the destructor.
    tag: Tag,
}

/// A child as its owner sees it.
pub(crate) struct Spawned {
    pub(crate) id: ChildId,
    control: Option<Arc<Control>>,
}

impl Spawned {
    pub(crate) fn into_handle(self) -> CancelHandle {
        CancelHandle::new(self.into_control())
    }

    pub(crate) fn into_control(self) -> Arc<Control> {
        match self.control {
            Some(control) => control,
            None => unreachable!("a child that was planned with a handle has a control block"),
        }
    }
}

/// How a child ended. Its future is gone.
///
/// Success is short, as every end is moved through the set several times.
pub(crate) enum Ended<T, E> {
    Completed(Who, T),
    Otherwise(Box<Otherwise<T, E>>),
}

/// Which child it was.
pub(crate) struct Who {
    id: ChildId,
    location: &'static Location<'static>,
    control: Option<Arc<Control>>,
}

impl Who {
    #[inline]
    pub(crate) fn id(&self) -> ChildId {
        self.id
    }

    #[inline]
    pub(crate) fn control(&self) -> Option<&Control> {
        self.control.as_deref()
    }

    pub(crate) fn info(&self) -> ChildInfo {
        match &self.control {
            Some(control) => control.info().clone(),
            None => ChildInfo::new(self.id, None, self.location),
        }
    }
}

/// Every end that is not a plain success.
pub(crate) struct Otherwise<T, E> {
    pub(crate) who: Who,
    pub(crate) end: End<T, E>,
    pub(crate) after_cancel: bool,
    /// It had a grace, was not through when that was over, and was dropped.
    pub(crate) overran: bool,
    /// A destructor that panicked after the child had come to an end of its own.
    pub(crate) aftermath: Option<Panic>,
}

pub(crate) enum End<T, E> {
    Completed(T),
    /// It succeeded, and its output went to its handle.
    Delivered,
    Failed(Failure<E>),
    Cancelled(Cause),
}

impl<T, E> End<T, E> {
    /// The end of a child that is dropped for this cause. Whoever ran out of time has failed; a daemon
    /// is not there to end by itself, so a deadline does not find it late.
    fn stopped(cause: Cause, daemon: bool) -> Self {
        match cause.kind() {
            CauseKind::Timeout => Self::Failed(Failure::TimedOut(cause)),
            CauseKind::Deadline if !daemon => Self::Failed(Failure::TimedOut(cause)),
            _ => Self::Cancelled(cause),
        }
    }

    /// What is to be said to whoever waits for the child's output, if there is none.
    fn lost(&self) -> Option<LostKind> {
        match self {
            Self::Completed(_) | Self::Delivered => None,
            Self::Failed(Failure::Panic(_)) => Some(LostKind::Panicked),
            Self::Failed(Failure::TimedOut(_)) => Some(LostKind::TimedOut),
            Self::Failed(_) => Some(LostKind::Failed),
            Self::Cancelled(_) => Some(LostKind::Cancelled),
        }
    }
}

impl<'env, T, E, M: Flavor> Child<'env, T, E, M> {
    /// A child with the number that its nursery gave it, which its tag has, too.
    #[inline]
    pub(crate) fn new(
        future: M::Boxed<'env, Output<T, E>>,
        id: ChildId,
        location: &'static Location<'static>,
        tag: Tag,
    ) -> Self {
        Self { future: Some(future), id, location, tag }
    }

    pub(crate) fn id(&self) -> ChildId {
        self.id
    }

    /// What its owner may know of it.
    #[inline]
    pub(crate) fn spawned(&self) -> Spawned {
        Spawned { id: self.id, control: self.tag.control().cloned() }
    }

    /// Whether it is not waited for, and takes no slot.
    #[inline]
    pub(crate) fn is_daemon(&self) -> bool {
        self.tag.control().is_some_and(|control| control.is_daemon())
    }

    /// Whether it was given time of its own to end by itself once it is cancelled.
    pub(crate) fn has_own_grace(&self) -> bool {
        self.tag.control().is_some_and(|control| control.has_own_grace())
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.tag.control().is_some_and(|control| control.is_cancelled())
    }

    /// Whether it runs elsewhere: it cannot be dropped here, if it has started.
    pub(crate) fn is_remote(&self) -> bool {
        self.tag.control().is_some_and(|control| control.is_remote())
    }

    /// Cancels a child that runs elsewhere. It is to be polled, and ends when it is gone.
    pub(crate) fn send_off(&self, cause: &Cause, overran: bool) {
        if let Some(control) = self.tag.control() {
            control.cancel_for(cause);
            control.send_off(overran);
        }
    }

    /// Whether it was cancelled by itself, and is to be dropped for that.
    pub(crate) fn is_called_off(&self) -> bool {
        self.tag.control().is_some_and(|control| control.must_go())
    }

    /// Cancels the child and leaves it time to end by itself.
    pub(crate) fn signal(&self, cause: &Cause) {
        if let Some(control) = self.tag.control() {
            control.signal(cause);
        }
    }

    /// Tells a daemon to end; from now on it is waited for.
    pub(crate) fn dismiss(&self) {
        if let Some(control) = self.tag.control() {
            control.dismiss();
        }
    }

    /// Polls the child. It is not to be polled again once it has ended.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended<T, E>> {
        if let Some(cause) = self.must_stop() {
            return Poll::Ready(self.stop(cause, false).into());
        }
        let future = &mut self.future;
        // Outside of the guard, so that a destructor that panics does not take them along. They are
        // two, since a value that is not wrapped once more can pass in a register.
        let (mut value, mut exit) = (None, None);
        // One guard for the poll, and for the destructor of a child that is through.
        let caught = catch(|| {
            let Some(boxed) = future else { return Poll::Pending };
            match Pin::new(boxed).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(output)) => value = Some(output),
                Poll::Ready(Err(other)) => exit = Some(other),
            }
            drop(future.take());
            Poll::Ready(())
        });
        match caught {
            Ok(Poll::Pending) => match self.must_stop() {
                Some(cause) => Poll::Ready(self.stop(cause, false).into()),
                None => Poll::Pending,
            },
            Ok(Poll::Ready(())) => Poll::Ready(match (value, exit) {
                (Some(value), _) => Ended::Completed(self.end(None), value),
                (None, exit) => self.end_otherwise(exit, None),
            }),
            Err(thrown) => Poll::Ready(match (value, exit) {
                (Some(value), _) => {
                    let panic = Panic::of_destructor(thrown);
                    self.close(End::Completed(value), Some(panic)).into()
                }
                (None, exit) => self.end_otherwise(exit, Some(thrown)),
            }),
        }
    }

    /// Drops the child before its end. A cause of its own goes before `cause`. `overran` says that it
    /// had a grace, which is over.
    pub(crate) fn abort(mut self, cause: &Cause, overran: bool) -> Otherwise<T, E> {
        let cause = match self.tag.control() {
            Some(control) => control.cancel_for(cause),
            None => cause.clone(),
        };
        self.stop(cause, overran)
    }

    #[inline]
    fn must_stop(&self) -> Option<Cause> {
        self.tag.control().filter(|control| control.must_stop()).and_then(|control| control.cause())
    }

    /// Drops the future of a child that is cancelled.
    fn stop(&mut self, cause: Cause, overran: bool) -> Otherwise<T, E> {
        let panic = self.drop_future();
        self.close_stopped(cause, overran, panic)
    }

    /// Ends a child whose future was dropped for this cause, and panicked or not.
    fn close_stopped(
        &mut self,
        cause: Cause,
        overran: bool,
        panic: Option<Panic>,
    ) -> Otherwise<T, E> {
        let (end, aftermath) = match (End::stopped(cause, self.is_daemon()), panic) {
            // The panic says more than that it was cancelled; but not that it ran out of time.
            (End::Cancelled(_), Some(panic)) => (End::Failed(Failure::Panic(panic)), None),
            (end, panic) => (end, panic),
        };
        Otherwise { overran, ..self.close(end, aftermath) }
    }

    fn drop_future(&mut self) -> Option<Panic> {
        drop_guarded(self.future.take()).err().map(Panic::of_destructor)
    }

    /// Lets those who wait for the child know that it is gone.
    #[inline]
    fn end(&mut self, lost: Option<LostKind>) -> Who {
        Who { id: self.id, location: self.location, control: self.tag.end(lost) }
    }

    /// Ends a child whose future is gone.
    fn close(&mut self, end: End<T, E>, aftermath: Option<Panic>) -> Otherwise<T, E> {
        let who = self.end(end.lost());
        // Asked once nobody can cancel it any more.
        let after_cancel = who.control.as_ref().is_some_and(|control| control.is_cancelled());
        Otherwise { who, end, after_cancel, overran: false, aftermath }
    }

    /// Ends a child that returned `exit`, or nothing, when it panicked.
    #[cold]
    fn end_otherwise(&mut self, exit: Option<Exit<E>>, thrown: Option<Thrown>) -> Ended<T, E> {
        let (end, aftermath) = match (exit, thrown) {
            (Some(exit), thrown) => {
                let aftermath = thrown.map(Panic::of_destructor);
                match (exit, self.cause()) {
                    (Exit::Failed(failure), _) => (End::Failed(failure), aftermath),
                    (Exit::Delivered, _) => (End::Delivered, aftermath),
                    (Exit::Broken { panic, overran }, _) => {
                        let end = End::Failed(Failure::Panic(panic));
                        return Otherwise { overran, ..self.close(end, aftermath) }.into();
                    }
                    (Exit::Stopped { overran }, Some(cause)) => {
                        return self.close_stopped(cause, overran, aftermath).into();
                    }
                    (Exit::Stopped { .. }, None) => {
                        unreachable!("a child's time is up for a cause")
                    }
                }
            }
            (None, Some(thrown)) => {
                let panic = Failure::Panic(Panic::new(thrown));
                (End::Failed(panic), self.drop_future())
            }
            (None, None) => unreachable!("a child ends by an output or by a panic"),
        };
        self.close(end, aftermath).into()
    }

    fn cause(&self) -> Option<Cause> {
        self.tag.control().and_then(|control| control.cause())
    }
}

impl<T, E> From<Otherwise<T, E>> for Ended<T, E> {
    fn from(otherwise: Otherwise<T, E>) -> Self {
        Self::Otherwise(Box::new(otherwise))
    }
}

/// A child's place in the set.
pub(crate) struct Place<'env, T, E, M: Flavor> {
    /// `None` in the anchor, and once the child has been taken out.
    child: Option<Child<'env, T, E, M>>,
    /// Its turn came when nothing was left to spend.
    put_off: bool,
}

impl<'env, T, E, M: Flavor> Place<'env, T, E, M> {
    pub(crate) fn new(child: Child<'env, T, E, M>) -> Self {
        Self { child: Some(child), put_off: false }
    }

    /// A place without a child, which stays pending for ever.
    pub(crate) fn anchor() -> Self {
        Self { child: None, put_off: false }
    }

    /// Takes the child out, if there is one. The set holds none that has ended.
    pub(crate) fn take(&mut self) -> Option<Child<'env, T, E, M>> {
        self.child.take()
    }
}

impl<T, E, M: Flavor> Future for Place<'_, T, E, M> {
    type Output = Ended<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { child: Some(child), put_off } = self.get_mut() else { return Poll::Pending };
        // A child is put off once and no more: one that spends every turn whole stands before it in
        // the queue again the next time.
        if !budget::spend() && !*put_off {
            *put_off = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        *put_off = false;
        if let Some(control) = child.tag.control() {
            control.wake_child_by(cx.waker());
        }
        child.poll(cx)
    }
}
