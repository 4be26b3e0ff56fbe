//! Wakes of lanes, and a driver that looks for them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;

use super::support::{block_on, model};
use crate::drive::DriverWaker;
use crate::lanes::{KEPT, LANES, Lanes};

/// A driver with lanes up to this one, and the wakers of the last `count`.
fn lanes(last: usize, count: usize) -> (Lanes<()>, Vec<Waker>, Arc<DriverWaker>) {
    let driver = Arc::default();
    let mut lanes = Lanes::new(&driver);
    let mut wakers: Vec<_> = (0..=last)
        .map(|_| {
            let lane = lanes.take(|| ());
            lanes.lane(lane).1.clone()
        })
        .collect();
    (lanes, wakers.split_off(last + 1 - count), driver)
}

/// A lane of the first word, which tells the driver itself, and one of the second, which stands in
/// the queue.
const LAST: [usize; 2] = [1, 65];

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
            lanes.find_woken();
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

/// A child is woken before its word is in the queue, or while that happens. The wake may find no
/// way to the driver then; were the word not looked at once it has one, the wake would be lost.
#[test]
fn a_wake_while_the_word_is_queued_is_found() {
    for last in LAST {
        model(None, move || {
            let (mut lanes, mut wakers, driver) = lanes(last, 1);
            let ready = Arc::new(AtomicBool::new(false));
            let waking = waking(wakers.pop().unwrap(), &ready);
            lanes.wait(last);
            drive_until(&mut lanes, &driver, |found| found == Some(last) && ready.load(Relaxed));
            waking.join().unwrap();
        });
    }
}

/// Two lanes of one word. The second wake finds the word woken and tells no one: it relies on the
/// first, and on the driver taking both bits after that.
#[test]
fn two_wakes_of_one_word_are_both_found() {
    for last in LAST {
        model(3, move || {
            let (mut lanes, wakers, driver) = lanes(last, 2);
            lanes.wait(last);
            let ready = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
            let mut threads = Vec::new();
            for (waker, ready) in wakers.into_iter().zip(&ready) {
                threads.push(waking(waker, ready));
            }
            let mut seen = [false; 2];
            drive_until(&mut lanes, &driver, |found| {
                if let Some(lane) = found {
                    let of = lane + 1 - last;
                    seen[of] |= ready[of].load(Relaxed);
                }
                seen == [true; 2]
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}

/// A wake comes while the driver takes the word, and again later. Were the bits not taken in one
/// step, or were a wake after that not passed on, one of them would be lost.
#[test]
fn a_wake_after_the_word_was_taken_is_passed_on() {
    for last in LAST {
        model(None, move || {
            let (mut lanes, wakers, driver) = lanes(last, 1);
            lanes.wait(last);
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
            drive_until(&mut lanes, &driver, |found| found == Some(last) && ready[1].load(Relaxed));
            waking.join().unwrap();
        });
    }
}

/// The last lane where one block more is idle than are kept.
const LAST_OF_MANY: usize = KEPT * LANES + 1;

/// A lane is woken while its block is given up. No other lane is found for it. It is a lane of the
/// first word, or of one that stands in the queue.
#[test]
fn a_wake_of_a_lane_that_is_given_up_does_no_harm() {
    for given_up in [0, LAST_OF_MANY] {
        model(None, move || {
            let (mut lanes, mut wakers, _driver) = lanes(LAST_OF_MANY, LAST_OF_MANY + 1);
            (0..=LAST_OF_MANY).for_each(|lane| lanes.wait(lane));
            lanes.find_woken();
            let waker = wakers.swap_remove(given_up);
            let waking = thread::spawn(move || waker.wake());
            // The block that is idle last is given up.
            let in_its_block = |lane: &usize| lane / LANES == given_up / LANES;
            let (last, first): (Vec<_>, Vec<_>) = (0..=LAST_OF_MANY).partition(in_its_block);
            first.into_iter().chain(last).for_each(|lane| lanes.free(lane));
            waking.join().unwrap();
            lanes.find_woken();
            lanes.begin_round();
            assert_eq!(lanes.next(), None);
        });
    }
}

/// One wake of each word, at the same time. Each tells the driver by a way of its own.
#[test]
fn wakes_of_two_words_are_both_found() {
    model(3, || {
        let (mut lanes, wakers, driver) = lanes(65, 65);
        let ready = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        lanes.wait(65);
        let threads = [waking(wakers[0].clone(), &ready[0]), waking(wakers[64].clone(), &ready[1])];
        let mut seen = [false; 2];
        drive_until(&mut lanes, &driver, |found| {
            if let Some(lane) = found {
                let of = usize::from(lane == 65);
                seen[of] |= ready[of].load(Relaxed);
            }
            seen == [true; 2]
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
