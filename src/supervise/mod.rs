//! Children that come back.
//!
//! A [`Supervisor`] starts children in order, and starts them again when they end: by the rules of
//! Erlang's supervisors, on any runtime, and with every incarnation's failure kept.
//!
//! ```
//! use std::time::Duration;
//!
//! use nestling::Supervisor;
//! use nestling::retry::Backoff;
//! use nestling::supervise::{ChildSpec, Restart};
//! use tokio::time::sleep;
//!
//! const SECOND: Duration = Duration::from_secs(1);
//!
//! async fn serve(incarnation: u64) -> Result<(), String> {
//!     if incarnation < 3 { Err(format!("connection {incarnation} was reset")) } else { Ok(()) }
//! }
//!
//! # let mut runtime = tokio::runtime::Builder::new_current_thread();
//! # let runtime = runtime.enable_time().start_paused(true).build().unwrap();
//! # runtime.block_on(async {
//! let supervisor = Supervisor::new(sleep).name("server").intensity(5, 60 * SECOND).child(
//!     ChildSpec::new("connection", |incarnation| serve(incarnation.number()))
//!         .restart(Restart::Transient)
//!         .backoff(30 * SECOND, || Backoff::new(SECOND)),
//! );
//! let report = supervisor.build()?.settle().await;
//! assert_eq!(
//!     report.error().unwrap().tree().locations(false).to_string(),
//!     "\
//! supervisor \"server\" failed: 1 of 1 child, first #0
//! └─ #0 connection    child failed: 2 of 3 incarnations (1 completed), first #1
//!    ├─ #1            connection 1 was reset
//!    └─ #2            connection 2 was reset",
//! );
//! # Ok::<_, nestling::supervise::ConfigError>(())
//! # })?;
//! # Ok::<_, nestling::supervise::ConfigError>(())
//! ```
//!
//! # What follows an end
//!
//! | a child that is | succeeds | fails |
//! |---|---|---|
//! | [`Permanent`](Restart::Permanent) | is restarted | is restarted |
//! | [`Transient`](Restart::Transient) | is down | is restarted |
//! | [`Temporary`](Restart::Temporary) | is down | is down |
//!
//! A failure is an error, a panic, a timeout, or a group of failures. A [`Decision`] by the failure
//! comes before this table, except that it brings no temporary child back. A destructor that panics
//! after a success is a failure that is kept, and that nothing follows.
//!
//! By the [`Strategy`], other children are restarted with it. They are stopped first, the one that
//! was added last first, each with its grace. When they are gone and the backoff is over, all of
//! them start in order, each when the one before is up. Temporary ones among them stay down, and so
//! does what was down before; Erlang starts the latter too. A group that is restarted counts as one
//! restart, of the child that has ended.
//!
//! # What meets what
//!
//! | | starting or running | waiting for its backoff | stopping, to come back |
//! |---|---|---|---|
//! | [`stop`](SupervisorHandle::stop) | is stopped, and stays down | stays down | stays down once it is gone |
//! | [`remove`](SupervisorHandle::remove) | is stopped, and forgotten | is forgotten | is forgotten once it is gone |
//! | [`restart`](SupervisorHandle::restart) by hand | is stopped, and starts | starts at once, and once | starts once it is gone |
//! | a sibling fails, and it goes with that | is stopped, and starts in order | starts in order, after its own backoff too | starts in order once it is gone |
//! | the window of its restart ends | that restart does not count any more | the same | the same |
//! | the supervisor is cancelled or shut down | is stopped in its turn | stays down | is waited for |
//!
//! What is asked for last is what is done. An incarnation that has ended, late or not, touches no
//! later one: each has a number, and what it says is heard only while it runs.
//!
//! # Giving up
//!
//! A supervisor gives up when a child is to be restarted more often than the [intensity of
//! all](Supervisor::intensity) or [its own](ChildSpec::intensity) allows, when its backoff has no
//! delay left, when a [`Decision`] says so, and when its timer, a backoff or a decision panics. It
//! stops all children, and its error has the failures of all incarnations, by child. As a child of
//! another supervisor it is restarted for that in turn.
//!
//! # No clock
//!
//! It is given a [timer](crate::future::Timer), which sleeps, and reads no clock. A backoff, the
//! time until a child is stable, and the window that a restart is counted in are sleeps that were
//! armed. A restart leaves the window in the moment in which that sleep is over; what ends in the
//! same moment comes after.
//!
//! # Costs
//!
//! An incarnation costs what a child with a handle costs, and one allocation more; a grace and a
//! start limit cost what those of a child do. A child that runs arms no sleep, but for its start
//! limit and for the time until it is stable. Each restart arms one for each window that it counts
//! in.

