//! A child as its supervisor is given it: how it is made, and its rules.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::flavor::{DecideBy, Supervise, SupervisorFlavor};
use super::incarnation::Incarnation;
use super::rules::{Decision, Intensity, Restart};
use crate::adapt::Grouped;
use crate::error::{ChildError, JoinedError};
use crate::flavor::Shared;

/// Makes the delays of a backoff, from the first on.
pub(super) type MakeDelays<'env> = Box<dyn FnMut() -> Delays<'env> + Send + 'env>;

pub(super) type Delays<'env> = Box<dyn Iterator<Item = Duration> + Send + 'env>;

/// A child that a [`Supervisor`](super::Supervisor) starts, and starts again: its name, the closure
/// that makes its incarnations, and its rules.
///
/// Given to [`Supervisor::child`](super::Supervisor::child), and to
/// [`SupervisorHandle::add`](super::SupervisorHandle::add) while the supervisor runs.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nestling::retry::Backoff;
/// use nestling::supervise::{ChildSpec, Restart};
/// # async fn serve(_: u64) -> Result<(), std::io::Error> { Ok(()) }
///
/// let second = Duration::from_secs(1);
/// let child: ChildSpec<'_, std::io::Error> =
///     ChildSpec::new("listener", |incarnation| async move {
///         incarnation.ready();
///         serve(incarnation.number()).await
///     })
///     .restart(Restart::Transient)
///     .says_ready(10 * second)
///     .backoff(30 * second, move || Backoff::new(second))
///     .grace(5 * second);
/// ```
#[must_use = "a child does nothing unless a supervisor is given it"]
pub struct ChildSpec<'env, E, M: SupervisorFlavor = Shared> {
    pub(super) name: Arc<str>,
    pub(super) location: &'static Location<'static>,
    pub(super) starter: M::Starter<'env, E>,
    pub(super) rules: ChildRules<'env, E, M>,
}

/// The rules of one child.
pub(super) struct ChildRules<'env, E, M: SupervisorFlavor> {
    pub(super) restart: Restart,
    pub(super) significant: bool,
    /// How long it has to end when it is stopped. Without one it is dropped.
    pub(super) grace: Option<Duration>,
    /// How long it may take until it says that it is up. Without one it is up when it has started.
    pub(super) start_limit: Option<Duration>,
    pub(super) backoff: Option<MakeDelays<'env>>,
    /// How long an incarnation runs until the backoff begins anew.
    pub(super) stable_after: Duration,
    pub(super) intensity: Option<Intensity>,
    pub(super) decide: Option<M::Decide<'env, E>>,
}

impl<'env, E, M: SupervisorFlavor> ChildSpec<'env, E, M> {
    /// A child of which `make` makes each incarnation. It is [permanent](Restart::Permanent), is
    /// dropped when it is stopped, and has no backoff.
    ///
    /// The name is what the child is told apart by: each child of a supervisor has another.
    ///
    /// `make` may borrow. If it panics, that is a failure of the incarnation.
    #[track_caller]
    pub fn new<F, Fut>(name: impl Into<Arc<str>>, make: F) -> Self
    where
        F: FnMut(Incarnation) -> Fut,
        Fut: Future<Output = Result<(), E>>,
        M: Supervise<'env, F, Fut, E>,
    {
        Self::of(name.into(), M::starter(make))
    }

    /// The same of a child with children of its own: what it fails with is a joined error, which
    /// becomes a subtree. A supervisor is such a child, a [`retry`](fn@crate::retry) without an
    /// output, and what joins a nursery and drops the outputs.
    ///
    /// `make` itself runs before the child does. A nursery or a supervisor that it makes is not
    /// inside the child for a [watch](crate::observe::Watch); one that is made in an `async` block
    /// is.
    #[track_caller]
    pub fn group<F, Fut>(name: impl Into<Arc<str>>, make: F) -> Self
    where
        F: FnMut(Incarnation) -> Fut,
        Fut: Future<Output = Result<(), JoinedError<E>>>,
        M: Supervise<'env, F, Fut, E, Grouped>,
    {
        Self::of(name.into(), M::starter(make))
    }

    #[track_caller]
    fn of(name: Arc<str>, starter: M::Starter<'env, E>) -> Self {
        let rules = ChildRules {
            restart: Restart::default(),
            significant: false,
            grace: None,
            start_limit: None,
            backoff: None,
            stable_after: Duration::MAX,
            intensity: None,
            decide: None,
        };
        Self { name, location: Location::caller(), starter, rules }
    }

    /// The child's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// After which ends it is restarted.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.rules.restart = restart;
        self
    }

    /// Its supervisor may end when it does; see [`AutoShutdown`](super::AutoShutdown).
    pub fn significant(mut self) -> Self {
        self.rules.significant = true;
        self
    }

    /// When it is stopped it is signalled, and dropped if it is still there so much later.
    ///
    /// It hears of the signal by [`current_cancelled`](crate::current_cancelled). Without a grace
    /// it is dropped at once.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.rules.grace = Some(grace);
        self
    }

    /// It says that it is up, by [`Incarnation::ready`], and has to within this time: an
    /// incarnation that does not has [timed out](crate::Failure::TimedOut).
    ///
    /// Children that are to start after it wait for that. A child that ends in success before it
    /// says so has done what it was there for, and holds up nothing. Without this a child is up as
    /// soon as it has started.
    pub fn says_ready(mut self, within: Duration) -> Self {
        self.rules.start_limit = Some(within);
        self
    }

    /// Waits before each restart. The delays come from the iterator that `delays` makes, and where
    /// there is none left, the supervisor gives up.
    ///
    /// Once an incarnation has been up for `stable_after`, the next failure begins with a new
    /// iterator. A restart by hand does not wait, and begins anew too. `delays` is called once or
    /// twice as the rules are checked, too: whether an intensity can be exceeded is told by the
    /// delays that it makes then. It is `Send` in both flavours.
    pub fn backoff<F, D>(mut self, stable_after: Duration, mut delays: F) -> Self
    where
        F: FnMut() -> D + Send + 'env,
        D: IntoIterator<Item = Duration>,
        D::IntoIter: Send + 'env,
    {
        self.rules.backoff = Some(Box::new(move || Box::new(delays().into_iter())));
        self.rules.stable_after = stable_after;
        self
    }

    /// This child may be restarted so many times within `window`, and the supervisor gives up
    /// instead of one more. That of [all children](super::Supervisor::intensity) counts besides.
    pub fn intensity(mut self, restarts: u32, window: Duration) -> Self {
        self.rules.intensity = Some(Intensity { restarts, window });
        self
    }

    /// Decides by the failure what follows it; the [supervisor's](super::Supervisor::decide) is not
    /// asked then.
    ///
    /// It is asked about each failure of an incarnation that was not told to stop. The error's
    /// [child](ChildError::child) has the name of the child, and the number of the incarnation. If
    /// it panics, the supervisor gives up.
    pub fn decide<D>(mut self, decide: D) -> Self
    where
        D: FnMut(&ChildError<E>) -> Decision,
        M: DecideBy<'env, D, E>,
    {
        self.rules.decide = Some(M::decider(decide));
        self
    }
}

impl<E, M: SupervisorFlavor> fmt::Debug for ChildSpec<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("name", &self.name)
            .field("restart", &self.rules.restart)
            .field("significant", &self.rules.significant)
            .field("grace", &self.rules.grace)
            .field("says_ready", &self.rules.start_limit)
            .field("intensity", &self.rules.intensity)
            .finish_non_exhaustive()
    }
}
