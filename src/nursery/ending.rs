//! How a child ends for its cancel: work that it gives up, and an end without an output.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::context::{ChildCancelled, ChildContext};
use crate::cancel::{Cause, Control, Lost, Time};
use crate::flavor::Flavor;

impl<'env, T, E, M: Flavor> ChildContext<'env, T, E, M> {
    /// The output of `work`; `None` if the child is cancelled first, or is already.
    ///
    /// The work is dropped together with this future. Each time the cancel is looked at before the
    /// work is polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the work.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::future::pending;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, &str, ()> = Nursery::new();
    /// nursery.child().grace(pending::<()>).spawn_with_context(move |cx| async move {
    ///     match cx.until_cancelled(pending::<()>()).await {
    ///         Some(()) => Ok("finished"),
    ///         None => Ok("said goodbye"),
    ///     }
    /// });
    /// let spawner = nursery.spawner();
    /// nursery.spawn(async move {
    ///     spawner.cancel_with("shutting down");
    ///     Ok("done")
    /// });
    /// assert_eq!(nursery.join().await.unwrap(), ["said goodbye", "done"]);
    /// # });
    /// ```
    pub fn until_cancelled<F: Future>(&self, work: F) -> UntilCancelled<F> {
        UntilCancelled { cancelled: self.cancelled(), work }
    }

    /// Ends the child here, as cancelled: for one that has heard of its cancel, has cleaned up, and
    /// has neither an output nor an error to return.
    ///
    /// It never resolves. The child's future is dropped right after this poll, at this place, and
    /// the child counts as [cancelled](crate::outcome::Counts::cancelled), for the cause that it
    /// was cancelled with. One that was not cancelled has ended by a request of its own. One that
    /// was out of time has [timed out](crate::Failure::TimedOut) all the same. `O` is whatever the
    /// place needs.
    ///
    /// It is for the child itself: awaited in another task it never resolves there, and the child
    /// is dropped without a grace.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::future::pending;
    /// # futures::executor::block_on(async {
    /// let mut build: Nursery<'_, String, String> =
    ///     Nursery::new().first_error().grace(pending::<()>);
    /// build.child().name("link").spawn_with_context(move |cx| async move {
    ///     let linked = pending::<String>();
    ///     match cx.until_cancelled(linked).await {
    ///         Some(binary) => Ok(binary),
    ///         None => cx.end_cancelled().await, // what was begun is removed by now
    ///     }
    /// });
    /// build.child().name("compile").spawn(async { Err("syntax error".to_owned()) });
    ///
    /// let error = build.join().await.unwrap_err();
    /// assert_eq!(error.to_string(), "1 of 2 children failed: #1 compile: syntax error");
    /// assert_eq!(error.counts().cancelled(), 1);
    /// # });
    /// ```
    pub fn end_cancelled<O>(&self) -> EndCancelled<O> {
        EndCancelled::new(&self.control, Cause::requested("by the child itself".into()))
    }

    /// [`end_cancelled`](Self::end_cancelled) of a child that cannot go on without another's output,
    /// which is lost. [`needs`](Self::needs) waits for the output, and calls this.
    ///
    /// So a failure is told once, and not again by each child that waited for it. The cause names
    /// the other child, and is of the kind
    /// [`DependencyLost`](crate::outcome::CauseKind::DependencyLost), unless the child was
    /// cancelled before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut build: Nursery<'_, String, String> = Nursery::new();
    /// let object = build.child().name("compile").spawn_join(async {
    ///     Err::<Vec<u8>, _>("syntax error".to_owned())
    /// });
    /// build.child().name("link").spawn_with_context(move |cx| async move {
    ///     match object.await {
    ///         Ok(object) => Ok(format!("{} bytes", object.len())),
    ///         Err(lost) => cx.end_without(&lost).await,
    ///     }
    /// });
    /// assert_eq!(
    ///     build.settle().await.tree().locations(false).to_string(),
    ///     "\
    /// 2 children: 0 completed, 1 failed, 1 cancelled
    /// ├─ #0 compile    syntax error
    /// └─ #1 link       cancelled: child #0 compile was lost: it failed",
    /// );
    /// # });
    /// ```
    pub fn end_without<O>(&self, lost: &Lost) -> EndCancelled<O> {
        EndCancelled::new(&self.control, Cause::lost(lost))
    }

