//! An executor that asks for each of its choices.

use std::cell::RefCell;
use std::fmt;
use std::mem::take;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::choices::{Choices, Source};
use super::clock::Clock;
use super::hazards::Hazards;
use super::hub::Hub;
use super::replay::Replay;
use super::rest::{Rest, Stuck};
use super::signal::Signal;
use super::task::Task;
use super::workers::{Door, Errands, Workers};
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded, drop_quietly};
use crate::observe::{Thresholds, Watch};

/// How many polls an executor may make, unless [`Executor::max_polls`] says otherwise.
const MAX_POLLS: u64 = 1_000_000;

/// Runs tasks on this thread, in an order that is chosen from without.
///
/// The choices are which task is polled next, which wakes come late, twice or for nothing, and in
/// which order sleeps that are due at once end. All of it is allowed by the contract of futures.
/// The same choices and the same tasks give the same run. They come
///
/// | from | by |
/// |---|---|
/// | a seed; another version of this crate, or of `fastrand`, may give another run | [`new`](Self::new) |
/// | a function: of a fuzzer, of proptest, which shrinks them too, of a search of your own | [`from_choices`](Self::from_choices) |
/// | a run that was, also in an earlier version | [`from_replay`](Self::from_replay) |
/// | an exploration, which goes through many | [`Run::executor`](super::Run::executor) |
///
/// If an executor is dropped while the thread panics, how to run it again is printed, unless a
/// function decides or an exploration says it.
///
/// Tasks may borrow and need not be `Send`; those that are handed over while it runs, by
/// [`Workers`], are `Send` and own what they need. Wakes from other threads are heard, and make a
/// run depend on more than the seed.
///
/// Dropping it drops the tasks that have not ended, in the order in which they were spawned. Each
/// is dropped, even where another's destructor panics; the first panic goes on then, unless the
/// thread is panicking already. From then on signals still wake the tasks that wait for them, at
/// once; the clock stands still.
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
    hub: Arc<Hub>,
    /// It is told elsewhere how to run it again.
    is_explored: bool,
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

