//! The supervisor that runs: it hears of ends, and decides what follows.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures::stream::Stream;
use futures_channel::{mpsc, oneshot};

use super::config::{Frame, check_child};
use super::flavor::SupervisorFlavor;
use super::handle::{
    AddReply, ChildRequest, NotAdded, Refused, Reply, Request, StatusBoard, SupervisorHandle,
};
use super::history::{Histories, History, incarnation};
use super::incarnation::{Incarnation, Key, Start};
use super::rules::{AutoShutdown, Decision, Intensity, Restart, Restarts, Strategy};
use super::sleeps::{Armed, SleepFor, Sleeps};
use super::spec::ChildSpec;
use super::supervised::{CurrentRun, Goal, Stop, Supervised};
use crate::Nursery;
use crate::cancel::{Cause, CurrentCancelled, current_cancelled};
use crate::error::{ChildError, Failure, JoinedError, Panic, Sources};
use crate::flavor::Shared;
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded, drop_quietly, quietly};
use crate::info::{ChildId, ChildInfo};
use crate::observe::TimeSource;
use crate::report::{Completion, Outcome, Report};

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
/// Made by [`Supervisor::build`](super::Supervisor::build). It is a child like any other: awaited by
/// itself, or spawned as a [group](crate::Nursery::spawn_group). The failures of its children are then a
/// subtree.
///
/// It ends when it has given up, when it is [shut down](SupervisorHandle::shutdown), by
/// [`AutoShutdown`], and when no child is left that could run: none is up or to be started, and there
/// is no [handle](Self::handle) by which one could be added or restarted. Then its children are
/// stopped, one after the other, the one that was added last first.
///
/// # Cancel safety
///
/// Dropping it drops all children there and then. When the child that awaits it is cancelled, it
/// stops its children in order, each with its grace, for as long as that child has a grace; without
/// one, all are dropped in the child's last poll, and it goes with the child, unless there is an error
/// to return.
///
/// # Errors
///
/// If it has given up, or if there is a failure that nothing has followed: of a child that was stopped
/// for good, of a destructor after a success, or of what the supervisor was given. The error has all
/// failures that were [kept](super::Supervisor::keep_failures), by child and incarnation. Its
/// [cause](JoinedError::cause) says on which child it has given up, and why.
///
/// Otherwise the failures are dropped: each was followed by a restart, or by none as the child's rules
/// say. [`settle`](Self::settle) returns them.
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
            // Those that are there at the end are bounded already: by `max_children`, or not at all.
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

/// Starting and stopping.
impl<'env, E, M: SupervisorFlavor> Supervision<'env, E, M> {
    /// Takes a child in, which is to be up.
    fn take(
        &mut self,
        child: ChildSpec<'env, E, M>,
        in_order: bool,
    ) -> (Key, Supervised<'env, E, M>) {
        let ChildSpec { name, location, starter, rules } = child;
        let key = Key(self.next_key);
        self.next_key += 1;
        self.names.insert(Arc::clone(&name), key);
        let info = ChildInfo::new(ChildId::new(key.0), Some(name), location);
        let member = Supervised {
            info,
            rules,
            starter,
            goal: Goal::Up,
            run: None,
            in_order,
            delay: None,
            delays: None,
            incarnations: 0,
            restarts: 0,
            window: VecDeque::new(),
            history: History::new(),
            asked: Vec::new(),
        };
        (key, member)
    }

    /// It does not wait for its start any more.
    fn leave_queues(&mut self, key: Key) {
        self.queued.remove(&key);
        self.delayed.remove(&key);
        self.unready.remove(&key);
    }

    /// It waits for its start in order.
    fn enqueue(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        member.in_order = true;
        self.unready.remove(&key);
        self.queued.insert(key);
        if member.delay.is_some() {
            self.delayed.insert(key);
        }
        self.publish(key);
    }

    /// Starts the next incarnation of a child that does not run.
    fn start(&mut self, key: Key) {
        self.leave_queues(key);
        let Some(member) = self.members.get_mut(&key) else { return };
        debug_assert!(member.run.is_none() && member.goal == Goal::Up, "it is to start");
        member.incarnations += 1;
        member.in_order = false;
        member.delay = None;
        let number = member.incarnations;
        let incarnation = Incarnation::new(key, number, self.told.clone());
        let start = Start {
            child: &member.info,
            grace: member.rules.grace,
            limit: member.rules.start_limit.map(|limit| (limit, incarnation.up())),
            sleeper: self.sleeps.sleeper(),
            incarnation,
        };
        let Some(nursery) = &mut self.nursery else { return };
        let handle = M::start(&mut member.starter, nursery, start);
        self.runs.insert(handle.id(), key);
        let is_up = member.rules.start_limit.is_none();
        member.run =
            Some(CurrentRun { number, handle, is_up: false, stop: Stop::No, stable: None });
        if is_up {
            self.came_up(key);
        } else {
            self.unready.insert(key);
            self.publish(key);
        }
    }

