//! A bounded channel with many senders and one receiver.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::ring::Ring;
use crate::sync::{Arc, Mutex, MutexGuard};

/// A mistake that the channel makes, so that it can be seen which test finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    None,
    /// A wake is lost among tasks: a send that was woken and is dropped does not pass the wake on.
    LostWake,
    /// A wake is lost between threads: a receive looks, lets go of the lock, and registers then.
    LateRegister,
    /// Values are dropped twice: a receiver that is dropped while a send waits empties the slots,
    /// which count as full all the same.
    DoubleDrop,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    fault: Fault,
}

struct State<T> {
    ring: Ring<T>,
    senders: usize,
    receiver_gone: bool,
    receiving: Option<Waker>,
    /// The sends that wait and were not woken, by the ticket that each got.
    sending: VecDeque<(u64, Waker)>,
    next_ticket: u64,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no code of a user runs under the lock")
    }
}

impl<T> State<T> {
    /// What is to be woken as there is room.
    fn next_send(&mut self) -> Option<Waker> {
        let (_, waker) = self.sending.pop_front()?;
        Some(waker)
    }

    /// `None` if the send was woken since it got the ticket. A waker is code of a user: it is to be
    /// dropped without the lock.
    fn forget_send(&mut self, ticket: u64) -> Option<(u64, Waker)> {
        let place = self.sending.iter().position(|(waiting, _)| *waiting == ticket)?;
        self.sending.remove(place)
    }
}

/// A channel with room for so many values.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    faulty(capacity, Fault::None)
}

/// A channel that makes a mistake.
pub fn faulty<T>(capacity: usize, fault: Fault) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel has room for one value at least");
    let state = State {
        ring: Ring::new(capacity),
        senders: 1,
        receiver_gone: false,
        receiving: None,
        sending: VecDeque::new(),
        next_ticket: 0,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), fault });
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared })
}

/// The sending side. Once all of them are dropped, and the values are received, a receive gets
/// `None`.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Waits for room. The value comes back if the receiver is gone.
    pub fn send(&self, value: T) -> Send<'_, T> {
        Send { shared: &self.shared, value: Some(value), ticket: None }
    }

    /// Sends if there is room, and does not wait. The value comes back if there is none, or the
    /// receiver is gone.
    pub fn try_send(&self, value: T) -> Result<(), T> {
        let mut state = self.shared.lock();
        if state.receiver_gone {
            return Err(value);
        }
        state.ring.push(value)?;
        let woken = state.receiving.take();
        drop(state);
        wake(woken);
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.senders -= 1;
        let woken = if state.senders == 0 { state.receiving.take() } else { None };
        drop(state);
        wake(woken);
    }
}

/// The receiving side. What was not received is dropped with it.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Waits for a value; `None` once there are no senders and no values any more.
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv { shared: &self.shared }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.receiver_gone = true;
        let is_waited_for = !state.sending.is_empty();
        #[cfg(all(test, not(loom)))]
        if is_waited_for && !state.ring.is_empty() {
            nestling::testing::reached!("a receiver was dropped with values while a send waited");
        }
        let forget = is_waited_for && self.shared.fault == Fault::DoubleDrop;
        let values = state.ring.take_all(forget);
        let woken = std::mem::take(&mut state.sending);
        drop(state);
        // Before the values, as the destructor of one may panic.
        woken.into_iter().for_each(|(_, waker)| waker.wake());
        drop(values);
    }
}

/// See [`Sender::send`]. If it is dropped, the value is sent or dropped with it.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Send<'a, T> {
    shared: &'a Shared<T>,
    /// There until it is sent.
    value: Option<T>,
    /// There from when it has waited.
    ticket: Option<u64>,
}

// Nothing in it is pinned.
impl<T> Unpin for Send<'_, T> {}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let value = this.value.take().expect("it is not polled after it was ready");
        let waker = cx.waker().clone();
        // Dropped after the lock.
        let _before;
        let mut state = this.shared.lock();
        _before = this.ticket.take().and_then(|ticket| state.forget_send(ticket));
        if state.receiver_gone {
            return Poll::Ready(Err(value));
        }
        if let Err(value) = state.ring.push(value) {
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.sending.push_back((ticket, waker));
            (this.ticket, this.value) = (Some(ticket), Some(value));
            return Poll::Pending;
        }
        let woken = state.receiving.take();
        drop(state);
        wake(woken);
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for Send<'_, T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.shared.lock();
        let waited = state.forget_send(ticket);
        let was_woken = waited.is_none();
        #[cfg(all(test, not(loom)))]
        if was_woken {
            nestling::testing::reached!("a send was dropped that had been woken");
        }
        let passes_on = was_woken && state.ring.has_room() && self.shared.fault != Fault::LostWake;
        let woken = if passes_on { state.next_send() } else { None };
        drop(state);
        wake(woken);
    }
}

/// See [`Receiver::recv`]. Nothing is lost if it is dropped.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Recv<'a, T> {
    shared: &'a Shared<T>,
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        if let Some(value) = state.ring.pop() {
            let woken = state.next_send();
            drop(state);
            wake(woken);
            return Poll::Ready(Some(value));
        }
        if state.senders == 0 {
            return Poll::Ready(None);
        }
        if self.shared.fault == Fault::LateRegister {
            drop(state);
            state = self.shared.lock();
        }
        let before = state.receiving.replace(waker);
        drop(state);
        drop(before);
        Poll::Pending
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
