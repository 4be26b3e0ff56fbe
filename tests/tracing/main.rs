//! Spans and events of nurseries that are traced.
//!
//! Each test has a subscriber of its own thread, so the tests can run beside each other.

mod chrome;
mod elsewhere;
mod events;
mod foreign;
mod parents;
mod recorder;

use std::pin::pin;
use std::task::{Context, Waker};

/// Polls a future once, which is not ready then.
fn poll_once(future: impl Future) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(future).poll(&mut cx).is_pending());
}

/// Tells an event in whatever span is current when it is dropped.
struct TellsItsDrop;

impl Drop for TellsItsDrop {
    fn drop(&mut self) {
        tracing::info!("dropped its own");
    }
}
