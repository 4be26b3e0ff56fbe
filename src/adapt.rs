//! What a child's future returns, turned into what the nursery collects.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::{Failure, JoinedError, Panic};

/// What a child's boxed future returns.
pub(crate) type Output<T, E> = Result<T, Exit<E>>;

/// Every way to return but with an output for the nursery.
#[doc(hidden)]
#[derive(Debug)]
pub enum Exit<E> {
    Failed(Failure<E>),
    /// It succeeded, and its output went to its handle.
    Delivered,
    /// Its time is up, since a timer of its own has panicked.
    Broken {
        panic: Panic,
        overran: bool,
    },
    /// Its time is up, for the cause that its control block knows.
    Stopped {
        /// It had a grace, and was not through when that was over.
        overran: bool,
    },
}

/// Turns what a child's future returns into what the nursery collects.
///
/// A type and not a closure, so that the boxed child is no larger than the user's future.
#[doc(hidden)]
pub trait Convert<I>: 'static {
    type Output;

    /// Whether the future is that of a child which runs elsewhere.
    const REMOTE: bool = false;

    fn convert(output: I) -> Self::Output;
}

/// The child's error is an error of its own.
#[derive(Debug)]
pub(crate) enum Plain {}

/// The child's error is that of a nested nursery, and becomes a subtree.
#[derive(Debug)]
pub(crate) enum Grouped {}

/// The child's future says itself how it returns.
#[derive(Debug)]
pub(crate) enum AsIs {}

/// The child runs elsewhere, and its future says itself how it returns.
#[derive(Debug)]
pub(crate) enum Abroad {}

/// Whatever a timer returns says the same: time is up.
#[derive(Debug)]
pub(crate) enum Timer {}

impl<T, E> Convert<Result<T, E>> for Plain {
    type Output = Output<T, E>;

    #[inline]
    fn convert(output: Result<T, E>) -> Self::Output {
        output.map_err(|error| Exit::Failed(Failure::Error(error)))
    }
}

impl<T, E> Convert<Result<T, JoinedError<E>>> for Grouped {
    type Output = Output<T, E>;

    #[inline]
    fn convert(output: Result<T, JoinedError<E>>) -> Self::Output {
        output.map_err(|error| {
            Exit::Failed(match error.into_bare() {
                Ok(error) => Failure::Error(error),
                Err(group) => Failure::Group(group),
            })
        })
    }
}

impl<T, E> Convert<Output<T, E>> for AsIs {
    type Output = Output<T, E>;

    #[inline]
    fn convert(output: Output<T, E>) -> Self::Output {
        output
    }
}

impl<T, E> Convert<Output<T, E>> for Abroad {
    type Output = Output<T, E>;

    const REMOTE: bool = true;

    #[inline]
    fn convert(output: Output<T, E>) -> Self::Output {
        output
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
