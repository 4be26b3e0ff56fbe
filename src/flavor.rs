//! Whether children may cross threads: the two flavours of a nursery.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, LocalBoxFuture};
use pin_project_lite::pin_project;

use crate::error::{Failure, JoinedError};

/// The flavour whose children are `Send`, so that the nursery can move between threads.
///
/// This is the default.
#[derive(Clone, Copy, Debug)]
pub enum Shared {}

/// The flavour whose children need not be `Send`; neither is the nursery then.
#[derive(Clone, Copy, Debug)]
pub enum Local {}

/// A flavour of nursery: [`Shared`] or [`Local`]. Sealed.
pub trait Flavor: sealed::Sealed + 'static {
    #[doc(hidden)]
    type Boxed<'env, O>: Future<Output = O> + Unpin;

    #[doc(hidden)]
    type Policy<'env, A: ?Sized>;

    #[doc(hidden)]
    fn ask<A: ?Sized>(policy: &mut Self::Policy<'_, A>, about: &A) -> bool;
}

/// What a flavour asks of a child's future: `Send` in [`Shared`], nothing in [`Local`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "a nursery of the flavour `{Self}` is not known to take `{F}` as a child",
    label = "this child may not be taken",
    note = "`Nursery::new()` takes children that are `Send`, and `Nursery::local()` any",
    note = "code that is generic over the flavour has to ask for `{Self}: Hold<'env, {F}>`"
)]
pub trait Hold<'env, F>: Flavor {
    #[doc(hidden)]
    fn hold<K>(future: Box<Adapt<F, K>>) -> Self::Boxed<'env, K::Output>
    where
        F: Future,
        K: Convert<F::Output>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Shared {}
    impl Sealed for super::Local {}
}

impl Flavor for Shared {
    type Boxed<'env, O> = BoxFuture<'env, O>;
    type Policy<'env, A: ?Sized> = Box<dyn FnMut(&A) -> bool + Send + 'env>;

    fn ask<A: ?Sized>(policy: &mut Self::Policy<'_, A>, about: &A) -> bool {
        policy(about)
    }
}

impl Flavor for Local {
    type Boxed<'env, O> = LocalBoxFuture<'env, O>;
    type Policy<'env, A: ?Sized> = Box<dyn FnMut(&A) -> bool + 'env>;

    fn ask<A: ?Sized>(policy: &mut Self::Policy<'_, A>, about: &A) -> bool {
        policy(about)
    }
}

// The compiler quotes the head of this to whoever spawns a child that is not `Send`, with the remark.
impl<'env, F> Hold<'env, F> for Shared
where
    F: Send + 'env, // `Nursery::local()` takes children that are not `Send`
{
    fn hold<K>(future: Box<Adapt<F, K>>) -> Self::Boxed<'env, K::Output>
    where
        F: Future,
        K: Convert<F::Output>,
    {
        Box::into_pin(future)
    }
}

impl<'env, F: 'env> Hold<'env, F> for Local {
    fn hold<K>(future: Box<Adapt<F, K>>) -> Self::Boxed<'env, K::Output>
    where
        F: Future,
        K: Convert<F::Output>,
    {
        Box::into_pin(future)
    }
}

/// Turns what a child's future returns into what the nursery collects.
///
/// A type and not a closure, so that the boxed child is no larger than the user's future.
#[doc(hidden)]
pub trait Convert<I>: 'static {
    type Output;

    fn convert(output: I) -> Self::Output;
}

/// The child's error is an error of its own.
#[derive(Debug)]
pub(crate) enum Plain {}

/// The child's error is that of a nested nursery, and becomes a subtree.
#[derive(Debug)]
pub(crate) enum Grouped {}

impl<T, E> Convert<Result<T, E>> for Plain {
    type Output = Result<T, Failure<E>>;

    #[inline]
    fn convert(output: Result<T, E>) -> Self::Output {
        output.map_err(Failure::Error)
    }
}

impl<T, E> Convert<Result<T, JoinedError<E>>> for Grouped {
    type Output = Result<T, Failure<E>>;

    #[inline]
    fn convert(output: Result<T, JoinedError<E>>) -> Self::Output {
        output.map_err(|error| match error.into_bare() {
            Ok(error) => Failure::Error(error),
            Err(group) => Failure::Group(group),
        })
    }
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
