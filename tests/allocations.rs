//! What a child costs: allocations and bytes, counted.
//!
//! A binary of its own, since it has an allocator of its own. Each figure is that of many children,
//! in a nursery whose collections have grown before: what is measured is the children alone.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use futures::channel::oneshot::{self, Receiver};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use nestling::observe::{Timeline, Watch};
use nestling::supervise::ChildSpec;
use nestling::{CancelHandle, Nursery, Pool, Supervisor};

const CHILDREN: u64 = 1_000;

/// Bytes that a parked child keeps: its future in a box, its lane and the lane's waker.
const BYTES: u64 = 130;

/// The same of a child with a handle.
const BYTES_WITH_HANDLE: u64 = 240;

/// What a block of 64 lanes takes besides: the list of its lanes, its word, and an entry in the
/// queue. The queue itself takes a few.
const BLOCKS: u64 = CHILDREN.div_ceil(64) * 3 + 4;

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

/// What is kept: allocations and bytes.
fn kept(info: &AllocationInfo) -> (u64, u64) {
    (info.count_current.try_into().unwrap(), info.bytes_current.try_into().unwrap())
}

#[test]
fn a_parked_child_keeps_two_allocations_and_130_bytes() {
    let info = park(|nursery, receiver| {
        nursery.spawn(async move { receiver.await.map(|n: u32| n + 1) });
    });
    let (count, bytes) = kept(&info);
    assert!(count <= 2 * CHILDREN + BLOCKS, "{info:?}");
    assert!(bytes <= BYTES * CHILDREN, "{info:?}");
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
    let (count, bytes) = kept(&info);
    assert!(count <= 2 * CHILDREN + BLOCKS, "{info:?}");
    assert!(bytes <= BYTES * CHILDREN, "{info:?}");
}

#[test]
fn a_parked_child_with_a_handle_keeps_three_allocations_and_240_bytes() {
    let mut handles = Vec::<CancelHandle>::with_capacity(CHILDREN as usize);
    let info = park(|nursery, receiver| {
        handles.push(nursery.spawn_with_handle(async move { receiver.await.map(|n: u32| n + 1) }));
    });
    let (count, bytes) = kept(&info);
    assert!(count <= 3 * CHILDREN + BLOCKS + 1, "{info:?}");
    assert!(bytes <= BYTES_WITH_HANDLE * CHILDREN, "{info:?}");
    assert!(handles.iter().all(CancelHandle::is_finished));
}

/// Its control block, its record and its waker; and a place in the list of the nursery.
#[test]
fn a_watched_child_keeps_three_allocations_more() {
    let watch = Watch::new();
    let (_senders, receivers): (Vec<_>, Vec<_>) =
        (0..CHILDREN).map(|_| oneshot::channel::<u32>()).unzip();
    let mut nursery = grown().watch(&watch);
    let info = measure(|| {
        for receiver in receivers {
            nursery.spawn(async move { receiver.await.map(|n: u32| n + 1) });
            nursery.next().now_or_never();
        }
    });
    let (count, _) = kept(&info);
    assert!(count <= 5 * CHILDREN + BLOCKS + 1, "{info:?}");
    drop(nursery);
    assert!(watch.snapshot().nurseries().is_empty());
}

