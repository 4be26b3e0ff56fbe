//! A child's view of itself.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Nursery, Spawner};
use crate::cancel::{Cause, Control};
use crate::flavor::{Flavor, Local, Shared};
use crate::info::{ChildId, ChildInfo};
use crate::scope::inbox::Inbox;

/// A child's view of itself: its id, its cancellation, and a spawner.
///
/// Handed to the closure of [`Nursery::spawn_with_context`]. Clones are the same child's; they can
/// be handed on, to other tasks too, and keep none of the child's memory.
///
/// A child without a grace is dropped as soon as it is cancelled, and has no time to hear of it.
/// One with a grace may come to an end of its own, or [end as cancelled](Self::end_cancelled).
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use std::future::pending;
///
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, String, ()> = Nursery::new();
/// let handle = nursery.child().grace(pending::<()>).spawn_with_context(move |cx| async move {
///     let cause = cx.cancelled().await;
///     Ok(format!("{} ends: {cause}", cx.id()))
/// });
/// nursery.spawn(async move {
///     handle.cancel_with("no longer needed");
///     Ok(String::from("done"))
/// });
/// let outputs = nursery.join().await.unwrap();
/// assert_eq!(outputs, ["#0 ends: requested: no longer needed", "done"]);
/// # });
/// ```
pub struct ChildContext<'env, T, E, M: Flavor = Shared> {
    pub(super) control: Arc<Control>,
    inbox: Arc<Inbox<'env, T, E, M>>,
}

/// The context of a child of a [`LocalNursery`](crate::LocalNursery).
pub type LocalChildContext<'env, T, E> = ChildContext<'env, T, E, Local>;

impl<'env, T, E, M: Flavor> ChildContext<'env, T, E, M> {
    pub(super) fn new(control: &Arc<Control>, inbox: Arc<Inbox<'env, T, E, M>>) -> Self {
        control.set_context();
        Self { control: Arc::clone(control), inbox }
    }

    /// The child's spawn number.
    #[must_use]
    pub fn id(&self) -> ChildId {
        self.control.info().id()
    }

    /// The child's id, name and spawn location.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        self.control.info()
    }

    /// Says where in its work the child is, for [snapshots](crate::observe::Watch::snapshot):
    /// `cx.at("connect")`. Each place takes that of the one before.
    ///
    /// [`AtPlace`](crate::observe::AtPlace) names the place of a single future. Where the child is
    /// not observed, this does nothing.
    pub fn at(&self, place: impl Into<Cow<'static, str>>) {
        if let Some(record) = self.control.record() {
            record.set_place(place.into());
        }
    }

    /// Why the child is cancelled, by itself or with its nursery; `None` while it is not. Once the
    /// child has ended, it may be what its nursery was cancelled with later.
    ///
    /// A [daemon](crate::spawn::ChildBuilder::daemon) is not cancelled with its nursery, but after
    /// the other children.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        let of_nursery = || match self.control.traits().daemon {
            true => None,
            false => self.inbox.cancel_requested(),
        };
        self.control.cause().or_else(of_nursery)
    }

    /// Waits until the child is cancelled, and says why.
    ///
    /// Of a child that ends without having been cancelled it is pending for ever.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub fn cancelled(&self) -> ChildCancelled {
        ChildCancelled { control: Arc::clone(&self.control), place: None }
    }

    /// A spawner for the nursery that the child is in. It does not keep a
    /// [split](Nursery::split) nursery open.
    #[must_use]
    pub fn spawner(&self) -> Spawner<'env, T, E, M> {
        Spawner::new(Arc::clone(&self.inbox))
    }

    /// A nursery that is cancelled with this child.
    ///
    /// A nursery that the child drives is cancelled with it in any case. This one is so also where
    /// something else drives it, and where it is first driven after the cancel.
    ///
    /// Its cause is of the kind [`Parent`](crate::outcome::CauseKind::Parent), names this child and
    /// follows from the child's own; so its children are cancelled, and not timed out, also where
    /// the root is a deadline. It is acted on when the nursery is next driven, which the cancel
    /// brings about. Without a [grace](crate::spawn::ChildBuilder::grace) the child is polled once
    /// more, and the nursery ends in that poll.
    ///
    /// It is a nursery of its own: its joined error becomes a part of this child's nursery's by
    /// [`group`](crate::spawn::ChildBuilder::group). A nursery that is to outlast the cancel, for
    /// the clean-up, is made by [`Nursery::new`] and first driven after the cancel.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::Nursery;
    /// use nestling::outcome::CauseKind;
    /// use std::future::pending;
    ///
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), ()> = Nursery::new();
    /// nursery.child().name("sync").grace(pending::<()>).spawn_with_context(move |cx| async move {
    ///     let mut uploads = cx.nursery::<(), ()>();
    ///     uploads.spawn(pending());
    ///     let report = uploads.settle().await;
    ///     let cause = report.cancelled()[0].cause();
    ///     assert_eq!(cause.to_string(), "child #0 sync was cancelled: requested: enough");
    ///     assert_eq!(cause.root().kind(), CauseKind::Requested);
    ///     Ok(())
    /// });
    /// let spawner = nursery.spawner();
    /// nursery.spawn(async move { Ok(drop(spawner.cancel_with("enough"))) });
    /// nursery.join().await.unwrap();
    /// # });
    /// ```
    pub fn nursery<'inner, U, X>(&self) -> Nursery<'inner, U, X, M> {
        let mut nursery = Nursery::default();
        nursery.inner.scope.set_parent(&self.control);
        nursery
    }
}

