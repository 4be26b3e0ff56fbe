//! The watch: all that is observed by it, to be looked at at any time.

use std::fmt;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use super::alarm::Alarm;
use super::clock::TimeSource;
use super::findings::{Finding, Thresholds};
use super::scene::{Lenses, Scene, Scenes, system_clock};
use super::snapshot::Snapshot;
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timer;

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
        Snapshot::of(self.0.clock.now(), &self.scenes())
    }

    fn scenes(&self) -> Vec<Arc<Scene>> {
        let scenes: Vec<_> = self.0.lock().values().cloned().collect();
        scenes.iter().filter_map(Weak::upgrade).collect()
    }

    /// Asks where inside their code the children wait: for each, the lines of its awaits. Says of how
    /// many it is asked.
    ///
    /// Each child that waits is polled once more, when its nursery is next polled. A snapshot from
    /// then on, and before the child is polled again, has its [lines](super::ChildSnapshot::await_lines),
    /// and its tree shows them. It needs nothing of the children's code but debug information; see
    /// [`AwaitTree`](super::AwaitTree) for what is found. A child that waits for a slot, that is
    /// being polled or was woken has none.
    ///
    /// The poll is one as any other: a child may go on in it, and its budget is spent. It takes some
    /// microseconds for each place where the child waits. Where the nursery is not polled, as its
    /// owner awaits something else or a poll blocks the thread, nothing is found.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::Nursery;
    /// use nestling::observe::Watch;
    /// # use std::future::pending;
    ///
    /// async fn connect() {
    ///     pending::<()>().await; // a connection that does not come
    /// }
    ///
    /// # futures::executor::block_on(async {
    /// let watch = Watch::new();
    /// let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    /// # let (_sender, receiver) = futures::channel::oneshot::channel::<()>();
    /// nursery.spawn(async {
    ///     receiver.await.ok();
    ///     connect().await;
    ///     Ok(())
    /// });
    /// # let mut next = std::pin::pin!(nursery.next());
    /// # assert!(futures::poll!(next.as_mut()).is_pending());
    /// watch.ask_await_lines();
    /// // ... and once the nursery was polled:
    /// # assert!(futures::poll!(next.as_mut()).is_pending());
    /// println!("{:#}", watch.snapshot());
    /// # assert_eq!(watch.snapshot().children()[0].await_lines().unwrap().stacks().len(), 1);
    /// # });
    /// ```
    #[cfg(feature = "stacks")]
    pub fn ask_await_lines(&self) -> usize {
        let asked = |scene: &Arc<Scene>| {
            let children = scene.view().children;
            children.iter().filter(|record| record.ask_lines()).count()
        };
        self.scenes().iter().map(asked).sum()
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
