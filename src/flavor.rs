//! Whether children may cross threads: the two flavours of a nursery.

use std::sync::Arc;

use futures::future::{BoxFuture, LocalBoxFuture};

use crate::adapt::{Adapt, Convert};
use crate::child::End;
use crate::timed::Timed;

/// The flavour for children that are `Send`, so that the nursery can move between threads.
///
/// This is the default.
#[derive(Clone, Copy, Debug)]
pub enum Shared {}

/// The flavour for children that need not be `Send`; neither is the nursery then.
#[derive(Clone, Copy, Debug)]
pub enum Local {}

/// A flavour of nursery: [`Shared`] or [`Local`]. Sealed.
pub trait Flavor: sealed::Sealed + Sized + 'static {
    #[doc(hidden)]
    type Boxed<'env, O>: Future<Output = O> + Unpin;

    #[doc(hidden)]
    type Policy<'env, A: ?Sized>;

    #[doc(hidden)]
    type Namer<'env, A: ?Sized>;

    #[doc(hidden)]
    fn name<A: ?Sized>(namer: &mut Self::Namer<'_, A>, item: &A) -> Arc<str>;

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

    /// The same for a child with a timeout or a grace.
    #[doc(hidden)]
    fn hold_timed<K, T, E>(
        future: Box<Timed<Adapt<F, K>, Self::Boxed<'env, ()>>>,
    ) -> Self::Boxed<'env, End<T, E>>
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>;
}

/// What a flavour asks of a callback: `Send` in [`Shared`], nothing in [`Local`]. Sealed.
///
/// `A` is what it is told, and `R` what it answers.
#[diagnostic::on_unimplemented(
    message = "a nursery or a pool of the flavour `{Self}` is not known to take this callback",
    label = "this callback may not be taken",
    note = "`new` takes callbacks that are `Send`, and `local` any"
)]
pub trait Callback<'env, F, A: ?Sized, R>: Flavor {
    #[doc(hidden)]
    fn callback(callback: F) -> Self::Policy<'env, A>;
}

/// What a callback may answer.
#[doc(hidden)]
pub trait Answer {
    fn into_bool(self) -> bool;
}

impl Answer for bool {
    fn into_bool(self) -> bool {
        self
    }
}

/// It was told, and answers nothing.
impl Answer for () {
    fn into_bool(self) -> bool {
        true
    }
}

impl<'env, F, A: ?Sized, R: Answer> Callback<'env, F, A, R> for Shared
where
    F: FnMut(&A) -> R + Send + 'env, // `local` takes callbacks that are not `Send`
{
    fn callback(mut callback: F) -> Self::Policy<'env, A> {
        Box::new(move |about| callback(about).into_bool())
    }
}

impl<'env, F, A: ?Sized, R: Answer> Callback<'env, F, A, R> for Local
where
    F: FnMut(&A) -> R + 'env,
{
    fn callback(mut callback: F) -> Self::Policy<'env, A> {
        Box::new(move |about| callback(about).into_bool())
    }
}

/// What a flavour asks of a function that names the items of a pool: `Send` in [`Shared`], nothing
/// in [`Local`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "a pool of the flavour `{Self}` is not known to take this function",
    label = "this function may not be taken",
    note = "`new` takes functions that are `Send`, and `local` any; the name is a `String`, an \
            `Arc<str>` or a `&'static str`"
)]
pub trait Naming<'env, F, A: ?Sized, N>: Flavor {
    #[doc(hidden)]
    fn naming(name: F) -> Self::Namer<'env, A>;
}

impl<'env, F, A: ?Sized, N: Into<Arc<str>>> Naming<'env, F, A, N> for Shared
where
    F: FnMut(&A) -> N + Send + 'env,
{
    fn naming(mut name: F) -> Self::Namer<'env, A> {
        Box::new(move |item| name(item).into())
    }
}

impl<'env, F, A: ?Sized, N: Into<Arc<str>>> Naming<'env, F, A, N> for Local
where
    F: FnMut(&A) -> N + 'env,
{
    fn naming(mut name: F) -> Self::Namer<'env, A> {
        Box::new(move |item| name(item).into())
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Shared {}
    impl Sealed for super::Local {}
}

impl Flavor for Shared {
    type Boxed<'env, O> = BoxFuture<'env, O>;
    type Policy<'env, A: ?Sized> = Box<dyn FnMut(&A) -> bool + Send + 'env>;
    type Namer<'env, A: ?Sized> = Box<dyn FnMut(&A) -> Arc<str> + Send + 'env>;

    fn name<A: ?Sized>(namer: &mut Self::Namer<'_, A>, item: &A) -> Arc<str> {
        namer(item)
    }

    fn ask<A: ?Sized>(policy: &mut Self::Policy<'_, A>, about: &A) -> bool {
        policy(about)
    }
}

impl Flavor for Local {
    type Boxed<'env, O> = LocalBoxFuture<'env, O>;
    type Policy<'env, A: ?Sized> = Box<dyn FnMut(&A) -> bool + 'env>;
    type Namer<'env, A: ?Sized> = Box<dyn FnMut(&A) -> Arc<str> + 'env>;

    fn name<A: ?Sized>(namer: &mut Self::Namer<'_, A>, item: &A) -> Arc<str> {
        namer(item)
    }

    fn ask<A: ?Sized>(policy: &mut Self::Policy<'_, A>, about: &A) -> bool {
        policy(about)
    }
}

// The compiler quotes the head of this, with the remark, where a child is not `Send`.
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

    fn hold_timed<K, T, E>(
        future: Box<Timed<Adapt<F, K>, Self::Boxed<'env, ()>>>,
    ) -> Self::Boxed<'env, End<T, E>>
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
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

    fn hold_timed<K, T, E>(
        future: Box<Timed<Adapt<F, K>, Self::Boxed<'env, ()>>>,
    ) -> Self::Boxed<'env, End<T, E>>
    where
        F: Future,
        K: Convert<F::Output, Output = End<T, E>>,
    {
        Box::into_pin(future)
    }
}
