//! A driver that goes to rest, and wakes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;

use super::support::{Parker, block_on, model};
use crate::gate::Gate;
use crate::info::ChildId;

/// Drives as a nursery does until `look` has seen enough: it rests only where the gate lets it.
fn drive_until(gate: &Gate, mut look: impl FnMut() -> bool) {
    block_on(poll_fn(|cx| {
        gate.enter(cx.waker());
        go_round_until(gate, &mut look)
    }));
}

fn go_round_until(gate: &Gate, mut look: impl FnMut() -> bool) -> Poll<()> {
    loop {
        if look() {
            return Poll::Ready(());
        }
        if gate.leave() {
            return Poll::Pending;
        }
    }
}

/// A gate, and what is ready; relaxed, so that it is seen only if the gate passes it on.
fn gate_and_flags<const N: usize>() -> (Arc<Gate>, [Arc<AtomicBool>; N]) {
    (Arc::default(), std::array::from_fn(|_| Arc::default()))
}

fn make_ready_and_notify(gate: &Arc<Gate>, flag: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (gate, flag) = (Arc::clone(gate), Arc::clone(flag));
    thread::spawn(move || {
        flag.store(true, Relaxed);
        gate.notify();
    })
}

/// Were leaving two steps, a wake between the look at the mark and the rest would be taken for one
/// that the driver is going to see, and wake nobody.
#[test]
fn a_wake_while_the_driver_goes_to_rest_is_not_lost() {
    model(None, || {
        let (gate, [flag]) = gate_and_flags();
        let waking = make_ready_and_notify(&gate, &flag);
        drive_until(&gate, || flag.load(Relaxed));
        waking.join().unwrap();
    });
}

/// The second of two wakers finds the mark set and does nothing: what it made ready reaches the driver
/// by the mark alone. Were entering a plain store, it would not.
#[test]
fn what_two_wakers_made_ready_is_seen_though_one_of_them_wakes_nobody() {
    model(4, || {
        let (gate, flags) = gate_and_flags::<2>();
        let [first, second] = [0, 1].map(|n| make_ready_and_notify(&gate, &flags[n]));
        drive_until(&gate, || flags.iter().all(|flag| flag.load(Relaxed)));
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// The turn that is over clears the mark of such a wake. Were that a plain store, the next turn might
/// not see what was made ready, and there is no other wake.
#[test]
fn a_wake_at_the_end_of_a_turn_is_seen_in_the_next() {
    model(None, || {
        let (gate, [flag]) = gate_and_flags();
        let waking = make_ready_and_notify(&gate, &flag);
        let mut first = true;
        block_on(poll_fn(|cx| {
            gate.enter(cx.waker());
            if std::mem::take(&mut first) && !flag.load(Relaxed) {
                gate.abandon();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            go_round_until(&gate, || flag.load(Relaxed))
        }));
        waking.join().unwrap();
    });
}

/// A nursery may be polled by one task and then by another. A gate that kept the first owner would
/// wake the wrong one.
#[test]
fn a_wake_after_the_owner_has_changed_reaches_the_new_one() {
    model(None, || {
        let (gate, [flag]) = gate_and_flags();
        let waking = make_ready_and_notify(&gate, &flag);
        let mut polls = 0;
        let (old, new) = (Waker::from(Parker::new()), Parker::new());
        let new_waker = Waker::from(Arc::clone(&new));
        loop {
            gate.enter(if polls == 0 { &old } else { &new_waker });
            if go_round_until(&gate, || flag.load(Relaxed)).is_ready() {
                break;
            }
            if polls > 0 {
                new.park();
            }
            polls += 1;
        }
        waking.join().unwrap();
    });
}

/// The mark says that the list is worth a look. Were it cleared after the list is taken, or set before
/// the child is on it, one of the children would stay in the backlog.
#[test]
fn every_child_that_is_called_off_is_taken_from_the_list() {
    model(None, || {
        let (gate, []) = gate_and_flags();
        let calling = thread::spawn({
            let gate = Arc::clone(&gate);
            move || {
                gate.call_off(ChildId::new(1));
                gate.call_off(ChildId::new(2));
            }
        });
        let mut taken = Vec::new();
        drive_until(&gate, || {
            taken.extend(gate.take_called_off());
            taken.len() == 2
        });
        calling.join().unwrap();
        assert_eq!(taken, [ChildId::new(1), ChildId::new(2)]);
    });
}

/// The hint has no order of its own: a driver that rests must have been able to see it. Were the
/// driver woken first, it might look too early and never again.
#[test]
fn a_driver_that_rests_is_told_that_the_nursery_was_cancelled() {
    model(None, || {
        let (gate, []) = gate_and_flags();
        let dooming = thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.doom()
        });
        drive_until(&gate, || gate.is_doomed());
        dooming.join().unwrap();
    });
}

/// A gate lives as long as any handle. One that kept the owner's waker would keep its task.
#[test]
fn no_waker_of_the_owner_is_left_when_the_driver_is_gone() {
    model(None, || {
        let (gate, []) = gate_and_flags();
        let owner = Parker::new();
        let waking = thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.notify()
        });
        gate.enter(&Waker::from(Arc::clone(&owner)));
        gate.leave();
        gate.retire();
        waking.join().unwrap();
        assert_eq!(Arc::strong_count(&owner), 1);
    });
}