    /// The incarnation that runs is up.
    fn came_up(&mut self, key: Key) {
        self.unready.remove(&key);
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(run) = &mut member.run else { return };
        run.is_up = true;
        // Only a backoff that has begun is to begin anew.
        if member.delays.is_some() && member.rules.stable_after < Duration::MAX {
            let stable = SleepFor::Stable(key, run.number);
            run.stable = self.sleeps.arm(member.rules.stable_after, stable);
        }
        self.publish(key);
    }

    /// Tells the incarnation that runs to stop.
    fn tell(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(run) = &mut member.run else { return };
        (run.stop, run.stable) = (Stop::Told, None);
        let reason = match (&self.ending, member.goal) {
            (Some(cause), _) => cause.to_string(),
            (None, Goal::Up) => "to be restarted".to_owned(),
            (None, Goal::Down) => "stopped".to_owned(),
            (None, Goal::Removed) => "removed".to_owned(),
        };
        run.handle.cancel_with(reason);
        // One that comes back is waited for by those that start after it.
        if member.goal == Goal::Up && !member.in_order {
            self.unready.insert(key);
        } else {
            self.unready.remove(&key);
        }
        self.publish(key);
    }

    /// A child is to stay down, or is forgotten.
    fn lower(&mut self, key: Key, goal: Goal) {
        self.leave_queues(key);
        let Some(member) = self.members.get_mut(&key) else { return };
        // One that is to be forgotten stays so.
        if member.goal != Goal::Removed {
            member.goal = goal;
        }
        (member.delay, member.in_order) = (None, false);
        drop_quietly(member.delays.take());
        if member.run.is_none() && member.goal == Goal::Removed {
            self.forget(key);
        } else {
            self.publish(key);
        }
    }

    fn forget(&mut self, key: Key) {
        let Some(mut member) = self.members.remove(&key) else { return };
        member.answer(self.ending.is_some());
        self.board.lock().remove(&key);
        if let Some(name) = member.info.name() {
            self.names.remove(name);
        }
        let SupervisorRules { sources, keep, .. } = &self.options;
        let (info, history, made) = member.take_apart();
        if let Some(histories) = &mut self.histories {
            let location = info.location();
            drop_quietly(histories.add(info, history, *sources, *keep));
            self.is_unanswered |= histories.drop_made(location, made);
        }
    }

    /// Ends the supervisor: all children are stopped in order.
    fn end(&mut self, cause: Cause) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(cause);
        let keys: Vec<_> = self.members.keys().copied().collect();
        for key in keys {
            let run = self.members.get_mut(&key).and_then(|member| member.run.as_mut());
            if let Some(run) = run {
                if run.stop == Stop::No {
                    run.stop = Stop::InOrder;
                }
                self.stopping.insert(key);
            }
            self.lower(key, Goal::Down);
        }
    }

    fn give_up(&mut self, key: Key, why: String) {
        if let Some(member) = self.members.get(&key) {
            let info = member.info.clone();
            self.end(Cause::gave_up(info, why));
        }
    }

    /// What the supervisor was given has panicked, for this child.
    fn fail_itself(&mut self, key: Key, panic: Panic, why: &str) {
        let location = self.options.info.location();
        let child = self.members.get(&key).map(|member| member.info.clone());
        let child = child.unwrap_or_else(|| ChildInfo::nursery(location));
        self.is_unanswered = true;
        if let Some(histories) = &mut self.histories {
            histories.add_own(location, panic);
        }
        self.end(Cause::gave_up(child, why.to_owned()));
    }

    /// Fails for each timer that has panicked as a sleep was made. Says whether there was one.
    fn fail_by_timers(&mut self) -> bool {
        let mut any = false;
        while let Some((due, panic)) = self.sleeps.take_panic() {
            any = true;
            self.fail_by_timer(due, panic);
        }
        any
    }

    fn fail_by_timer(&mut self, due: SleepFor, panic: CaughtPanic) {
        self.fail_itself(due.key(), Panic::of_timer(panic), "the timer panicked");
    }

    /// Shows what has become of a child, and answers what was asked of it.
    fn publish(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        member.answer(self.ending.is_some());
        let (state, clock) = (member.state(), &self.options.clock);
        // Foreign code: not under the lock.
        let now = clock.as_ref().map(|clock| clock.now());
        let mut board = self.board.lock();
        let status = board.entry(key).or_insert_with(|| member.status(now));
        if status.state != state || status.incarnation != member.incarnations {
            status.since = now;
        }
        (status.state, status.incarnation) = (state, member.incarnations);
        status.restarts = member.restarts;
    }
}

