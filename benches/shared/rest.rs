//! Polls a future by hand, as an owner that has nothing else to do.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) struct Owner {
    again: Arc<Again>,
    waker: Waker,
}

/// Whether the owner was woken.
#[derive(Default)]
struct Again(AtomicBool);

impl Owner {
    pub(crate) fn new() -> Self {
        let again = Arc::new(Again::default());
        Self { waker: Waker::from(Arc::clone(&again)), again }
    }

    /// Polls until `future` is ready, or rests: until it is pending without having woken its owner.
    pub(crate) fn poll<F: Future + ?Sized>(&self, mut future: Pin<&mut F>) -> Poll<F::Output> {
        let mut cx = Context::from_waker(&self.waker);
        loop {
            self.again.0.store(false, Ordering::Relaxed);
            let poll = future.as_mut().poll(&mut cx);
            if poll.is_ready() || !self.again.0.load(Ordering::Relaxed) {
                return poll;
            }
        }
    }
}

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
