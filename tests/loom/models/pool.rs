//! The lanes of a pool, woken from elsewhere, or elsewhere themselves.

use std::future::poll_fn;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::support::{Parker, Signal, block_on, model};
use crate::Pool;
use crate::child::{End, Ended};
use crate::drive::DriverWaker;
use crate::info::ChildId;
use crate::pool::item::Tag;
use crate::pool::parallel::work::{self, Next, dropped};

type Board = Arc<work::Board<u32, u32, ()>>;

fn tag(number: u64) -> Tag {
    ChildId::new(number).into()
}

fn completed() -> Ended<u32, ()> {
    Ended::new(End::Completed(7), None)
}

fn board(limit: usize) -> (Board, Arc<DriverWaker>) {
    let driver = Arc::<DriverWaker>::default();
    (Arc::new(work::Board::new(Arc::clone(&driver), limit, false, Location::caller())), driver)
}

/// Asks for an item, after the end of another or not, as a lane does.
async fn take(work: &work::Board<u32, u32, ()>, lane: usize, mut end: Option<u64>) -> Option<u32> {
    poll_fn(|cx| {
        let end = end.take().map(|n| (tag(n), completed()));
        match work.next(lane, end, cx.waker()) {
            Next::Run(_, item) => Poll::Ready(Some(item)),
            Next::Wait => Poll::Pending,
            Next::End => Poll::Ready(None),
        }
    })
    .await
}

fn asks(work: &work::Board<u32, u32, ()>, lane: usize, waker: &Waker) -> bool {
    matches!(work.next(lane, None, waker), Next::Run(..))
}

/// Drives until `step` is through, and rests in between.
fn drive(driver: &Arc<DriverWaker>, mut step: impl FnMut() -> bool) {
    block_on(poll_fn(|cx| {
        driver.enter(cx.waker(), &mut None);
        loop {
            if step() {
                return Poll::Ready(());
            }
            if driver.rest() {
                return Poll::Pending;
            }
        }
    }));
}

/// Two lanes share a word of wakes. Were one of them lost when the word is taken, or the driver
/// told by neither, the pool would rest for ever.
#[test]
fn lanes_that_are_woken_while_the_driver_goes_to_rest_are_polled() {
    model(2, || {
        let signals = [Signal::new(), Signal::new()];
        let mut waiting: Vec<_> = signals.iter().map(Signal::wait).collect();
        let firing = signals.map(|signal| thread::spawn(move || signal.fire()));
        let pool = Pool::new(2).map(0..2_u32, |n| {
            let signal = waiting.pop().unwrap();
            async move {
                signal.await;
                Ok::<_, ()>(n)
            }
        });
        assert_eq!(block_on(pool).unwrap(), [0, 1]);
        for firing in firing {
            firing.join().unwrap();
        }
    });
}

#[test]
fn a_handle_that_cancels_a_pool_while_it_goes_to_rest_ends_it() {
    model(3, || {
        let pool = Pool::new(1);
        let handle = pool.cancel_handle();
        let cancelling = thread::spawn({
            let handle = handle.clone();
            move || handle.cancel()
        });
        let report =
            block_on(pool.for_each(0..1, |_| std::future::pending::<Result<(), ()>>()).settle());
        assert!(cancelling.join().unwrap() && handle.is_finished());
        assert!(report.cause().is_some());
    });
}

/// Were the lane's waker put down without a second look, an item that is put there in between would
/// wait for a lane that waits for it.
#[test]
fn an_item_that_is_put_down_while_a_lane_begins_to_wait_is_taken() {
    model(None, || {
        let (work, _driver) = board(2);
        let taking = thread::spawn({
            let work = Arc::clone(&work);
            let lane = work.add_lane();
            move || block_on(take(&work, lane, None))
        });
        work.put(tag(0), 7);
        assert_eq!(taking.join().unwrap(), Some(7));
    });
}

#[test]
fn a_lane_that_begins_to_wait_while_the_pool_closes_ends() {
    model(None, || {
        let (work, _driver) = board(2);
        let taking = thread::spawn({
            let work = Arc::clone(&work);
            let lane = work.add_lane();
            move || block_on(take(&work, lane, None))
        });
        assert!(work.close().is_empty());
        assert!(taking.join().unwrap().is_none());
    });
}

/// A lane that goes may have been woken for an item; another has to be woken then.
#[test]
fn an_item_that_a_lane_was_woken_for_which_goes_is_taken_by_another() {
    model(2, || {
        let (work, _driver) = board(2);
        let (first, second) = (work.add_lane(), work.add_lane());
        let gone = Waker::from(Parker::new());
        assert!(!asks(&work, first, &gone));
        let taking = thread::spawn({
            let work = Arc::clone(&work);
            move || block_on(take(&work, second, None))
        });
        let leaving = thread::spawn({
            let work = Arc::clone(&work);
            move || work.leave(first, None, false)
        });
        work.put(tag(0), 7);
        assert_eq!(taking.join().unwrap(), Some(7));
        leaving.join().unwrap();
    });
}

