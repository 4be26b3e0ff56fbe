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

/// The child's error is an error of its own.
#[derive(Debug)]
pub(crate) enum Plain {}

/// The child's error is that of a nested nursery, and becomes a subtree.
#[derive(Debug)]
pub(crate) enum Grouped {}

/// The child's future returns its end itself.
#[derive(Debug)]
pub(crate) enum Raw {}

/// The same for a child that runs on an executor.
#[derive(Debug)]
pub(crate) enum RawRemote {}

/// A timer; its output is discarded.
#[derive(Debug)]
pub(crate) enum Timer {}

impl<T, E> Convert<Result<T, E>> for Plain {
    type Output = End<T, E>;

    #[inline]
    fn convert(output: Result<T, E>) -> Self::Output {
        match output {
            Ok(output) => End::Completed(output),
            Err(error) => End::Failed(Failure::Error(error)),
        }
    }
}

impl<T, E> Convert<Result<T, JoinedError<E>>> for Grouped {
    type Output = End<T, E>;

    #[inline]
    fn convert(output: Result<T, JoinedError<E>>) -> Self::Output {
        match output.map_err(JoinedError::into_bare) {
            Ok(output) => End::Completed(output),
            Err(Ok(error)) => End::Failed(Failure::Error(error)),
            Err(Err(group)) => End::Failed(Failure::Group(group)),
        }
    }
}

impl<T, E> Convert<End<T, E>> for Raw {
    type Output = End<T, E>;

    #[inline]
    fn convert(output: End<T, E>) -> Self::Output {
        output
    }
}

impl<T, E> Convert<End<T, E>> for RawRemote {
    type Output = End<T, E>;

    const REMOTE: bool = true;

    #[inline]
    fn convert(output: End<T, E>) -> Self::Output {
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
