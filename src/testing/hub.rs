//! What an executor, its tasks' wakers, its signals and its clock share: what was woken, what waits,
//! and the one source of chance.

use std::collections::BTreeMap;
use std::mem::{replace, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use fastrand::Rng;

use crate::guard::{FirstPanic, catch, drop_guarded};

/// What an [`Executor`](super::Executor) does that a well-meaning runtime seldom does, and every
/// runtime may.
///
/// Chances are in percent; more than 100 is 100, and for spurious wakes more than 25 is 25: with
/// more of them a run might not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Hazards {
    pub(super) spurious_wakes: u8,
    pub(super) late_wakes: u8,
    pub(super) duplicate_wakes: u8,
    pub(super) fresh_wakers: bool,
}

impl Hazards {
    /// None: a task is polled when it was woken and at no other time, and keeps one waker. Which of
    /// those that were woken comes next is still up to the seed.
    pub const fn none() -> Self {
        Self { spurious_wakes: 0, late_wakes: 0, duplicate_wakes: 0, fresh_wakers: false }
    }

    /// All of them, each often enough to be met in a short run. This is what an executor begins
    /// with.
    pub const fn all() -> Self {
        Self { spurious_wakes: 10, late_wakes: 25, duplicate_wakes: 15, fresh_wakers: true }
    }

    /// How often a task or a waiting future is woken although nothing happened; only while some
    /// task has something else to do.
    pub const fn spurious_wakes(self, percent: u8) -> Self {
        // Each may bring two polls, where wakes are duplicated, and each poll may bring another.
        let spurious_wakes = if percent > 25 { 25 } else { percent };
        Self { spurious_wakes, ..self }
    }

    /// How often a wake is held back: others may run first, and it may come when the future that it
    /// was for is gone. It does come, and before time passes.
    pub const fn late_wakes(self, percent: u8) -> Self {
        Self { late_wakes: percent, ..self }
    }

    /// How often a waker is cloned, and the clone woken too, at some later time.
    pub const fn duplicate_wakes(self, percent: u8) -> Self {
        Self { duplicate_wakes: percent, ..self }
    }

    /// Whether each poll gets a waker of its own that is dropped after the poll, and those of
    /// earlier polls do nothing any more.
    pub const fn fresh_wakers(self, fresh: bool) -> Self {
        Self { fresh_wakers: fresh, ..self }
    }
}

/// How often, in percent of the steps, one of the wakes is delivered that were held back.
const DELIVERY: u8 = 10;

/// What a waiting future waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Signal(usize),
    Time(Duration),
}

/// A waker may be anyone's. So it is cloned, called and dropped without the lock; under the lock, a
/// further reference to it is made instead of a clone.
type Kept = Arc<Waker>;

pub(super) struct Hub(Mutex<State>);

struct State {
    rng: Rng,
    hazards: Hazards,
    tasks: Vec<TaskState>,
    /// Wakes that are held back.
    late: Vec<Late>,
    /// Futures that wait, by the ticket that each got.
    waiters: BTreeMap<u64, (For, Kept)>,
    next_ticket: u64,
    fired: Vec<bool>,
    now: Duration,
}

#[derive(Default)]
struct TaskState {
    woken: bool,
    polls: u64,
    ended: bool,
}

enum Late {
    Task(usize),
    Waker(Kept),
}

impl Late {
    fn into_waker(self) -> Option<Kept> {
        match self {
            Self::Task(_) => None,
            Self::Waker(waker) => Some(waker),
        }
    }
}

impl Hub {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            rng: Rng::with_seed(seed),
            hazards: Hazards::all(),
            tasks: Vec::new(),
            late: Vec::new(),
            waiters: BTreeMap::new(),
            next_ticket: 0,
            fired: Vec::new(),
            now: Duration::ZERO,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_hazards(&self, hazards: Hazards) {
        self.lock().hazards = hazards;
    }

    pub(super) fn add_task(&self) -> usize {
        let mut state = self.lock();
        state.tasks.push(TaskState { woken: true, ..TaskState::default() });
        state.tasks.len() - 1
    }

