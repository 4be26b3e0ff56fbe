//! Being told what children do, as they do it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::clock::TimeSource;
use super::kinds::{EndKind, WokenBy};
use super::seen::SeenChild;
use crate::cancel::Cause;
use crate::guard::{catch, drop_quietly};

/// What is told of the children of a nursery or a pool, as they do it.
///
/// It is given to [`Nursery::observe`](crate::Nursery::observe) or
/// [`Pool::observe`](crate::Pool::observe), and told of nested nurseries and pools too. Each method
/// does nothing unless it is written. Times are those of the observer's [clock](Self::clock).
///
/// It is called on whichever thread spawns, polls, wakes or drops the child, in the middle of that,
/// and never under a lock of this crate. So it should be quick, and must not block: a wake may come
/// from any code, which may hold locks of its own. What is told of one child comes in order, but
/// for wakes and cancels, which may come from several threads at once.
///
/// An observer that panics is not called again; the run goes on. Nothing is told of that.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
/// use nestling::Nursery;
/// use nestling::observe::{EndKind, Observer, SeenChild};
///
/// #[derive(Default)]
/// struct Failures(AtomicUsize);
///
/// impl Observer for Failures {
///     fn ended(&self, child: &SeenChild, _at: Duration, kind: EndKind) {
///         if kind.is_failure() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///             println!("{} {kind}", child.info());
///         }
///     }
/// }
///
/// # futures::executor::block_on(async {
/// let failures = Arc::new(Failures::default());
/// let mut nursery: Nursery<'_, (), &str> = Nursery::new().observe(Arc::clone(&failures));
/// nursery.spawn(async { Ok(()) });
/// nursery.spawn(async { Err("disk full") });
/// nursery.join().await.unwrap_err();
/// assert_eq!(failures.0.load(Ordering::Relaxed), 1);
/// # });
/// ```
#[expect(unused_variables, reason = "they are named for those that write the methods")]
pub trait Observer: Send + Sync + 'static {
    /// A child was spawned. It may wait for a slot.
    ///
    /// One that a [`Spawner`](crate::Spawner) spawned is told of when the nursery is next driven,
    /// with the time at which it was spawned.
    fn spawned(&self, child: &SeenChild, at: Duration) {}

    /// A child is about to be polled for the first time.
    fn started(&self, child: &SeenChild, at: Duration) {}

    /// A child was polled. Also told of the poll in which it ends or panics.
    fn polled(&self, child: &SeenChild, poll: &PollSeen) {}

    /// A child was woken for the first time since its last poll.
    fn woken(&self, child: &SeenChild, at: Duration, by: &WokenBy) {}

    /// A child was told to end: it is about to be dropped, or may go on for a time.
    ///
    /// Of children that are dropped at once with their nursery only the [end](Self::ended) is told,
    /// and of one that is cancelled before its spawn was told.
    fn cancelled(&self, child: &SeenChild, at: Duration, cause: &Cause) {}

    /// A child has ended, and its future was dropped.
    ///
    /// One that runs on an executor, and whose nursery is dropped, counts as ended then, although its
    /// future may be dropped later: nothing more is told of it.
    fn ended(&self, child: &SeenChild, at: Duration, kind: EndKind) {}

    /// The clock of the times that it is told; the [system's](super::SystemClock) without one.
    ///
    /// Asked once, when the observer is given to a nursery. Of several watches and observers the
    /// first clock counts.
    fn clock(&self) -> Option<Arc<dyn TimeSource>> {
        None
    }
}

/// One poll of a child.
#[derive(Clone, Debug)]
pub struct PollSeen {
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) woken: Option<(Duration, WokenBy)>,
}

impl PollSeen {
    /// When it began.
    #[must_use]
    pub fn began(&self) -> Duration {
        self.began
    }

    /// When it ended.
    #[must_use]
    pub fn ended(&self) -> Duration {
        self.ended
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }

    /// When, and by what, the child was woken for this poll; `None` for the first poll, and for one
    /// that came without a wake of the child's waker, as after a cancel.
    #[must_use]
    pub fn woken(&self) -> Option<(Duration, &WokenBy)> {
        self.woken.as_ref().map(|(at, by)| (*at, by))
    }
}

/// One that is shared.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn spawned(&self, child: &SeenChild, at: Duration) {
        (**self).spawned(child, at);
    }

    fn started(&self, child: &SeenChild, at: Duration) {
        (**self).started(child, at);
    }

    fn polled(&self, child: &SeenChild, poll: &PollSeen) {
        (**self).polled(child, poll);
    }

    fn woken(&self, child: &SeenChild, at: Duration, by: &WokenBy) {
        (**self).woken(child, at, by);
    }

    fn cancelled(&self, child: &SeenChild, at: Duration, cause: &Cause) {
        (**self).cancelled(child, at, cause);
    }

    fn ended(&self, child: &SeenChild, at: Duration, kind: EndKind) {
        (**self).ended(child, at, kind);
    }

    fn clock(&self) -> Option<Arc<dyn TimeSource>> {
        (**self).clock()
    }
}

/// An observer behind an unwind guard.
pub(super) struct Guarded {
    /// There until this is dropped.
    observer: Option<Box<dyn Observer>>,
    has_panicked: AtomicBool,
}

impl Guarded {
    pub(super) fn new(observer: impl Observer) -> Arc<Self> {
        Arc::new(Self { observer: Some(Box::new(observer)), has_panicked: AtomicBool::new(false) })
    }

    pub(super) fn tell(&self, tell: impl FnOnce(&dyn Observer)) {
        let Some(observer) = &self.observer else { return };
        if self.has_panicked.load(Ordering::Relaxed) {
            return;
        }
        if let Err(caught) = catch(|| tell(&**observer)) {
            self.has_panicked.store(true, Ordering::Relaxed);
            drop_quietly(caught);
        }
    }

    pub(super) fn clock(&self) -> Option<Arc<dyn TimeSource>> {
        let mut clock = None;
        self.tell(|observer| clock = observer.clock());
        clock
    }
}

/// It may be dropped anywhere, with the last waker of a child for one.
impl Drop for Guarded {
    fn drop(&mut self) {
        drop_quietly(self.observer.take());
    }
}
