//! Wakes of lanes, and a driver that looks for them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::task::waker_ref;
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;

use super::support::{block_on, model};
use crate::drive::DriverWaker;
use crate::lanes::Lanes;

/// A driver with so many lanes, and their wakers.
fn lanes(count: usize) -> (Lanes<()>, Vec<Waker>, Arc<DriverWaker>) {
    let mut lanes = Lanes::new();
    let wakers = (0..count)
        .map(|_| {
            let lane = lanes.take(|| ());
            lanes.lane(lane).1.clone()
        })
        .collect();
    (lanes, wakers, Arc::default())
}

/// Drives until `look` has seen enough, which is told each lane that was found to be woken.
fn drive_until(
    lanes: &mut Lanes<()>,
    driver: &Arc<DriverWaker>,
    mut look: impl FnMut(Option<usize>) -> bool,
) {
    let mut owner = None;
    block_on(poll_fn(|cx| {
        driver.enter(cx.waker(), &mut owner);
        loop {
            if let Some(owner) = &owner {
                lanes.find_woken(&mut Context::from_waker(&waker_ref(owner)));
            }
            lanes.begin_round();
            let mut found = lanes.next();
            loop {
                if look(found) {
                    return Poll::Ready(());
                }
                if found.is_none() {
                    break;
                }
                found = lanes.next();
            }
            if !lanes.has_woken() && driver.rest() {
                return Poll::Pending;
            }
        }
    }));
}

/// What a wake made ready; relaxed, so that it is seen only by a driver that the wake has reached.
fn waking(waker: Waker, ready: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let ready = Arc::clone(ready);
    thread::spawn(move || {
        ready.store(true, Relaxed);
        waker.wake();
    })
}

/// A child is woken before its word is in the queue, or while that happens. The wake may find no way to the
/// driver then; were the word not looked at once it has one, the wake would be lost.
#[test]
fn a_wake_while_the_word_is_queued_is_found() {
    model(None, || {
        let (mut lanes, mut wakers, driver) = lanes(1);
        let ready = Arc::new(AtomicBool::new(false));
        let waking = waking(wakers.pop().unwrap(), &ready);
        lanes.wait(0);
        drive_until(&mut lanes, &driver, |found| found == Some(0) && ready.load(Relaxed));
        waking.join().unwrap();
    });
}

/// Two lanes of one word. The second wake finds the word woken and tells no one: it relies on the first,
/// and on the driver taking both bits after that.
#[test]
fn two_wakes_of_one_word_are_both_found() {
    model(3, || {
        let (mut lanes, wakers, driver) = lanes(2);
        (0..2).for_each(|lane| lanes.wait(lane));
        let ready = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let mut threads = Vec::new();
        for (waker, ready) in wakers.into_iter().zip(&ready) {
            threads.push(waking(waker, ready));
        }
        let mut seen = [false; 2];
        drive_until(&mut lanes, &driver, |found| {
            if let Some(lane) = found {
                seen[lane] |= ready[lane].load(Relaxed);
            }
            seen == [true; 2]
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A wake comes while the driver takes the word, and again later. Were the bits not taken in one step, or
/// were a wake after that not passed on, one of them would be lost.
#[test]
fn a_wake_after_the_word_was_taken_is_passed_on() {
    model(None, || {
        let (mut lanes, wakers, driver) = lanes(1);
        lanes.wait(0);
        let ready = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        wakers[0].wake_by_ref();
        let waking = thread::spawn({
            let (waker, ready) = (wakers[0].clone(), ready.clone());
            move || {
                for ready in ready {
                    ready.store(true, Relaxed);
                    waker.wake_by_ref();
                }
            }
        });
        drive_until(&mut lanes, &driver, |found| found == Some(0) && ready[1].load(Relaxed));
        waking.join().unwrap();
    });
}

/// A wake of a lane that was given up reaches no other lane, and harms no one.
#[test]
fn a_wake_of_a_lane_that_is_given_up_does_no_harm() {
    model(None, || {
        let (mut lanes, mut wakers, driver) = lanes(1);
        lanes.wait(0);
        lanes.find_woken(&mut Context::from_waker(&Waker::from(driver)));
        let waker = wakers.pop().unwrap();
        let waking = thread::spawn(move || waker.wake());
        lanes.free(0);
        drop(lanes);
        waking.join().unwrap();
    });
}
