//! The cancel of the child that this thread polls, for code that has no context of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Cause, Member, current};
use crate::drive::DriverWaker;

/// Waits until the child that polls this is cancelled, and says why.
///
/// For libraries, which have no [`ChildContext`](crate::ChildContext) at hand: it finds the child by
/// the thread, as a nursery inside one does, however deep in the library it is awaited. It is ready also
/// if the child was cancelled before. A child without a grace that has this inside is polled once more
/// when it is cancelled, and may come to an end of its own in that poll.
///
/// Outside of a child it is pending for ever. What a child hands to another task is not inside it.
///
/// # Cancel safety
///
/// Nothing is lost by dropping it.
///
/// # Examples
///
/// ```
/// use std::future::pending;
///
/// use futures::future::{Either, select};
/// use nestling::{Nursery, current_cancelled};
///
/// /// Of a library.
/// async fn stream() -> Result<&'static str, ()> {
///     let work = pending::<()>();
///     match select(current_cancelled(), work).await {
///         Either::Left(_) => Ok("the part that there is"),
///         Either::Right(_) => Ok("all"),
///     }
/// }
///
/// # futures::executor::block_on(async {
/// let mut nursery = Nursery::new();
/// let handle = nursery.spawn_with_handle(stream());
/// nursery.spawn(async move {
///     handle.cancel();
///     Ok("done")
/// });
/// assert_eq!(nursery.join().await.unwrap(), ["the part that there is", "done"]);
/// # });
/// ```
pub fn current_cancelled() -> CurrentCancelled {
    CurrentCancelled { driver: Arc::default(), owner: None, member: None }
}

/// Waits until the current child is cancelled; made by [`current_cancelled`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct CurrentCancelled {
    /// What is woken by the cancel: it passes that on to the task.
    driver: Arc<DriverWaker>,
    owner: Option<Arc<Waker>>,
    /// There once it is inside a child.
    member: Option<Member>,
}

impl CurrentCancelled {
    /// Whether the child is polled for the last time.
    pub(crate) fn is_last(&self) -> bool {
        self.member.as_ref().is_some_and(Member::is_last)
    }

    /// Counts failures that are dropped inside the child.
    pub(crate) fn lose(&self, failures: u64) {
        if let Some(member) = &self.member {
            member.nest().lose(failures);
        }
    }
}

impl Future for CurrentCancelled {
    type Output = Cause;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cause> {
        let this = self.get_mut();
        this.driver.enter(cx.waker(), &mut this.owner);
        match current::nest() {
            None => this.member = None,
            Some(nest) if this.member.as_ref().is_some_and(|member| member.is_in(&nest)) => {}
            Some(nest) => this.member = Some(Member::said(nest, &this.driver)),
        }
        let cause = this.member.as_ref().and_then(Member::cause);
        // A wake from now on goes to the task. One that came before is seen, or comes too late.
        if cause.is_none() && !this.driver.rest() {
            this.driver.stop();
            cx.waker().wake_by_ref();
        }
        cause.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for CurrentCancelled {
    fn drop(&mut self) {
        self.driver.retire();
    }
}

impl fmt::Debug for CurrentCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_inside = self.member.is_some();
        f.debug_struct("CurrentCancelled").field("is_inside", &is_inside).finish_non_exhaustive()
    }
}
