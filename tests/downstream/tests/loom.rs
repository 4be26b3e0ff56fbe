//! loom, without the kit: every way that two threads can go, in a model that is as small as can be.
//! It finds what only happens between two accesses to memory, which no order of whole polls shows.
#![cfg(loom)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use nestling_downstream::{Fault, faulty};

/// Counts wakes. It is no part of the model, so that it adds no ways.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A thread sends while this one polls a receive. Nothing waits: where the receive does, it is to
/// be woken once the thread is through.
fn a_thread_sends(fault: Fault) {
    loom::model(move || {
        let (sender, mut receiver) = faulty(1, fault);
        let thread = loom::thread::spawn(move || sender.try_send(7));
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let received = pin!(receiver.recv()).poll(&mut Context::from_waker(&waker));
        assert_eq!(thread.join().unwrap(), Ok(()));
        match received {
            Poll::Ready(value) => assert_eq!(value, Some(7)),
            Poll::Pending => assert!(wakes.0.load(SeqCst) > 0, "a receive waits and was not woken"),
        }
    });
}

/// A thread gives up a send, while this one receives and with that makes room for it or for
/// another.
fn one_gives_up(fault: Fault) {
    loom::model(move || {
        let (sender, mut receiver) = faulty(1, fault);
        sender.try_send(1).unwrap();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let (first, mut cx) = (sender.clone(), Context::from_waker(&waker));
        let thread = loom::thread::spawn(move || {
            let waker = Waker::noop();
            let _ = pin!(first.send(2)).poll(&mut Context::from_waker(waker));
        });
        let mut second = pin!(sender.send(3));
        assert!(second.as_mut().poll(&mut cx).is_pending());
        let received = pin!(receiver.recv()).poll(&mut Context::from_waker(Waker::noop()));
        thread.join().unwrap();
        assert_eq!(received, Poll::Ready(Some(1)));
        assert!(wakes.0.load(SeqCst) > 0, "there is room, and a send waits that was not woken");
    });
}

#[test]
fn the_channel_loses_no_wake() {
    a_thread_sends(Fault::None);
    one_gives_up(Fault::None);
}

#[test]
#[should_panic = "a receive waits and was not woken"]
fn a_wake_that_is_lost_between_threads_is_found() {
    a_thread_sends(Fault::LateRegister);
}

#[test]
#[should_panic = "there is room, and a send waits that was not woken"]
fn a_wake_that_is_lost_by_a_send_that_is_dropped_is_found() {
    one_gives_up(Fault::LostWake);
}
