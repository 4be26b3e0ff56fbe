//! The handle that cancels one child.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Cause, Control, Lost};
use crate::info::{ChildId, ChildInfo};

/// Cancels one child, from anywhere, and tells when it is gone.
///
/// Made by [`Nursery::spawn_with_handle`](crate::Nursery::spawn_with_handle), and for a whole run by
/// [`Pool::cancel_handle`](crate::Pool::cancel_handle). A handle is `Send`, `Sync` and `'static` even where the child borrows, and clones are handles to
/// the same child. Dropping a handle does nothing to the child. A handle that outlives its child or
/// the nursery is inert: it keeps the child's id, name and cause, and none of the child's memory.
///
/// The child's future is always dropped by the nursery, on the nursery's task, never by the caller
/// of [`cancel`](Self::cancel): where the nursery is not driven, nothing is dropped yet. That of a
/// [remote](crate::Nursery::spawn_on) child is dropped by its executor, and the child waited for.
///
/// | cancelled | what happens |
/// |---|---|
/// | before the child started | it is never polled; it ends as cancelled |
/// | while it waits | it is dropped when the nursery is next driven, which the cancel brings about |
/// | while it waits, with a [grace](crate::spawn::ChildBuilder::grace) | it is signalled, and dropped when that is over |
/// | during its own poll, from inside or from another thread | the poll comes to its end. Pending: the child is dropped there and then. Ready: an output is kept, a failure is kept and flagged [`after_cancel`](crate::ChildError::after_cancel) |
/// | a second time, or after it ended | nothing; the answer is `false` |
///
/// # Examples
///
/// ```
/// use nestling::{Nursery, Outcome};
/// use std::future::pending;
///
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, (), String> = Nursery::new();
/// let handle = nursery.spawn_with_handle(pending());
/// assert!(handle.cancel_with("no longer needed"));
/// assert!(!handle.cancel());
///
/// let report = nursery.settle().await;
/// assert_eq!(report.cancelled()[0].cause().message(), Some("no longer needed"));
/// assert!(handle.is_finished());
/// # });
/// ```
#[derive(Clone)]
pub struct CancelHandle(Arc<Control>);

impl CancelHandle {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self(control)
    }

    /// Cancels the child. Returns whether this was what cancelled it.
    ///
    /// `false` means that it was cancelled before or has ended; the cause it has then stays.
    pub fn cancel(&self) -> bool {
        self.cancel_with("")
    }

    /// Cancels the child and says why. Returns whether this was what cancelled it.
    ///
    /// The reason is found in the [`Cause`] that the child ends with.
    pub fn cancel_with(&self, reason: impl Into<String>) -> bool {
        self.0.request_cancel(|| Cause::requested(reason.into()))
    }

    /// The child's spawn number.
    #[must_use]
    pub fn id(&self) -> ChildId {
        self.0.info().id()
    }

    /// The child's id, name and spawn location.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        self.0.info()
    }

    /// Why the child was cancelled by a handle or with its nursery; `None` while it was not.
    ///
    /// It is known as soon as a spawner has cancelled the nursery, also before the driver has acted
    /// on it. A child that was cancelled and yet came to its own end keeps the cause.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause()
    }

    /// Whether the child was cancelled, by itself or with its nursery.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cause().is_some()
    }

    /// Why there is no output of a child that is gone.
    pub(crate) fn lost(&self) -> Lost {
        Lost::new(&self.0)
    }

    /// Whether the child is gone: it has ended, and its future has been dropped.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits until the child is gone: its future dropped, its destructor run.
    ///
    /// It resolves for a child that ended in any way, also when the nursery itself was dropped; a
    /// [remote](crate::Nursery::spawn_on) child of such a nursery may still be about to be dropped
    /// then. A child that awaits this for itself waits for ever.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub fn finished(&self) -> Finished {
        Finished { control: Arc::clone(&self.0), place: None }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("child", self.child())
            .field("cause", &self.cause())
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// Resolves when a child is gone; see [`CancelHandle::finished`]. Polled again, it is ready again.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Finished {
    control: Arc<Control>,
    /// Where its waker is kept, once there is one.
    place: Option<usize>,
}

impl Future for Finished {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.control.poll_finished(cx, &mut this.place)
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.control.stop_waiting(place);
        }
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("child", self.control.info()).finish_non_exhaustive()
    }
}