    /// The output of another child, which this one cannot go on without: where it is lost, this
    /// child [ends without it](Self::end_without).
    ///
    /// `need` is a [`JoinHandle`](crate::JoinHandle), or what is made of one: where several children
    /// need the same output, each has a copy of the handle that `FutureExt::shared` of futures
    /// makes.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `need`.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use nestling::Nursery;
    ///
    /// # futures::executor::block_on(async {
    /// let mut build: Nursery<'_, usize, String> = Nursery::new();
    /// let fetched = build.child().name("fetch").spawn_join(async { Err::<String, _>("offline".into()) });
    /// let fetched = fetched.shared();
    /// for name in ["compile", "docs"] {
    ///     let fetched = fetched.clone();
    ///     build.child().name(name).spawn_with_context(move |cx| async move {
    ///         let sources = cx.needs(fetched).await;
    ///         Ok(sources.len())
    ///     });
    /// }
    /// let error = build.join().await.unwrap_err();
    /// assert_eq!(error.to_string(), "1 of 3 children failed: #0 fetch: offline");
    /// assert_eq!(error.counts().cancelled(), 2);
    /// # });
    /// ```
    pub fn needs<F, U>(&self, need: F) -> Needs<F, U>
    where
        F: Future<Output = Result<U, Lost>>,
    {
        Needs { need, control: Arc::clone(&self.control), end: None }
    }
}

pin_project! {
    /// Work that is given up when a child is cancelled; see [`ChildContext::until_cancelled`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct UntilCancelled<F> {
        cancelled: ChildCancelled,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for UntilCancelled<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        let control = &this.cancelled.control;
        // A spawner may have cancelled the nursery in this very poll.
        let is_cancelled = control.goes_with_nursery();
        if is_cancelled || Pin::new(this.cancelled).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        this.work.poll(cx).map(Some)
    }
}

impl<F> fmt::Debug for UntilCancelled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilCancelled").finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for what a child cannot go on without; see [`ChildContext::needs`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Needs<F, U> {
        #[pin]
        need: F,
        control: Arc<Control>,
        // There once the need is lost.
        end: Option<EndCancelled<U>>,
    }
}

impl<F, U> Future for Needs<F, U>
where
    F: Future<Output = Result<U, Lost>>,
{
    type Output = U;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<U> {
        let this = self.project();
        if this.end.is_none() {
            match ready!(this.need.poll(cx)) {
                Ok(output) => return Poll::Ready(output),
                Err(lost) => *this.end = Some(EndCancelled::new(this.control, Cause::lost(&lost))),
            }
        }
        this.end.as_mut().map_or(Poll::Pending, |end| Pin::new(end).poll(cx))
    }
}

impl<F, U> fmt::Debug for Needs<F, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Needs").finish_non_exhaustive()
    }
}

/// Ends a child as cancelled; see [`ChildContext::end_cancelled`]. It never resolves.
#[must_use = "futures do nothing unless they are awaited"]
pub struct EndCancelled<O> {
    control: Arc<Control>,
    /// The cause if there is no other, until it was polled.
    cause: Option<Cause>,
    output: PhantomData<fn() -> O>,
}

impl<O> EndCancelled<O> {
    fn new(control: &Arc<Control>, cause: Cause) -> Self {
        Self { control: Arc::clone(control), cause: Some(cause), output: PhantomData }
    }
}

impl<O> Future for EndCancelled<O> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<O> {
        // The child is being polled, or is woken by this: its driver looks at it after that.
        if let Some(own) = self.cause.take() {
            let cause = self.control.cause().unwrap_or(own);
            self.control.cancel(Time::None, &cause);
        }
        Poll::Pending
    }
}

impl<O> fmt::Debug for EndCancelled<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndCancelled").field("child", self.control.info()).finish_non_exhaustive()
    }
}
