//! The handle that a child's own output comes by.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::adapt::Delivery;
use crate::cancel::{CancelHandle, Cause, Finished, Lost};
use crate::child::Spawned;
use crate::guard::{FirstPanic, drop_guarded};
use crate::info::{ChildId, ChildInfo};
use crate::sync::Mutex;

/// Waits for one child, and gives the child's own output, of whatever type that is.
///
/// Made by [`Nursery::spawn_join`](crate::Nursery::spawn_join). It is ready once the child is gone,
/// its destructor run. A handle that outlives the nursery still has the output, or says how it was
/// lost.
///
/// Dropping a handle does nothing to the child; an output that is not taken is dropped. To cancel
/// the child there is [`cancel`](Self::cancel).
///
/// The children run only while the nursery is driven. Its owner can await a handle in the body of
/// [`run`](crate::Nursery::run). A child that awaits the handle of one in the backlog keeps its own
/// slot meanwhile, and may wait for ever.
///
/// # Cancel safety
///
/// Nothing is lost by not awaiting it to the end: the next await goes on. Once it was ready, it is
/// not to be polled again.
///
/// # Errors
///
/// [`Lost`] names the child and says how it ended. The child's own error is in the nursery's joined
/// error.
///
/// # Panics
///
/// If it is polled after it was ready.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
///
/// # futures::executor::block_on(async {
/// let result = Nursery::new()
///     .run(|spawner| async move {
///         let name = spawner.spawn_join(async { Ok::<_, String>("nestling") }).unwrap();
///         let size = spawner.spawn_join(async { Err::<u64, _>("no such file".to_owned()) }).unwrap();
///         let (name, size) = (name.await.unwrap(), size.await);
///         assert_eq!(size.unwrap_err().to_string(), "child #1 failed");
///         Ok(name)
///     })
///     .await;
/// # let result: Result<(&str, Vec<()>), _> = result;
/// assert_eq!(result.unwrap_err().to_string(), "1 of 2 children failed: #1: no such file");
/// # });
/// ```
#[must_use = "the child runs without it, but its output comes by it"]
pub struct JoinHandle<U> {
    handle: CancelHandle,
    finished: Finished,
    store: Arc<Store<U>>,
    taken: bool,
}

/// Where the output waits. User code does not run under the lock.
struct Store<U>(Mutex<Option<U>>);

/// An output that was not taken. It may be dropped while the destructor of the child's future
/// panics.
impl<U> Drop for Store<U> {
    fn drop(&mut self) {
        FirstPanic::of(drop_guarded(self.take())).resume();
    }
}

impl<U> Store<U> {
    fn put(&self, output: U) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
    }

    fn take(&self) -> Option<U> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<U> JoinHandle<U> {
    /// Cancels the child. Returns whether this was what cancelled it.
    pub fn cancel(&self) -> bool {
        self.handle.cancel()
    }

    /// Cancels the child and says why. Returns whether this was what cancelled it.
    pub fn cancel_with(&self, reason: impl Into<String>) -> bool {
        self.handle.cancel_with(reason)
    }

    /// A handle that cancels the child, for others.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.handle.clone()
    }

    /// The child's spawn number.
    #[must_use]
    pub fn id(&self) -> ChildId {
        self.handle.id()
    }

    /// The child's id, name and spawn location.
    #[must_use]
    pub fn child(&self) -> &ChildInfo {
        self.handle.child()
    }

    /// Why the child was cancelled; `None` while it was not.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.handle.cause()
    }

    /// Whether the child is gone, so that awaiting this is ready at once.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<U> Future for JoinHandle<U> {
    type Output = Result<U, Lost>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(!this.taken, "a `JoinHandle` was polled after it was ready");
        ready!(Pin::new(&mut this.finished).poll(cx));
        this.taken = true;
        Poll::Ready(this.store.take().ok_or_else(|| this.handle.lost()))
    }
}

// The output is not pinned: it is moved out.
impl<U> Unpin for JoinHandle<U> {}

impl<U> fmt::Debug for JoinHandle<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("child", self.child())
            .field("cause", &self.cause())
            .field("finished", &self.is_finished())
            .finish()
    }
}

pin_project! {
    /// A child's future; its output goes to its handle.
    ///
    /// It is named here for code that is generic over the flavour: its bound is
    /// `M: Hold<'env, Joining<F, U, T>>`.
    pub struct Joining<F, U, T> {
        #[pin]
        future: F,
        store: Arc<Store<U>>,
        // The outputs that the nursery collects of others.
        others: PhantomData<fn() -> T>,
    }
}

impl<F, U, T> Joining<F, U, T> {
    pub(super) fn new(future: F) -> Self {
        Self { future, store: Arc::new(Store(Mutex::new(None))), others: PhantomData }
    }

    /// What makes the handle once the child is taken.
    pub(super) fn promise(&self) -> Promise<U> {
        Promise(Arc::clone(&self.store))
    }

    /// The future, which was never pinned.
    pub(super) fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// Gives the future back of a child that was not taken.
    pub(super) fn into_inner(self) -> F {
        self.future
    }
}

/// A handle before there is a child.
pub(super) struct Promise<U>(Arc<Store<U>>);

impl<U> Promise<U> {
    pub(super) fn handle(self, spawned: Spawned) -> JoinHandle<U> {
        let handle = spawned.into_handle();
        JoinHandle { finished: handle.finished(), handle, store: self.0, taken: false }
    }
}

impl<F, U, T, X> Future for Joining<F, U, T>
where
    F: Future<Output = Result<U, X>>,
{
    type Output = Delivery<T, X>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.future.poll(cx)).map(|output| this.store.put(output));
        Poll::Ready(Delivery { result, others: PhantomData })
    }
}

impl<F, U, T> fmt::Debug for Joining<F, U, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").finish_non_exhaustive()
    }
}