/// Lanes that end an item and find no other tell the driver. The first to do so tells it for both,
/// and the other relies on that.
#[test]
fn ends_of_lanes_that_find_no_item_are_seen_while_the_driver_goes_to_rest() {
    model(2, || {
        let (work, driver) = board(2);
        let waker = Waker::from(Parker::new());
        let ending = [0, 1].map(|n| {
            let (work, lane, waker) = (Arc::clone(&work), work.add_lane(), waker.clone());
            thread::spawn(move || {
                let end = completed();
                assert!(matches!(work.next(lane, Some((tag(n), end)), &waker), Next::Wait));
            })
        });
        let (mut seen, mut ends) = (0, Vec::new());
        drive(&driver, || {
            work.take_ends(&mut ends);
            seen += ends.drain(..).count();
            seen == 2
        });
        for ending in ending {
            ending.join().unwrap();
        }
    });
}

/// The end of an item that has succeeded tells the driver nothing while its lane goes on. When the
/// lane is lost, or finds no item, the driver has to hear of it.
#[test]
fn an_end_that_was_not_told_is_told_when_its_lane_is_gone() {
    model(2, || {
        let (work, driver) = board(2);
        let lane = work.add_lane();
        work.put(tag(1), 8);
        let ending = thread::spawn({
            let work = Arc::clone(&work);
            move || {
                block_on(take(&work, lane, Some(0)));
                work.leave(lane, Some((tag(1), dropped(None))), true);
            }
        });
        let (mut seen, mut ends) = (0, Vec::new());
        drive(&driver, || {
            work.take_ends(&mut ends);
            seen += ends.drain(..).count();
            seen == 2
        });
        ending.join().unwrap();
        assert!(work.take_proven() && !work.take_proven());
    });
}

/// The driver stops when the queue is full. Were it not told when half of it is gone, lanes would
/// run dry.
#[test]
fn a_full_queue_is_refilled_while_the_driver_goes_to_rest() {
    model(2, || {
        let (work, driver) = board(1);
        let lane = work.add_lane();
        let taking = thread::spawn({
            let work = Arc::clone(&work);
            move || (0..4).map(|_| block_on(take(&work, lane, None)).unwrap()).sum::<u32>()
        });
        let mut left = 4_u64;
        drive(&driver, || {
            while left > 0 && !work.is_full() {
                left -= 1;
                work.put(tag(left), 1 << left);
            }
            left == 0
        });
        assert_eq!(taking.join().unwrap(), 0b1111);
    });
}

/// Each lane keeps its item until the other has begun, and one lane at most is on its way at once.
/// Both items are run all the same: the lane that arrives tells the driver of the item that it
/// leaves behind.
#[test]
fn no_lane_sleeps_beside_an_item_while_the_driver_goes_to_rest() {
    model(2, || {
        let (work, driver) = board(2);
        let begun = Arc::new((Mutex::new(0), Condvar::new()));
        let running = [0, 1].map(|n| {
            let (work, begun, lane) = (Arc::clone(&work), Arc::clone(&begun), work.add_lane());
            thread::spawn(move || {
                block_on(take(&work, lane, None)).unwrap();
                let mut count = begun.0.lock().unwrap();
                *count += 1;
                begun.1.notify_all();
                while *count < 2 {
                    count = begun.1.wait(count).unwrap();
                }
                drop(count);
                work.report(tag(n), dropped(None));
            })
        });
        let (mut put, mut seen, mut ends) = (false, 0, Vec::new());
        drive(&driver, || {
            if !std::mem::replace(&mut put, true) {
                work.put(tag(0), 7);
                work.put(tag(1), 7);
            }
            work.wake_due();
            work.take_ends(&mut ends);
            seen += ends.drain(..).count();
            seen == 2
        });
        for running in running {
            running.join().unwrap();
        }
    });
}

/// Nothing is lost or taken twice between a pool that is given up and a lane.
#[test]
fn an_item_is_a_lanes_or_the_pools_when_that_closes() {
    model(None, || {
        let (work, _driver) = board(2);
        work.put(tag(0), 7);
        let taken = Arc::new(Mutex::new(0));
        let taking = thread::spawn({
            let (work, taken) = (Arc::clone(&work), Arc::clone(&taken));
            let lane = work.add_lane();
            move || {
                let item = block_on(take(&work, lane, None));
                *taken.lock().unwrap() += usize::from(item.is_some());
            }
        });
        let left = work.close().len();
        taking.join().unwrap();
        assert_eq!(left + *taken.lock().unwrap(), 1);
    });
}

/// A lane may be polled without having been woken. Were it left on the list then, the next item
/// would wake it and nobody else, while it is busy.
#[test]
fn a_lane_that_takes_an_item_waits_no_more() {
    model(None, || {
        let (work, _driver) = board(2);
        let [first, second] = [(); 2].map(|()| Parker::new());
        let [one, two] = [&first, &second].map(|parker| Waker::from(Arc::clone(parker)));
        let (lane, other) = (work.add_lane(), work.add_lane());
        assert!(!asks(&work, other, &two) && !asks(&work, lane, &one));
        assert!(!asks(&work, lane, &one), "a poll without a wake");
        // The other is woken for it, and comes too late.
        work.put(tag(0), 7);
        assert!(asks(&work, lane, &one));
        drop(one);
        assert_eq!(Arc::strong_count(&first), 1);
    });
}
