//! What an operation costs does not grow with the number of children: polls and wakes, counted with
//! few children and with many.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::FutureExt;
use nestling::{CancelHandle, Pool, Spawner};

use crate::support::{Count, Live, Task};

const FEW: usize = 10;
const MANY: usize = 10_000;

/// Children that wait, and how to reach them.
struct Parked {
    wakers: Arc<Mutex<Vec<Option<Waker>>>>,
    polls: Count,
    /// Children with a lower number end at their next poll.
    ended: Count,
    live: Count,
}

impl Parked {
    fn new(count: usize) -> Self {
        Self {
            wakers: Arc::new(Mutex::new(vec![None; count])),
            polls: Count::default(),
            ended: Count::default(),
            live: Count::default(),
        }
    }

    fn child<O: Default, E>(
        &self,
        number: usize,
    ) -> impl Future<Output = Result<O, E>> + Send + use<O, E> {
        let (wakers, polls, ended) = (self.wakers.clone(), self.polls.clone(), self.ended.clone());
        let live = Live::new(&self.live);
        poll_fn(move |cx| {
            let _ = &live;
            polls.add();
            wakers.lock().unwrap()[number] = Some(cx.waker().clone());
            if number < ended.get() { Poll::Ready(Ok(O::default())) } else { Poll::Pending }
        })
    }

    fn wake(&self, number: usize) {
        let waker = self.wakers.lock().unwrap()[number].clone();
        waker.expect("it was polled").wake();
    }
}

/// What was counted meanwhile: polls of children, and wakes of the owner.
type Cost = (usize, usize);

/// The cost of one operation beside so many children that wait.
macro_rules! cost_beside {
    ($count:expr, |$parked:ident, $spawner:ident, $handles:ident, $task:ident| $operation:expr) => {{
        let $parked = Parked::new($count + 1);
        let mut nursery = nursery::<(), &str>();
        let $spawner: Spawner<'_, (), &str, Flavour> = nursery.spawner();
        let $handles: Vec<CancelHandle> =
            (0..$count).map(|number| nursery.spawn_with_handle($parked.child(number))).collect();
        let mut $task = Task::new(nursery.join());
        assert!($task.run().is_pending());
        let before = ($parked.polls.get(), $task.wakes());
        $operation;
        let cost: Cost = ($parked.polls.get() - before.0, $task.wakes() - before.1);
        cost
    }};
}

by_hand!(a_wake_costs_one_poll_and_one_wake_of_the_owner, {
    for count in [FEW, MANY] {
        let cost = cost_beside!(count, |parked, _spawner, _handles, task| {
            parked.wake(count / 2);
            assert!(task.run().is_pending());
        });
        assert_eq!(cost, (1, 1), "beside {count}");
    }
});

by_hand!(many_wakes_cost_a_poll_each_and_one_wake_of_the_owner, {
    for count in [FEW, MANY] {
        let cost = cost_beside!(count, |parked, _spawner, _handles, task| {
            for number in [0, count / 3, count - 1, 0] {
                parked.wake(number);
            }
            assert!(task.poll().is_pending());
        });
        assert_eq!(cost, (3, 1), "beside {count}");
    }
});

by_hand!(a_spawn_costs_one_poll_and_one_wake_of_the_owner, {
    for count in [FEW, MANY] {
        let cost = cost_beside!(count, |parked, spawner, _handles, task| {
            spawner.spawn(parked.child(count)).unwrap();
            assert!(task.run().is_pending());
        });
        assert_eq!(cost, (1, 1), "beside {count}");
    }
});

by_hand!(the_end_of_a_child_costs_its_own_poll, {
    for count in [FEW, MANY] {
        let cost = cost_beside!(count, |parked, _spawner, _handles, task| {
            parked.ended.add();
            parked.wake(0);
            assert!(task.run().is_pending());
            assert_eq!(parked.live.get(), count - 1);
        });
        assert_eq!(cost, (1, 1), "beside {count}");
    }
});

by_hand!(a_cancel_of_one_child_costs_no_poll, {
    for count in [FEW, MANY] {
        let cost = cost_beside!(count, |parked, _spawner, handles, task| {
            assert!(handles[count / 2].cancel());
            assert!(task.run().is_pending());
            assert_eq!(parked.live.get(), count - 1);
        });
        assert_eq!(cost, (0, 1), "beside {count}");
    }
});

by_hand!(a_cancel_of_all_children_costs_no_poll_and_one_wake, {
    for count in [FEW, MANY] {
        let cost = cost_beside!(count, |parked, spawner, _handles, task| {
            let before = task.wakes();
            assert!(spawner.cancel_with("enough"));
            assert_eq!(task.wakes(), before + 1);
            while parked.live.get() > 0 {
                assert!(task.poll().is_pending() || parked.live.get() == 0);
            }
        });
        assert_eq!(cost.0, 0, "beside {count}");
    }
});

