//! A nursery from the inside: its children, what has ended, and how it ends itself.
//!
//! | part | has |
//! |---|---|
//! | [`Children`] | the backlog, the lanes, and the slots that are taken |
//! | [`Shutdown`] | why the nursery is cancelled, and the timers of that |
//! | [`Records`], [`Policy`] | what has ended and was not handed out; what a failure leads to |
//! | [`Mailbox`] | the inbox of spawners, and the requests of handles |
//! | [`Pass`] | how the driver goes round in all of them |
//!
//! **The path of a child.** `spawn` boxes its future and puts it into the backlog; a spawner puts
//! it into the inbox, from which the driver fetches it in its next round. When there is a slot and
//! budget, the driver polls it in the backlog, with the waker of a free lane. If it is pending it
//! moves to that lane, and stays there until its end. Its end becomes a
//! [`Completion`](crate::Completion), and goes to whatever finishes the nursery, or waits among the
//! records if the caller has enough.
//!
//! **The path of a wake.** It sets the bit of the lane. The first one of 64 lanes tells the queue
//! of woken words, and the first one there tells the driver's waker; a wake of the first 64 lanes
//! tells it without a queue. That leaves a mark while the driver runs, and wakes the task that owns
//! the nursery while the driver rests. See [`lanes`](crate::lanes).
//!
//! **The budget** is that of the turn, see [`drive`](crate::drive): each poll costs one, whichever
//! nursery it is in.

pub(crate) mod backlog;
pub(crate) mod children;
pub(crate) mod collected;
mod finish;
pub(crate) mod inbox;
mod mailbox;
mod pass;
pub(crate) mod policy;
pub(crate) mod records;
mod shutdown;
pub(crate) mod timer;

use std::sync::Arc;
use std::task::{Context, Poll};

use self::children::Children;
use self::collected::Summary;
use self::inbox::{Admission, By, Refusal, Ticket};
use self::mailbox::Mailbox;
pub(crate) use self::pass::{Body, NoBody, Pass, Take};
use self::policy::Policy;
use self::records::Records;
use self::shutdown::Shutdown;
use crate::cancel::{Cause, Control, Nest, Requests, Time};
use crate::child::{Child, Evicted, Spawned};
use crate::drive::{DriverWaker, Running};
use crate::error::Counts;
use crate::flavor::Flavor;
use crate::guard::{FirstPanic, drop_guarded};
use crate::info::{ChildId, ChildInfo, Owner};
use crate::observe::{Lenses, Observed, Scene};

/// The children of one nursery and all that is known of them.
pub(crate) struct Scope<'env, T, E, M: Flavor> {
    pub(crate) policy: Policy<'env, E, M>,
    children: Children<'env, T, E, M>,
    shutdown: Shutdown<'env, M>,
    records: Records<T, E>,
    /// Of so many cancelled children more it is told which they are.
    cancelled_told: u32,
    counts: Counts,
    mailbox: Mailbox<'env, T, E, M>,
    /// In a box, as most nurseries have nothing of it, and nest.
    about: Option<Box<About>>,
}

/// What few nurseries have.
#[derive(Default)]
struct About {
    name: Option<Arc<str>>,
    /// There if the nursery is observed.
    observed: Option<Observed>,
}

