//! What is asked of a supervisor while it runs, and what it shows.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_channel::{mpsc, oneshot};
use thiserror::Error;

use super::config::ConfigError;
use super::flavor::SupervisorFlavor;
use super::incarnation::Key;
use super::spec::ChildSpec;
use crate::flavor::Shared;
use crate::sync::{Mutex, MutexGuard};

/// What a supervised child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunState {
    /// It is to start, and waits for those before it: to be up, or to be gone.
    Queued,
    /// It runs, and has not said so far that it is up.
    Starting,
    /// It runs, and is up.
    Running,
    /// It is to be restarted, and waits for its backoff.
    Waiting,
    /// It was told to stop, and is not gone yet.
    Stopping,
    /// It is down: it has ended for good, or was stopped.
    Down,
}

/// What a supervisor knows of a child; see [`SupervisorHandle::children`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildStatus {
    pub(super) name: Arc<str>,
    pub(super) state: RunState,
    pub(super) incarnation: u64,
    pub(super) restarts: u64,
    pub(super) last_failure: Option<Arc<str>>,
    pub(super) since: Option<Duration>,
}

impl ChildStatus {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.state
    }

    /// The number of the incarnation that runs, or that has run last; 0 before the first.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// How often it was restarted for an end of its own: not by hand, and not with another.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// What its last failure says; `None` if it has not failed.
    #[must_use]
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// Since when it does what it does, by the supervisor's [clock](super::Supervisor::clock);
    /// `None` without one.
    #[must_use]
    pub fn since(&self) -> Option<Duration> {
        self.since
    }
}

/// What a supervisor shows of its children. The lock is held to change one, or to copy all, and no
/// code of users runs under it.
#[derive(Default)]
pub(super) struct StatusBoard(Mutex<BTreeMap<Key, ChildStatus>>);

impl StatusBoard {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, ChildStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a supervisor does not do what it was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// It has no child of this name.
    #[error("the supervisor has no child of this name")]
    NoSuchChild,
    /// It has a child of this name already.
    #[error("the supervisor has a child of this name already")]
    NameTaken,
    /// It has as many children as it [may have](super::Supervisor::max_children).
    #[error("the supervisor has as many children as it may have")]
    Full,
    /// The incarnation that was named does not run any more.
    #[error("this incarnation does not run any more")]
    OldIncarnation,
    /// What was asked for later came in between: the child was stopped or removed.
    #[error("the child was stopped or removed meanwhile")]
    Overtaken,
    /// It ends, or has ended.
    #[error("the supervisor ends, or has ended")]
    Ended,
    /// The child's rules cannot be meant so.
    #[error(transparent)]
    Config(ConfigError),
}

/// A child that a supervisor does not take, and why.
pub struct NotAdded<'env, E, M: SupervisorFlavor = Shared> {
    /// Why it was not taken.
    pub reason: Refused,
    /// The child, to be given to another; `None` if it was dropped with the supervisor.
    pub child: Option<ChildSpec<'env, E, M>>,
}

impl<E, M: SupervisorFlavor> fmt::Debug for NotAdded<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotAdded")
            .field("reason", &self.reason)
            .field("child", &self.child)
            .finish()
    }
}

impl<E, M: SupervisorFlavor> fmt::Display for NotAdded<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.child {
            Some(child) => write!(f, "child {:?} was not added: {}", child.name, self.reason),
            None => write!(f, "the child was not added: {}", self.reason),
        }
    }
}

impl<E, M: SupervisorFlavor> std::error::Error for NotAdded<'_, E, M> {}

pub(super) type Reply = oneshot::Sender<Result<(), Refused>>;
pub(super) type AddReply<'env, E, M> = oneshot::Sender<Result<(), NotAdded<'env, E, M>>>;

/// What a handle asks for.
pub(super) enum Request<'env, E, M: SupervisorFlavor> {
    Add(ChildSpec<'env, E, M>, AddReply<'env, E, M>),
    Of(Arc<str>, ChildRequest, Reply),
    Shutdown(String),
    /// To be told by dropping this.
    Finished(oneshot::Sender<()>),
}

/// What is asked for of one child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ChildRequest {
    Stop,
    Remove,
    /// Of this incarnation only, if one is given.
    Restart(Option<u64>),
}

/// Adds, stops, restarts and removes children of a supervisor that runs. Made by
/// [`Supervision::handle`](super::Supervision::handle); clones are of the same supervisor.
///
/// What is asked for is asked for by the call: the future that it returns only waits until it is
/// done, and may be dropped. The supervisor heeds it when it is next polled, and does so at once.
///
/// A handle keeps the supervisor from ending when no child is left, as one could be added. To drop
/// it stops nothing.
pub struct SupervisorHandle<'env, E, M: SupervisorFlavor = Shared> {
    requests: mpsc::UnboundedSender<Request<'env, E, M>>,
    board: Arc<StatusBoard>,
}

impl<'env, E, M: SupervisorFlavor> SupervisorHandle<'env, E, M> {
    pub(super) fn new(
        requests: mpsc::UnboundedSender<Request<'env, E, M>>,
        board: Arc<StatusBoard>,
    ) -> Self {
        Self { requests, board }
    }

