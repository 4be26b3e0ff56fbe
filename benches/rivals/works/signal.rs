//! Something that one task waits for.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures::task::AtomicWaker;

#[derive(Default)]
pub struct Signal {
    waker: AtomicWaker,
    sent: AtomicBool,
}

impl Signal {
    pub fn send(&self) {
        self.sent.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Nothing was sent.
    pub fn reset(&self) {
        self.sent.store(false, Ordering::Relaxed);
    }

    pub fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Acquire)
    }

    pub async fn wait(&self) {
        poll_fn(|cx| {
            // What was signalled leaves no waker behind.
            if self.is_sent() {
                return Poll::Ready(());
            }
            self.waker.register(cx.waker());
            if self.is_sent() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