mod config;
mod flavor;
mod handle;
mod history;
mod incarnation;
mod rules;
mod run;
mod sleeps;
mod spec;
mod supervised;

use std::error::Error;
use std::fmt::{self, Display};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

pub use self::config::{ConfigError, ConfigErrorKind};
use self::config::{Frame, check};
pub use self::flavor::{DecideBy, SleepBy, Supervise, SupervisorFlavor};
pub use self::handle::{
    Adding, Asked, ChildStatus, NotAdded, Refused, RunState, SupervisorFinished, SupervisorHandle,
};
pub use self::incarnation::Incarnation;
use self::rules::Intensity;
pub use self::rules::{AutoShutdown, Decision, Restart, Strategy};
use self::run::SupervisorRules;
pub use self::run::{Supervision, SupervisionSettle};
pub use self::spec::ChildSpec;
use crate::Nursery;
use crate::error::{AsError, ChildError, Failure, source_of};
use crate::flavor::{Local, Shared};
use crate::info::ChildInfo;
use crate::observe::{Observer, TimeSource, Watch};
use crate::time::Timer;

/// Starts children, and starts them again when they end; see the [module](self).
///
/// This has the rules; [`build`](Self::build) makes the future that keeps them. Its errors can be
/// displayed, as a [status](ChildStatus::last_failure) says what a child's last failure was.
#[must_use = "a supervisor does nothing unless it is built and awaited"]
pub struct Supervisor<'env, E, M: SupervisorFlavor = Shared> {
    nursery: Nursery<'env, (), E, M>,
    sleeper: M::Sleeper<'env>,
    options: SupervisorRules<'env, E, M>,
    children: Vec<ChildSpec<'env, E, M>>,
}

impl<'env, E: Display> Supervisor<'env, E, Shared> {
    /// A supervisor of children that are `Send`, without children so far.
    ///
    /// The timer sleeps for it: the supervisor reads no clock.
    #[track_caller]
    pub fn new<C>(timer: C) -> Self
    where
        C: Timer,
        Shared: SleepBy<'env, C>,
    {
        Self::with(Nursery::new(), Shared::sleeper(timer))
    }
}

impl<'env, E: Display> Supervisor<'env, E, Local> {
    /// A supervisor of children that need not be `Send`; neither is the supervisor then.
    #[track_caller]
    pub fn local<C>(timer: C) -> Self
    where
        C: Timer,
        Local: SleepBy<'env, C>,
    {
        Self::with(Nursery::local(), Local::sleeper(timer))
    }
}

impl<'env, E: Display, M: SupervisorFlavor> Supervisor<'env, E, M> {
    #[track_caller]
    fn with(nursery: Nursery<'env, (), E, M>, sleeper: M::Sleeper<'env>) -> Self {
        let frame = Frame {
            intensity: Some(Intensity { restarts: 3, window: Duration::from_secs(5) }),
            auto_shutdown: AutoShutdown::default(),
            max_children: usize::MAX,
            decides: false,
        };
        let options = SupervisorRules {
            name: None,
            info: ChildInfo::nursery(Location::caller()),
            strategy: Strategy::default(),
            frame,
            keep: 10,
            decide: None,
            clock: None,
            sources: None,
            text: Failure::to_string,
        };
        Self { nursery: nursery.shielded(), sleeper, options, children: Vec::new() }
    }
}

impl<'env, E, M: SupervisorFlavor> Supervisor<'env, E, M> {
    /// Adds a child. Children start in the order in which they are added, each when those before it
    /// are up.
    pub fn child(mut self, child: ChildSpec<'env, E, M>) -> Self {
        self.children.push(child);
        self
    }

