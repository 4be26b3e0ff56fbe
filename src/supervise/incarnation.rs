//! One run of a supervised child: how it is started, and how it says that it is up.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_channel::mpsc::UnboundedSender;
use pin_project_lite::pin_project;

use super::flavor::SupervisorFlavor;
use crate::info::ChildInfo;
use crate::sync::{AtomicBool, Ordering};

/// Which child of a supervisor; no key is used twice. They are in the order in which children
/// start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(pub(super) u64);

/// One run of a supervised child, as the child sees it; clones are the same one.
///
/// What an incarnation says after its end touches no later one.
#[derive(Clone)]
pub struct Incarnation {
    key: Key,
    number: u64,
    up: Up,
    told: UnboundedSender<(Key, u64)>,
}

/// Whether an incarnation has said that it is up.
#[derive(Clone, Default)]
pub(super) struct Up(Arc<AtomicBool>);

impl Up {
    pub(super) fn is_up(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Incarnation {
    pub(super) fn new(key: Key, number: u64, told: UnboundedSender<(Key, u64)>) -> Self {
        Self { key, number, up: Up::default(), told }
    }

    /// Its number; that of the first is 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Says that the child is up: those that are to start after it may start.
    ///
    /// It is for a child that is to [say so](super::ChildSpec::says_ready). Calls after the first
    /// do nothing.
    pub fn ready(&self) {
        if !self.up.0.swap(true, Ordering::AcqRel) {
            // Where the supervisor is gone, there is nothing to start.
            let _ = self.told.unbounded_send((self.key, self.number));
        }
    }

    pub(super) fn up(&self) -> Up {
        self.up.clone()
    }
}

/// `incarnation 2`
impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "incarnation {}", self.number)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incarnation")
            .field("number", &self.number)
            .field("is_ready", &self.up.is_up())
            .finish_non_exhaustive()
    }
}

/// What an incarnation is started with.
#[doc(hidden)]
pub struct Start<'a, 'env, M: SupervisorFlavor> {
    pub(super) incarnation: Incarnation,
    pub(super) child: &'a ChildInfo,
    pub(super) grace: Option<Duration>,
    /// How long it may take until it is up.
    pub(super) limit: Option<(Duration, Up)>,
    pub(super) sleeper: &'a M::Sleeper<'env>,
}

pin_project! {
    /// Is ready when the time to start is over, and the incarnation is not up.
    pub(super) struct StartLimit<S> {
        // `None` once it is over.
        #[pin]
        sleep: Option<S>,
        up: Up,
        is_over: bool,
    }
}

impl<S> StartLimit<S> {
    pub(super) fn new(sleep: S, up: Up) -> Self {
        Self { sleep: Some(sleep), up, is_over: false }
    }
}

impl<S: Future> Future for StartLimit<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            if !this.up.is_up() {
                drop(ready!(sleep.poll(cx)));
                *this.is_over = true;
            }
            this.sleep.set(None);
            // The child is polled once more: it may say in this moment that it is up.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if *this.is_over && !this.up.is_up() { Poll::Ready(()) } else { Poll::Pending }
    }
}