impl<T, E, M: Flavor> Clone for ChildContext<'_, T, E, M> {
    fn clone(&self) -> Self {
        Self { control: Arc::clone(&self.control), inbox: Arc::clone(&self.inbox) }
    }
}

impl<T, E, M: Flavor> fmt::Debug for ChildContext<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildContext")
            .field("child", self.child())
            .field("cause", &self.cause())
            .finish_non_exhaustive()
    }
}

/// Resolves when a child is cancelled; see [`ChildContext::cancelled`]. Polled again, it is ready
/// again.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ChildCancelled {
    pub(super) control: Arc<Control>,
    /// Where its waker is kept, once there is one.
    place: Option<usize>,
}

impl Future for ChildCancelled {
    type Output = Cause;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cause> {
        let this = &mut *self;
        this.control.poll_cancelled(cx, &mut this.place)
    }
}

impl Drop for ChildCancelled {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.control.stop_listening(place);
        }
    }
}

impl fmt::Debug for ChildCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildCancelled").field("child", self.control.info()).finish_non_exhaustive()
    }
}

pin_project! {
    /// A child's future that is made from its context when it is first polled.
    ///
    /// It is named here for code that is generic over the flavour: its bound is
    /// `M: Hold<'env, With<C, F, ChildContext<'env, T, E, M>>>`.
    pub struct With<C, F, X> {
        // What makes the future, and what it is made from, until then.
        make: Option<C>,
        context: Option<X>,
        #[pin]
        future: Option<F>,
    }
}

impl<C, F, X> With<C, F, X> {
    pub(super) fn new(make: C) -> Self {
        Self { make: Some(make), context: None, future: None }
    }

    /// Gives the closure back of a child that was not taken.
    pub(super) fn into_make(self) -> C {
        match self.make {
            Some(make) => make,
            None => unreachable!("a child that was not taken was not polled"),
        }
    }
}

impl<'env, C, F, T, E, M: Flavor> With<C, F, ChildContext<'env, T, E, M>> {
    /// Gives the maker its context, once the child has its control block.
    pub(super) fn meet(
        inbox: &Arc<Inbox<'env, T, E, M>>,
    ) -> impl FnOnce(&mut Self, &Arc<Control>) + use<'env, C, F, T, E, M> {
        let inbox = Arc::clone(inbox);
        move |with, control| with.context = Some(ChildContext::new(control, inbox))
    }
}

impl<C, F, X> Future for With<C, F, X>
where
    C: FnOnce(X) -> F,
    F: Future,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let (Some(make), Some(context)) = (this.make.take(), this.context.take()) {
            let future = make(context);
            this.future.set(Some(future));
        }
        match this.future.as_pin_mut() {
            Some(future) => future.poll(cx),
            None => unreachable!("a child has its context before it is polled"),
        }
    }
}

impl<C, F, X> fmt::Debug for With<C, F, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With").finish_non_exhaustive()
    }
}
