//! Other threads spawn and cancel; children end and drop where the nursery is driven.

use std::future::{pending, poll_fn};
use std::hint::spin_loop;
use std::sync::mpsc::{channel, sync_channel};
use std::task::Poll;
use std::thread;

use futures::FutureExt;
use futures::channel::oneshot;
use nestling::Spawner;

use crate::support::{Count, Task, cancel_in_mid_poll, drive, once_parked, waits};

behaviour!(shared, a_spawn_from_another_thread_wakes_a_parked_nursery, async {
    let (parked, is_parked) = channel();
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    let (release, released) = oneshot::channel::<()>();
    nursery.spawn(async move {
        released.await.unwrap();
        Ok(1)
    });
    let thread = thread::spawn(move || {
        is_parked.recv().unwrap();
        let last = async move {
            release.send(()).unwrap();
            Ok(2)
        };
        spawner.spawn(last).unwrap();
    });
    let outputs = once_parked(nursery.join(), || parked.send(()).unwrap()).await;
    assert_eq!(outputs.unwrap(), [1, 2]);
    thread.join().unwrap();
});

behaviour!(a_cancel_from_another_thread_wakes_a_parked_nursery, async {
    let (parked, is_parked) = channel();
    let mut nursery = nursery::<u32, &str>().limit(1);
    let running = nursery.spawn_with_handle(pending());
    let queued = nursery.spawn_with_handle(pending());
    let thread = thread::spawn(move || {
        is_parked.recv().unwrap();
        assert!(queued.cancel() && running.cancel());
    });
    let report = once_parked(nursery.settle(), || parked.send(()).unwrap()).await;
    assert_eq!(report.counts().cancelled(), 2);
    thread.join().unwrap();
});

behaviour!(shared, a_cancel_of_the_nursery_from_another_thread_wakes_it, async {
    let (parked, is_parked) = channel();
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    let thread = thread::spawn(move || {
        is_parked.recv().unwrap();
        assert!(spawner.cancel_with("from afar"));
    });
    let report = once_parked(nursery.settle(), || parked.send(()).unwrap()).await;
    assert_eq!(report.cause().unwrap().message(), Some("from afar"));
    thread.join().unwrap();
});

by_hand!(shared, a_cancel_that_meets_the_end_is_the_cause_if_it_was_told_that_it_was_first, {
    // Which comes first in a round is a matter of chance; that both say the same is not.
    let (send, rounds) = sync_channel::<(Spawner<'static, (), ()>, Count, usize)>(0);
    let (answer, answers) = channel();
    let thread = thread::spawn(move || {
        for (spawner, ends, later) in rounds {
            for spins in 1.. {
                if ends.get() > 0 {
                    break;
                }
                if spins % 1_000 == 0 {
                    // There may be but one core.
                    thread::yield_now();
                }
                spin_loop();
            }
            (0..later).for_each(|_| spin_loop());
            answer.send(spawner.cancel_with("at the end")).unwrap();
        }
    });
    for round in 0..20_000 {
        let mut nursery = nursery::<(), ()>();
        let ends = Count::default();
        send.send((nursery.spawner(), ends.clone(), round % 120)).unwrap();
        nursery.spawn(async move {
            ends.add();
            Ok(())
        });
        let report = nursery.settle().now_or_never().unwrap();
        assert_eq!(answers.recv().unwrap(), report.cause().is_some());
    }
    drop(send);
    thread.join().unwrap();
});

behaviour!(a_wake_from_another_thread_reaches_a_parked_child, async {
    let (parked, is_parked) = channel();
    let (send, receive) = oneshot::channel();
    let mut nursery = nursery::<u32, oneshot::Canceled>();
    nursery.spawn(receive);
    let thread = thread::spawn(move || {
        is_parked.recv().unwrap();
        send.send(1).unwrap();
    });
    let outputs = once_parked(nursery.join(), || parked.send(()).unwrap()).await;
    assert_eq!(outputs.unwrap(), [1]);
    thread.join().unwrap();
});

behaviour!(a_cancel_from_another_thread_in_the_middle_of_a_poll_acts_when_the_poll_ends, async {
    let (entered, has_entered) = channel();
    let (cancelled, is_cancelled) = channel();
    let polls = Count::default();
    let polled = polls.clone();
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(poll_fn(move |_| {
        polled.add();
        entered.send(()).unwrap();
        is_cancelled.recv().unwrap();
        Poll::Pending
    }));
    let thread = cancel_in_mid_poll(handle, has_entered, cancelled);
    let report = nursery.settle().await;
    assert_eq!(report.cancelled()[0].cause().message(), Some("mid-poll"));
    assert_eq!(polls.get(), 1);
    assert!(thread.join().unwrap().is_finished());
});

behaviour!(a_failure_of_a_poll_that_was_cancelled_in_its_middle_is_kept_and_flagged, async {
    let (entered, has_entered) = channel();
    let (cancelled, is_cancelled) = channel::<()>();
    let mut nursery = nursery::<(), &str>();
    let handle = nursery.spawn_with_handle(poll_fn(move |_| {
        entered.send(()).unwrap();
        is_cancelled.recv().unwrap();
        Poll::Ready(Err("all the same"))
    }));
    let thread = thread::spawn(move || {
        has_entered.recv().unwrap();
        assert!(handle.cancel());
        cancelled.send(()).unwrap();
    });
    let error = nursery.join().await.unwrap_err();
    assert!(error.first().after_cancel());
    assert_eq!(error.first().failure().error(), Some(&"all the same"));
    thread.join().unwrap();
});

by_hand!(a_child_is_dropped_by_the_nursery_and_never_by_the_thread_that_cancels, {
    let (dropped_on, where_dropped) = channel();
    let mut nursery = nursery::<(), &str>().limit(1);
    let mut handles = Vec::new();
    for _ in 0..2 {
        let dropped_on = dropped_on.clone();
        handles.push(nursery.spawn_with_handle(waits(move || {
            dropped_on.send(thread::current().id()).unwrap();
        })));
    }
    drive(&mut nursery);
    thread::spawn(move || handles.iter().for_each(|handle| assert!(handle.cancel())))
        .join()
        .unwrap();
    assert!(where_dropped.try_recv().is_err());
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_ready());
    assert!(where_dropped.try_iter().eq([thread::current().id(); 2]));
});

