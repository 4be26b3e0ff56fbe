//! The builder of one child: what it is called and how it may end, then how it is spawned.

use std::fmt;
use std::sync::Arc;

use crate::adapt::{Adapt, Timer};
use crate::flavor::{Flavor, Hold};
use crate::timed::Timers;

/// A child about to be spawned: options first, then one of the spawn methods.
///
/// Made by [`Nursery::child`](crate::Nursery::child) and [`Spawner::child`](crate::Spawner::child).
/// The spawn methods are those of the nursery and of the spawner, and do the same.
///
/// A child with an option of its own costs an allocation that others do without, and one for the
/// name and for each future that is given.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use std::future::{pending, ready};
///
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, (), String> = Nursery::new();
/// nursery.child().name("metrics").daemon().spawn(pending());
/// nursery.child().name("fetch").timeout(ready(())).spawn(pending());
/// nursery.child().name("flush").grace(ready(())).spawn_with(|cx| async move {
///     let cause = cx.cancelled().await;
///     Err(format!("flushed at the end: {cause}"))
/// });
/// # nursery.cancel("shutting down");
/// let report = nursery.settle().await;
/// # assert_eq!(report.counts().total(), 3);
/// # });
/// ```
#[must_use = "a child is spawned by one of the spawn methods"]
pub struct ChildBuilder<'env, P, M: Flavor> {
    pub(super) parent: P,
    pub(super) options: Options<'env, M>,
}

/// What is special about a child.
pub(super) struct Options<'env, M: Flavor> {
    pub(super) name: Option<Arc<str>>,
    pub(super) daemon: bool,
    /// `None` for most: that is cheaper to pass on, and to drop, than timers of which none is
    /// there.
    pub(super) timers: Option<Timers<M::Boxed<'env, ()>>>,
}

impl<'env, P, M: Flavor> ChildBuilder<'env, P, M> {
    pub(super) fn new(parent: P) -> Self {
        let options = Options { name: None, daemon: false, timers: None };
        Self { parent, options }
    }

    /// Names the child in errors, causes and reports. Names need not be unique; an empty one is
    /// none.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.options.name = Some(name.into()).filter(|name| !name.is_empty());
        self
    }

    /// Makes the child a daemon: it is not waited for.
    ///
    /// When the last other child has ended, and the body if there is one, the daemons are
    /// cancelled, the newest first, with [`CauseKind::Finished`](crate::CauseKind::Finished). That
    /// is no failure; a failure of its own is reported as any other's. A
    /// [`deadline`](crate::Nursery::deadline) cancels a daemon, and does not make it a failure.
    ///
    /// Its output wins no [race](crate::Nursery::first_ok).
    ///
    /// A daemon takes no slot of the [`limit`](crate::Nursery::limit) and waits for none: it would
    /// keep others from running for as long as they run. In a nursery that is cancelled within a
    /// [grace](crate::Nursery::grace) it goes on until the last other child has ended, and is
    /// dropped then, unless it has a grace of its own. One that is spawned when no other child is
    /// left is cancelled before it starts.
    pub fn daemon(mut self) -> Self {
        self.options.daemon = true;
        self
    }

    /// Lets the child fail as [timed out](crate::Failure::TimedOut) if this future resolves before
    /// the child has ended.
    ///
    /// The time begins when the child starts: the future is polled right before the child each
    /// time, so that a child which uses up the budget of its runtime's task leaves some to its
    /// timeout. It is heeded after the child: one that is ready in the same poll has ended in time,
    /// also where the timeout had passed already. Once the child is cancelled, its timeout is not
    /// polled any more. With a [`grace`](Self::grace) the child is signalled first, and has timed
    /// out when it does not end by itself before that is over.
    ///
    /// Many timers begin when they are made. A child that waits in the backlog waits on its own
    /// time then; `async { sleep(second).await }` begins with the child.
    ///
    /// A timeout that panics is the child's failure, and the child is dropped.
    pub fn timeout<F>(mut self, timeout: F) -> Self
    where
        F: Future,
        M: Hold<'env, F>,
    {
        self.timers().timeout = Some(hold::<F, M>(timeout));
        self
    }

    /// Lets the child go on for a time once it is cancelled, until this future resolves.
    ///
    /// The child is signalled: what waits for
    /// [`ChildContext::cancelled`](crate::ChildContext::cancelled) is woken, and nurseries made by
    /// [`ChildContext::nursery`](crate::ChildContext::nursery) are cancelled. If the child ends by
    /// itself, that is its outcome: an output is kept, a failure is flagged
    /// [`after_cancel`](crate::ChildError::after_cancel). Otherwise it is dropped when the grace is
    /// over, and the [report](crate::Report::overran_grace) says so. A child that has not started
    /// when it is cancelled is dropped at once.
    ///
    /// The future is polled first when the child is cancelled, right before the child, which is
    /// polled at least once more. A timer that begins when it is made has passed by then, perhaps:
    /// `async { sleep(second).await }` begins with the cancel.
    ///
    /// A grace that panics is over, and its panic is the child's failure.
    pub fn grace<F>(mut self, grace: F) -> Self
    where
        F: Future,
        M: Hold<'env, F>,
    {
        self.timers().grace = Some(hold::<F, M>(grace));
        self
    }

    fn timers(&mut self) -> &mut Timers<M::Boxed<'env, ()>> {
        self.options.timers.get_or_insert(Timers::NONE)
    }
}

/// Boxes a timer; its output is discarded.
pub(super) fn hold<'env, F, M>(timer: F) -> M::Boxed<'env, ()>
where
    F: Future,
    M: Hold<'env, F>,
{
    M::hold::<Timer>(Box::new(Adapt::new(timer)))
}

impl<P, M: Flavor> fmt::Debug for ChildBuilder<'_, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timers = self.options.timers.as_ref();
        f.debug_struct("ChildBuilder")
            .field("name", &self.options.name)
            .field("daemon", &self.options.daemon)
            .field("timeout", &timers.is_some_and(|timers| timers.timeout.is_some()))
            .field("grace", &timers.is_some_and(|timers| timers.grace.is_some()))
            .finish_non_exhaustive()
    }
}
