//! The extra poll is a poll as any other: what comes of it is handed on, and no wake is lost.

use std::future::{Future, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};

use futures::channel::oneshot::channel;
use futures::task::AtomicWaker;

use super::{AwaitTree, Wakes, capture, capture_poll};

/// A leaf that clones its waker, and waits for ever.
pub(super) async fn wait_for_ever() {
    poll_fn::<(), _>(|cx| {
        drop(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

#[test]
fn a_message_after_the_extra_poll_wakes_the_child() {
    let (wakes, waker) = Wakes::new();
    let (sender, mut child) = channel();
    let mut child = pin!(&mut child);
    let (poll, tree) = capture_poll(child.as_mut(), &waker);
    assert!(poll.is_pending() && tree.stacks().len() == 1);
    sender.send(7).unwrap();
    assert_eq!(wakes.count(), 1);
    assert_eq!(child.poll(&mut Context::from_waker(&waker)), Poll::Ready(Ok(7)));
}

#[test]
fn an_atomic_waker_that_had_one_keeps_the_new_one() {
    let (wakes, waker) = Wakes::new();
    let (kept, is_set) = (Arc::new(AtomicWaker::new()), AtomicBool::new(false));
    let mut child = pin!(poll_fn(|cx| {
        kept.register(cx.waker());
        if is_set.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }));
    // An ordinary poll, an extra one, and an ordinary one: the last knows the waker again, although
    // it comes from the extra poll.
    let mut cx = Context::from_waker(&waker);
    assert!(child.as_mut().poll(&mut cx).is_pending());
    let before = Arc::strong_count(&wakes);
    let (poll, tree) = capture_poll(child.as_mut(), &waker);
    assert!(poll.is_pending() && tree.stacks().len() == 1);
    assert_eq!(Arc::strong_count(&wakes), before);
    is_set.store(true, SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| kept.wake());
    });
    assert_eq!(wakes.count(), 1);
    assert!(child.poll(&mut cx).is_ready());
}

#[test]
fn clones_outlive_the_capture_and_take_no_more_stacks() {
    let (wakes, waker) = Wakes::new();
    let mut kept = None;
    let ((), tree) = capture(&waker, |cx| kept = Some(cx.waker().clone()));
    let kept = kept.unwrap();
    let more: Vec<_> = (0..100).map(|_| kept.clone()).collect();
    assert_eq!(tree.stacks().len(), 1);
    assert!(more.iter().all(|more| more.will_wake(&waker)));
    drop((waker, tree));
    more.into_iter().for_each(std::task::Waker::wake);
    kept.wake_by_ref();
    assert_eq!(wakes.count(), 101);
}

#[test]
fn a_wake_by_reference_in_the_extra_poll_wakes_the_child() {
    let (wakes, waker) = Wakes::new();
    let ((), tree) = capture(&waker, |cx| cx.waker().wake_by_ref());
    assert_eq!(wakes.count(), 1);
    assert!(tree.is_empty());
}

#[test]
fn a_child_that_completes_in_the_extra_poll_has_completed() {
    let (_, waker) = Wakes::new();
    let (poll, tree) = capture_poll(pin!(async { ready(5).await }), &waker);
    assert_eq!(poll, Poll::Ready(5));
    assert!(tree.is_empty());
}

#[test]
fn a_panic_in_the_extra_poll_goes_on() {
    let (wakes, waker) = Wakes::new();
    let poll = || {
        capture(&waker, |cx| -> Poll<()> {
            drop(cx.waker().clone());
            std::panic::panic_any("child")
        })
    };
    let panic = catch_unwind(AssertUnwindSafe(poll)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"child"));
    assert_eq!(Arc::strong_count(&wakes), 2);
}

#[test]
fn a_capture_inside_a_capture_ends_at_its_own_poll() {
    let (_, waker) = Wakes::new();
    let mut inner = None;
    let (_, outer) = capture(&waker, |cx| {
        let (_, tree) = capture_poll(pin!(wait_for_ever()), cx.waker());
        inner = Some(tree);
    });
    // Two lines: those of `wait_for_ever`, and not of the closure above. The waker of the inner
    // capture clones that of the outer one, so both have a stack.
    let lines = |tree: &AwaitTree| tree.stacks()[0].lines().len();
    assert_eq!((lines(&inner.unwrap()), lines(&outer)), (2, 2));
}
