//! An executor that makes every choice by a seed.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::mem::take;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::future::LocalBoxFuture;

use super::clock::Clock;
use super::hub::{Hazards, Hub};
use super::signal::Signal;
use super::workers::{Door, Errands, Workers};
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded, drop_quietly};
use crate::observe::{Thresholds, Watch};

/// How many polls an executor may make, unless [`Executor::max_polls`] says otherwise.
const MAX_POLLS: u64 = 1_000_000;

/// Runs tasks on this thread, in an order that a seed decides.
///
/// The same seed and the same tasks give the same run: which task is polled next, which wakes come
/// late, twice or for nothing, in which order sleeps that are due at once end. All of it is allowed
/// by the contract of futures. (Another version of this crate, or of `fastrand`, may give another
/// run.) If an executor is dropped while the thread panics, its seed is printed.
///
/// Tasks may borrow and need not be `Send`; those that are handed over while it runs, by
/// [`Workers`], are `Send` and own what they need. Wakes from other threads are heard, and make a
/// run depend on more than the seed.
///
/// Dropping it drops the tasks that have not ended, in the order in which they were spawned. Each
/// is dropped, even where another's destructor panics; the first panic goes on then, unless the
/// thread is panicking already. From then on signals still wake the tasks that wait for them, at once;
/// the clock stands still.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use nestling::testing::Executor;
///
/// let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
/// nursery.spawn(async { Ok(1) });
/// assert_eq!(Executor::new(42).block_on(nursery.join()).unwrap(), [1]);
/// ```
pub struct Executor<'env> {
    seed: u64,
    hub: Arc<Hub>,
    /// `None` once a task has ended.
    tasks: Vec<Option<Running<'env>>>,
    /// Tasks that come while it runs, and the places in `tasks` of those that have come.
    door: Arc<Door>,
    came: Vec<usize>,
    polls: u64,
    max_polls: u64,
    /// There once it was asked for.
    watch: Option<Watch>,
}

struct Running<'env> {
    future: LocalBoxFuture<'env, ()>,
    waker: Option<Waker>,
}

/// How a run came to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Rest {
    /// Every task has ended.
    Done,
    /// This many tasks wait, and nothing is left to wake them.
    Stalled(usize),
}

