//! The lanes of a pool, woken from elsewhere, or elsewhere themselves.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Waker;

use loom::sync::Mutex;
use loom::thread;

use super::support::{Parker, Signal, block_on, model};
use crate::Pool;
use crate::gate::Gate;
use crate::info::ChildId;
use crate::pool::item::Ran;
use crate::pool::parallel::work::{End, Work};

type Board = Arc<Work<u32, u32, ()>>;

fn board() -> (Board, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    (Arc::new(Work::new(Arc::clone(&gate))), gate)
}

/// Two lanes share a word of wakes. Were one of them lost when the word is taken, or the gate told by
/// neither, the pool would rest for ever.
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
        let (work, _gate) = board();
        let taking = thread::spawn({
            let work = Arc::clone(&work);
            move || block_on(poll_fn(|cx| work.poll_take(1, cx.waker())))
        });
        work.put(ChildId::new(0), 7);
        assert_eq!(taking.join().unwrap().map(|(_, item)| item), Some(7));
    });
}

#[test]
fn a_lane_that_begins_to_wait_while_the_pool_closes_ends() {
    model(None, || {
        let (work, _gate) = board();
        let taking = thread::spawn({
            let work = Arc::clone(&work);
            move || block_on(poll_fn(|cx| work.poll_take(1, cx.waker())))
        });
        assert!(work.close().is_empty());
        assert!(taking.join().unwrap().is_none());
    });
}

/// A lane that goes may have been woken for an item; another has to be woken then.
#[test]
fn an_item_that_a_lane_was_woken_for_which_goes_is_taken_by_another() {
    model(2, || {
        let (work, _gate) = board();
        let gone = Waker::from(Parker::new());
        assert!(work.poll_take(1, &gone).is_pending());
        let taking = thread::spawn({
            let work = Arc::clone(&work);
            move || block_on(poll_fn(|cx| work.poll_take(2, cx.waker())))
        });
        let leaving = thread::spawn({
            let work = Arc::clone(&work);
            move || work.leave(1)
        });
        work.put(ChildId::new(0), 7);
        assert_eq!(taking.join().unwrap().map(|(_, item)| item), Some(7));
        leaving.join().unwrap();
    });
}

/// Who reports first tells the gate, and the others rely on that.
#[test]
fn what_ends_while_the_driver_goes_to_rest_is_seen_to() {
    model(2, || {
        let (work, gate) = board();
        let reporting = [0, 1].map(|n| {
            let work = Arc::clone(&work);
            thread::spawn(move || work.report(ChildId::new(n), End::Ran(Ran::Returned(Ok(7)))))
        });
        let (mut seen, mut ends) = (0, Vec::new());
        block_on(poll_fn(|cx| {
            gate.enter(cx.waker());
            loop {
                work.take_ends(&mut ends);
                seen += ends.drain(..).count();
                if seen == 2 {
                    return std::task::Poll::Ready(());
                }
                if gate.leave() {
                    return std::task::Poll::Pending;
                }
            }
        }));
        for reporting in reporting {
            reporting.join().unwrap();
        }
    });
}

/// Nothing is lost or taken twice between a pool that is given up and a lane.
#[test]
fn an_item_is_a_lanes_or_the_pools_when_that_closes() {
    model(None, || {
        let (work, _gate) = board();
        work.put(ChildId::new(0), 7);
        let taken = Arc::new(Mutex::new(0));
        let taking = thread::spawn({
            let (work, taken) = (Arc::clone(&work), Arc::clone(&taken));
            move || {
                let item = block_on(poll_fn(|cx| work.poll_take(1, cx.waker())));
                *taken.lock().unwrap() += usize::from(item.is_some());
            }
        });
        let left = work.close().len();
        taking.join().unwrap();
        assert_eq!(left + *taken.lock().unwrap(), 1);
    });
}

/// A lane may be polled without having been woken. Were it left on the list then, the next item would wake
/// it and nobody else, while it is busy.
#[test]
fn a_lane_that_takes_an_item_waits_no_more() {
    model(None, || {
        let (work, _gate) = board();
        let [first, second] = [(); 2].map(|()| Parker::new());
        let [one, two] = [&first, &second].map(|parker| Waker::from(Arc::clone(parker)));
        assert!(work.poll_take(1, &one).is_pending() && work.poll_take(2, &two).is_pending());
        work.put(ChildId::new(0), 7);
        assert!(work.poll_take(1, &one).is_ready());
        drop(one);
        assert_eq!(Arc::strong_count(&first), 1);
    });
}