/// What follows the end of an incarnation.
impl<'env, E, M: SupervisorFlavor> Supervision<'env, E, M> {
    fn ended(&mut self, completion: Completion<(), E>) {
        let (info, outcome) = completion.into_parts();
        let Some(key) = self.runs.remove(&info.id()) else {
            return self.ended_late(&info, outcome);
        };
        self.stopping.remove(&key);
        self.unready.remove(&key);
        let Some(member) = self.members.get_mut(&key) else { return };
        let Some(run) = member.run.take() else { return };
        let (child, number) = (member.info.clone(), run.number);
        let has_completed = matches!(outcome, Outcome::Completed(()));
        self.last = Some(LastEnd { id: info.id(), key, child, number, has_completed });
        member.history.count(&outcome);
        let is_told = run.stop != Stop::No;
        if run.stable.is_some_and(|stable| stable.is_over()) {
            member.begin_anew();
        }
        let has_failed = outcome.is_failed();
        let mut decision = Decision::Restart;
        if let Outcome::Failed(error) = outcome {
            let error = error.with_child(incarnation(&member.info, run.number));
            let goal = member.goal;
            if goal != Goal::Up {
                self.is_unanswered = true;
            } else if !is_told {
                decision = self.decide(key, &error);
            }
            self.keep(key, error);
        }
        let Some(member) = self.members.get(&key) else { return };
        match member.goal {
            Goal::Removed => self.forget(key),
            Goal::Down => self.publish(key),
            Goal::Up if is_told => self.come_back(key),
            Goal::Up => self.follow(key, has_failed, decision),
        }
    }

    /// A failure that comes after the end: of the destructor of the future.
    fn ended_late(&mut self, info: &ChildInfo, outcome: Outcome<(), E>) {
        let (Outcome::Failed(error), Some(last)) = (outcome, &mut self.last) else { return };
        debug_assert_eq!(last.id, info.id(), "it comes right after the end");
        let error = error.with_child(incarnation(&last.child, last.number));
        let has_completed = std::mem::replace(&mut last.has_completed, false);
        self.is_unanswered = true;
        if let Some(member) = self.members.get_mut(&last.key) {
            if has_completed {
                member.history.has_failed();
            }
            let key = last.key;
            self.keep(key, error);
        } else if let Some(histories) = &mut self.histories {
            // Its child was removed.
            let child = last.child.clone();
            let mut history = History::new();
            history.has_failed();
            drop_quietly(history.keep(error, 1));
            drop_quietly(histories.add(child, history, self.options.sources, self.options.keep));
        }
    }

    /// Keeps a failure in the history of its child.
    fn keep(&mut self, key: Key, error: ChildError<E>) {
        let SupervisorRules { text, keep, .. } = &self.options;
        // Its `Display` may panic.
        let text = catch(|| text(error.failure())).unwrap_or_else(|thrown| {
            drop_quietly(thrown);
            "its text cannot be told: it panics".to_owned()
        });
        if let Some(status) = self.board.lock().get_mut(&key) {
            status.last_failure = Some(text.into());
        }
        if let Some(member) = self.members.get_mut(&key) {
            drop_quietly(member.history.keep(error, *keep));
        }
    }

    fn decide(&mut self, key: Key, error: &ChildError<E>) -> Decision {
        let Some(member) = self.members.get_mut(&key) else { return Decision::Restart };
        let Some(decide) = member.rules.decide.as_mut().or(self.options.decide.as_mut()) else {
            return Decision::Restart;
        };
        match catch(|| M::decide(decide, error)) {
            Ok(decision) => decision,
            Err(panic) => {
                self.fail_itself(key, Panic::of_decision(panic), "the decision panicked");
                Decision::Stop
            }
        }
    }

