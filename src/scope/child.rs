//! One child: its future behind an unwind guard, and the cancel flag it answers to.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::budget;
use crate::cancel::{CancelHandle, Cause, Control, Tag};
use crate::error::{Failure, Panic};
use crate::flavor::Flavor;
use crate::guard::{Thrown, catch, drop_guarded};
use crate::info::{ChildId, ChildInfo};

/// What a child's boxed future returns.
pub(crate) type Output<T, E> = Result<T, Failure<E>>;

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
        match self.control {
            Some(control) => CancelHandle::new(control),
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
    /// A destructor that panicked after the child had come to an end of its own.
    pub(crate) aftermath: Option<Panic>,
}

pub(crate) enum End<T, E> {
    Completed(T),
    Failed(Failure<E>),
    Cancelled(Cause),
}

impl<'env, T, E, M: Flavor> Child<'env, T, E, M> {
    #[inline]
    pub(crate) fn new(
        future: M::Boxed<'env, Output<T, E>>,
        location: &'static Location<'static>,
        tag: Tag,
    ) -> Self {
        Self { future: Some(future), id: ChildId::new(0), location, tag }
    }

    pub(crate) fn id(&self) -> ChildId {
        self.id
    }

    /// Gives the child its number, and tells what its owner may know of it.
    #[inline]
    pub(crate) fn number(&mut self, id: ChildId) -> Spawned {
        self.id = id;
        self.tag.renumber(id);
        Spawned { id, control: self.tag.control().cloned() }
    }

    /// Polls the child. It is not to be polled again once it has ended.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended<T, E>> {
        if let Some(cause) = self.cancelled() {
            return Poll::Ready(self.stop(cause).into());
        }
        let future = &mut self.future;
        // Outside of the guard, so that a destructor that panics does not take them along. They are
        // two, since a value that is not wrapped once more can pass in a register.
        let (mut value, mut failure) = (None, None);
        // One guard for the poll, and for the destructor of a child that is through.
        let caught = catch(|| {
            let Some(boxed) = future else { return Poll::Pending };
            match Pin::new(boxed).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(output)) => value = Some(output),
                Poll::Ready(Err(error)) => failure = Some(error),
            }
            drop(future.take());
            Poll::Ready(())
        });
        match caught {
            Ok(Poll::Pending) => match self.cancelled() {
                Some(cause) => Poll::Ready(self.stop(cause).into()),
                None => Poll::Pending,
            },
            Ok(Poll::Ready(())) => Poll::Ready(match (value, failure) {
                (Some(value), _) => Ended::Completed(self.end(), value),
                (None, failure) => self.end_otherwise(failure.map(End::Failed), None),
            }),
            Err(thrown) => {
                let end = value.map(End::Completed).or(failure.map(End::Failed));
                Poll::Ready(self.end_otherwise(end, Some(thrown)))
            }
        }
    }

    /// Drops the child before its end. A cause of its own goes before `cause`.
    pub(crate) fn abort(mut self, cause: &Cause) -> Otherwise<T, E> {
        let cause = match self.tag.control() {
            Some(control) => control.cancel_for(cause),
            None => cause.clone(),
        };
        self.stop(cause)
    }

    #[inline]
    fn cancelled(&self) -> Option<Cause> {
        self.tag.control().and_then(|control| control.cause())
    }

    /// Drops the future of a child that is cancelled.
    fn stop(&mut self, cause: Cause) -> Otherwise<T, E> {
        let end = match self.drop_future() {
            None => End::Cancelled(cause),
            Some(panic) => End::Failed(Failure::Panic(panic)),
        };
        let who = self.end();
        Otherwise { who, end, after_cancel: true, aftermath: None }
    }

    fn drop_future(&mut self) -> Option<Panic> {
        drop_guarded(self.future.take()).err().map(Panic::of_destructor)
    }

    /// Lets those who wait for the child know that it is gone.
    #[inline]
    fn end(&mut self) -> Who {
        Who { id: self.id, location: self.location, control: self.tag.end() }
    }

    /// Ends a child that had come to `end`, or to none, when it panicked.
    #[cold]
    fn end_otherwise(&mut self, end: Option<End<T, E>>, thrown: Option<Thrown>) -> Ended<T, E> {
        let (end, aftermath) = match (end, thrown) {
            (Some(end), thrown) => (end, thrown.map(Panic::of_destructor)),
            (None, Some(thrown)) => {
                let panic = Failure::Panic(Panic::new(thrown));
                (End::Failed(panic), self.drop_future())
            }
            (None, None) => unreachable!("a child ends by an output or by a panic"),
        };
        let who = self.end();
        let after_cancel = who.control.as_ref().is_some_and(|control| control.is_cancelled());
        Otherwise { who, end, after_cancel, aftermath }.into()
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
