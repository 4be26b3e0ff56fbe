//! The supervisor that runs: it hears of ends, and decides what follows.

mod ends;
mod requests;
mod starting;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures::stream::Stream;
use futures_channel::{mpsc, oneshot};

use super::config::Frame;
use super::flavor::SupervisorFlavor;
use super::handle::{Request, StatusBoard, SupervisorHandle};
use super::history::Histories;
use super::incarnation::Key;
use super::rules::Strategy;
use super::sleeps::{Armed, SleepFor, Sleeps};
use super::spec::ChildSpec;
use super::supervised::{CurrentRun, Stop, Supervised};
use crate::Nursery;
use crate::cancel::{Cause, CurrentCancelled, current_cancelled};
use crate::error::{Failure, JoinedError, Sources};
use crate::flavor::Shared;
use crate::guard::{FirstPanic, drop_guarded, drop_quietly};
use crate::info::{ChildId, ChildInfo};
use crate::observe::TimeSource;
use crate::report::Report;

/// What a supervisor was built with.
pub(super) struct SupervisorRules<'env, E, M: SupervisorFlavor> {
    pub(super) name: Option<Arc<str>>,
    pub(super) info: ChildInfo,
    pub(super) strategy: Strategy,
    pub(super) frame: Frame,
    pub(super) keep: usize,
    pub(super) decide: Option<M::Decide<'env, E>>,
    pub(super) clock: Option<Arc<dyn TimeSource>>,
    pub(super) sources: Option<Sources<E>>,
    /// What a failure says.
    pub(super) text: fn(&Failure<E>) -> String,
}

/// A supervisor that is to be awaited: it starts its children, and starts them again.
///
/// Made by [`Supervisor::build`](super::Supervisor::build). It is a child like any other: awaited
/// by itself, or spawned as a [group](crate::Nursery::spawn_group). The failures of its children
/// are then a subtree.
///
/// It ends when it has given up, when it is [shut down](SupervisorHandle::shutdown), by
/// [`AutoShutdown`](super::AutoShutdown), and when no child is left that could run: none is up or
/// to be started, and there is no [handle](Self::handle) by which one could be added or restarted.
/// Then its children are stopped, one after the other, the one that was added last first.
///
/// # Cancel safety
///
/// Dropping it drops all children there and then. When the child that awaits it is cancelled, it
/// stops its children in order, each with its grace, for as long as that child has a grace; without
/// one, all are dropped in the child's last poll, and it goes with the child, unless there is an
/// error to return.
///
/// # Errors
///
/// If it has given up, or if there is a failure that nothing has followed: of a child that was
/// stopped for good, of a destructor after a success, or of what the supervisor was given. The
/// error has all failures that were [kept](super::Supervisor::keep_failures), by child and
/// incarnation. Its [cause](JoinedError::cause) says on which child it has given up, and why.
///
/// Otherwise the failures are dropped: each was followed by a restart, or by none as the child's
/// rules say. [`settle`](Self::settle) returns them.
///
/// # Panics
///
/// If it is polled after it was ready.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Supervision<'env, E, M: SupervisorFlavor = Shared> {
    /// It is shielded: its children are stopped in order, and all at once only in the last poll.
    /// Taken when this is dropped.
    nursery: Option<Nursery<'env, (), E, M>>,
    members: BTreeMap<Key, Supervised<'env, E, M>>,
    names: HashMap<Arc<str>, Key>,
    /// Which child an incarnation is of, while it runs.
    runs: HashMap<ChildId, Key>,
    /// The incarnation that has ended last. A failure of its destructor comes after its end.
    last: Option<LastEnd>,
    /// Those that are to start in order, and have not started.
    queued: BTreeSet<Key>,
    /// Those that are to be up and are not, besides the queued.
    unready: BTreeSet<Key>,
    /// Those that are to stop in order, until they are gone.
    stopping: BTreeSet<Key>,
    /// Those of the queued whose backoff runs.
    delayed: BTreeSet<Key>,
    sleeps: Sleeps<'env, M>,
    /// The restarts of all children that count, the oldest first.
    window: VecDeque<Armed<'env, M>>,
    next_key: u64,
    options: SupervisorRules<'env, E, M>,
    board: Arc<StatusBoard>,
    requests: mpsc::UnboundedReceiver<Request<'env, E, M>>,
    /// For handles, until the first poll.
    requester: Option<mpsc::UnboundedSender<Request<'env, E, M>>>,
    /// There is no handle any more.
    is_closed: bool,
    told: mpsc::UnboundedSender<(Key, u64)>,
    ready: mpsc::UnboundedReceiver<(Key, u64)>,
    around: CurrentCancelled,
    /// Why it ends.
    ending: Option<Cause>,
    /// There is a failure that nothing has followed: of a child that was to stop for good, of a
    /// destructor after a success, or of what the supervisor was given.
    is_unanswered: bool,
    /// It has ended in the last poll of the child that it is inside, and returns nothing.
    went_with_child: bool,
    /// Those that wait for the end. Dropping them tells them.
    waiting: Vec<oneshot::Sender<()>>,
    /// What has come of children that were removed. Taken at the end.
    histories: Option<Histories<E>>,
}