    /// A child was told to stop so that it comes back: by hand, with others, or both.
    fn come_back(&mut self, key: Key) {
        let Some(member) = self.members.get(&key) else { return };
        let is_by_hand =
            member.asked.iter().any(|(act, _)| matches!(act, ChildRequest::Restart(_)));
        if !member.in_order {
            self.start(key);
        } else if member.rules.restart == Restart::Temporary && !is_by_hand {
            self.lower(key, Goal::Down);
        } else {
            self.enqueue(key);
        }
    }

    /// A child has ended by itself.
    fn follow(&mut self, key: Key, has_failed: bool, decision: Decision) {
        let Some(member) = self.members.get(&key) else { return };
        let comes_back = match member.rules.restart {
            Restart::Permanent => true,
            Restart::Transient => has_failed,
            Restart::Temporary => false,
        };
        match decision {
            Decision::Escalate => self.give_up(key, "its failure was escalated".to_owned()),
            Decision::Restart if comes_back => self.restart(key, None),
            Decision::RestartAfter(delay) if comes_back => self.restart(key, Some(delay)),
            _ => {
                let is_significant = member.rules.significant;
                self.lower(key, Goal::Down);
                if is_significant {
                    self.shut_down_after_significant();
                }
            }
        }
    }

    /// A significant child has ended for good.
    fn shut_down_after_significant(&mut self) {
        let is_up =
            |member: &Supervised<'_, E, M>| member.rules.significant && member.goal == Goal::Up;
        let ends = match self.options.frame.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::Any => true,
            AutoShutdown::All => !self.members.values().any(is_up),
        };
        if ends {
            self.end(Cause::finished(None));
        }
    }

    /// Restarts a child that has ended, and those that go with it.
    fn restart(&mut self, key: Key, delay: Option<Duration>) {
        if let Err(why) = self.count(key) {
            return self.give_up(key, why);
        }
        let delay = match delay.map_or_else(|| self.next_delay(key), Ok) {
            Ok(delay) => delay,
            Err(why) => return self.give_up(key, why),
        };
        let delay =
            if delay.is_zero() { None } else { self.sleeps.arm(delay, SleepFor::Backoff(key)) };
        if self.fail_by_timers() {
            return;
        }
        self.stop_group(key);
        let Some(member) = self.members.get_mut(&key) else { return };
        member.restarts += 1;
        member.delay = delay;
        if self.options.strategy != Strategy::OneForOne {
            self.enqueue(key);
        } else if member.delay.is_some() {
            self.unready.insert(key);
            self.publish(key);
        } else {
            self.start(key);
        }
    }

    /// Stops those that are restarted with a child. Those that are down stay so.
    fn stop_group(&mut self, key: Key) {
        let first = match self.options.strategy {
            Strategy::OneForOne => return,
            Strategy::OneForAll => Key(0),
            Strategy::RestForOne => Key(key.0 + 1),
        };
        let is_in = |(&other, member): (&Key, &Supervised<'_, E, M>)| {
            (other != key && member.goal == Goal::Up).then_some(other)
        };
        let group: Vec<_> = self.members.range(first..).filter_map(is_in).collect();
        for other in group {
            let Some(member) = self.members.get_mut(&other) else { continue };
            let Some(run) = &mut member.run else {
                self.enqueue(other);
                continue;
            };
            if run.stop == Stop::No {
                run.stop = Stop::InOrder;
            }
            member.in_order = true;
            self.unready.remove(&other);
            self.stopping.insert(other);
            self.publish(other);
        }
    }

    /// Counts a restart. Says why there may be no more.
    fn count(&mut self, key: Key) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&key) else { return Ok(()) };
        let (own, of_all) = (member.rules.intensity, self.options.frame.intensity);
        let windows = [("it", own, &mut member.window), ("all children", of_all, &mut self.window)];
        for (what, intensity, window) in windows {
            let Some(intensity) = intensity else { continue };
            let counts = window.iter().position(|restart| !restart.is_over());
            window.drain(..counts.unwrap_or(window.len()));
            if window.len() >= intensity.restarts as usize {
                return Err(too_many(what, intensity));
            }
            window.extend(self.sleeps.arm(intensity.window, SleepFor::Window(key)));
        }
        Ok(())
    }

    /// The next delay of a child's backoff. Says why there is none.
    fn next_delay(&mut self, key: Key) -> Result<Duration, String> {
        let Some(member) = self.members.get_mut(&key) else { return Ok(Duration::ZERO) };
        let Some(make) = &mut member.rules.backoff else { return Ok(Duration::ZERO) };
        let delays = &mut member.delays;
        // The iterator is foreign code.
        match catch(|| delays.get_or_insert_with(make).next()) {
            Ok(Some(delay)) => Ok(delay),
            Ok(None) => Err("its backoff has no delay left".to_owned()),
            Err(panic) => {
                let why = "its backoff panicked";
                self.fail_itself(key, Panic::of_backoff(panic), why);
                Err(why.to_owned())
            }
        }
    }
}

