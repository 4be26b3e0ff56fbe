//! What a child costs: allocations and bytes, counted.
//!
//! A binary of its own, since it has an allocator of its own. Each figure is that of many children,
//! in a nursery whose collections have grown before: what is measured is the children alone.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use allocation_counter::{AllocationInfo, measure};
use futures::FutureExt;
use futures::channel::oneshot::{self, Receiver};
use futures::executor::block_on;
use nestling::{CancelHandle, Nursery, Pool};

const CHILDREN: u64 = 1_000;

/// Bytes of a parked child: its future in a box, and its node in the set.
const BYTES: u64 = 168;

type Parent = Nursery<'static, u32, oneshot::Canceled>;

/// A nursery that has seen more children than are measured, and one that parked: the first of those
/// costs an allocation more.
fn grown() -> Parent {
    let mut nursery = Nursery::new();
    for n in 0..2 * CHILDREN as u32 {
        nursery.spawn(async move { Ok(n) });
    }
    let (sender, receiver) = oneshot::channel();
    nursery.spawn(receiver);
    drive(&mut nursery);
    sender.send(0).unwrap();
    drive(&mut nursery);
    nursery
}

/// Polls until nothing is left to do, and returns how many children have ended.
fn drive(nursery: &mut Parent) -> u64 {
    let mut ended = 0;
    loop {
        match nursery.next().now_or_never() {
            Some(Some(_)) => ended += 1,
            // The turn may have been over; the next has nothing to do then.
            None if nursery.queued() > 0 => {}
            None | Some(None) => return ended,
        }
    }
}

/// Spawns one child for each channel and drives until all are parked.
fn park(mut spawn: impl FnMut(&mut Parent, Receiver<u32>)) -> AllocationInfo {
    let mut nursery = grown();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..CHILDREN).map(|_| oneshot::channel()).unzip();
    let info = measure(|| {
        for receiver in receivers {
            spawn(&mut nursery, receiver);
        }
        assert_eq!(drive(&mut nursery), 0);
    });
    assert_eq!(nursery.running() as u64, CHILDREN);
    for (n, sender) in senders.into_iter().enumerate() {
        sender.send(n as u32).unwrap();
    }
    let outputs = futures::executor::block_on(nursery.join()).unwrap();
    assert_eq!(outputs.len() as u64, CHILDREN);
    info
}

#[test]
fn a_parked_child_takes_two_allocations_and_168_bytes() {
    let info = park(|nursery, receiver| {
        nursery.spawn(async move { receiver.await.map(|n: u32| n + 1) });
    });
    assert!(info.count_total <= 2 * CHILDREN, "{info:?}");
    assert!(info.bytes_total <= BYTES * CHILDREN, "{info:?}");
}

#[test]
fn a_parked_child_of_a_spawner_keeps_no_more() {
    let mut nursery = grown();
    let spawner = nursery.spawner();
    let (_senders, receivers): (Vec<_>, Vec<_>) = (0..CHILDREN).map(|_| oneshot::channel()).unzip();
    let info = measure(|| {
        for receiver in receivers {
            spawner.spawn(async move { receiver.await.map(|n: u32| n + 1) }).unwrap();
            nursery.next().now_or_never();
        }
    });
    // The third is the list that children come in; here each comes alone.
    assert!(info.count_total <= 3 * CHILDREN, "{info:?}");
    let left = u64::try_from(info.bytes_current).unwrap();
    assert!(left <= BYTES * CHILDREN, "{info:?}");
}

#[test]
fn a_parked_child_with_a_handle_takes_three_allocations() {
    let mut handles = Vec::<CancelHandle>::with_capacity(CHILDREN as usize);
    let info = park(|nursery, receiver| {
        handles.push(nursery.spawn_with_handle(async move { receiver.await.map(|n: u32| n + 1) }));
    });
    assert!(info.count_total <= 3 * CHILDREN, "{info:?}");
    assert!(handles.iter().all(CancelHandle::is_finished));
}

#[test]
fn a_child_that_is_ready_takes_one_allocation_and_leaves_none() {
    let mut nursery = grown();
    let mut ended = 0;
    let info = measure(|| {
        for n in 0..CHILDREN as u32 {
            nursery.spawn(async move { Ok(n) });
        }
        ended = drive(&mut nursery);
    });
    assert_eq!(ended, CHILDREN);
    assert!(info.count_total <= CHILDREN, "{info:?}");
    assert_eq!((info.count_current, info.bytes_current), (0, 0), "{info:?}");
}