// Nothing in it is pinned in place.
impl<E, M: SupervisorFlavor> Unpin for Supervision<'_, E, M> {}

/// What is known of an incarnation that has ended.
struct LastEnd {
    id: ChildId,
    key: Key,
    child: ChildInfo,
    number: u64,
    has_completed: bool,
}

/// How often it goes round in one poll. A child that fails again and again, without a backoff, lets
/// others of its task run after so many rounds.
const ROUNDS: usize = 64;

impl<'env, E, M: SupervisorFlavor> Supervision<'env, E, M> {
    pub(super) fn new(
        nursery: Nursery<'env, (), E, M>,
        sleeper: M::Sleeper<'env>,
        options: SupervisorRules<'env, E, M>,
        children: Vec<ChildSpec<'env, E, M>>,
    ) -> Self {
        let (requester, requests) = mpsc::unbounded();
        let (told, ready) = mpsc::unbounded();
        let mut new = Self {
            nursery: Some(nursery),
            members: BTreeMap::new(),
            names: HashMap::new(),
            runs: HashMap::new(),
            last: None,
            queued: BTreeSet::new(),
            unready: BTreeSet::new(),
            stopping: BTreeSet::new(),
            delayed: BTreeSet::new(),
            sleeps: Sleeps::new(sleeper),
            window: VecDeque::new(),
            next_key: 0,
            options,
            board: Arc::default(),
            requests,
            requester: Some(requester),
            is_closed: false,
            told,
            ready,
            around: current_cancelled(),
            ending: None,
            is_unanswered: false,
            went_with_child: false,
            waiting: Vec::new(),
            histories: Some(Histories::new()),
        };
        // Maps that are made of what is in order have full nodes. They would be half empty if each
        // child were inserted after the one before.
        new.members = children.into_iter().map(|child| new.take(child, true)).collect();
        new.queued = new.members.keys().copied().collect();
        let now = new.options.clock.as_ref().map(|clock| clock.now());
        let statuses = new.members.iter().map(|(&key, member)| (key, member.status(now)));
        *new.board.lock() = statuses.collect();
        new
    }

    /// A handle that adds, stops, restarts and removes children while it runs.
    ///
    /// # Panics
    ///
    /// If it was polled before: take handles before, and clone them.
    #[must_use]
    #[track_caller]
    pub fn handle(&self) -> SupervisorHandle<'env, E, M> {
        let Some(requester) = &self.requester else {
            panic!("a handle is to be taken before the supervisor is polled; handles can be cloned")
        };
        SupervisorHandle::new(requester.clone(), Arc::clone(&self.board))
    }

    /// Returns everything that came of it, whether it gave up or not: the failures by child and
    /// incarnation, and why it has ended.
    ///
    /// # Cancel safety
    ///
    /// As of the future itself.
    pub fn settle(self) -> SupervisionSettle<'env, E, M> {
        SupervisionSettle { run: self }
    }

    fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<Report<(), E>> {
        assert!(self.histories.is_some(), "a supervisor was polled after it was ready");
        self.requester = None;
        for _ in 0..ROUNDS {
            let mut moved = self.look_around(cx);
            moved |= self.take_requests(cx);
            moved |= self.take_ready(cx);
            // A sleep that is over in this moment is over before what ends in it.
            moved |= self.take_due(cx);
            moved |= self.take_ends(cx);
            moved |= self.stop_next();
            moved |= self.start_next();
            if self.is_done() {
                return Poll::Ready(self.report());
            }
            if !moved {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether nothing runs, and nothing is to run.
    fn is_done(&self) -> bool {
        let is_idle = self.queued.is_empty() && self.unready.is_empty();
        self.runs.is_empty() && (self.ending.is_some() || self.is_closed && is_idle)
    }

    fn report(&mut self) -> Report<(), E> {
        let Some(mut histories) = self.histories.take() else {
            unreachable!("it is taken once, at the end")
        };
        let SupervisorRules { name, sources, .. } = &self.options;
        // The last that was added goes first, as children do.
        for (_, member) in std::mem::take(&mut self.members).into_iter().rev() {
            let (info, history, made) = member.take_apart();
            let location = info.location();
            // Those that are there at the end are bounded already: by `max_children`, or not at
            // all.
            let none = histories.add(info, history, *sources, usize::MAX);
            debug_assert!(none.is_none(), "it is not bounded");
            self.is_unanswered |= histories.drop_made(location, made);
        }
        // What is asked for from now on is refused, and so is what was not heeded.
        self.requests.close();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(request)) = Pin::new(&mut self.requests).poll_next(&mut cx) {
            drop_quietly(request);
        }
        for waiting in self.waiting.drain(..) {
            drop_quietly(waiting);
        }
        histories.into_report(name.clone(), self.ending.clone(), *sources)
    }

    fn look_around(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ending.is_some() {
            return false;
        }
        match Pin::new(&mut self.around).poll(cx) {
            Poll::Ready(cause) => {
                self.end(cause);
                true
            }
            Poll::Pending => false,
        }
    }

    fn take_ready(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some((key, number))) = Pin::new(&mut self.ready).poll_next(cx) {
            moved = true;
            let run = self.members.get_mut(&key).and_then(|member| member.run.as_mut());
            // One that has ended, that is to stop or that is out of time is up no more.
            let comes_up = |run: &mut CurrentRun<'_, M>| {
                run.number == number && !run.is_stopping() && !run.is_up
            };
            if run.is_some_and(comes_up) {
                self.came_up(key);
            }
        }
        moved
    }

    fn take_due(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = self.fail_by_timers();
        while let Poll::Ready(due) = self.sleeps.poll_due(cx) {
            moved = true;
            match due {
                Ok(due) => self.heed(due),
                Err((due, panic)) => self.fail_by_timer(due, panic),
            }
        }
        moved
    }

    fn heed(&mut self, due: SleepFor) {
        let key = due.key();
        let Some(member) = self.members.get_mut(&key) else { return };
        match (due, &mut member.run) {
            (SleepFor::Backoff(_), _) => {
                member.delay = None;
                self.delayed.remove(&key);
                if member.in_order {
                    self.publish(key);
                } else {
                    self.start(key);
                }
            }
            (SleepFor::Stable(_, number), Some(run)) if run.number == number => {
                member.begin_anew();
            }
            // A window is looked at when another restart comes.
            _ => {}
        }
    }

    fn take_ends(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        loop {
            let Some(nursery) = &mut self.nursery else { return moved };
            match Pin::new(&mut nursery.next()).poll(cx) {
                Poll::Ready(Some(completion)) => self.ended(completion),
                Poll::Ready(None) | Poll::Pending => return moved,
            }
            moved = true;
        }
    }

    /// Tells the last of those that are to stop, when those after it are gone.
    fn stop_next(&mut self) -> bool {
        let Some(&key) = self.stopping.last() else { return false };
        let is_told = self.members.get(&key).and_then(|member| member.run.as_ref());
        if is_told.is_none_or(|run| run.stop == Stop::Told) {
            return false;
        }
        self.tell(key);
        true
    }

    /// Starts those that are to start in order, as far as those before them are up. A group starts
    /// when the backoffs of all in it are over.
    fn start_next(&mut self) -> bool {
        let is_group = self.options.strategy == Strategy::OneForAll;
        // A long queue is started in several rounds.
        for started in 0..ROUNDS {
            let Some(&key) = self.queued.first() else { return started > 0 };
            let has_before = self.unready.first().is_some_and(|first| *first < key);
            let is_delayed = self.delayed.contains(&key) || is_group && !self.delayed.is_empty();
            if has_before || is_delayed || !self.stopping.is_empty() {
                return started > 0;
            }
            self.start(key);
        }
        true
    }
}