fn too_many(what: &str, Intensity { restarts, window }: Intensity) -> String {
    format!("more than {} of {what} within {window:?}", Restarts(restarts))
}

/// What handles ask for.
impl<'env, E, M: SupervisorFlavor> Supervision<'env, E, M> {
    fn take_requests(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(request) = Pin::new(&mut self.requests).poll_next(cx) {
            let Some(request) = request else {
                moved |= !std::mem::replace(&mut self.is_closed, true);
                break;
            };
            moved = true;
            match request {
                Request::Add(child, reply) => self.add(child, reply),
                Request::Of(name, act, reply) => self.act(&name, act, reply),
                Request::Shutdown(reason) => self.end(Cause::requested(reason)),
                Request::Finished(waiting) => self.waiting.push(waiting),
            }
        }
        moved
    }

    fn add(&mut self, mut child: ChildSpec<'env, E, M>, reply: AddReply<'env, E, M>) {
        let frame = &self.options.frame;
        let refused = if self.ending.is_some() {
            Some(Refused::Ended)
        } else if self.names.contains_key(&child.name) {
            Some(Refused::NameTaken)
        } else if self.members.len() >= frame.max_children {
            Some(Refused::Full)
        } else {
            check_child(frame, &mut child).err().map(Refused::Config)
        };
        let answer = match refused {
            Some(reason) => Err(NotAdded { reason, child: Some(child) }),
            None => {
                let (key, member) = self.take(child, false);
                self.members.insert(key, member);
                self.start(key);
                Ok(())
            }
        };
        // The waker of what waits is foreign code. Where nothing waits, the child is dropped here.
        quietly(|| drop(reply.send(answer)));
    }

    fn act(&mut self, name: &str, act: ChildRequest, reply: Reply) {
        let found = self.names.get(name).copied().ok_or(Refused::NoSuchChild);
        let key = match found.and_then(|key| self.refuse(key, act).map_or(Ok(key), Err)) {
            Ok(key) => key,
            // The waker of what waits is foreign code.
            Err(refused) => return quietly(|| drop(reply.send(Err(refused)))),
        };
        if let Some(member) = self.members.get_mut(&key) {
            member.asked.push((act, reply));
        }
        match act {
            ChildRequest::Stop => self.stop(key, Goal::Down),
            ChildRequest::Remove => self.stop(key, Goal::Removed),
            ChildRequest::Restart(_) => self.restart_by_hand(key),
        }
    }

    fn refuse(&self, key: Key, act: ChildRequest) -> Option<Refused> {
        let member = self.members.get(&key)?;
        let ChildRequest::Restart(number) = act else { return None };
        if self.ending.is_some() {
            return Some(Refused::Ended);
        }
        if member.goal == Goal::Removed {
            return Some(Refused::NoSuchChild);
        }
        let runs = |run: &CurrentRun<'_, M>| run.stop == Stop::No && Some(run.number) == number;
        let is_old = number.is_some() && !member.run.as_ref().is_some_and(runs);
        is_old.then_some(Refused::OldIncarnation)
    }

    fn stop(&mut self, key: Key, goal: Goal) {
        self.lower(key, goal);
        let run = self.members.get(&key).and_then(|member| member.run.as_ref());
        if run.is_some_and(|run| run.stop != Stop::Told) {
            self.tell(key);
        }
    }

    fn restart_by_hand(&mut self, key: Key) {
        let Some(member) = self.members.get_mut(&key) else { return };
        member.goal = Goal::Up;
        member.delay = None;
        self.delayed.remove(&key);
        drop_quietly(member.delays.take());
        match &member.run {
            // It comes back when it is gone: in order, if it goes with others.
            Some(run) if run.stop != Stop::No => {
                // Those that start after it wait for it, until it is up again.
                if !member.in_order {
                    self.unready.insert(key);
                }
                self.publish(key);
            }
            Some(_) => self.tell(key),
            None if member.in_order => self.publish(key),
            None => self.start(key),
        }
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
