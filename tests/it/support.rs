//! Runtimes to run on, a guard against hangs, and futures and wakers made by hand.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::LocalPool;
use futures::future::{BoxFuture, LocalBoxFuture};
use nestling::generic::Flavor;
pub(crate) use nestling::testing::yields;
use nestling::{CancelHandle, Nursery};
use proptest::prelude::ProptestConfig;

/// After this a test has hung. No test waits for it to be right.
const HANG: Duration = Duration::from_secs(120);

/// How many random cases: as many as `PROPTEST_CASES` asks for, or `cases`.
///
/// No seed is kept: it means another case as soon as the strategies change. What is found becomes a
/// test with a name, or a file of the corpus.
pub(crate) fn random_cases(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Runtime {
    AsyncStd,
    Futures,
    Smol,
    TokioCurrentThread,
    TokioMultiThread,
}

/// The flavour of the module that a scenario stands in.
pub(crate) mod shared {
    use nestling::Nursery;
    use nestling::generic::Shared;

    pub(crate) type Flavour = Shared;
    pub(crate) type Boxed<'a, O> = futures::future::BoxFuture<'a, O>;

    pub(crate) fn nursery<'env, T, E>() -> Nursery<'env, T, E, Flavour> {
        Nursery::new()
    }
}

/// The flavour of the module that a scenario stands in.
pub(crate) mod local {
    use nestling::Nursery;
    use nestling::generic::Local;

    pub(crate) type Flavour = Local;
    pub(crate) type Boxed<'a, O> = futures::future::LocalBoxFuture<'a, O>;

    pub(crate) fn nursery<'env, T, E>() -> Nursery<'env, T, E, Flavour> {
        Nursery::local()
    }
}

/// A pool of the flavour that `Flavour` names. It needs `OfFlavour` of the tests for pools.
macro_rules! pool {
    ($limit:expr) => {
        <Flavour as OfFlavour>::pool($limit)
    };
}

/// Runs a scenario on every runtime, in both flavours or in the one that is named first.
///
/// `nursery()` makes a nursery of the flavour, and `Flavour` names it.
macro_rules! behaviour {
    (shared, $name:ident, $scenario:expr $(,)?) => {
        mod $name {
            behaviour!(@ shared, BoxFuture, run_shared, $scenario);
        }
    };
    ($name:ident, $scenario:expr $(,)?) => {
        mod $name {
            behaviour!(@ shared, BoxFuture, run_shared, $scenario);
            behaviour!(@ local, LocalBoxFuture, run_local, $scenario);
        }
    };
    (@ $flavour:ident, $boxed:ident, $run:ident, $scenario:expr) => {
        mod $flavour {
            #[allow(unused_imports)]
            use super::super::*;
            #[allow(unused_imports)]
            use crate::support::$flavour::*;
            use crate::support::{Runtime, $run};

            fn scenario() -> futures::future::$boxed<'static, ()> {
                Box::pin($scenario)
            }

            #[test]
            fn on_async_std() {
                $run(Runtime::AsyncStd, scenario);
            }

            #[test]
            fn on_futures() {
                $run(Runtime::Futures, scenario);
            }

            #[test]
            fn on_smol() {
                $run(Runtime::Smol, scenario);
            }

            #[test]
            fn on_tokio_current_thread() {
                $run(Runtime::TokioCurrentThread, scenario);
            }

            #[test]
            fn on_tokio_multi_thread() {
                $run(Runtime::TokioMultiThread, scenario);
            }
        }
    };
}