by_hand!(a_poll_without_a_wake_polls_no_child, {
    for count in [FEW, MANY] {
        let cost = cost_beside!(count, |_parked, _spawner, _handles, task| {
            assert!(task.poll().is_pending());
        });
        assert_eq!(cost, (0, 0), "beside {count}");
    }
});

by_hand!(a_timer_that_is_woken_costs_a_poll_of_its_child, {
    for count in [FEW, MANY] {
        let (parked, timer) = (Parked::new(count), Arc::new(Mutex::new(None::<Waker>)));
        let mut nursery = nursery::<(), &str>();
        for number in 0..count {
            let timer = timer.clone();
            let timeout = poll_fn(move |cx| {
                if number == count / 2 {
                    *timer.lock().unwrap() = Some(cx.waker().clone());
                }
                Poll::<()>::Pending
            });
            nursery.child().timeout(move || timeout).spawn(parked.child(number));
        }
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        let before = (parked.polls.get(), join.wakes());
        timer.lock().unwrap().take().unwrap().wake();
        assert!(join.run().is_pending());
        assert_eq!((parked.polls.get() - before.0, join.wakes() - before.1), (1, 1));
    }
});

by_hand!(a_deadline_that_is_woken_costs_no_poll_of_a_child, {
    for count in [FEW, MANY] {
        let (parked, timer) = (Parked::new(count), Arc::new(Mutex::new(None::<Waker>)));
        let keeps = timer.clone();
        let deadline = poll_fn(move |cx| {
            *keeps.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        });
        let mut nursery = nursery::<(), &str>().deadline(deadline);
        for number in 0..count {
            nursery.spawn(parked.child(number));
        }
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        let before = (parked.polls.get(), join.wakes());
        timer.lock().unwrap().take().unwrap().wake();
        assert!(join.run().is_pending());
        assert_eq!((parked.polls.get() - before.0, join.wakes() - before.1), (0, 1));
    }
});

by_hand!(a_place_in_the_queue_for_slots_that_is_given_up_wakes_no_other, {
    for count in [FEW, MANY] {
        let mut nursery = nursery::<(), &str>().limit(1);
        nursery.spawn(pending());
        let spawner = nursery.spawner();
        let mut join = Task::new(nursery.join());
        assert!(join.run().is_pending());
        let mut waiting: Vec<_> = (0..count)
            .map(|_| {
                let mut waiting = Task::new(spawner.reserve());
                assert!(waiting.run().is_pending());
                waiting
            })
            .collect();
        let before = join.wakes();
        drop(waiting.swap_remove(count / 2));
        assert!(join.wakes() <= before + 1);
        assert!(waiting.iter().all(|waiting| waiting.wakes() == 0));
    }
});

by_hand!(an_owner_that_waits_for_slots_is_not_woken_for_what_it_drives, {
    let wakes = |with_spawner: bool| {
        let mut nursery = nursery::<(), &str>().limit(4);
        let _spawner = with_spawner.then(|| nursery.spawner());
        let mut task = Task::new(async move {
            for _ in 0..1_000 {
                nursery.reserve().await.unwrap().spawn(async { Ok(()) });
            }
            nursery.join().await
        });
        assert!(task.run().is_ready());
        task.wakes()
    };
    assert!(wakes(true) <= wakes(false) + 1, "{} and {}", wakes(true), wakes(false));
    assert!(wakes(false) < 20);
});

by_hand!(all_that_is_ready_is_handed_out_without_waiting, {
    for count in [FEW, MANY] {
        // Ready at once.
        let mut nursery = nursery::<(), &str>();
        for _ in 0..count {
            nursery.spawn(async { Ok(()) });
        }
        let mut got = 0;
        while let Some(Some(_)) = nursery.next().now_or_never() {
            got += 1;
        }
        assert_eq!(got, count);
        // Woken after they have parked.
        let parked = Parked::new(count);
        for number in 0..count {
            nursery.spawn(parked.child(number));
        }
        while nursery.queued() > 0 {
            assert!(nursery.next().now_or_never().is_none());
        }
        for _ in 0..count {
            parked.ended.add();
        }
        (0..count).for_each(|number| parked.wake(number));
        got = 0;
        while let Some(Some(_)) = nursery.next().now_or_never() {
            got += 1;
        }
        assert_eq!(got, count);
    }
});

by_hand!(children_that_end_at_once_run_in_one_turn_at_any_limit, {
    for limit in [1, 2, 100] {
        let mut nursery = nursery::<(), &str>().limit(limit);
        for _ in 0..100 {
            nursery.spawn(async { Ok(()) });
        }
        assert!(nursery.join().now_or_never().is_some(), "limit {limit}");
    }
});

by_hand!(shared, items_that_end_at_once_run_in_one_turn_at_any_limit, {
    for limit in [1, 2, 100] {
        let pool = Pool::<'_, ()>::new(limit).for_each(0..100, |_| async { Ok(()) });
        assert!(pool.now_or_never().is_some(), "limit {limit}");
    }
});