by_hand!(shared, a_spawn_from_another_thread_wakes_the_task_that_was_parked_once, {
    let mut nursery = nursery::<u32, &str>();
    let spawner = nursery.spawner();
    nursery.spawn(pending());
    let mut join = Task::new(nursery.join());
    assert!(join.poll().is_pending());
    thread::spawn(move || {
        for n in 0..100 {
            spawner.spawn(async move { Ok(n) }).unwrap();
        }
        spawner.cancel_with("done");
    })
    .join()
    .unwrap();
    assert_eq!(join.wakes(), 1);
});

behaviour!(shared, many_threads_that_spawn_lose_no_child, async {
    const THREADS: usize = 4;
    const EACH: usize = 200;
    let mut nursery = nursery::<usize, &str>().limit(3);
    let (all_spawned, released) = oneshot::channel::<()>();
    nursery.spawn(async move {
        released.await.unwrap();
        Ok(0)
    });
    let spawner = nursery.spawner();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let spawner = spawner.clone();
            thread::spawn(move || {
                for _ in 0..EACH {
                    spawner.spawn(async { Ok(1) }).unwrap();
                }
            })
        })
        .collect();
    let last = thread::spawn(move || {
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        all_spawned.send(()).unwrap();
    });
    let outputs = nursery.join().await.unwrap();
    assert_eq!(outputs.iter().sum::<usize>(), THREADS * EACH);
    last.join().unwrap();
});

behaviour!(shared, a_nursery_half_way_through_may_move_to_another_thread, async {
    let mut nursery = nursery::<u32, oneshot::Canceled>();
    let (send, receive) = oneshot::channel();
    nursery.spawn(receive);
    drive(&mut nursery);
    let thread = thread::spawn(move || futures::executor::block_on(nursery.join()));
    send.send(1).unwrap();
    assert_eq!(thread.join().unwrap().unwrap(), [1]);
});

by_hand!(shared, a_cancelled_child_never_stays_in_the_backlog, {
    const CHILDREN: usize = 300;
    for _ in 0..200 {
        let mut nursery = nursery::<(), &str>().limit(1);
        let spawner = nursery.spawner();
        nursery.spawn(pending());
        drive(&mut nursery);
        let thread = thread::spawn(move || {
            for _ in 0..CHILDREN {
                spawner.spawn_with_handle(pending()).unwrap().cancel();
            }
        });
        let mut ended = 0;
        while !thread.is_finished() {
            ended += usize::from(nursery.next().now_or_never().is_some());
        }
        thread.join().unwrap();
        for _ in 0..2 * CHILDREN {
            ended += usize::from(nursery.next().now_or_never().is_some());
        }
        assert_eq!((nursery.queued(), ended), (0, CHILDREN));
    }
});

by_hand!(shared, a_spawn_that_races_with_the_end_is_run_or_given_back, {
    let (to_thread, spawners) = channel::<nestling::Spawner<'static, u32, &'static str>>();
    let (to_owner, taken) = channel();
    let thread = thread::spawn(move || {
        for spawner in spawners {
            let taken = (0..3).filter(|_| spawner.spawn(async { Ok(1) }).is_ok()).count();
            to_owner.send(taken).unwrap();
        }
    });
    for _ in 0..5_000 {
        let mut nursery = nursery::<u32, &str>();
        to_thread.send(nursery.spawner()).unwrap();
        let ran = futures::executor::block_on(nursery.join()).unwrap().len();
        assert_eq!(taken.recv().unwrap(), ran);
    }
    drop(to_thread);
    thread.join().unwrap();
});
