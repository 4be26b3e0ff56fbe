//! What a child's future returns, turned into what the nursery collects.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::child::End;
use crate::error::{Failure, JoinedError};

/// Turns what a child's future returns into what the nursery collects.
///
/// A type and not a closure, so that the boxed child is no larger than the user's future.
#[doc(hidden)]
pub trait Convert<I>: 'static {
    type Output;

    /// Whether the future stands for a child that runs on an executor.
    const REMOTE: bool = false;

    fn convert(output: I) -> Self::Output;
}

/// What a child's future returns, and what becomes of its error: [`Plain`] or [`Grouped`]. Sealed.
///
/// `E` is the error of the nursery.
pub trait Kind<E>: Lift<<Self as Kind<E>>::Error, Lifted = E> {
    /// The error that the child's future returns.
    type Error;
}

/// A child with an error of its own, which is the kind of most.
#[derive(Clone, Copy, Debug)]
pub enum Plain {}

/// A child that is a nursery of its own: its joined error becomes a subtree. See
/// [`spawn_group`](crate::Nursery::spawn_group).
#[derive(Clone, Copy, Debug)]
pub enum Grouped {}

impl<E> Kind<E> for Plain {
    type Error = E;
}

impl<E> Kind<E> for Grouped {
    type Error = JoinedError<E>;
}

/// Makes the error `X` that a child returned a failure.
#[doc(hidden)]
pub trait Lift<X>: 'static {
    /// The error of the nursery.
    type Lifted;

    fn lift(error: X) -> Failure<Self::Lifted>;
}

impl<E> Lift<E> for Plain {
    type Lifted = E;

    #[inline]
    fn lift(error: E) -> Failure<E> {
        Failure::Error(error)
    }
}

impl<E> Lift<JoinedError<E>> for Grouped {
    type Lifted = E;

    #[inline]
    fn lift(error: JoinedError<E>) -> Failure<E> {
        match error.into_bare() {
            Ok(error) => Failure::Error(error),
            Err(group) => Failure::Group(group),
        }
    }
}

/// A child of kind `K` that the nursery polls itself.
#[derive(Debug)]
pub(crate) struct Here<K>(PhantomData<K>);

/// A child of kind `K` that runs on an executor. Its end comes from there.
#[derive(Debug)]
pub(crate) struct Elsewhere<K>(PhantomData<K>);

/// What a child's future returns once its output has gone to its handle: nothing, or its error.
#[doc(hidden)]
#[derive(Debug)]
pub struct Delivery<T, X> {
    pub(crate) result: Result<(), X>,
    /// The outputs that the nursery collects of others.
    pub(crate) others: PhantomData<fn() -> T>,
}

/// A timer; its output is discarded.
#[derive(Debug)]
pub(crate) enum Timer {}

impl<T, X, K: Lift<X>> Convert<Result<T, X>> for Here<K> {
    type Output = End<T, K::Lifted>;

    #[inline]
    fn convert(output: Result<T, X>) -> Self::Output {
        match output {
            Ok(output) => End::Completed(output),
            Err(error) => End::Failed(K::lift(error)),
        }
    }
}

impl<T, X, K: Lift<X>> Convert<Delivery<T, X>> for Here<K> {
    type Output = End<T, K::Lifted>;

    #[inline]
    fn convert(output: Delivery<T, X>) -> Self::Output {
        match output.result {
            Ok(()) => End::Delivered,
            Err(error) => End::Failed(K::lift(error)),
        }
    }
}

impl<T, X, K: Lift<X>> Convert<End<T, X>> for Elsewhere<K> {
    type Output = End<T, K::Lifted>;

    const REMOTE: bool = true;

    #[inline]
    fn convert(end: End<T, X>) -> Self::Output {
        match end {
            End::Completed(output) => End::Completed(output),
            End::Delivered => End::Delivered,
            End::Cancelled(cause) => End::Cancelled(cause),
            End::Failed(failure) => End::Failed(match failure {
                Failure::Error(error) => K::lift(error),
                Failure::Panic(panic) => Failure::Panic(panic),
                Failure::TimedOut(cause) => Failure::TimedOut(cause),
                Failure::Executor(error) => Failure::Executor(error),
                Failure::GaveUp(cause) => Failure::GaveUp(cause),
                Failure::Group(_) => unreachable!("a group is made here, of what came back"),
            }),
        }
    }
}

impl<I> Convert<I> for Timer {
    type Output = ();

    #[inline]
    fn convert(_: I) -> Self::Output {}
}

pin_project! {
    /// A user's future, its output converted by `K`.
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct Adapt<F, K> {
        #[pin]
        future: F,
        kind: PhantomData<fn() -> K>,
    }
}

impl<F, K> Adapt<F, K> {
    #[inline]
    pub(crate) fn new(future: F) -> Self {
        Self { future, kind: PhantomData }
    }

    /// The future, which was never pinned.
    pub(crate) fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// Gives the future back; a box that was never pinned can be unwrapped so.
    pub(crate) fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future, K: Convert<F::Output>> Future for Adapt<F, K> {
    type Output = K::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx).map(K::convert)
    }
}