    /// Adds a child, which starts at once: it does not wait for those before it.
    ///
    /// The future is ready when the child has started.
    ///
    /// # Errors
    ///
    /// The child, if there is another of its name or no room for it, if its rules cannot be meant
    /// so, or if the supervisor ends.
    pub fn add(&self, child: ChildSpec<'env, E, M>) -> Adding<'env, E, M> {
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.unbounded_send(Request::Add(child, reply));
        let back = sent.err().and_then(|back| match back.into_inner() {
            Request::Add(child, _) => Some(child),
            _ => None,
        });
        Adding { answer, back }
    }

    /// Stops a child, which stays down until it is restarted by hand.
    ///
    /// The future is ready when the child is gone; at once, if it is down.
    ///
    /// # Errors
    ///
    /// If there is no such child, or the supervisor ends before the child is gone.
    pub fn stop(&self, name: impl Into<Arc<str>>) -> Asked {
        self.ask(name.into(), ChildRequest::Stop)
    }

    /// Stops a child and forgets it. Its failures stay in the history.
    ///
    /// The future is ready when the child is gone.
    ///
    /// # Errors
    ///
    /// As [`stop`](Self::stop).
    pub fn remove(&self, name: impl Into<Arc<str>>) -> Asked {
        self.ask(name.into(), ChildRequest::Remove)
    }

    /// Restarts a child at once: one that runs is stopped first, one that waits for its backoff
    /// waits no longer, one that is down comes back. One that goes with others, which are restarted
    /// already, starts in its turn. Others are not restarted with it, and no intensity counts it.
    ///
    /// The future is ready when the new incarnation has started.
    ///
    /// # Errors
    ///
    /// If there is no such child, if it is stopped or removed before it starts, or if the
    /// supervisor ends.
    pub fn restart(&self, name: impl Into<Arc<str>>) -> Asked {
        self.ask(name.into(), ChildRequest::Restart(None))
    }

    /// The same if this is still the [incarnation](ChildStatus::incarnation) that runs.
    ///
    /// For whatever has found that this incarnation is ill: the next may be well.
    ///
    /// # Errors
    ///
    /// If another incarnation runs by now, or none; and as [`restart`](Self::restart).
    pub fn restart_incarnation(&self, name: impl Into<Arc<str>>, number: u64) -> Asked {
        self.ask(name.into(), ChildRequest::Restart(Some(number)))
    }

    /// Ends the supervisor: its children are stopped, the last that was added first.
    ///
    /// The reason is the cause that the children are cancelled for. When the supervisor ends
    /// already, this does nothing.
    pub fn shutdown(&self, reason: impl Into<String>) {
        // Where it has ended, there is nothing to end.
        let _ = self.requests.unbounded_send(Request::Shutdown(reason.into()));
    }

    /// Whether the supervisor has ended, or was dropped.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.requests.is_closed()
    }

    /// Waits until the supervisor has ended: all its children are gone by then.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub fn finished(&self) -> SupervisorFinished {
        let (waiting, finished) = oneshot::channel();
        // Where it has ended, this is dropped, which tells that.
        let _ = self.requests.unbounded_send(Request::Finished(waiting));
        SupervisorFinished(finished)
    }

    /// Its children as they are now, or were when it ended, in the order in which they start. Those
    /// that were removed and are gone are not among them.
    #[must_use]
    pub fn children(&self) -> Vec<ChildStatus> {
        self.board.lock().values().cloned().collect()
    }

    /// One of its [children](Self::children).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ChildStatus> {
        self.board.lock().values().find(|child| &*child.name == name).cloned()
    }

    fn ask(&self, name: Arc<str>, act: ChildRequest) -> Asked {
        let (reply, answer) = oneshot::channel();
        // Where the supervisor has ended, the reply is dropped, which answers.
        let _ = self.requests.unbounded_send(Request::Of(name, act, reply));
        Asked(answer)
    }
}

impl<E, M: SupervisorFlavor> Clone for SupervisorHandle<'_, E, M> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone(), board: Arc::clone(&self.board) }
    }
}

impl<E, M: SupervisorFlavor> fmt::Debug for SupervisorHandle<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorHandle").field("children", &self.children()).finish()
    }
}

/// Waits until a supervisor has done what it was asked for. It is asked already, so this may be
/// dropped.
#[derive(Debug)]
pub struct Asked(oneshot::Receiver<Result<(), Refused>>);

impl Future for Asked {
    type Output = Result<(), Refused>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(Refused::Ended)))
    }
}

/// Waits until a supervisor has ended; made by [`SupervisorHandle::finished`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct SupervisorFinished(oneshot::Receiver<()>);

impl Future for SupervisorFinished {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

/// Waits until a supervisor has started a child that was [added](SupervisorHandle::add), or has
/// sent it back. It is asked already, so this may be dropped.
pub struct Adding<'env, E, M: SupervisorFlavor = Shared> {
    answer: oneshot::Receiver<Result<(), NotAdded<'env, E, M>>>,
    /// What came back at once: the supervisor has ended.
    back: Option<ChildSpec<'env, E, M>>,
}

// The child that came back is never pinned.
impl<E, M: SupervisorFlavor> Unpin for Adding<'_, E, M> {}

impl<'env, E, M: SupervisorFlavor> Future for Adding<'env, E, M> {
    type Output = Result<(), NotAdded<'env, E, M>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(Pin::new(&mut self.answer).poll(cx)) {
            Ok(answer) => answer,
            Err(_) => Err(NotAdded { reason: Refused::Ended, child: self.back.take() }),
        })
    }
}

impl<E, M: SupervisorFlavor> fmt::Debug for Adding<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adding").finish_non_exhaustive()
    }
}
