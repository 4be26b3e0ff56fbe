//! One child: its future behind an unwind guard, and the cancel flag it answers to.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::budget;
use crate::cancel::{CancelHandle, Cause, Control, Tag};
use crate::error::{Failure, Panic};
use crate::flavor::Flavor;
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
    tag: Option<Tag>,
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
        tag: Option<Tag>,
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
        let control = self.tag.as_mut().map(|tag| {
            tag.renumber(id);
            Arc::clone(tag.control())
        });
        Spawned { id, control }
    }

    /// Polls the child. It is not to be polled again once it has ended.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended<T, E>> {
        if let Some(cause) = self.cancelled() {
            return Poll::Ready(self.stop(cause).into());
        }
        let future = &mut self.future;
        let mut output = None;
        // One guard for the poll and for the destructor of a child that is through. `output` is
        // outside, so that a destructor that panics does not take it along.
        let caught = catch_unwind(AssertUnwindSafe(|| {
            if let Some(Poll::Ready(ready)) = future.as_mut().map(|all| Pin::new(all).poll(cx)) {
                output = Some(ready);
                drop(future.take());
            }
        }));
        match (output, caught) {
            (None, Ok(())) => match self.cancelled() {
                Some(cause) => Poll::Ready(self.stop(cause).into()),
                None => Poll::Pending,
            },
            (Some(Ok(value)), Ok(())) => Poll::Ready(Ended::Completed(self.end(), value)),
            (Some(output), Ok(())) => Poll::Ready(self.end_otherwise(output.into(), None)),
            (Some(output), Err(payload)) => {
                Poll::Ready(self.end_otherwise(output.into(), Some(Panic::of_destructor(payload))))
            }
            (None, Err(payload)) => {
                let panic = Failure::Panic(Panic::new(payload));
                let aftermath = self.drop_future();
                Poll::Ready(self.end_otherwise(End::Failed(panic), aftermath))
            }
        }
    }

    /// Drops the child before its end. A cause of its own goes before `cause`.
    pub(crate) fn abort(mut self, cause: &Cause) -> Otherwise<T, E> {
        let cause = match &self.tag {
            Some(tag) => tag.control().cancel_for(cause),
            None => cause.clone(),
        };
        self.stop(cause)
    }

    #[inline]
    fn cancelled(&self) -> Option<Cause> {
        self.tag.as_ref().and_then(|tag| tag.control().cause())
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
        let control = self.tag.take().map(|tag| Arc::clone(tag.control()));
        Who { id: self.id, location: self.location, control }
    }

    #[cold]
    fn end_otherwise(&mut self, end: End<T, E>, aftermath: Option<Panic>) -> Ended<T, E> {
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

impl<T, E> From<Output<T, E>> for End<T, E> {
    #[inline]
    fn from(output: Output<T, E>) -> Self {
        match output {
            Ok(value) => Self::Completed(value),
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// Drops `value`, and hands out the payload if that panics.
pub(crate) fn drop_guarded<V>(value: V) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}

/// A child's place in the set.
pub(crate) struct Place<'env, T, E, M: Flavor>(Option<Child<'env, T, E, M>>);

impl<'env, T, E, M: Flavor> Place<'env, T, E, M> {
    #[inline]
    pub(crate) fn new(child: Child<'env, T, E, M>) -> Self {
        Self(Some(child))
    }

    /// Takes the child out to be dropped. The place is not to be polled again.
    pub(crate) fn take(&mut self) -> Option<Child<'env, T, E, M>> {
        self.0.take()
    }
}

impl<T, E, M: Flavor> Future for Place<'_, T, E, M> {
    type Output = Ended<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(child) = &mut self.get_mut().0 else { return Poll::Pending };
        if !budget::spend() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(tag) = &child.tag {
            tag.control().wake_child_by(cx.waker());
        }
        child.poll(cx)
    }
}