impl<'env, T, E, M: Flavor> Scope<'env, T, E, M> {
    pub(crate) fn new(driver: &Arc<DriverWaker>) -> Self {
        Self {
            policy: Policy::collect(Owner::Nursery),
            children: Children::new(driver),
            shutdown: Shutdown::new(),
            records: Records::new(),
            cancelled_told: u32::MAX,
            counts: Counts::default(),
            mailbox: Mailbox::new(),
            about: Observed::inside(Owner::Nursery, driver)
                .map(|observed| Box::new(About { name: None, observed: Some(observed) })),
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.about.as_ref()?.name.as_deref()
    }

    /// Names the nursery. An empty name is none.
    pub(crate) fn set_name(&mut self, name: Arc<str>) {
        let about = self.about.get_or_insert_default();
        about.name = Some(name).filter(|name| !name.is_empty());
        if let Some(observed) = &about.observed {
            observed.scene().set_name(about.name.clone());
        }
    }

    /// The scene, if the nursery is observed.
    #[inline]
    pub(crate) fn scene(&self) -> Option<&Arc<Scene>> {
        self.observed().map(Observed::scene)
    }

    #[inline]
    fn observed(&self) -> Option<&Observed> {
        self.about.as_ref()?.observed.as_ref()
    }

    /// Tells observers of the children that were spawned.
    #[cold]
    pub(crate) fn tell_new(&self) {
        if let Some(scene) = self.scene() {
            scene.tell_new();
        }
    }

    /// Lets the children that are spawned from now on be observed by these too.
    pub(crate) fn observe(&mut self, lenses: Lenses) {
        let driver = self.children.lanes.driver();
        // A spawner may have made a child that has not come in.
        let is_unused = self.children.is_empty() && self.mailbox.inbox().is_none();
        let about = self.about.get_or_insert_default();
        let before = about.observed.take();
        let observed = Observed::add(before, Owner::Nursery, driver, lenses, is_unused);
        observed.scene().set_name(about.name.clone());
        observed.scene().set_limit(self.children.limit);
        if let Some(inbox) = self.mailbox.inbox() {
            inbox.set_scene(Arc::clone(observed.scene()));
        }
        about.observed = Some(observed);
    }

    /// Lets nothing observe the children.
    pub(crate) fn unobserve(&mut self) {
        if let Some(about) = &mut self.about {
            about.observed = None;
        }
    }

    pub(crate) fn summary(&self) -> Summary<E> {
        let name = self.about.as_ref().and_then(|about| about.name.clone());
        let cause = self.shutdown.cause.clone();
        let (counts, handed_out) = (Counts { taken_out: 0, ..self.counts }, self.counts.taken_out);
        let (owner, sources) = (Owner::Nursery, self.policy.sources());
        Summary { owner, name, counts, handed_out, cause, sources }
    }

    pub(crate) fn cause(&self) -> Option<&Cause> {
        self.shutdown.cause.as_ref()
    }

    /// Children that have started and not ended.
    pub(crate) fn running(&self) -> usize {
        self.children.running()
    }

    /// Children that have not ended, without daemons and those that the driver has not fetched.
    pub(crate) fn unfinished(&self) -> usize {
        self.children.unfinished
    }

    /// Children that have not started.
    pub(crate) fn queued(&self) -> usize {
        self.children.backlog.len() + self.mailbox.incoming()
    }

    /// Lets the nursery be cancelled with this child.
    pub(crate) fn set_parent(&mut self, control: &Control) {
        self.shutdown.set_parent(control, self.children.lanes.driver());
    }

    /// Lets the nursery go on when the child around it is cancelled, until that goes.
    pub(crate) fn shield(&mut self) {
        self.shutdown.shield();
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.children.limit = limit;
        if let Some(inbox) = self.mailbox.inbox() {
            inbox.set_limit(limit);
        }
        if let Some(scene) = self.scene() {
            scene.set_limit(limit);
        }
    }

    pub(crate) fn requests(&mut self) -> &Arc<Requests> {
        self.mailbox.requests(self.children.lanes.driver())
    }

    /// The inbox, which exists from the first call on.
    pub(crate) fn inbox(&mut self) -> &Arc<inbox::Inbox<'env, T, E, M>> {
        let Children { lanes, limit, unfinished, .. } = &self.children;
        let cause = self.shutdown.cause.as_ref();
        let scene = self.about.as_ref().and_then(|about| about.observed.as_ref());
        let scene = scene.map(Observed::scene);
        self.mailbox.open_inbox(lanes.driver(), cause, *limit, *unfinished, scene)
    }

