//! A driver that goes to rest, and wakes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;

use super::support::{Parker, block_on, model};
use crate::cancel::{Cause, Requests};
use crate::drive::{DriverWaker, WakeFlag};
use crate::info::ChildId;

/// Drives as a nursery does until `look` has seen enough: it rests only where its waker lets it.
fn drive_until(driver: &Arc<DriverWaker>, mut look: impl FnMut() -> bool) {
    block_on(poll_fn(|cx| {
        driver.enter(cx.waker(), &mut None);
        go_round_until(driver, &mut look)
    }));
}

fn go_round_until(driver: &DriverWaker, mut look: impl FnMut() -> bool) -> Poll<()> {
    loop {
        if look() {
            return Poll::Ready(());
        }
        if driver.rest() {
            return Poll::Pending;
        }
    }
}

/// A driver's waker, and what is ready; relaxed, so that it is seen only if the waker passes it on.
fn driver_and_flags<const N: usize>() -> (Arc<DriverWaker>, [Arc<AtomicBool>; N]) {
    (Arc::default(), std::array::from_fn(|_| Arc::default()))
}

fn make_ready_and_notify(
    driver: &Arc<DriverWaker>,
    flag: &Arc<AtomicBool>,
) -> thread::JoinHandle<()> {
    let (driver, flag) = (Arc::clone(driver), Arc::clone(flag));
    thread::spawn(move || {
        flag.store(true, Relaxed);
        driver.notify();
    })
}

/// Were leaving two steps, a wake between the look at the mark and the rest would be taken for one
/// that the driver is going to see, and wake nobody.
#[test]
fn a_wake_while_the_driver_goes_to_rest_is_not_lost() {
    model(None, || {
        let (driver, [flag]) = driver_and_flags();
        let waking = make_ready_and_notify(&driver, &flag);
        drive_until(&driver, || flag.load(Relaxed));
        waking.join().unwrap();
    });
}

/// The second of two wakers finds the mark set and does nothing: what it made ready reaches the
/// driver by the mark alone. Were entering a plain store, it would not.
#[test]
fn what_two_wakers_made_ready_is_seen_though_one_of_them_wakes_nobody() {
    model(4, || {
        let (driver, flags) = driver_and_flags::<2>();
        let [first, second] = [0, 1].map(|n| make_ready_and_notify(&driver, &flags[n]));
        drive_until(&driver, || flags.iter().all(|flag| flag.load(Relaxed)));
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// The turn that is over clears the mark of such a wake. Were that a plain store, the next turn
/// might not see what was made ready, and there is no other wake.
#[test]
fn a_wake_at_the_end_of_a_turn_is_seen_in_the_next() {
    model(None, || {
        let (driver, [flag]) = driver_and_flags();
        let waking = make_ready_and_notify(&driver, &flag);
        let mut first = true;
        block_on(poll_fn(|cx| {
            driver.enter(cx.waker(), &mut None);
            if std::mem::take(&mut first) && !flag.load(Relaxed) {
                driver.stop();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            go_round_until(&driver, || flag.load(Relaxed))
        }));
        waking.join().unwrap();
    });
}

/// A nursery may be polled by one task and then by another. A driver that kept the first owner
/// would wake the wrong one.
#[test]
fn a_wake_after_the_owner_has_changed_reaches_the_new_one() {
    model(None, || {
        let (driver, [flag]) = driver_and_flags();
        let waking = make_ready_and_notify(&driver, &flag);
        let (mut polls, mut known) = (0, None);
        let (old, new) = (Waker::from(Parker::new()), Parker::new());
        let new_waker = Waker::from(Arc::clone(&new));
        loop {
            driver.enter(if polls == 0 { &old } else { &new_waker }, &mut known);
            if go_round_until(&driver, || flag.load(Relaxed)).is_ready() {
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

/// Nothing wakes the owner of a driver that is gone, and nothing keeps its waker.
#[test]
fn a_driver_that_is_gone_keeps_no_waker() {
    model(None, || {
        let (driver, [flag]) = driver_and_flags();
        let parker = Parker::new();
        let mut known = None;
        driver.enter(&Waker::from(Arc::clone(&parker)), &mut known);
        let waking = make_ready_and_notify(&driver, &flag);
        driver.rest();
        driver.retire();
        drop(known);
        waking.join().unwrap();
        driver.notify();
        assert_eq!(Arc::strong_count(&parker), 1);
    });
}

/// The mark says that the list is worth a look. Were it cleared after the list is taken, or set
/// before the child is on it, one of the children would stay in the backlog.
#[test]
fn every_child_that_is_cancelled_in_the_backlog_is_taken_from_the_list() {
    model(None, || {
        let requests = Requests::new(Arc::default());
        let cancelling = thread::spawn({
            let requests = Arc::clone(&requests);
            move || {
                requests.drop_queued(ChildId::new(1));
                requests.drop_queued(ChildId::new(2));
            }
        });
        let mut taken = Vec::new();
        drive_until(requests.driver(), || {
            taken.extend(requests.take_queued());
            taken.len() == 2
        });
        cancelling.join().unwrap();
        assert_eq!(taken, [ChildId::new(1), ChildId::new(2)]);
    });
}

/// A driver that rests must have been able to see the mark, and where it is seen the cause is
/// there. Were the driver woken first, it might look too early and never again.
#[test]
fn a_driver_that_rests_is_told_that_the_nursery_was_cancelled() {
    model(None, || {
        let requests = Requests::new(Arc::default());
        let cancelling = thread::spawn({
            let requests = Arc::clone(&requests);
            move || {
                requests.set_cause(Cause::requested(String::new()));
                requests.driver().notify();
            }
        });
        drive_until(requests.driver(), || requests.is_cancelled());
        assert!(requests.cause().is_some());
        cancelling.join().unwrap();
    });
}

/// A driver lives as long as any handle. One that kept the owner's waker would keep its task.
#[test]
fn no_waker_of_the_owner_is_left_when_the_driver_is_gone() {
    model(None, || {
        let (driver, []) = driver_and_flags();
        let owner = Parker::new();
        let waking = thread::spawn({
            let driver = Arc::clone(&driver);
            move || driver.notify()
        });
        driver.enter(&Waker::from(Arc::clone(&owner)), &mut None);
        driver.rest();
        driver.retire();
        waking.join().unwrap();
        assert_eq!(Arc::strong_count(&owner), 1);
    });
}

/// A timer or a body is woken while its flag is set already, and cleared for a poll. The driver
/// sets it as well, as a source does that may have another item. If the poll has not seen what was
/// made ready, the flag has to be set again.
#[test]
fn a_wake_while_a_flag_is_cleared_is_seen_by_that_poll_or_the_next() {
    model(3, || {
        let (driver, ready) = driver_and_flags::<2>();
        let flag = WakeFlag::new(&driver);
        let threads = ready.clone().map(|ready| {
            let waker = flag.waker();
            thread::spawn(move || {
                ready.store(true, Relaxed);
                waker.wake();
            })
        });
        let mut polled = 0;
        drive_until(&driver, || {
            if flag.is_set() {
                flag.clear();
                polled += 1;
                if polled == 1 {
                    flag.set();
                }
                return ready.iter().all(|ready| ready.load(Relaxed));
            }
            false
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
