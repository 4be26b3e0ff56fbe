//! Tasks that are polled only when they are woken, and what they wait for.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::sync::{Condvar, Mutex};

/// Looks at every interleaving of `program`, or at those where threads are stopped in mid-course at
/// most so many times in all.
pub(super) fn model(
    preemptions: impl Into<Option<usize>>,
    program: impl Fn() + Sync + Send + 'static,
) {
    // Not loom's, which live in one interleaving.
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (counted, start) = (Arc::clone(&runs), Instant::now());
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions.into());
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        program();
    });
    println!("{} interleavings in {:.1?}", runs.load(Relaxed), start.elapsed());
}

/// A thread that waits to be woken.
pub(super) struct Parker {
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Parker {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { woken: Mutex::new(false), bell: Condvar::new() })
    }

    pub(super) fn park(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.bell.wait(woken).unwrap();
        }
        *woken = false;
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.bell.notify_one();
    }
}

/// Polls a future until it is ready, each time after a wake.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let parker = Parker::new();
    let waker = Waker::from(Arc::clone(&parker));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => parker.park(),
        }
    }
}

/// Something that happens once, and can be waited for by one task.
#[derive(Clone)]
pub(super) struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((false, None))))
    }

    pub(super) fn fire(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let signal = self.clone();
        poll_fn(move |cx| {
            let mut state = signal.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// Counts what happened to children; relaxed, so that it is seen only by who was told of it.
#[derive(Clone, Default)]
pub(super) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Counts that it was dropped.
pub(super) struct Dropped(pub(super) Count);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add();
    }
}
