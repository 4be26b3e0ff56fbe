//! A child that goes on or ends, handles that cancel it, and tasks that wait until it is gone.

use std::future::poll_fn;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;

use super::support::{Parker, block_on, model};
use crate::cancel::{
    CancelHandle, Cause, Control, FinishOnDrop, LostKind, Phase, Requests, Time, Traits,
};
use crate::info::{ChildId, ChildInfo};

/// A child's control block, as the child holds it, and a handle.
fn child_and_handle() -> (FinishOnDrop, CancelHandle) {
    with_traits(Traits::default())
}

fn with_traits(traits: Traits) -> (FinishOnDrop, CancelHandle) {
    let info = ChildInfo::new(ChildId::new(0), None, Location::caller());
    let child = FinishOnDrop::new(Control::new(info, traits, Requests::new(Arc::default()), None));
    let handle = CancelHandle::new(Arc::clone(control(&child)));
    (child, handle)
}

fn control(child: &FinishOnDrop) -> &Arc<Control> {
    child.control().expect("it was made with one")
}

/// A child that starts puts its lane's waker down; a cancel sets the phase, then looks for that
/// waker. Both steps of each are under the lock: or each could miss the other.
#[test]
fn a_cancel_while_the_child_starts_keeps_it_from_that_or_wakes_it() {
    model(None, || {
        let (child, handle) = child_and_handle();
        let cancelling = thread::spawn(move || assert!(handle.cancel()));
        let control = control(&child);
        block_on(poll_fn(|cx| match control.phase() {
            Phase::Queued if !control.start(cx.waker()) => Poll::Ready(()),
            _ if control.is_stopping() => Poll::Ready(()),
            _ => Poll::Pending,
        }));
        assert_eq!(control.cause().unwrap().message(), None);
        cancelling.join().unwrap();
    });
}

/// Without a second look under the lock, both would be told that they were the first, and the cause
/// would be that of the last.
#[test]
fn of_two_cancels_one_is_the_first_and_its_cause_stays() {
    model(None, || {
        let (_tag, handle) = child_and_handle();
        let [one, two] = ["one", "two"].map(|reason| {
            let handle = handle.clone();
            thread::spawn(move || handle.cancel_with(reason))
        });
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        assert!(one != two);
        let first = if one { "one" } else { "two" };
        assert_eq!(
            handle.cause().and_then(|cause| cause.message().map(String::from)).unwrap(),
            first
        );
    });
}

/// The mark is read without the lock. Were it set before the cause is there, or not released, a
/// child would find itself cancelled for nothing, or not see what was done before.
#[test]
fn who_sees_the_mark_of_a_cancel_sees_its_cause_and_what_came_before() {
    model(None, || {
        let (child, handle) = child_and_handle();
        let before = Arc::new(AtomicBool::new(false));
        let looking = thread::spawn({
            let (control, before) = (Arc::clone(control(&child)), Arc::clone(&before));
            move || {
                if control.is_cancelled() {
                    assert!(before.load(Relaxed));
                    assert!(control.cause().is_some());
                }
            }
        });
        before.store(true, Relaxed);
        handle.cancel();
        looking.join().unwrap();
    });
}

/// The owner cancels all children when a handle cancels one: each must be told the same.
#[test]
fn a_cancel_of_the_child_and_one_of_all_children_agree_on_the_cause() {
    model(None, || {
        let (child, handle) = child_and_handle();
        let cancelling = thread::spawn({
            let handle = handle.clone();
            move || handle.cancel_with("one")
        });
        let all = control(&child).cancel(Time::Own, &Cause::requested("all".into())).is_some();
        let told = control(&child).cause().unwrap();
        let first = cancelling.join().unwrap();
        assert!(first != all);
        assert_eq!(told.message(), Some(if first { "one" } else { "all" }));
        assert_eq!(handle.cause().unwrap().message(), told.message());
    });
}

/// A cancel that is told that it was in time must be found by who asks after the end: a failure is
/// flagged by it. Without a second look under the lock the end could come in between.
#[test]
fn a_cancel_that_was_in_time_is_known_at_the_end() {
    model(None, || {
        let (mut child, handle) = child_and_handle();
        let cancelling = thread::spawn(move || handle.cancel());
        let ended = child.finish(None).unwrap();
        let known = ended.is_cancelled();
        assert_eq!(cancelling.join().unwrap(), known);
        assert_eq!(ended.is_cancelled(), known);
    });
}