impl<'env> Executor<'env> {
    /// An executor with [all hazards](Hazards::all) and no tasks, which chooses by a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::by(Arc::new(Choices::random(seed)))
    }

    /// The same, where a function chooses: it is called with how many there are to choose from, at
    /// least two, and returns which, from 0 on. Of an answer that is too high the remainder is
    /// taken, so that any number serves.
    ///
    /// 0 is always the plain choice: the task that was woken first, no hazard. So a function that
    /// returns 0 gives the run of a plain queue, and a tool that shrinks its numbers shrinks the
    /// run to it. A hazard that has a chance below 100 is a choice of two. Of those that the
    /// function asks for, about an eighth is granted, as a run in which each wake brings another
    /// does not end.
    ///
    /// A call from inside of the function gets 0. What the function does besides is no part of the
    /// [replay](Self::replay).
    ///
    /// # Examples
    ///
    /// By a fuzzer's bytes, or by what proptest makes up. A smaller byte never gives a greater
    /// choice, so that bytes which are shrunk shrink the choices:
    ///
    /// ```
    /// use nestling::testing::{Executor, yields};
    ///
    /// # let bytes: Vec<u8> = vec![3, 0, 1];
    /// let mut bytes = bytes.into_iter();
    /// let mut executor =
    ///     Executor::from_choices(move |n| usize::from(bytes.next().unwrap_or(0)) * n / 256);
    /// executor.spawn(yields(3));
    /// executor.run().expect_done();
    /// ```
    #[must_use]
    pub fn from_choices(choose: impl FnMut(usize) -> usize + Send + 'static) -> Self {
        let source = Source::Given(Some(Box::new(choose)));
        Self::by(Arc::new(Choices::new(Some(0), source)))
    }

    /// An executor that chooses as another did, until the choices are over, and then the plain
    /// ones. It begins with the hazards that the other began with; those that were
    /// [set](Self::hazards) there have to be set here.
    #[must_use]
    pub fn from_replay(replay: &Replay) -> Self {
        Self::by(Arc::new(Choices::replayed(replay)))
    }

    fn by(choices: Arc<Choices>) -> Self {
        let (hub, door) = (Hub::new(choices), Arc::default());
        Self {
            hub,
            is_explored: false,
            tasks: Vec::new(),
            door,
            came: Vec::new(),
            polls: 0,
            max_polls: MAX_POLLS,
            watch: None,
        }
    }

    /// The executor of an exploration.
    pub(super) fn explored(choices: Arc<Choices>) -> Self {
        let mut executor = Self::by(choices);
        executor.is_explored = true;
        executor
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

    /// What was chosen so far, to be chosen [again](Self::from_replay). In an
    /// [exploration](super::explore()) it is that of all executors of the run.
    #[must_use]
    pub fn replay(&self) -> Replay {
        self.hub.choices().replay()
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
    /// Where a run stalls that has one, it is told what the children do that the watch sees, and
    /// what is wrong with them.
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
    #[track_caller]
    pub fn signal(&self) -> Signal {
        Signal::new(Arc::clone(&self.hub), Location::caller())
    }

    /// Hands tasks over to this executor, also while it runs: an executor for children and pools
    /// that run elsewhere.
    #[must_use]
    pub fn workers(&self) -> Workers {
        Workers::new(Arc::clone(&self.door))
    }

    /// Adds a task. It is polled when the executor runs, and dropped with the executor at the
    /// latest: what it borrows is declared before the executor. A [signal](Self::signal) and the
    /// [clock](Self::clock) come after it, so they are cloned, or their futures are made before.
    #[track_caller]
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
        let number = self.add(future, Some(Location::caller()));
        Task { hub: Arc::clone(&self.hub), number, output }
    }

    fn add(
        &mut self,
        future: LocalBoxFuture<'env, ()>,
        spawned: Option<&'static Location<'static>>,
    ) -> usize {
        self.tasks.push(Some(Running { future, waker: None }));
        self.hub.add_task(spawned)
    }

    /// Takes in what came for the [workers](Self::workers), and drops what they are to drop.
    fn see_to_workers(&mut self) {
        let mut first = FirstPanic::default();
        loop {
            let Errands { new, to_drop, shut } = self.door.errands();
            for task in new {
                let task = self.add(Box::pin(task), None);
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
        let polled = catch(|| task.future.as_mut().poll(&mut Context::from_waker(&waker)));
        self.hub.end_poll();
        match polled {
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
        let stuck = self.stuck();
        if stuck.tasks() == 0 { Rest::Done } else { Rest::Stalled(stuck) }
    }

    /// Runs until `future` is ready, with the tasks beside it. What it borrows is declared before
    /// the executor, as for [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// If it waits and nothing is left to wake it: where a runtime would hang, this says so, and
    /// tells what is [stuck](Stuck). And as [`step`](Self::step), for any task. The future is
    /// dropped then, and the other tasks are as they were.
    #[track_caller]
    pub fn block_on<F>(&mut self, future: F) -> F::Output
    where
        F: Future + 'env,
        F::Output: 'env,
    {
        let task = self.spawn(future);
        let ran = catch(|| while !task.is_finished() && (self.step() || self.hub.move_on()) {});
        let output = task.take();
        let stuck = (ran.is_ok() && output.is_none()).then(|| self.stuck());
        if output.is_none() {
            drop_quietly(self.remove(task.number));
        }
        match (ran, output) {
            (Ok(()), Some(output)) => output,
            (Ok(()), None) => {
                let stuck = stuck.map(|stuck| stuck.to_string()).unwrap_or_default();
                panic!("the future waits, and nothing is left to wake it\n{stuck}");
            }
            (Err(thrown), _) => thrown.resume(),
        }
    }

    /// The tasks that have not ended, when all of them rest.
    fn stuck(&self) -> Stuck {
        let left = (0..self.tasks.len()).filter(|&task| self.tasks[task].is_some());
        let tasks = self.hub.stuck(left);
        let seen = self.watch.as_ref().filter(|_| !tasks.is_empty()).map(|watch| {
            let snapshot = watch.snapshot();
            // What rests now rests for ever.
            let at_once = Thresholds::default().patience(Duration::ZERO).quiet(Duration::ZERO);
            let mut findings = snapshot.findings(&at_once);
            findings.retain(|finding| Stuck::is_told(finding.kind()));
            (snapshot, findings)
        });
        Stuck { tasks, seen }
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
        let choices = self.hub.choices();
        if thread::panicking() && !self.is_explored && !choices.are_given() {
            let replay = choices.replay().printed();
            let replay = replay.unwrap_or_else(|| "what `Executor::replay` returns".to_owned());
            let seed = choices.seed();
            eprintln!("nestling::testing: the executor's seed was {seed}, its replay is {replay}");
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
            .field("tasks", &self.tasks.iter().flatten().count())
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}