impl<'env> Executor<'env> {
    /// An executor with [all hazards](Hazards::all) and no tasks.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (hub, door) = (Hub::new(seed), Arc::default());
        let (tasks, came) = (Vec::new(), Vec::new());
        Self { seed, hub, tasks, door, came, polls: 0, max_polls: MAX_POLLS, watch: None }
    }

    /// Sets what goes wrong, and how often.
    #[must_use]
    pub fn hazards(self, hazards: Hazards) -> Self {
        self.hub.set_hazards(hazards);
        self
    }

    /// Sets after how many polls a run is taken to be endless: the next one panics instead. They
    /// are counted over all tasks and runs of this executor; a million if not set.
    #[must_use]
    pub fn max_polls(mut self, polls: u64) -> Self {
        self.max_polls = polls;
        self
    }

    /// The seed it was made with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How often tasks were polled so far.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// The virtual clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(Arc::clone(&self.hub))
    }

    /// A watch by the virtual clock, the same one each time.
    ///
    /// Where a [`block_on`](Self::block_on) stalls, its panic tells what the children do that the
    /// watch sees, and what is wrong with them.
    ///
    /// # Examples
    ///
    /// ```should_panic
    /// # use nestling::Nursery;
    /// # use nestling::testing::Executor;
    /// let mut executor = Executor::new(1);
    /// let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&executor.watch());
    /// nursery.child().name("reader").spawn(std::future::pending());
    /// executor.block_on(nursery.join()); // #0 reader waits, and nothing can wake it
    /// ```
    #[must_use]
    pub fn watch(&mut self) -> Watch {
        let clock = self.clock();
        self.watch.get_or_insert_with(|| Watch::with_clock(clock)).clone()
    }

    /// A signal that has not come.
    #[must_use]
    pub fn signal(&self) -> Signal {
        Signal::new(Arc::clone(&self.hub))
    }

    /// Hands tasks over to this executor, also while it runs: an executor for children and pools
    /// that run elsewhere.
    #[must_use]
    pub fn workers(&self) -> Workers {
        Workers::new(Arc::clone(&self.door))
    }

    /// Adds a task. It is polled when the executor runs, and dropped with the executor at the
    /// latest.
    pub fn spawn<F>(&mut self, future: F) -> Task<F::Output>
    where
        F: Future + 'env,
        F::Output: 'env,
    {
        let output = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&output);
        let future = Box::pin(async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        });
        let number = self.add(future);
        Task { hub: Arc::clone(&self.hub), number, output }
    }

    fn add(&mut self, future: LocalBoxFuture<'env, ()>) -> usize {
        self.tasks.push(Some(Running { future, waker: None }));
        self.hub.add_task()
    }

    /// Takes in what came for the [workers](Self::workers), and drops what they are to drop.
    fn see_to_workers(&mut self) {
        let mut first = FirstPanic::default();
        loop {
            let Errands { new, to_drop, shut } = self.door.errands();
            for task in new {
                let task = self.add(Box::pin(task));
                self.came.push(task);
            }
            let dropped = if shut { take(&mut self.came) } else { Vec::new() };
            let chosen = to_drop.into_iter().filter_map(|number| self.came.get(number).copied());
            let to_drop: Vec<_> = chosen.chain(dropped).collect();
            if to_drop.is_empty() {
                break;
            }
            // Their destructors may hand over more.
            for task in to_drop {
                first.note(self.remove(task));
            }
        }
        first.resume();
    }

    /// Polls one task, if one was woken. `false`: every task rests, though sleeps may be due later
    /// and wakes may be held back.
    ///
    /// # Panics
    ///
    /// As the task does, which has ended then and is dropped, or as the destructor of a task that
    /// the [workers](Self::workers) drop. And if there would be more polls than
    /// [`max_polls`](Self::max_polls).
    pub fn step(&mut self) -> bool {
        self.see_to_workers();
        self.hub.stir();
        let Some(chosen) = self.hub.choose() else { return false };
        let Some(task) = &mut self.tasks[chosen] else { return true };
        let most = self.max_polls;
        assert!(self.polls < most, "the run did not come to rest within {most} polls");
        self.polls += 1;
        let waker = self.hub.begin_poll(chosen, &mut task.waker);
        match catch(|| task.future.as_mut().poll(&mut Context::from_waker(&waker))) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(())) => self.remove(chosen).unwrap_or_else(|thrown| thrown.resume()),
            Err(thrown) => {
                drop_quietly(self.remove(chosen));
                thrown.resume();
            }
        }
        true
    }

    /// Polls tasks until all have ended or nothing is left to wake the rest. Time passes as needed.
    ///
    /// # Panics
    ///
    /// As [`step`](Self::step).
    pub fn run(&mut self) -> Rest {
        while self.step() || self.hub.move_on() {}
        match self.tasks.iter().flatten().count() {
            0 => Rest::Done,
            left => Rest::Stalled(left),
        }
    }

    /// Runs until `future` is ready, with the tasks beside it.
    ///
    /// # Panics
    ///
    /// If it waits and nothing is left to wake it: where a runtime would hang, this says so. And as
    /// [`step`](Self::step), for any task. The future is dropped then, and the other tasks are as
    /// they were.
    #[track_caller]
    pub fn block_on<F>(&mut self, future: F) -> F::Output
    where
        F: Future + 'env,
        F::Output: 'env,
    {
        let task = self.spawn(future);
        let ran = catch(|| while !task.is_finished() && (self.step() || self.hub.move_on()) {});
        let output = task.take();
        let stalled = (ran.is_ok() && output.is_none()).then(|| self.stalled());
        if output.is_none() {
            drop_quietly(self.remove(task.number));
        }
        match (ran, output) {
            (Ok(()), Some(output)) => output,
            (Ok(()), None) => panic!("{}", stalled.unwrap_or_default()),
            (Err(thrown), _) => thrown.resume(),
        }
    }

    /// What is said where a future waits for ever.
    fn stalled(&self) -> String {
        let mut text = String::from("the future waits, and nothing is left to wake it");
        if let Some(watch) = &self.watch {
            let snapshot = watch.snapshot();
            let _ = write!(text, "\n{snapshot:#}");
            for finding in snapshot.findings(&Thresholds::default()) {
                let _ = writeln!(text, "{finding}");
            }
        }
        text
    }

    /// Drops a task there and then, if it has not ended. It is never finished.
    ///
    /// # Panics
    ///
    /// If the task's destructor does; the task is gone then, too. And if it is a task of another
    /// executor.
    pub fn abandon<T>(&mut self, task: &Task<T>) {
        let own = Arc::ptr_eq(&self.hub, &task.hub);
        assert!(own, "a task can be abandoned by its own executor only");
        self.remove(task.number).unwrap_or_else(|thrown| thrown.resume());
    }

    fn remove(&mut self, task: usize) -> Result<(), CaughtPanic> {
        self.hub.end_task(task);
        drop_guarded(self.tasks[task].take())
    }
}

impl Drop for Executor<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("nestling::testing: the executor's seed was {}", self.seed);
        }
        let mut first = FirstPanic::default();
        let new = self.door.close();
        for task in self.tasks.drain(..) {
            first.note(drop_guarded(task));
        }
        first.drop_each(new);
        first.note(catch(|| self.hub.close()));
        first.resume();
    }
}

impl fmt::Debug for Executor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("seed", &self.seed)
            .field("tasks", &self.tasks.iter().flatten().count())
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

/// What becomes of a task; see [`Executor::spawn`]. Clones are of the same task.
///
/// Dropping it does nothing to the task. Its output is dropped then as soon as it is there. An
/// output that was not taken is otherwise kept by this, and survives the executor.
pub struct Task<T> {
    hub: Arc<Hub>,
    number: usize,
    output: Rc<RefCell<Option<T>>>,
}

impl<T> Clone for Task<T> {
    fn clone(&self) -> Self {
        Self { hub: Arc::clone(&self.hub), number: self.number, output: Rc::clone(&self.output) }
    }
}

impl<T> Task<T> {
    /// Whether the output is there: the task has ended, and its output was not taken so far.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.output.borrow().is_some()
    }

    /// The output, once; `None` while the task has not ended, and after the output was taken.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.output.borrow_mut().take()
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}
