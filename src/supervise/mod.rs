//! Children that come back.

mod config;
mod flavor;
mod handle;
mod history;
mod incarnation;
mod member;
mod rules;
mod run;
mod spec;
mod timers;

use std::error::Error;
use std::fmt::{self, Display};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

pub use self::config::{ConfigError, ConfigErrorKind};
use self::config::{Frame, check};
pub use self::flavor::{DecideBy, SleepBy, Supervise, SupervisorFlavor};
pub use self::handle::{Adding, Asked, ChildStatus, NotAdded, Refused, RunState, SupervisorHandle};
pub use self::incarnation::Incarnation;
use self::rules::Intensity;
pub use self::rules::{AutoShutdown, Decision, Restart, Strategy};
use self::run::Options;
pub use self::run::{Supervision, SupervisionSettle};
pub use self::spec::ChildSpec;
use crate::Nursery;
use crate::error::{AsError, Failure, source_of};
use crate::flavor::{Local, Shared};
use crate::info::ChildInfo;
use crate::observe::{Observer, TimeSource, Watch};

/// Starts children, and starts them again when they end.
///
/// This has the rules; [`build`](Self::build) makes the future that keeps them.
#[must_use = "a supervisor does nothing unless it is built and awaited"]
pub struct Supervisor<'env, E, M: SupervisorFlavor = Shared> {
    nursery: Nursery<'env, (), E, M>,
    sleeper: M::Sleeper<'env>,
    options: Options<'env, E, M>,
    children: Vec<ChildSpec<'env, E, M>>,
}

impl<'env, E: Display> Supervisor<'env, E, Shared> {
    /// A supervisor of children that are `Send`, without children so far.
    ///
    /// The timer sleeps for it: the supervisor reads no clock.
    #[track_caller]
    pub fn new<C>(timer: C) -> Self
    where
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
        };
        let options = Options {
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
    /// own](ChildSpec::decide).
    pub fn decide<D>(mut self, decide: D) -> Self
    where
        M: DecideBy<'env, D, E>,
    {
        self.options.decide = Some(M::decider(decide));
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