    /// The inbox, if a spawner was ever asked for.
    pub(crate) fn inbox_if_any(&self) -> Option<&Arc<inbox::Inbox<'env, T, E, M>>> {
        self.mailbox.inbox()
    }

    /// Whether a failure of this child was not handed out yet.
    pub(crate) fn has_failure_of(&self, child: ChildId) -> bool {
        self.records.has_failure_of(child)
    }

    /// Why the nursery is cancelled, also if the driver has not acted on it yet.
    pub(crate) fn cancel_requested(&self) -> Option<Cause> {
        self.shutdown.cause.clone().or_else(|| self.mailbox.cancel_requested())
    }

    /// Why the nursery is cancelled, or is about to be by a failure.
    fn end_requested(&self) -> Option<Cause> {
        self.cancel_requested().or_else(|| self.shutdown.failure_due().cloned())
    }

    /// Whether a spawner has cancelled the nursery, and the driver has not acted on it yet.
    #[inline]
    fn must_cancel(&self) -> bool {
        self.mailbox.is_cancelled() && self.shutdown.cause.is_none()
    }

    /// Takes a slot for the owner, if one is free. Without spawners nothing comes in between, and
    /// the child takes it when it comes.
    pub(crate) fn try_slot(&mut self) -> Result<Admission, Refusal> {
        if let Some(cause) = self.end_requested() {
            return Err(Refusal::Cancelled(cause));
        }
        match self.mailbox.inbox() {
            Some(inbox) => inbox.try_slot(By::Owner).map(|()| Admission::Slot(By::Owner)),
            None if self.children.has_room() => Ok(Admission::Always),
            None => Err(Refusal::Full),
        }
    }

    /// Waits for a slot for the owner, in the queue that spawners wait in, if there are any.
    ///
    /// `cx` is to wake the driver: the owner is not woken for what happens while it drives.
    pub(crate) fn poll_slot(
        &mut self,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
    ) -> Poll<Result<Admission, Refusal>> {
        if let Some(cause) = self.end_requested() {
            return Poll::Ready(Err(Refusal::Cancelled(cause)));
        }
        match self.mailbox.inbox() {
            Some(inbox) => {
                inbox.poll_slot(cx, ticket, By::Owner).map_ok(|()| Admission::Slot(By::Owner))
            }
            None if self.children.has_room() => Poll::Ready(Ok(Admission::Always)),
            None => Poll::Pending,
        }
    }

    /// Adds a child behind all that were spawned before.
    ///
    /// The child of a cancelled nursery is dropped unpolled, and recorded as cancelled.
    #[inline]
    pub(crate) fn add<R>(
        &mut self,
        admission: Admission,
        material: R,
        make: impl FnOnce(R, ChildId) -> Child<'env, T, E, M>,
    ) -> Spawned {
        let id = match self.mailbox.inbox() {
            Some(inbox) => {
                let (id, earlier) = inbox.admit(admission);
                for child in earlier {
                    self.children.push(child);
                }
                id
            }
            None => self.mailbox.next_id(),
        };
        let child = make(material, id);
        let spawned = child.spawned();
        self.children.push(child);
        if let Some(cause) = &self.shutdown.cause {
            self.cancel_late(id, cause.clone());
        }
        spawned
    }

    /// Drops a child that was spawned into a cancelled nursery.
    #[cold]
    fn cancel_late(&mut self, id: ChildId, cause: Cause) {
        if let Some(child) = self.children.backlog.remove(id) {
            child.cancel(false, Time::Own, &cause);
            let (child, ended) = child.abort(&cause, false, false);
            self.finish(&child, ended);
        }
    }

    /// Whether no child is left that is waited for, and none is on its way.
    #[inline]
    fn is_idle(&self) -> bool {
        self.children.none_awaited() && self.mailbox.is_idle()
    }

    /// Closes the nursery if no child is left that is waited for, and says whether it did. Daemons
    /// are cancelled first.
    pub(crate) fn close_if_idle(&mut self) -> bool {
        self.cancel_daemons_if_idle();
        if !self.is_empty() || !self.mailbox.end_if_idle() {
            return false;
        }
        // A spawner that cancelled it in the last moment was told that it was the first.
        self.shutdown.cause = self.cancel_requested();
        self.shutdown.leave_parents();
        // Before the result is made, so that it can tell of a destructor that panics.
        self.drop_options();
        self.records.is_empty()
    }

    /// Nothing is left, and the owner may spawn again.
    pub(crate) fn go_on(&mut self) {
        self.shutdown.leave_around();
    }

    /// Whether the nursery is neither closed nor cancelled.
    pub(crate) fn is_open(&self) -> bool {
        let closed = self.mailbox.inbox().is_some_and(|inbox| inbox.is_closed());
        self.shutdown.cause.is_none() && !closed
    }

    /// [Closes](Self::close_if_idle) the nursery for its result, and says whether it did. `is_told`
    /// says that the result tells more than outputs.
    ///
    /// Where children were cancelled, the outputs are a part, or none. Such a result is kept back
    /// in the last poll of the child that the nursery is inside: the child would take it for the
    /// whole. It is pending then, for ever, and the driver rests.
    pub(crate) fn close(&mut self, running: &mut Running<'_>, is_told: bool) -> Poll<bool> {
        if !self.shutdown.went_with_child() {
            let around = if self.is_last() { self.nest() } else { None };
            if !self.close_if_idle() {
                return Poll::Ready(false);
            }
            match around {
                Some(around) if !is_told && self.counts.cancelled > 0 => {
                    around.lose(self.counts.not_stored);
                    self.shutdown.go_with_child();
                }
                _ => return Poll::Ready(true),
            }
        }
        running.rest();
        Poll::Pending
    }

    /// Whether there is no child, and nothing to hand out.
    pub(crate) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.records.is_empty()
    }

    /// Cancels daemons, if no other child is left.
    pub(crate) fn cancel_daemons_if_idle(&mut self) {
        // A cancel that came before the end is acted on first.
        if self.is_idle() && !self.must_cancel() {
            self.cancel_daemons();
        }
    }

    /// Counts failures that are dropped with the nursery, in the child that it is inside.
    pub(crate) fn lose(&self, failures: u64) {
        if let (Some(nest), 1..) = (self.shutdown.nest(), failures) {
            nest.lose(failures);
        }
    }

    /// The nest of the child that the nursery is inside.
    pub(crate) fn nest(&self) -> Option<Arc<Nest>> {
        self.shutdown.nest().cloned()
    }

    /// Whether the child that the nursery is inside is polled for the last time.
    pub(crate) fn is_last(&self) -> bool {
        self.shutdown.is_last()
    }

    /// Lets the scope tell of at most so many cancelled children more which they are.
    pub(crate) fn tell_cancelled(&mut self, at_most: u32) {
        self.cancelled_told = at_most;
    }

    /// Whether there is a failure that was not handed out.
    pub(crate) fn has_failures(&self) -> bool {
        self.records.failures() > 0
    }

    pub(crate) fn count_not_stored(&mut self, failures: u64) {
        self.counts.not_stored += failures;
    }

    /// A failure of this child is handed out, and `held` is to be handed out next. Counts the child
    /// if that was its last failure.
    pub(crate) fn has_handed_out(&mut self, child: &ChildInfo, held: &Records<T, E>) {
        // All failures of a child come one right after the other.
        let next = if held.is_empty() { &self.records } else { held };
        let is_child = !child.is_body() && !child.is_nursery();
        if is_child && !next.begins_with_failure_of(child.id()) {
            self.counts.taken_out += 1;
        }
    }

    /// Takes every child out, the newest first, and closes the nursery for good.
    fn evict(&mut self) -> Vec<Child<'env, T, E, M>> {
        let mut children = self.children.take_all();
        children.extend(self.mailbox.end());
        shutdown::newest_first(&mut children);
        children
    }
}