#[test]
fn a_poll_takes_no_allocation() {
    let mut nursery = grown();
    for _ in 0..CHILDREN {
        nursery.spawn(async {
            loop {
                yield_once().await;
            }
        });
    }
    nursery.next().now_or_never();
    while nursery.queued() > 0 {
        nursery.next().now_or_never();
    }
    let info = measure(|| {
        for _ in 0..CHILDREN {
            assert!(nursery.next().now_or_never().is_none());
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn those_who_wait_for_a_child_one_after_the_other_leave_nothing_behind() {
    let mut nursery: Parent = Nursery::new();
    let handle = nursery.spawn_with_handle(std::future::pending());
    let mut waiting = Box::pin(handle.finished());
    assert!(waiting.as_mut().now_or_never().is_none());
    let info = measure(|| {
        for _ in 0..CHILDREN {
            // The next comes before the last has left.
            let next = Box::pin(handle.finished());
            let last = std::mem::replace(&mut waiting, next);
            assert!(waiting.as_mut().now_or_never().is_none());
            drop(last);
        }
    });
    assert!(info.bytes_current < 200, "{info:?}");
}

#[test]
fn an_output_that_is_kept_takes_no_room_for_an_error() {
    fn bytes<E>() -> i64 {
        let mut nursery: Nursery<'_, u32, E> = Nursery::new().limit(1);
        let info = measure(|| {
            futures::executor::block_on(async {
                for n in 0..CHILDREN as u32 {
                    nursery.spawn_when_free(async move { Ok(n) }).await;
                }
            });
        });
        info.bytes_current
    }
    assert!(bytes::<[u64; 512]>() < 2 * bytes::<u64>());
}

#[test]
fn failures_beyond_keep_errors_take_no_memory() {
    let bytes = |failures: u64| {
        let mut nursery: Nursery<'_, u32, String> = Nursery::new().keep_errors(10).limit(4);
        let info = measure(|| {
            futures::executor::block_on(async {
                for _ in 0..failures {
                    nursery.spawn_when_free(async { Err(String::from("failed")) }).await;
                }
            });
        });
        let error = futures::executor::block_on(nursery.join()).unwrap_err();
        assert_eq!((error.len(), error.counts().failed()), (10, failures));
        info.bytes_current
    };
    assert!(bytes(100_000) < 2 * bytes(100));
}

#[test]
fn shedding_a_child_takes_no_allocation() {
    let mut nursery: Parent = Nursery::new().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(std::future::pending());
    let info = measure(|| {
        for n in 0..CHILDREN as u32 {
            assert!(nursery.try_spawn(async move { Ok(n) }).is_err());
            assert!(spawner.try_spawn(async move { Ok(n) }).is_err());
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn children_that_are_called_off_before_they_start_leave_nothing_in_the_backlog() {
    let mut nursery = Parent::new().limit(1);
    let (_sender, receiver) = oneshot::channel();
    nursery.spawn(receiver);
    drive(&mut nursery);
    let info = measure(|| {
        for _ in 0..CHILDREN {
            assert!(nursery.spawn_with_handle(std::future::pending()).cancel());
            assert_eq!(drive(&mut nursery), 1);
        }
    });
    assert_eq!((nursery.running(), nursery.queued()), (1, 0));
    assert!(info.bytes_current < 1_000, "{info:?}");
}

#[test]
fn a_parked_child_that_has_ended_leaves_nothing_in_its_nursery() {
    let mut nursery = grown();
    let info = measure(|| {
        let (sender, receiver) = oneshot::channel();
        nursery.spawn(async {
            let n = receiver.await?;
            // The wake is of no use any more, and its place in the queue is to go.
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                std::task::Poll::Ready(Ok(n))
            })
            .await
        });
        assert_eq!(drive(&mut nursery), 0);
        sender.send(0).unwrap();
        assert_eq!(drive(&mut nursery), 1);
    });
    assert_eq!((info.count_current, info.bytes_current), (0, 0), "{info:?}");
}

/// Items that are ready at once, items that yield, and failures that are not stored. Never more than the
/// limit of them run.
fn pool(items: u32) -> AllocationInfo {
    let (running, most) = (Cell::new(0), Cell::new(0));
    let (running, most) = (&running, &most);
    measure(move || {
        let pool = Pool::local(64).keep_errors(3).for_each(0..items, |n| async move {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            if n % 4 == 0 {
                yield_now().await;
            }
            running.set(running.get() - 1);
            if n % 10 == 0 { Err(n) } else { Ok(()) }
        });
        assert_eq!(block_on(pool).unwrap_err().counts().failed(), u64::from(items / 10));
        assert!((8..=64).contains(&most.get()), "{} ran at once", most.get());
    })
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn ten_million_items_take_no_allocation_and_no_more_memory_than_a_thousand() {
    pool(1_000); // the thread's own parker
    let (short, long) = (pool(1_000), pool(10_000_000));
    assert_eq!(long.count_total, short.count_total);
    assert_eq!(long.bytes_max, short.bytes_max);
}

#[test]
fn an_item_of_a_remote_lane_takes_no_allocation_either() {
    let run = |items: u32| {
        measure(|| {
            let tasks = Mutex::new(Vec::with_capacity(8));
            let far = nestling::executor(|task| tasks.lock().unwrap().push(task));
            let pool = Pool::<'_, ()>::new(8).on(&far);
            let mut pool = pool.for_each(0..items, |_| async { Ok(()) });
            let mut cx = Context::from_waker(Waker::noop());
            while pool.poll_unpin(&mut cx).is_pending() {
                let mut tasks = tasks.lock().unwrap();
                tasks.retain_mut(|task| task.poll_unpin(&mut cx).is_pending());
            }
        })
    };
    run(1_000);
    let (short, long) = (run(1_000), run(100_000));
    assert_eq!(long.count_total, short.count_total);
    assert_eq!(long.bytes_max, short.bytes_max);
}