    /// Names it in its error, and where it is observed.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        self.options.name = Some(Arc::clone(&name)).filter(|name| !name.is_empty());
        self.nursery = self.nursery.name(name);
        self
    }

    /// Which children are restarted with one that has failed.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.options.strategy = strategy;
        self
    }

    /// All children together may be restarted so many times within `window`, and the supervisor
    /// gives up instead of one more: 3 within 5 seconds, unless another is given.
    ///
    /// A restart of several children at once counts once, and one by hand does not. It leaves the
    /// window when a sleep of that length is over, which was armed with it.
    pub fn intensity(mut self, restarts: u32, window: Duration) -> Self {
        self.options.frame.intensity = Some(Intensity { restarts, window });
        self
    }

    /// All children together may be restarted without bound. Each then needs a
    /// [backoff](ChildSpec::backoff) or an [intensity](ChildSpec::intensity) of its own.
    pub fn unlimited(mut self) -> Self {
        self.options.frame.intensity = None;
        self
    }

    /// Whether it ends when its [significant](ChildSpec::significant) children do.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.options.frame.auto_shutdown = auto_shutdown;
        self
    }

    /// It has at most so many children, those that are down among them.
    pub fn max_children(mut self, max: usize) -> Self {
        self.options.frame.max_children = max;
        self
    }

    /// Decides by the failure what follows it, for children that have no [decision of their
    /// own](ChildSpec::decide). The error's [child](ChildError::child) has the name of the child,
    /// and the number of the incarnation.
    pub fn decide<D>(mut self, decide: D) -> Self
    where
        D: FnMut(&ChildError<E>) -> Decision,
        M: DecideBy<'env, D, E>,
    {
        self.options.decide = Some(M::decider(decide));
        self.options.frame.decides = true;
        self
    }

    /// Keeps the newest so many failures of each child, and of so many children that were removed,
    /// and counts the others: 10 unless another number is given.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn keep_failures(mut self, limit: usize) -> Self {
        assert!(limit > 0, "`keep_failures` must keep at least 1: a joined error is never empty");
        self.options.keep = limit;
        self
    }

    /// Says since when each child does what it does, by this clock; see [`ChildStatus::since`].
    ///
    /// Without one no clock is read. No rule depends on it.
    pub fn clock(mut self, clock: impl TimeSource) -> Self {
        self.options.clock = Some(Arc::new(clock));
        self
    }

    /// Lets the error say what each failure was caused by; see [`Nursery::sources`].
    pub fn sources(self) -> Self
    where
        E: AsError,
    {
        self.sources_by(source_of)
    }

    /// The same for errors that only lead to an [`Error`]; see [`Nursery::sources_by`].
    pub fn sources_by(mut self, source: fn(&E) -> Option<&(dyn Error + 'static)>) -> Self {
        self.options.sources = Some(source);
        self.nursery = self.nursery.sources_by(source);
        self
    }

    /// Lets the watch see its children; see [`Nursery::watch`].
    pub fn watch(mut self, watch: &Watch) -> Self {
        self.nursery = self.nursery.watch(watch);
        self
    }

    /// Tells the observer of its children; see [`Nursery::observe`].
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.nursery = self.nursery.observe(observer);
        self
    }

    /// Opens spans for it and its children; see [`Nursery::trace`].
    #[cfg(feature = "tracing")]
    pub fn trace(mut self) -> Self {
        self.nursery = self.nursery.trace();
        self
    }

    /// Checks the rules, and makes the future that keeps them. Nothing is started before that is
    /// polled.
    ///
    /// # Errors
    ///
    /// If rules cannot be meant so. The text says which, and what would be right.
    pub fn build(mut self) -> Result<Supervision<'env, E, M>, ConfigError> {
        check(&self.options.frame, &mut self.children)?;
        let Self { nursery, sleeper, options, children } = self;
        Ok(Supervision::new(nursery, sleeper, options, children))
    }
}

impl<E, M: SupervisorFlavor> fmt::Debug for Supervisor<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("name", &self.options.name.as_deref())
            .field("strategy", &self.options.strategy)
            .field("intensity", &self.options.frame.intensity)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