/// Drops all children there and then, the newest first.
///
/// Each is dropped even where the destructor of another panics, and so is what has ended and what
/// was polled or asked beside them. The first such panic goes on once all are gone, unless the
/// thread is panicking already.
impl<T, E, M: Flavor> Drop for Scope<'_, T, E, M> {
    fn drop(&mut self) {
        self.lose(self.records.failures() + self.counts.not_stored);
        let mut first = FirstPanic::default();
        // Most nurseries have ended, and nothing is left in them.
        if !self.children.is_empty() || self.mailbox.inbox().is_some() {
            let children = self.evict();
            let inside: Vec<_> = match self.shutdown.nest() {
                Some(_) => children.iter().filter_map(|child| child.control()?.nest()).collect(),
                None => Vec::new(),
            };
            first.drop_each(children.into_iter().map(Evicted));
            self.lose(inside.iter().map(|nest| nest.lost()).sum());
        }
        if !self.records.is_empty() {
            first.note(drop_guarded(std::mem::replace(&mut self.records, Records::new())));
        }
        self.shutdown.drop_each(&mut first);
        if let Some(policy) = self.policy.retire() {
            first.note(drop_guarded(policy));
        }
        if let Some(told) = self.policy.stop_telling() {
            first.note(drop_guarded(told));
        }
        if let Some(inbox) = self.mailbox.inbox() {
            first.note(drop_guarded(inbox.take_grace()));
        }
        first.resume();
    }
}