#[test]
fn nothing_is_left_of_children_that_were_watched() {
    let watch = Watch::new();
    // Its list of nurseries keeps some memory from the first on.
    drop(Nursery::<'_, u32, ()>::new().watch(&watch));
    let info = measure(|| {
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new().watch(&watch);
        for _ in 0..CHILDREN {
            nursery.spawn_with_handle(async { Ok(1) });
            nursery.spawn(pending());
        }
        drop(nursery.settle().now_or_never());
    });
    assert_eq!((info.count_current, info.bytes_current), (0, 0), "{info:?}");
}

#[test]
fn a_timeline_that_is_dropped_leaves_nothing() {
    let record = || {
        let timeline = Timeline::new();
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new().observe(timeline.clone());
        nursery.child().name("one").spawn(async { Ok(1) });
        nursery.spawn(pending());
        nursery.next().now_or_never();
        drop(nursery);
        assert!(timeline.summary().to_string().contains("2"));
    };
    // The clock of the system is made once.
    record();
    let info = measure(record);
    assert_eq!((info.count_current, info.bytes_current), (0, 0), "{info:?}");
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
    // The backlog grows by doubling, and shrinks so.
    assert!(info.count_total <= CHILDREN + 16, "{info:?}");
    assert!(info.count_current <= 0 && info.bytes_current <= 0, "{info:?}");
}

#[test]
fn children_that_come_one_by_one_and_park_take_two_allocations_each() {
    // The backlog of a nursery that is new has room for one child, and keeps it.
    let mut nursery = Parent::new();
    let (_senders, receivers): (Vec<_>, Vec<_>) = (0..CHILDREN).map(|_| oneshot::channel()).unzip();
    let info = measure(|| {
        for receiver in receivers {
            nursery.spawn(receiver);
            assert_eq!(drive(&mut nursery), 0);
        }
    });
    // The list of blocks and the queue of words grow besides.
    assert!(info.count_total <= 2 * CHILDREN + BLOCKS + 32, "{info:?}");
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
    // Until all have started, and the queues are as long as they will be.
    for _ in 0..CHILDREN {
        nursery.next().now_or_never();
    }
    assert_eq!(nursery.queued(), 0);
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
                    nursery.reserve().await.unwrap().spawn(async move { Ok(n) });
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
        let mut nursery: Nursery<'_, u32, String> = Nursery::new().keep_failures(10).limit(4);
        let info = measure(|| {
            futures::executor::block_on(async {
                for _ in 0..failures {
                    nursery.reserve().await.unwrap().spawn(async { Err(String::from("failed")) });
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
fn a_slot_takes_no_allocation() {
    let mut nursery = grown();
    let mut unused = || {
        for _ in 0..CHILDREN {
            drop(nursery.try_reserve().unwrap());
            drop(nursery.reserve().now_or_never().unwrap().unwrap());
        }
    };
    assert_eq!(measure(&mut unused).count_total, 0);
    let spawner = nursery.spawner();
    let info = measure(|| {
        for _ in 0..CHILDREN {
            drop(nursery.try_reserve().unwrap());
            drop(nursery.reserve().now_or_never().unwrap().unwrap());
            drop(spawner.try_reserve().unwrap());
            drop(spawner.reserve().now_or_never().unwrap().unwrap());
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn a_child_that_is_spawned_by_a_slot_takes_no_allocation_more_than_any_other() {
    let count = |spawn: fn(&mut Parent, u32)| {
        let mut nursery = grown();
        let info = measure(|| (0..CHILDREN as u32).for_each(|n| spawn(&mut nursery, n)));
        info.count_total
    };
    let by_slot = count(|nursery, n| {
        nursery.try_reserve().unwrap().spawn(async move { Ok(n) });
    });
    let at_once = count(|nursery, n| {
        nursery.spawn(async move { Ok(n) });
    });
    assert_eq!(by_slot, at_once);
}

#[test]
fn shedding_a_child_takes_no_allocation() {
    let mut nursery: Parent = Nursery::new().limit(1);
    let spawner = nursery.spawner();
    nursery.spawn(std::future::pending());
    let info = measure(|| {
        for _ in 0..CHILDREN {
            assert!(nursery.try_reserve().is_err());
            assert!(spawner.try_reserve().is_err());
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

const CROWD: u64 = 100_000;

/// What is kept of memory when nothing is left of a crowd, which is about a block of lanes.
const LITTLE: i64 = 10_000;

#[test]
fn children_that_parked_give_their_memory_back() {
    let mut nursery = Parent::new();
    let info = measure(|| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..CROWD).map(|_| oneshot::channel()).unzip();
        for receiver in receivers {
            nursery.spawn(receiver);
        }
        assert_eq!(drive(&mut nursery), 0);
        assert_eq!(nursery.running() as u64, CROWD);
        senders.into_iter().for_each(|sender| sender.send(0).unwrap());
        assert_eq!(drive(&mut nursery), CROWD);
    });
    assert!(info.bytes_current < LITTLE, "{info:?}");
}

#[test]
fn one_child_that_stays_keeps_none_of_the_others_memory() {
    let mut nursery = Parent::new();
    let (_stays, receiver) = oneshot::channel();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..CROWD).map(|_| oneshot::channel()).unzip();
    let info = measure(|| {
        for receiver in receivers {
            nursery.spawn(receiver);
        }
        nursery.spawn(receiver);
        assert_eq!(drive(&mut nursery), 0);
        senders.into_iter().for_each(|sender| sender.send(0).unwrap());
        assert_eq!(drive(&mut nursery), CROWD);
    });
    assert_eq!(nursery.running(), 1);
    // Where a child stays, so does the list of blocks: some two bytes for each lane.
    assert!(info.bytes_current < LITTLE + CROWD as i64 * 2, "{info:?}");
}

#[test]
fn a_backlog_that_is_empty_again_gives_its_memory_back() {
    for stays in [false, true] {
        let mut nursery = Parent::new().limit(2);
        let (_stays, receiver) = oneshot::channel();
        if stays {
            nursery.spawn(receiver);
        }
        let info = measure(|| {
            for n in 0..CROWD as u32 {
                nursery.spawn(async move { Ok(n) });
            }
            assert_eq!(drive(&mut nursery), CROWD);
        });
        assert!(info.bytes_current < LITTLE, "{info:?}");
    }
}

#[test]
fn a_crowd_that_was_cancelled_gives_its_memory_back() {
    let mut nursery = Parent::new();
    let info = measure(|| {
        for _ in 0..CROWD {
            nursery.spawn(std::future::pending());
        }
        assert_eq!(drive(&mut nursery), 0);
        nursery.cancel_with("enough");
        assert_eq!(drive(&mut nursery), CROWD);
    });
    assert!(info.bytes_current < LITTLE, "{info:?}");
}

#[test]
fn a_backlog_that_is_called_off_gives_its_memory_back() {
    let mut nursery = Parent::new().limit(1);
    nursery.spawn(std::future::pending());
    drive(&mut nursery);
    let info = measure(|| {
        let handles: Vec<_> =
            (0..CROWD).map(|_| nursery.spawn_with_handle(std::future::pending())).collect();
        assert!(handles.iter().all(CancelHandle::cancel));
        drop(handles);
        assert_eq!(drive(&mut nursery), CROWD);
    });
    assert_eq!((nursery.running(), nursery.queued()), (1, 0));
    assert!(info.bytes_current < LITTLE, "{info:?}");
}

async fn small() -> Result<Vec<u32>, nestling::JoinedError<oneshot::Canceled>> {
    let mut nursery = Nursery::new();
    nursery.spawn(std::future::pending());
    nursery.join().await
}

#[test]
fn a_nursery_with_one_parked_child_is_small() {
    assert!(size_of_val(&small()) <= 176, "{} bytes of future", size_of_val(&small()));
    let mut kept = None;
    let info = measure(|| {
        let mut nursery = Box::pin(small());
        assert!(nursery.as_mut().now_or_never().is_none());
        kept = Some(nursery);
    });
    assert!(info.bytes_current <= 910, "{info:?}");
    drop(kept);
}

#[test]
fn a_second_parked_child_makes_a_few_lanes_and_no_whole_block() {
    let mut nursery = Parent::new();
    nursery.spawn(std::future::pending());
    drive(&mut nursery);
    let info = measure(|| {
        nursery.spawn(std::future::pending());
        drive(&mut nursery);
    });
    assert!(info.bytes_current < 1_000, "{info:?}");
}

#[test]
fn a_failure_takes_no_allocation_more_than_a_success() {
    let count = |fails: bool| {
        let mut nursery = Nursery::<'_, u32, u32>::new().keep_failures(1);
        let info = measure(|| {
            for n in 0..CHILDREN as u32 {
                nursery.spawn(async move { if fails { Err(n) } else { Ok(n) } });
                block_on(nursery.next()).unwrap();
            }
        });
        info.count_total
    };
    assert!(count(true) <= count(false) + 8, "{} and {}", count(true), count(false));
}

#[test]
fn the_join_of_a_crowd_reserves_little_before_outputs_come() {
    let mut nursery = Parent::new();
    for _ in 0..CROWD {
        nursery.spawn(std::future::pending());
    }
    let mut join = None;
    let info = measure(|| join = Some(nursery.join()));
    assert!(info.bytes_current < LITTLE, "{info:?}");
    drop(join);
}

/// Items that are ready at once, items that yield, and failures that are not stored. Never more
/// than the limit of them run.
fn pool(items: u32) -> AllocationInfo {
    let (running, most) = (Cell::new(0), Cell::new(0));
    let (running, most) = (&running, &most);
    measure(move || {
        let pool = Pool::local(64).keep_failures(3).for_each(0..items, |n| async move {
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

/// Items with a timeout of their own, read one by one.
fn stream_of(items: u32) -> AllocationInfo {
    measure(move || {
        let pool = Pool::local(64).item_timeout(std::future::pending::<()>).map(
            0..items,
            |n| async move {
                if n % 4 == 0 {
                    yield_now().await;
                }
                if n % 10 == 0 { Err(n) } else { Ok(n) }
            },
        );
        let mut completions = pool.completions();
        let count = block_on(async {
            let mut count = 0;
            while completions.next().await.is_some() {
                count += 1;
            }
            count
        });
        assert_eq!(count, items);
    })
}

#[test]
fn a_stream_of_items_with_timeouts_keeps_nothing_of_an_item() {
    stream_of(1_000);
    let (short, long) = (stream_of(1_000), stream_of(100_000));
    assert_eq!(long.bytes_max, short.bytes_max);
    assert_eq!(long.count_total, short.count_total);
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

#[test]
fn a_crowd_that_has_failed_gives_its_memory_back() {
    let (sender, receiver) = oneshot::channel();
    let mut nursery = Parent::new().deadline(receiver);
    let info = measure(|| {
        for _ in 0..CROWD {
            nursery.spawn(std::future::pending());
        }
        assert_eq!(drive(&mut nursery), 0);
        sender.send(0).unwrap();
        assert_eq!(drive(&mut nursery), CROWD);
    });
    assert!(info.bytes_current < LITTLE, "{info:?}");
}

#[test]
fn nurseries_of_a_child_leave_nothing_with_it_when_dropped() {
    let mut outer = Parent::new();
    let context = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&context);
    outer.child().spawn_with_context(move |own| {
        *keep.lock().unwrap() = Some(own);
        std::future::pending()
    });
    drive(&mut outer);
    let context = context.lock().unwrap().take().unwrap();
    let info = measure(|| {
        for _ in 0..CHILDREN {
            let mut inner: Parent = context.nursery();
            inner.spawn(std::future::pending());
            drive(&mut inner);
        }
    });
    assert!(info.bytes_current < 200, "{info:?}");
}

#[test]
fn a_handle_of_a_child_that_has_ended_keeps_no_lane() {
    let mut handle = None;
    let info = measure(|| {
        let mut nursery: Parent = Nursery::new();
        let (sender, receiver) = oneshot::channel();
        handle = Some(nursery.spawn_with_handle(receiver));
        drive(&mut nursery);
        sender.send(0).unwrap();
        assert_eq!(drive(&mut nursery), 1);
    });
    assert!(handle.is_some_and(|handle| handle.is_finished()));
    // Its own control block, and the way to the driver, which all handles share.
    assert!(info.count_current <= 3, "{info:?}");
}

#[test]
fn crowds_leave_nothing_beside_a_child_that_stays() {
    let mut nursery = Parent::new();
    let (_stays, receiver) = oneshot::channel();
    nursery.spawn(receiver);
    let mut crowd = || {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..CHILDREN).map(|_| oneshot::channel()).unzip();
        for receiver in receivers {
            nursery.spawn(receiver);
        }
        assert_eq!(drive(&mut nursery), 0);
        senders.into_iter().for_each(|sender| sender.send(0).unwrap());
        assert_eq!(drive(&mut nursery), CHILDREN);
    };
    crowd();
    let info = measure(|| (0..10).for_each(|_| crowd()));
    assert!(info.bytes_current < 1_000, "{info:?}");
}

#[test]
fn a_crowd_in_its_grace_leaves_nothing_beside_one_that_stays() {
    let mut nursery = Parent::new().grace(std::future::pending::<()>);
    let (_stays, receiver) = oneshot::channel();
    nursery.spawn(receiver);
    let info = measure(|| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..CROWD).map(|_| oneshot::channel()).unzip();
        for receiver in receivers {
            nursery.spawn(receiver);
        }
        assert_eq!(drive(&mut nursery), 0);
        nursery.cancel_with("enough");
        assert_eq!(drive(&mut nursery), 0);
        senders.into_iter().for_each(|sender| sender.send(0).unwrap());
        assert_eq!(drive(&mut nursery), CROWD);
    });
    // The list of blocks stays: two bytes for each of many lanes.
    assert!(info.bytes_current < LITTLE + CROWD as i64 * 2, "{info:?}");
}

/// Those of a child with a handle, and what says that it is up. It shares its name, and the maps of its
/// supervisor have full nodes.
#[test]
fn a_supervised_child_keeps_five_allocations_and_950_bytes() {
    let names: Vec<Arc<str>> = (0..CHILDREN).map(|n| format!("child {n}").into()).collect();
    let polled = &AtomicU64::new(0);
    let sleep = |_: Duration| pending::<()>();
    let mut running = None;
    let info = measure(|| {
        let mut supervisor: Supervisor<'_, &str> = Supervisor::new(sleep);
        for name in &names {
            let child = ChildSpec::new(Arc::clone(name), move |incarnation| async move {
                polled.fetch_add(1, Ordering::Relaxed);
                pending::<()>().await;
                drop(incarnation);
                Ok(())
            });
            supervisor = supervisor.child(child);
        }
        let mut supervision = supervisor.build().unwrap();
        while polled.load(Ordering::Relaxed) < CHILDREN {
            assert!((&mut supervision).now_or_never().is_none());
        }
        running = Some(supervision);
    });
    drop(running);
    let (count, bytes) = kept(&info);
    // What it was given as a closure is one more. The nodes of the maps are far fewer.
    assert!(count <= 5 * CHILDREN + CHILDREN / 2, "{info:?}");
    assert!(bytes <= 950 * CHILDREN, "{info:?}");
}
