//! Wakers that wake others, and children that do while they are polled.
//!
//! A waker that calls back when it is cloned takes `unsafe` to write, and is not here.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};

use futures::StreamExt;
use futures::channel::mpsc;

use crate::support::{Count, Task};

/// Where children leave their wakers.
type Slots = Arc<Mutex<Vec<Waker>>>;

/// A child that is never ready, counts its polls, and leaves its waker each time.
fn leaves_waker<O>(slots: &Slots, polls: &Count) -> impl Future<Output = O> + use<O> {
    let (slots, polls) = (slots.clone(), polls.clone());
    poll_fn(move |cx| {
        polls.add();
        slots.lock().unwrap().push(cx.waker().clone());
        Poll::Pending
    })
}

/// Wakes all that left their wakers.
fn wake(slots: &Slots) -> usize {
    let wakers = std::mem::take(&mut *slots.lock().unwrap());
    wakers.into_iter().map(Waker::wake).count()
}

/// Wakes children when it is woken itself, and counts how often that was.
struct WakesOn {
    children: Slots,
    woken: Count,
}

impl WakesOn {
    fn waker(children: &Slots, woken: &Count) -> Waker {
        Waker::from(Arc::new(Self { children: children.clone(), woken: woken.clone() }))
    }
}

impl Wake for WakesOn {
    fn wake(self: Arc<Self>) {
        self.woken.add();
        wake(&self.children);
    }
}

/// Wakes children when it is dropped.
struct WakesAtLast(Slots);

impl Wake for WakesAtLast {
    fn wake(self: Arc<Self>) {}
}

impl Drop for WakesAtLast {
    fn drop(&mut self) {
        wake(&self.0);
    }
}

// The wakers of futures-concurrency call their caller's waker under a lock that each of them takes:
// where that one wakes another child of the same group, the thread waits for itself.
by_hand!(a_waker_may_wake_another_child_or_the_body_when_it_is_woken, {
    for body_first in [false, true] {
        let mut parties = [(); 2].map(|()| (Slots::default(), Count::default()));
        let woken = Count::default();
        let [(child, of_child), (body, of_body)] = &parties;
        let mut nursery = nursery::<(), &str>();
        nursery.spawn(leaves_waker(child, of_child));
        let body = leaves_waker::<Result<(), &str>>(body, of_body);
        let mut run = Task::new(nursery.run(|_| body));
        if body_first {
            parties.reverse();
        }
        let [(first, _), (second, _)] = &parties;
        let waker = WakesOn::waker(second, &woken);
        assert!(run.poll_with(&waker).is_pending());
        let before = parties.each_ref().map(|(_, polls)| polls.get());
        wake(first);
        assert_eq!((woken.get(), second.lock().unwrap().len()), (1, 0));
        assert!(run.poll_with(&waker).is_pending());
        let after = parties.each_ref().map(|(_, polls)| polls.get());
        assert_eq!((after, woken.get()), (before.map(|before| before + 1), 1));
    }
});

// The same for those who are woken by the driver, in the middle of its work.
by_hand!(who_waits_for_a_child_or_a_slot_may_wake_another_child_when_it_is_woken, {
    for waits_for_slot in [false, true] {
        let (slots, polls, woken) = (Slots::default(), Count::default(), Count::default());
        let mut nursery = nursery::<(), &str>().limit(2);
        let spawner = nursery.spawner();
        let handle = nursery.spawn_with_handle(pending());
        nursery.spawn(leaves_waker(&slots, &polls));
        let mut finished = Task::new(handle.finished());
        let mut slot = Task::new(spawner.reserve());
        let waker = WakesOn::waker(&slots, &woken);
        if waits_for_slot {
            assert!(slot.poll_with(&waker).is_pending());
        } else {
            assert!(finished.poll_with(&waker).is_pending());
        }
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        let before = polls.get();
        handle.cancel();
        assert!(join.run().is_pending());
        assert_eq!((woken.get(), polls.get()), (1, before + 1));
    }
});

// A driver that replaces the waker it knows, or drops it, under the lock that a wake takes, waits
// for itself where the last of the old one wakes a child.
by_hand!(a_waker_may_wake_a_child_when_it_is_dropped, {
    let (slots, polls) = (Slots::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(leaves_waker(&slots, &polls));
    let mut join = Task::new(nursery.join());
    let last = || Waker::from(Arc::new(WakesAtLast(slots.clone())));
    assert!(join.poll_with(&last()).is_pending());
    let before = polls.get();
    // Here the last of it goes.
    assert!(join.run().is_pending());
    assert_eq!(polls.get(), before + 1);
    let wakes = join.wakes();
    assert_eq!(wake(&slots), 1);
    assert_eq!(join.wakes(), wakes + 1);
    assert!(join.run().is_pending());
    assert_eq!(polls.get(), before + 2);
    assert!(join.poll_with(&last()).is_pending());
    drop(join);
    assert_eq!((slots.lock().unwrap().len(), polls.get()), (0, before + 2));
});

// A driver that polls a child under the lock that a wake takes waits for itself where the child
// wakes another; one that hears no wakes meanwhile waits for ever.
by_hand!(a_child_may_wake_another_while_it_is_polled_nested_or_not, {
    const ROUNDS: u32 = 1_000;
    for nested in [false, true] {
        let (ping, mut pinged) = mpsc::unbounded();
        let (pong, mut ponged) = mpsc::unbounded();
        let first = async move {
            for n in 0..ROUNDS {
                ping.unbounded_send(n).map_err(|_| "nobody listens")?;
                if ponged.next().await != Some(n) {
                    return Err("it was lost");
                }
            }
            Ok(ROUNDS)
        };
        let second = async move {
            let mut sum = 0;
            while let Some(n) = pinged.next().await {
                pong.unbounded_send(n).map_err(|_| "nobody listens")?;
                sum += 1;
            }
            Ok(sum)
        };
        let mut nursery = nursery::<u32, &str>();
        nursery.spawn(second);
        if nested {
            nursery.spawn_group(async move {
                let mut inner = crate::support::shared::nursery::<u32, &str>();
                inner.spawn(first);
                inner.join().await.map(|outputs| outputs[0])
            });
        } else {
            nursery.spawn(first);
        }
        let mut join = Task::new(nursery.join());
        assert_eq!(join.run().map(Result::unwrap), Poll::Ready(vec![ROUNDS; 2]));
    }
});
