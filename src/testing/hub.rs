//! What an executor, its tasks' wakers, its signals and its clock share: what was woken and what
//! waits.

use std::mem::{replace, take};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use super::choices::Choices;
use super::hazards::Hazards;
use super::rest::{StuckTask, WokenBy};
use super::state::{For, Kept, Late, SignalState, State, TaskState, Waiter};
use crate::guard::{FirstPanic, catch, drop_guarded};
use crate::observe::current_child;

pub(super) struct Hub {
    /// They are asked without the lock, as the function that decides may be the user's.
    choices: Arc<Choices>,
    state: Mutex<State>,
}

impl Hub {
    pub(super) fn new(choices: Arc<Choices>) -> Arc<Self> {
        let state = Mutex::new(State::new(choices.hazards()));
        Arc::new(Self { choices, state })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn choices(&self) -> &Arc<Choices> {
        &self.choices
    }

    pub(super) fn set_hazards(&self, hazards: Hazards) {
        self.lock().hazards = hazards;
    }

    pub(super) fn add_task(&self, spawned: Option<&'static Location<'static>>) -> usize {
        let mut state = self.lock();
        state.tasks.push(TaskState {
            woken: None,
            polls: 0,
            ended: false,
            yielded: false,
            spawned,
            woken_by: None,
            waker: Weak::new(),
            alive: Arc::default(),
            keeps_one: false,
        });
        let task = state.tasks.len() - 1;
        state.is_to_be_polled(task);
        task
    }

    pub(super) fn end_task(&self, task: usize) {
        let mut state = self.lock();
        state.tasks[task].ended = true;
        state.is_polled(task);
    }

    /// Delivers some of the wakes that were held back, and wakes one for nothing now and then.
    pub(super) fn stir(&self) {
        let (hazards, late, woken) = {
            let state = self.lock();
            (state.hazards, state.late.len(), !state.woken.is_empty())
        };
        if late > 0 && self.choices.delivers() {
            self.deliver_one();
        }
        // Only beside one that was woken: or these would wake each other for ever.
        if woken && self.choices.chance(hazards.spurious_wakes) {
            let waiting = self.lock().waiters.len();
            let at = self.choices.one_of(waiting);
            let waker =
                self.lock().waiters.values().nth(at).map(|waiter| Arc::clone(&waiter.waker));
            self.wake_all(waker.into_iter().collect(), WokenBy::Hazard);
        }
    }

    /// The task to poll next, if one was woken; now and then one that was not.
    pub(super) fn choose(&self) -> Option<usize> {
        let (mut among, yielded, hazards) = {
            let mut state = self.lock();
            let woken: Vec<usize> = state.woken.values().copied().collect();
            let yields = |&task: &usize| replace(&mut state.tasks[task].yielded, false);
            let yielded: Vec<usize> = woken.iter().copied().filter(yields).collect();
            (woken, yielded, state.hazards)
        };
        if among.is_empty() {
            return None;
        }
        for task in yielded {
            self.choices.yielded(task);
        }
        if self.choices.chance(hazards.spurious_wakes) {
            let state = self.lock();
            let waits =
                |&task: &usize| !state.tasks[task].ended && state.tasks[task].woken.is_none();
            among.extend((0..state.tasks.len()).filter(waits));
        }
        Some(among[self.choices.task(&among)])
    }

    /// Delivers a wake that was held back, or lets time pass until the next that sleeps is due;
    /// `false` if there is neither.
    pub(super) fn move_on(&self) -> bool {
        if self.deliver_one() {
            return true;
        }
        let next = self.lock().pass_time();
        if let Some(now) = next {
            self.wake_waiting(|waits_for| waits_for == For::Time(now), WokenBy::Time);
        }
        next.is_some()
    }

    /// A waker for the task's next poll, which begins.
    pub(super) fn begin_poll(self: &Arc<Self>, task: usize, known: &mut Option<Waker>) -> Waker {
        let mut state = self.lock();
        state.polled = Some(task);
        state.is_polled(task);
        let fresh = state.hazards.fresh_wakers;
        let entry = &mut state.tasks[task];
        entry.polls += 1;
        entry.keeps_one |= !fresh;
        if let (false, Some(known)) = (fresh, &known) {
            return known.clone();
        }
        let poll = fresh.then_some(entry.polls);
        let alive = Arc::clone(&entry.alive);
        let waker = Arc::new(TaskWaker { hub: Arc::downgrade(self), task, poll, _alive: alive });
        entry.waker = Arc::downgrade(&waker);
        drop(state);
        let waker = Waker::from(waker);
        if !fresh {
            *known = Some(waker.clone());
        }
        waker
    }

    pub(super) fn end_poll(&self) {
        self.lock().polled = None;
    }

    pub(super) fn new_signal(&self, made: &'static Location<'static>) -> usize {
        let mut state = self.lock();
        state.signals.push(SignalState { fired: false, made });
        state.signals.len() - 1
    }

    pub(super) fn fire(&self, signal: usize) {
        let by = {
            let mut state = self.lock();
            let polled = state.polled_here();
            let signal = &mut state.signals[signal];
            if replace(&mut signal.fired, true) {
                return;
            }
            WokenBy::Signal(signal.made, polled)
        };
        self.wake_waiting(|waits_for| waits_for == For::Signal(signal), by);
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
        let (waker, child) = (Arc::new(waker.clone()), current_child());
        // To ask and to keep is one step: another thread may fire between two.
        let mut state = self.lock();
        let (poll, old) = if state.has_come(waits_for) {
            (Poll::Ready(()), ticket.take().and_then(|ticket| state.waiters.remove(&ticket)))
        } else {
            let ticket = *ticket.get_or_insert_with(|| {
                state.next_ticket += 1;
                state.next_ticket
            });
            let waiter = Waiter { waits_for, waker, task: state.polled, child };
            (Poll::Pending, state.waiters.insert(ticket, waiter))
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
            state.closed = true;
            take(&mut state.late)
        };
        let wakers = late.into_iter().filter_map(|(late, _)| match late {
            Late::Task(_) => None,
            Late::Waker(waker) => Some(waker),
        });
        self.wake_all(wakers.collect(), WokenBy::Outside);
    }

    /// Those of `tasks` that have not ended, and what can be said of each.
    pub(super) fn stuck(&self, tasks: impl Iterator<Item = usize>) -> Vec<StuckTask> {
        let state = self.lock();
        tasks.map(|task| state.stuck(task)).collect()
    }

    fn wake_task(&self, task: usize, poll: Option<u64>) {
        let (hazards, by) = {
            let state = self.lock();
            if poll.is_some_and(|poll| poll != state.tasks[task].polls) {
                return;
            }
            (state.hazards, state.wakes_here())
        };
        let is_late = self.choices.chance(hazards.late_wakes);
        let comes_twice = self.choices.chance(hazards.duplicate_wakes);
        let mut state = self.lock();
        if is_late {
            state.late.push((Late::Task(task), by));
        } else {
            state.wake(task, by);
        }
        if comes_twice {
            state.late.push((Late::Task(task), by));
        }
    }

    /// Delivers one of the wakes that are held back; `false` if there is none.
    fn deliver_one(&self) -> bool {
        let late = self.lock().late.len();
        if late == 0 {
            return false;
        }
        let at = self.choices.one_of(late);
        let waker = {
            let mut state = self.lock();
            // Each is delivered by the executor's thread alone, so it is still there.
            match state.late.remove(at) {
                (Late::Task(task), by) => {
                    state.wake(task, by);
                    return true;
                }
                (Late::Waker(waker), by) => (waker, by),
            }
        };
        self.wake_all(vec![waker.0], waker.1);
        true
    }

    /// Wakes the futures that wait for what has come, in an order that is chosen; some wakes are
    /// held back.
    fn wake_waiting(&self, comes: impl Fn(For) -> bool, by: WokenBy) {
        let (mut wakers, hazards) = {
            let state = self.lock();
            let waiters = state.waiters.values().filter(|waiter| comes(waiter.waits_for));
            let wakers: Vec<Kept> = waiters.map(|waiter| Arc::clone(&waiter.waker)).collect();
            (wakers, state.hazards)
        };
        let (mut now, mut late) = (Vec::new(), Vec::new());
        while !wakers.is_empty() {
            let waker = wakers.remove(self.choices.one_of(wakers.len()));
            if self.choices.chance(hazards.duplicate_wakes) {
                late.push((Arc::clone(&waker), by));
            }
            if self.choices.chance(hazards.late_wakes) {
                late.push((waker, by));
            } else {
                now.push(waker);
            }
        }
        let mut state = self.lock();
        if state.closed {
            // Nothing is left to deliver them.
            now.extend(late.into_iter().map(|(waker, _)| waker));
        } else {
            state.late.extend(late.into_iter().map(|(waker, by)| (Late::Waker(waker), by)));
        }
        drop(state);
        self.wake_all(now, by);
    }

    /// Wakes all of them, even where one panics; the first panic goes on then.
    fn wake_all(&self, wakers: Vec<Kept>, by: WokenBy) {
        let mut first = FirstPanic::default();
        let around = self.lock().wake_by(Some(by));
        for waker in wakers {
            first.note(catch(|| Waker::clone(&waker).wake()));
            first.note(drop_guarded(waker));
        }
        self.lock().wake_by(around);
        first.resume();
    }
}

pub(super) struct TaskWaker {
    /// The hub keeps wakers, and they must not keep it.
    hub: Weak<Hub>,
    task: usize,
    /// The poll it was made for, if it is good for that one only.
    poll: Option<u64>,
    /// Says that there is a waker.
    _alive: Arc<()>,
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