/// A handle may outlive its child for long. A control block that kept the child's waker would keep
/// the child's memory.
#[test]
fn a_cancel_at_the_end_leaves_no_waker_of_the_child_behind() {
    model(None, || {
        let (mut child, handle) = child_and_handle();
        let lane = Parker::new();
        assert!(control(&child).start(&Waker::from(Arc::clone(&lane))));
        let cancelling = thread::spawn({
            let handle = handle.clone();
            move || handle.cancel()
        });
        child.finish(None);
        cancelling.join().unwrap();
        assert_eq!(Arc::strong_count(&lane), 1);
        assert!(handle.is_finished());
    });
}

/// Without a second look under the lock, a task that looks before the end and puts its waker down
/// after it would wait for ever.
#[test]
fn those_who_begin_to_wait_while_the_child_ends_hear_of_it() {
    model(None, || {
        let (child, handle) = child_and_handle();
        let waiting = [0, 1].map(|_| {
            let handle = handle.clone();
            thread::spawn(move || block_on(handle.finished()))
        });
        drop(child);
        for waiting in waiting {
            waiting.join().unwrap();
        }
    });
}

/// "The child is gone" says that its destructor has run, also to who asks without the lock.
#[test]
fn what_the_destructor_did_is_seen_by_who_hears_that_the_child_is_gone() {
    model(None, || {
        let (child, handle) = child_and_handle();
        let destroyed = Arc::new(AtomicBool::new(false));
        let asking = thread::spawn({
            let destroyed = Arc::clone(&destroyed);
            move || {
                if handle.is_finished() {
                    assert!(destroyed.load(Relaxed));
                }
                block_on(handle.finished());
                assert!(destroyed.load(Relaxed));
            }
        });
        destroyed.store(true, Relaxed);
        drop(child);
        asking.join().unwrap();
    });
}

/// There may be no places left to give up; and the place that is given up may be the next one's.
/// The one who goes on waiting must hear of the end.
#[test]
fn one_who_stops_waiting_while_the_child_ends_disturbs_nobody() {
    model(None, || {
        let (child, handle) = child_and_handle();
        let stopping = thread::spawn({
            let handle = handle.clone();
            move || {
                let mut finished = handle.finished();
                let waker = Waker::from(Parker::new());
                let _ = std::pin::Pin::new(&mut finished).poll(&mut Context::from_waker(&waker));
            }
        });
        let waiting = thread::spawn(move || block_on(handle.finished()));
        drop(child);
        stopping.join().unwrap();
        waiting.join().unwrap();
    });
}

/// A child listens while it is cancelled. Without a second look under the lock, a cancel that came
/// in between would wake nobody.
#[test]
fn one_who_listens_while_the_child_is_cancelled_hears_of_it() {
    model(None, || {
        let (child, handle) = child_and_handle();
        let cancelling = thread::spawn(move || assert!(handle.cancel()));
        let mut place = None;
        let cause = block_on(poll_fn(|cx| control(&child).poll_cancelled(cx, &mut place)));
        assert_eq!(cause.message(), None);
        cancelling.join().unwrap();
    });
}

/// The nursery gives a child its grace while a handle cancels it, which has one of its own: one of
/// the causes stays, and the child must not be dropped for either.
#[test]
fn a_child_that_is_signalled_while_its_handle_cancels_it_has_its_grace() {
    model(None, || {
        let (child, handle) = with_traits(Traits { own_grace: true, ..Traits::default() });
        assert!(control(&child).start(&Waker::from(Parker::new())));
        let cancelling = thread::spawn(move || handle.cancel_with("by its handle"));
        control(&child).cancel(Time::Nursery, &Cause::requested("by the nursery".into()));
        let first = cancelling.join().unwrap();
        let cause = control(&child).cause().unwrap();
        let expected = if first { "by its handle" } else { "by the nursery" };
        assert_eq!(cause.message(), Some(expected));
        assert_eq!(control(&child).phase(), Phase::Signalled);
    });
}

/// Who waits for an output reads how it was lost once the child is gone: it must be said by then.
#[test]
fn one_who_sees_that_the_child_is_gone_sees_how_it_was_lost() {
    model(None, || {
        let (mut child, handle) = child_and_handle();
        let waiting = thread::spawn(move || {
            block_on(handle.finished());
            handle.lost().kind()
        });
        child.finish(Some(LostKind::Failed));
        assert_eq!(waiting.join().unwrap(), LostKind::Failed);
    });
}
