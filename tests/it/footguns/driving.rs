//! Who is polled, when, and how often.

use std::future::{pending, poll_fn};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use futures::lock::Mutex as AsyncMutex;

use crate::fairness::{A_FEW, restless};
use crate::support::{Count, Task, once_parked, yields};

// `FuturesUnordered` and `StreamExt::buffer_unordered` poll their futures only while the next item
// is awaited. While the owner awaits anything else they are frozen, and if it waits for what one of
// them holds, it waits for ever: "Barbara battles buffered streams".
behaviour!(an_owner_may_await_what_a_child_holds, async {
    let lock = Arc::new(AsyncMutex::new(0));
    let (send, mut receive) = mpsc::unbounded();
    let mut nursery = nursery::<(), &str>();
    for n in 0..3 {
        let (lock, send) = (lock.clone(), send.clone());
        nursery.spawn(async move {
            send.unbounded_send(n).map_err(|_| "nobody listens")?;
            let mut sum = lock.lock().await;
            yields(3).await;
            *sum += n;
            Ok(())
        });
    }
    drop(send);
    let (seen, _) = nursery
        .run(|_| async move {
            let mut seen = 0;
            while let Some(n) = receive.next().await {
                let _sum = lock.lock().await;
                yields(2).await;
                seen += n;
            }
            Ok((seen, *lock.lock().await))
        })
        .await
        .unwrap();
    assert_eq!(seen, (3, 3));
});

// moro's `Scope::spawn` wakes nobody, and its driver looks for new children before it polls the
// others and not after, if some are pending: one that a child spawns waits for the next wake,
// whoever's that is.
by_hand!(what_a_woken_child_spawns_is_polled_though_nothing_else_is_woken, {
    let done = Count::default();
    let (wake, woken) = oneshot::channel::<()>();
    let mut nursery = nursery::<(), &str>();
    let (spawner, count) = (nursery.spawner(), done.clone());
    nursery.spawn(pending());
    nursery.spawn(async move {
        woken.await.map_err(|_| "hung up")?;
        let spawned = async move {
            count.add();
            Ok(())
        };
        spawner.spawn(spawned).map_err(|_| "it was refused")?;
        pending().await
    });
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    wake.send(()).unwrap();
    assert!(join.run().is_pending());
    assert_eq!(done.get(), 1);
});

// `FuturesUnordered::push` wakes nobody either: pushed from elsewhere, say through a channel or a
// lock that the owner looks into, a future is not seen until the owner is woken by another.
behaviour!(shared, what_another_thread_spawns_is_polled_though_nothing_else_is_woken, async {
    let (parked, is_parked) = channel();
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    let thread = thread::spawn(move || {
        for n in 0..10 {
            is_parked.recv().unwrap();
            spawner.spawn(async move { Ok(n) }).unwrap();
        }
    });
    for n in 0..10 {
        let next = once_parked(nursery.next(), || parked.send(()).unwrap()).await;
        assert_eq!(next.unwrap().into_outcome().completed(), Some(n));
    }
    thread.join().unwrap();
});

// `select_all` polls each of its futures for one wake, as does `join_all` up to 30 of them.
by_hand!(of_10_000_parked_children_a_wake_polls_the_one_that_it_is_for, {
    const CHILDREN: usize = 10_000;
    let wakers = Arc::new(Mutex::new(vec![None::<Waker>; CHILDREN]));
    let counts: Vec<_> = (0..CHILDREN).map(|_| Count::default()).collect();
    let mut nursery = nursery::<(), &str>();
    for (n, polls) in counts.iter().enumerate() {
        let (wakers, polls) = (wakers.clone(), polls.clone());
        nursery.spawn(poll_fn(move |cx| {
            polls.add();
            wakers.lock().unwrap()[n] = Some(cx.waker().clone());
            Poll::Pending
        }));
    }
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let mut expected: Vec<_> = counts.iter().map(Count::get).collect();
    for n in [0, 1, CHILDREN / 2, CHILDREN - 1] {
        let waker = wakers.lock().unwrap()[n].take().unwrap();
        waker.wake();
        assert!(join.run().is_pending());
        expected[n] += 1;
        assert!(counts.iter().map(Count::get).eq(expected.iter().copied()), "woken: {n}");
    }
});

// `FuturesUnordered` returns once two polls have woken their own future, or it has polled as many
// as it holds, lest one that is always ready keeps the task to itself. A driver that goes on for as
// long as anything is woken, as this crate's does to save those returns, needs a bound of its own.
by_hand!(a_child_that_is_always_ready_leaves_a_turn_to_its_sibling_and_to_the_runtime, {
    for sibling_first in [true, false] {
        let (polls, done) = (Count::default(), Count::default());
        let count = done.clone();
        let sibling = async move {
            yields(5).await;
            count.add();
            Ok(())
        };
        let mut nursery = nursery::<(), &str>();
        if sibling_first {
            nursery.spawn(sibling);
            nursery.spawn(restless(&polls));
        } else {
            nursery.spawn(restless(&polls));
            nursery.spawn(sibling);
        }
        let mut join = Task::new(nursery.join());
        assert!(join.poll().is_pending());
        assert!((2..=A_FEW).contains(&polls.get()), "{} polls before it yields", polls.get());
        assert_eq!((done.get(), join.wakes()), (1, 1));
    }
});
