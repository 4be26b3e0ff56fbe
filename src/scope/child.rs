//! One child: its future behind an unwind guard, and the cancel flag it answers to.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

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
    future: M::Boxed<'env, Output<T, E>>,
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
pub(crate) struct Ended<T, E> {
    pub(crate) info: ChildInfo,
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
    pub(crate) fn new(
        future: M::Boxed<'env, Output<T, E>>,
        location: &'static Location<'static>,
        tag: Option<Tag>,
    ) -> Self {
        Self { future, id: ChildId::new(0), location, tag }
    }

    pub(crate) fn id(&self) -> ChildId {
        self.id
    }

    /// Gives the child its number, and tells what its owner may know of it.
    pub(crate) fn number(&mut self, id: ChildId) -> Spawned {
        self.id = id;
        let control = self.tag.as_mut().map(|tag| {
            tag.renumber(id);
            Arc::clone(tag.control())
        });
        Spawned { id, control }
    }

    /// Polls the child for the first time, before it has a place in the set.
    ///
    /// Many children are ready at once and never need one. A child that is not is polled again
    /// as soon as it has its place, by the waker that stays; so no wake is lost to this one.
    pub(crate) fn start(mut self) -> Result<Ended<T, E>, Self> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => Ok(self.end(end)),
            Poll::Pending => Err(self),
        }
    }

    /// Drops the child before its end. A cause of its own goes before `cause`.
    pub(crate) fn abort(self, cause: &Cause) -> Ended<T, E> {
        let cause = match &self.tag {
            Some(tag) => tag.control().cancel_for(cause),
            None => cause.clone(),
        };
        self.end(Stop::Cancelled(cause))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stop<T, E>> {
        if let Some(cause) = self.cancelled() {
            return Poll::Ready(Stop::Cancelled(cause));
        }
        let future = &mut self.future;
        match catch_unwind(AssertUnwindSafe(|| Pin::new(future).poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Stop::Ended(output)),
            Err(payload) => Poll::Ready(Stop::Ended(Err(Failure::Panic(Panic::new(payload))))),
            Ok(Poll::Pending) => match self.cancelled() {
                Some(cause) => Poll::Ready(Stop::Cancelled(cause)),
                None => Poll::Pending,
            },
        }
    }

    fn cancelled(&self) -> Option<Cause> {
        self.tag.as_ref().and_then(|tag| tag.control().cause())
    }

    /// Drops the future, and tells what came of the child.
    fn end(self, stop: Stop<T, E>) -> Ended<T, E> {
        let Self { future, id, location, tag } = self;
        let (info, after_cancel) = match &tag {
            Some(tag) => (tag.control().info().clone(), tag.control().is_cancelled()),
            None => (ChildInfo::new(id, None, location), false),
        };
        let broken = drop_guarded(future).err().map(Panic::new);
        drop(tag);
        match (stop, broken) {
            (Stop::Cancelled(cause), None) => {
                Ended { info, end: End::Cancelled(cause), after_cancel: true, aftermath: None }
            }
            (Stop::Cancelled(_), Some(panic)) => {
                let end = End::Failed(Failure::Panic(panic));
                Ended { info, end, after_cancel: true, aftermath: None }
            }
            (Stop::Ended(output), aftermath) => {
                let end = match output {
                    Ok(value) => End::Completed(value),
                    Err(failure) => End::Failed(failure),
                };
                Ended { info, end, after_cancel, aftermath }
            }
        }
    }
}

/// Why a child is not polled any more.
enum Stop<T, E> {
    Ended(Output<T, E>),
    Cancelled(Cause),
}

/// Drops `value`, and hands out the payload if that panics.
pub(crate) fn drop_guarded<V>(value: V) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}

/// A child's place in the set. Empty once the child has been taken out to be dropped.
pub(crate) struct Place<'env, T, E, M: Flavor>(Option<Child<'env, T, E, M>>);

impl<'env, T, E, M: Flavor> Place<'env, T, E, M> {
    pub(crate) fn new(child: Child<'env, T, E, M>) -> Self {
        Self(Some(child))
    }

    pub(crate) fn take(&mut self) -> Option<Child<'env, T, E, M>> {
        self.0.take()
    }
}

impl<T, E, M: Flavor> Future for Place<'_, T, E, M> {
    type Output = Ended<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(child) = &mut this.0 else { return Poll::Pending };
        if !budget::spend() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(tag) = &child.tag {
            tag.control().wake_child_by(cx.waker());
        }
        match child.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(stop) => match this.0.take() {
                Some(child) => Poll::Ready(child.end(stop)),
                None => Poll::Pending,
            },
        }
    }
}
