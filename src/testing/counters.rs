//! How often a future was polled, woken and dropped, and whether something was left behind.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use pin_project_lite::pin_project;

/// Counts what happens to the futures and values that it was given. Clones count together.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use nestling::testing::{Counters, Executor};
///
/// let counters = Counters::new();
/// let mut nursery = Nursery::new();
/// for n in 0..3 {
///     let output = counters.track(n);
///     nursery.spawn(counters.watch(async { Ok::<_, ()>(output) }));
/// }
/// let outputs = Executor::new(1).block_on(nursery.join()).unwrap();
/// assert_eq!(*outputs[2], 2);
/// assert_eq!((counters.futures_alive(), counters.values_alive()), (0, 3));
/// drop(outputs);
/// counters.assert_nothing_left();
/// ```
#[derive(Clone, Default)]
pub struct Counters(Arc<Mutex<Counts>>);

#[derive(Clone, Debug, Default)]
struct Counts {
    polls: u64,
    polls_after_ready: u64,
    wakes: u64,
    futures: Kept,
    values: Kept,
}

/// Things by number, from when they were made to when they were dropped.
#[derive(Clone, Debug, Default)]
struct Kept {
    made: u64,
    dropped: u64,
    dropped_twice: u64,
    alive: BTreeSet<u64>,
}

impl Kept {
    fn make(&mut self) -> u64 {
        let number = self.made;
        self.made += 1;
        self.alive.insert(number);
        number
    }

    /// Says whether it is dropped for the first time.
    fn drop(&mut self, number: u64) -> bool {
        self.dropped += 1;
        let is_first = self.alive.remove(&number);
        self.dropped_twice += u64::from(!is_first);
        is_first
    }
}

impl Counters {
    /// Counters that all stand at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wraps a future: its polls are counted, its wakes and its drop.
    pub fn watch<F>(&self, future: F) -> Watched<F> {
        Watched { future, ready: false, alive: self.alive(|counts| &mut counts.futures) }
    }

    /// Wraps a value, an output say: its drop is counted. If unsound code that is tested drops it
    /// twice, that is counted too, as long as these counters or a clone of them are there. The
    /// value itself is dropped twice then, so give one that owns nothing, such as a number.
    #[must_use = "a value that is not kept is dropped at once"]
    pub fn track<T>(&self, value: T) -> Tracked<T> {
        Tracked { value, alive: self.alive(|counts| &mut counts.values) }
    }

    /// How often futures were polled.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.lock().polls
    }

    /// How often a future was polled that had been ready, or had panicked. Such a poll does not
    /// reach the future and panics.
    #[must_use]
    pub fn polls_after_ready(&self) -> u64 {
        self.lock().polls_after_ready
    }

    /// How often a waker was woken that a future was polled with.
    #[must_use]
    pub fn wakes(&self) -> u64 {
        self.lock().wakes
    }

    /// How many futures were dropped.
    #[must_use]
    pub fn futures_dropped(&self) -> u64 {
        self.lock().futures.dropped
    }

    /// How many futures were not dropped so far.
    #[must_use]
    pub fn futures_alive(&self) -> usize {
        self.lock().futures.alive.len()
    }

    /// How many values were dropped.
    #[must_use]
    pub fn values_dropped(&self) -> u64 {
        self.lock().values.dropped
    }

    /// How many values were not dropped so far.
    #[must_use]
    pub fn values_alive(&self) -> usize {
        self.lock().values.alive.len()
    }

    /// Checks that everything was dropped, once, and that nothing was polled after its end.
    ///
    /// # Panics
    ///
    /// If it was not so; the message has all counts.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let counts = self.lock().clone();
        let left = counts.futures.alive.len() + counts.values.alive.len();
        let twice = counts.futures.dropped_twice + counts.values.dropped_twice;
        assert!(
            left == 0 && twice == 0 && counts.polls_after_ready == 0,
            "something was left, dropped twice or polled after its end: {counts:#?}"
        );
    }

    fn alive(&self, kept: fn(&mut Counts) -> &mut Kept) -> Alive {
        let number = kept(&mut self.lock()).make();
        Alive { counters: self.clone(), kept, number }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.lock().clone();
        fmt::Debug::fmt(&counts, f)
    }
}

pin_project! {
    /// A future under [`Counters`]; see [`Counters::watch`].
    ///
    /// It counts as dropped once the future's destructor has run, also if that panicked.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Watched<F> {
        #[pin]
        future: F,
        ready: bool,
        // Dropped after the future.
        alive: Alive,
    }
}

/// Something that has not been dropped.
struct Alive {
    counters: Counters,
    kept: fn(&mut Counts) -> &mut Kept,
    number: u64,
}

impl Drop for Alive {
    fn drop(&mut self) {
        let is_first = (self.kept)(&mut self.counters.lock()).drop(self.number);
        if !is_first {
            // Unsound code drops it again. The reference to the counts that it holds was given back
            // by the first drop. So another is taken for this one to give back.
            std::mem::forget(self.counters.clone());
        }
    }
}

impl fmt::Debug for Alive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alive").field(&self.number).finish()
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        {
            let mut counts = this.alive.counters.lock();
            counts.polls += 1;
            counts.polls_after_ready += u64::from(*this.ready);
        }
        assert!(!*this.ready, "a future was polled after it was ready");
        // A poll that panics is an end too.
        *this.ready = true;
        let waker = Waker::from(Arc::new(CountingWaker {
            waker: cx.waker().clone(),
            counters: this.alive.counters.clone(),
        }));
        let poll = this.future.poll(&mut Context::from_waker(&waker));
        *this.ready = poll.is_ready();
        poll
    }
}

struct CountingWaker {
    waker: Waker,
    counters: Counters,
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.counters.lock().wakes += 1;
        self.waker.wake_by_ref();
    }
}

/// A value under [`Counters`]; see [`Counters::track`].
///
/// It counts as dropped once the value's destructor has run, also if that panicked.
pub struct Tracked<T> {
    value: T,
    /// Dropped after the value.
    #[allow(dead_code, reason = "it is there to be dropped")]
    alive: Alive,
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Tracked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Tracked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

impl<T: fmt::Display> fmt::Display for Tracked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)
    }
}