/// Runs a block that polls by hand, in both flavours or in the one that is named first.
macro_rules! by_hand {
    ($(#[$attribute:meta])* shared, $name:ident, $steps:expr $(,)?) => {
        mod $name {
            by_hand!(@ [$(#[$attribute])*] shared, $steps);
        }
    };
    ($(#[$attribute:meta])* $name:ident, $steps:expr $(,)?) => {
        mod $name {
            by_hand!(@ [$(#[$attribute])*] shared, $steps);
            by_hand!(@ [$(#[$attribute])*] local, $steps);
        }
    };
    (@ [$($attribute:tt)*] $flavour:ident, $steps:expr) => {
        #[allow(unused_imports)]
        mod $flavour {
            use super::super::*;
            use crate::support::$flavour::*;

            #[test]
            $($attribute)*
            fn by_hand() {
                crate::support::guarded(|| $steps);
            }
        }
    };
}

/// Runs a scenario where the runtime runs `Send` tasks: on a worker, if it has some.
pub(crate) fn run_shared(runtime: Runtime, scenario: fn() -> BoxFuture<'static, ()>) {
    guarded(move || {
        let task = AssertUnwindSafe(scenario()).catch_unwind();
        let ended = match runtime {
            Runtime::AsyncStd => async_std::task::block_on(async_std::task::spawn(task)),
            Runtime::Futures => futures::executor::block_on(task),
            Runtime::Smol => smol::block_on(smol::spawn(task)),
            Runtime::TokioCurrentThread => {
                tokio_current_thread().block_on(async { tokio::spawn(task).await.unwrap() })
            }
            Runtime::TokioMultiThread => {
                tokio_multi_thread().block_on(async { tokio::spawn(task).await.unwrap() })
            }
        };
        ended.unwrap_or_else(|payload| resume_unwind(payload));
    });
}

/// Runs a scenario on the thread that blocks on it.
pub(crate) fn run_local(runtime: Runtime, scenario: fn() -> LocalBoxFuture<'static, ()>) {
    guarded(move || match runtime {
        Runtime::AsyncStd => async_std::task::block_on(scenario()),
        Runtime::Futures => LocalPool::new().run_until(scenario()),
        Runtime::Smol => smol::block_on(smol::LocalExecutor::new().run(scenario())),
        Runtime::TokioCurrentThread => {
            let tasks = tokio::task::LocalSet::new();
            tasks.block_on(&tokio_current_thread(), scenario());
        }
        Runtime::TokioMultiThread => tokio_multi_thread().block_on(scenario()),
    });
}

fn tokio_current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn tokio_multi_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// Fails the test where `test` would hang for ever.
pub(crate) fn guarded(test: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(HANG) {
        panic!("the test has hung: it did not end within {HANG:?}");
    }
    thread.join().unwrap_or_else(|payload| resume_unwind(payload));
}

/// A task polled by hand, with a waker that counts.
pub(crate) struct Task<F> {
    future: Pin<Box<F>>,
    wakes: Arc<Wakes>,
    /// How often it had been woken when it was last polled; `None` before the first poll.
    answered: Option<usize>,
}

impl<F: Future> Task<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), wakes: Arc::default(), answered: None }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.answered = Some(self.wakes());
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.poll_with(&waker)
    }

    pub(crate) fn poll_with(&mut self, waker: &Waker) -> Poll<F::Output> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// Polls for as long as it is woken, as a runtime would: not at all if nothing woke it since it
    /// was last polled. A poll too many would hide that a wake was lost.
    pub(crate) fn run(&mut self) -> Poll<F::Output> {
        while self.answered != Some(self.wakes()) {
            let poll = self.poll();
            if poll.is_ready() {
                return poll;
            }
        }
        Poll::Pending
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The line that calls it; `line!()` in a behaviour is the line where the behaviour begins.
#[track_caller]
pub(crate) fn here() -> &'static Location<'static> {
    Location::caller()
}

/// Polls the children of a nursery in which none ends by that.
pub(crate) fn drive<T, E, M: Flavor>(nursery: &mut Nursery<'_, T, E, M>) {
    assert!(nursery.next().now_or_never().is_none(), "a child has ended");
}

/// Awaits `future`, and calls `parked` once it was pending for the first time.
pub(crate) async fn once_parked<F: Future>(future: F, parked: impl FnOnce()) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut parked = Some(parked);
    poll_fn(|cx| {
        let poll = future.as_mut().poll(cx);
        if let (Poll::Pending, Some(parked)) = (&poll, parked.take()) {
            parked();
        }
        poll
    })
    .await
}

/// Cancels a child from another thread in the middle of a poll that says when it is `entered`, and
/// waits until it is told of the cancel.
pub(crate) fn cancel_in_mid_poll(
    handle: CancelHandle,
    entered: Receiver<()>,
    cancelled: Sender<()>,
) -> thread::JoinHandle<CancelHandle> {
    thread::spawn(move || {
        entered.recv().unwrap();
        assert!(handle.cancel_with("mid-poll"));
        assert!(!handle.is_finished());
        cancelled.send(()).unwrap();
        handle
    })
}

/// Calls a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Panics with `text` when it is dropped, and counts that in `gone`.
pub(crate) fn counted_bomb(gone: &Count, text: &str) -> OnDrop<impl FnMut() + Send + use<>> {
    let (gone, text) = (gone.clone(), text.to_owned());
    OnDrop(move || {
        gone.add();
        panic!("{text}");
    })
}

/// What dropping `value` panics with.
pub(crate) fn panic_when_dropped<V>(value: V) -> String {
    let thrown = catch_unwind(AssertUnwindSafe(|| drop(value))).unwrap_err();
    *thrown.downcast().expect("a text")
}

/// Ends at its first poll; `on_drop` is its destructor, which runs when it is dropped by its owner.
pub(crate) fn ends<O>(output: O, on_drop: impl FnMut()) -> impl Future<Output = O> {
    let guard = OnDrop(on_drop);
    let mut output = Some(output);
    poll_fn(move |_| {
        let _ = &guard;
        Poll::Ready(output.take().expect("polled after it was ready"))
    })
}

/// Is pending for ever; `on_drop` is its destructor.
pub(crate) fn waits<O>(on_drop: impl FnMut()) -> impl Future<Output = O> {
    let guard = OnDrop(on_drop);
    poll_fn(move |_| {
        let _ = &guard;
        Poll::Pending
    })
}

/// What happened, in order.
pub(crate) struct Log<X>(Arc<Mutex<Vec<X>>>);

impl<X> Log<X> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn add(&self, event: X) {
        self.0.lock().unwrap().push(event);
    }

    pub(crate) fn take(&self) -> Vec<X> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<X> Clone for Log<X> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A number that tasks and threads share.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn remove(&self) -> usize {
        self.0.fetch_sub(1, Ordering::SeqCst) - 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn at_least(&self, n: usize) {
        self.0.fetch_max(n, Ordering::SeqCst);
    }
}

/// A value that knows how many of its kind there are.
#[derive(Debug)]
pub(crate) struct Live(Arc<AtomicUsize>);

impl Live {
    pub(crate) fn new(count: &Count) -> Self {
        count.add();
        Self(Arc::clone(&count.0))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