    pub(super) fn end_task(&self, task: usize) {
        self.lock().tasks[task].ended = true;
    }

    /// Delivers some of the wakes that were held back, and wakes someone for nothing now and then.
    pub(super) fn stir(&self) {
        let wakers = {
            let mut state = self.lock();
            let mut wakers = Vec::new();
            if state.chance(|_| DELIVERY) {
                wakers.extend(state.deliver_one());
            }
            // Only beside one that was woken: or these would wake each other for ever.
            let anyone = state.tasks.iter().any(TaskState::is_woken);
            if anyone && state.chance(|hazards| hazards.spurious_wakes) {
                wakers.extend(state.anyone_who_waits());
            }
            wakers
        };
        wake_all(wakers);
    }

    /// The task to poll next, if one was woken; now and then one that was not.
    pub(super) fn choose(&self) -> Option<usize> {
        let mut state = self.lock();
        let spurious = state.chance(|hazards| hazards.spurious_wakes);
        let anyone = state.tasks.iter().any(TaskState::is_woken);
        let may_be = |task: &TaskState| task.is_woken() || (anyone && spurious && !task.ended);
        let among: Vec<usize> =
            (0..state.tasks.len()).filter(|at| may_be(&state.tasks[*at])).collect();
        state.rng.choice(among)
    }

    /// Delivers a wake that was held back, or lets time pass until the next that sleeps is due;
    /// `false` if there is neither.
    pub(super) fn move_on(&self) -> bool {
        let wakers = {
            let mut state = self.lock();
            if state.late.is_empty() {
                match state.pass_time() {
                    Some(wakers) => wakers,
                    None => return false,
                }
            } else {
                state.deliver_one().into_iter().collect()
            }
        };
        wake_all(wakers);
        true
    }

    /// A waker for the task's next poll.
    pub(super) fn begin_poll(self: &Arc<Self>, task: usize, known: &mut Option<Waker>) -> Waker {
        let mut state = self.lock();
        let fresh = state.hazards.fresh_wakers;
        let entry = &mut state.tasks[task];
        entry.woken = false;
        entry.polls += 1;
        let poll = fresh.then_some(entry.polls);
        drop(state);
        let waker = || Waker::from(Arc::new(TaskWaker { hub: Arc::downgrade(self), task, poll }));
        if fresh { waker() } else { known.get_or_insert_with(waker).clone() }
    }

    pub(super) fn new_signal(&self) -> usize {
        let mut state = self.lock();
        state.fired.push(false);
        state.fired.len() - 1
    }

    pub(super) fn fire(&self, signal: usize) {
        let wakers = {
            let mut state = self.lock();
            if replace(&mut state.fired[signal], true) {
                return;
            }
            state.wakers_of(|waits_for| waits_for == For::Signal(signal))
        };
        wake_all(wakers);
    }

    pub(super) fn now(&self) -> Duration {
        self.lock().now
    }

    /// Whether what is waited for has come.
    pub(super) fn has_come(&self, waits_for: For) -> bool {
        self.lock().has_come(waits_for)
    }

    /// Keeps a waker under `ticket`, or under a new one, unless what is waited for has come: then
    /// what was kept is forgotten.
    pub(super) fn poll_wait(
        &self,
        waits_for: For,
        ticket: &mut Option<u64>,
        waker: &Waker,
    ) -> Poll<()> {
        let waker = Arc::new(waker.clone());
        // To ask and to keep is one step: another thread may fire between two.
        let mut state = self.lock();
        let (poll, old) = if state.has_come(waits_for) {
            (Poll::Ready(()), ticket.take().and_then(|ticket| state.waiters.remove(&ticket)))
        } else {
            let ticket = *ticket.get_or_insert_with(|| {
                state.next_ticket += 1;
                state.next_ticket
            });
            (Poll::Pending, state.waiters.insert(ticket, (waits_for, waker)))
        };
        drop(state);
        drop(old);
        poll
    }

