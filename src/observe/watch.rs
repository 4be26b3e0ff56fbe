//! The watch: all that is observed by it, to be looked at at any time.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::alarm::Alarm;
use super::clock::TimeSource;
use super::findings::{Finding, Thresholds};
use super::scene::{Lenses, Scene, Scenes, system_clock};
use super::snapshot::Snapshot;
use crate::time::Timer;
use crate::sync::{Mutex, MutexGuard};

/// Sees the children of all nurseries and pools that it is given to, and of those inside them.
///
/// Given to [`Nursery::watch`](crate::Nursery::watch) or [`Pool::watch`](crate::Pool::watch).
/// Clones are the same watch. It keeps no nursery alive, and no child.
///
/// No tool that looks at tasks sees what runs inside one; this does, on any runtime. A snapshot is
/// taken by the caller alone: it needs nothing of the nursery's driver, and so tells what happens
/// also where that is stuck, is not polled, or is in the middle of a poll.
///
/// # Examples
///
/// A thread that looks every ten seconds, and says what is wrong:
///
/// ```no_run
/// use std::{thread, time::Duration};
/// use nestling::observe::Watch;
///
/// let watch = Watch::new();
/// # let nursery: nestling::Nursery<'_, (), ()> = nestling::Nursery::new();
/// let nursery = nursery.watch(&watch);
/// thread::spawn(move || {
///     loop {
///         thread::sleep(Duration::from_secs(10));
///         for finding in watch.check() {
///             eprintln!("{finding}");
///         }
///     }
/// });
/// ```
#[derive(Clone)]
pub struct Watch(Arc<Watching>);

/// What the clones of a watch share.
pub(super) struct Watching {
    clock: Arc<dyn TimeSource>,
    scenes: Mutex<Scenes>,
}

impl Watch {
    /// A watch by the [system's clock](super::SystemClock).
    #[must_use]
    pub fn new() -> Self {
        Self::by(system_clock())
    }

    /// A watch by another clock.
    #[must_use]
    pub fn with_clock(clock: impl TimeSource) -> Self {
        Self::by(Arc::new(clock))
    }

    fn by(clock: Arc<dyn TimeSource>) -> Self {
        Self(Arc::new(Watching { clock, scenes: Mutex::default() }))
    }

    /// What every child does now, in spawn order.
    ///
    /// It may be called from any thread, at any time, also in the poll of a child. Each child that
    /// was spawned before the call and has not ended by its return is there exactly once, as it was
    /// at one moment; of different children these moments differ, as the others go on meanwhile.
    /// Takes time in the number of children, and locks each for the copying of a few words.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let scenes: Vec<_> = self.0.lock().values().cloned().collect();
        let scenes = scenes.iter().filter_map(std::sync::Weak::upgrade).collect::<Vec<_>>();
        Snapshot::of(self.0.clock.now(), &scenes)
    }

    /// What is wrong now with what is observed, by the default [`Thresholds`]: the
    /// [findings](Snapshot::findings) of a snapshot.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        self.snapshot().findings(&Thresholds::default())
    }

    /// A stream that [checks](Self::check) after each sleep of `every`, and hands out what was not
    /// found at the check before. It never ends.
    ///
    /// It is for another task than those that are watched: a nursery that is not polled cannot
    /// notice it, and a poll that blocks a thread blocks what else runs there. A thread that sleeps
    /// and [checks](Self::check) serves where all of a program may be stuck.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use futures::StreamExt;
    /// use nestling::observe::Watch;
    ///
    /// # async fn example() {
    /// let watch = Watch::new();
    /// let mut alarm = watch.alarm(smol::Timer::after, Duration::from_secs(5));
    /// smol::spawn(async move {
    ///     while let Some(findings) = alarm.next().await {
    ///         for finding in findings {
    ///             eprintln!("{finding}");
    ///         }
    ///     }
    /// })
    /// .detach();
    /// # }
    /// ```
    pub fn alarm<C: Timer>(&self, timer: C, every: Duration) -> Alarm<C> {
        Alarm::new(self.clone(), timer, every)
    }

    pub(crate) fn lenses(&self) -> Lenses {
        Lenses::watch(&self.0)
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Watching {
    pub(super) fn clock(&self) -> Arc<dyn TimeSource> {
        Arc::clone(&self.clock)
    }

    pub(super) fn add(&self, scene: &Arc<Scene>) {
        self.lock().insert(scene.number, Arc::downgrade(scene));
    }

    pub(super) fn remove(&self, number: u64) {
        let scene = self.lock().remove(&number);
        drop(scene);
    }

    fn lock(&self) -> MutexGuard<'_, Scenes> {
        self.scenes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("nurseries", &self.0.lock().len()).finish_non_exhaustive()
    }
}