impl<E, M: SupervisorFlavor> Future for Supervision<'_, E, M> {
    type Output = Result<(), JoinedError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.went_with_child {
            return Poll::Pending;
        }
        let report = ready!(self.poll_report(cx));
        let tells = self.is_unanswered || report.cause().is_some_and(Cause::has_given_up);
        let (_, error, _) = report.into_parts();
        match error {
            Some(error) if tells => Poll::Ready(Err(error)),
            answered => {
                drop_quietly(answered);
                // As a `join` that is cut short: what comes after it in the child is not to run.
                self.went_with_child = self.around.is_last();
                if self.went_with_child { Poll::Pending } else { Poll::Ready(Ok(())) }
            }
        }
    }
}

impl<E, M: SupervisorFlavor> Drop for Supervision<'_, E, M> {
    // Children first, the newest before the others, then what they were made by, each even where
    // another's destructor panics.
    fn drop(&mut self) {
        let mut first = FirstPanic::default();
        first.note(drop_guarded(self.nursery.take()));
        let mut lost = 0;
        for (_, member) in std::mem::take(&mut self.members).into_iter().rev() {
            let (_, history, made) = member.take_apart();
            lost += history.failures();
            first.drop_each(made);
            first.note(drop_guarded(history));
        }
        first.note(drop_guarded(self.options.decide.take()));
        if let Some(histories) = self.histories.take() {
            self.around.lose(lost + histories.failures());
            first.note(drop_guarded(histories));
        }
        first.resume();
    }
}

impl<E, M: SupervisorFlavor> fmt::Debug for Supervision<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervision")
            .field("name", &self.options.name.as_deref())
            .field("children", &self.members.len())
            .finish_non_exhaustive()
    }
}

/// A supervisor that returns everything; made by [`Supervision::settle`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct SupervisionSettle<'env, E, M: SupervisorFlavor = Shared> {
    run: Supervision<'env, E, M>,
}

impl<E, M: SupervisorFlavor> Future for SupervisionSettle<'_, E, M> {
    type Output = Report<(), E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.run.poll_report(cx)
    }
}

impl<E, M: SupervisorFlavor> fmt::Debug for SupervisionSettle<'_, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SupervisionSettle").field(&self.run).finish()
    }
}