    pub(super) fn stop_waiting(&self, ticket: u64) {
        let old = self.lock().waiters.remove(&ticket);
        drop(old);
    }

    /// Delivers what is held back, and holds back nothing any more: nothing is left to deliver it.
    pub(super) fn close(&self) {
        let late = {
            let mut state = self.lock();
            state.hazards = Hazards::none();
            take(&mut state.late)
        };
        wake_all(late.into_iter().filter_map(Late::into_waker).collect());
    }

    fn wake_task(&self, task: usize, poll: Option<u64>) {
        let mut state = self.lock();
        if poll.is_some_and(|poll| poll != state.tasks[task].polls) {
            return;
        }
        if state.chance(|hazards| hazards.late_wakes) {
            state.late.push(Late::Task(task));
        } else {
            state.tasks[task].woken = true;
        }
        if state.chance(|hazards| hazards.duplicate_wakes) {
            state.late.push(Late::Task(task));
        }
    }
}

/// Wakes all of them, even where one panics; the first panic goes on then.
fn wake_all(wakers: Vec<Kept>) {
    let mut first = FirstPanic::default();
    for waker in wakers {
        first.note(catch(|| Waker::clone(&waker).wake()));
        first.note(drop_guarded(waker));
    }
    first.resume();
}

impl State {
    fn has_come(&self, waits_for: For) -> bool {
        match waits_for {
            For::Signal(signal) => self.fired[signal],
            For::Time(due) => due <= self.now,
        }
    }

    fn chance(&mut self, percent: impl Fn(&Hazards) -> u8) -> bool {
        let percent = percent(&self.hazards);
        percent > 0 && self.rng.u8(0..100) < percent
    }

    /// Delivers one of the wakes that are held back; if it is not a task's, the waker is handed
    /// out.
    fn deliver_one(&mut self) -> Option<Kept> {
        if self.late.is_empty() {
            return None;
        }
        let at = self.rng.usize(..self.late.len());
        match self.late.swap_remove(at) {
            Late::Task(task) => {
                self.tasks[task].woken = true;
                None
            }
            Late::Waker(waker) => Some(waker),
        }
    }

    fn anyone_who_waits(&mut self) -> Option<Kept> {
        let at = self.rng.usize(..self.waiters.len().max(1));
        self.waiters.values().nth(at).map(|(_, waker)| Arc::clone(waker))
    }

    /// The wakers to call now of the tasks that wait for what has come; some are held back.
    fn wakers_of(&mut self, comes: impl Fn(For) -> bool) -> Vec<Kept> {
        let mut wakers: Vec<Kept> = self
            .waiters
            .values()
            .filter(|(waits_for, _)| comes(*waits_for))
            .map(|(_, waker)| Arc::clone(waker))
            .collect();
        self.rng.shuffle(&mut wakers);
        let mut now = Vec::new();
        for waker in wakers {
            if self.chance(|hazards| hazards.duplicate_wakes) {
                self.late.push(Late::Waker(Arc::clone(&waker)));
            }
            if self.chance(|hazards| hazards.late_wakes) {
                self.late.push(Late::Waker(waker));
            } else {
                now.push(waker);
            }
        }
        now
    }

    fn pass_time(&mut self) -> Option<Vec<Kept>> {
        let now = self.now;
        let next = self
            .waiters
            .values()
            .filter_map(|(waits_for, _)| match waits_for {
                For::Time(due) if *due > now && *due < Duration::MAX => Some(*due),
                For::Time(_) | For::Signal(_) => None,
            })
            .min()?;
        self.now = next;
        Some(self.wakers_of(|waits_for| waits_for == For::Time(next)))
    }
}

impl TaskState {
    fn is_woken(&self) -> bool {
        self.woken && !self.ended
    }
}

struct TaskWaker {
    /// The hub keeps wakers, and they must not keep it.
    hub: Weak<Hub>,
    task: usize,
    /// The poll it was made for, if it is good for that one only.
    poll: Option<u64>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(hub) = self.hub.upgrade() {
            hub.wake_task(self.task, self.poll);
        }
    }
}
