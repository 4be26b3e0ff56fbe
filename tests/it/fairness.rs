//! Neither a sibling nor the runtime starves by a child that is always ready.

use std::future::{pending, poll_fn};
use std::task::Poll;

use futures::FutureExt;
use futures::channel::oneshot;

use crate::support::{Count, Task, yields};

/// What a driver may poll before it yields to the runtime.
pub(crate) const A_FEW_HUNDRED: usize = 600;

/// How often a driver may poll the same child before it yields to the runtime.
pub(crate) const A_FEW: usize = 8;

/// Polls a task that is not ready yet, and says by how much that was counted up.
pub(crate) fn in_a_turn<F: Future>(task: &mut Task<F>, counted: &Count) -> usize {
    let before = counted.get();
    assert!(task.poll().is_pending());
    counted.get() - before
}

/// A child that wakes itself for ever and counts its polls.
pub(crate) fn restless<O>(polls: &Count) -> impl Future<Output = O> + use<O> {
    let polls = polls.clone();
    poll_fn(move |cx| {
        polls.add();
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

by_hand!(a_child_that_wakes_itself_does_not_keep_the_join_from_yielding, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(restless(&polls));
    let mut join = Task::new(nursery.join());
    for yields in 1..=10 {
        let between = in_a_turn(&mut join, &polls);
        assert!((2..=A_FEW).contains(&between), "{between} polls between two yields");
        assert_eq!(join.wakes(), yields);
    }
});

by_hand!(a_child_that_wakes_itself_does_not_starve_its_siblings, {
    let counts: Vec<_> = (0..10).map(|_| Count::default()).collect();
    let mut nursery = nursery::<(), &str>();
    for polls in &counts {
        nursery.spawn(restless(polls));
    }
    let mut join = Task::new(nursery.join());
    for _ in 0..10 {
        assert!(join.poll().is_pending());
    }
    let most = counts.iter().map(Count::get).max().unwrap();
    let least = counts.iter().map(Count::get).min().unwrap();
    assert!(least * 2 > most, "{least} and {most} polls");
});

by_hand!(a_nested_driver_shares_the_turn_of_the_outermost, {
    let counts = [(); 4].map(|()| Count::default());
    let mut outer = nursery::<(), &str>();
    for polls in counts.clone() {
        outer.spawn_group(async move {
            let mut inner = nursery::<(), &str>();
            for _ in 0..4 {
                inner.spawn(restless(&polls));
            }
            inner.join().await.map(drop)
        });
    }
    let mut join = Task::new(outer.join());
    for turn in 1..=10 {
        let before: usize = counts.iter().map(Count::get).sum();
        assert!(join.poll().is_pending());
        let between = counts.iter().map(Count::get).sum::<usize>() - before;
        assert!(between < A_FEW_HUNDRED, "{between} polls between two yields");
        assert_eq!(join.wakes(), turn);
    }
    assert!(counts.iter().all(|polls| polls.get() > 0));
});

by_hand!(many_children_that_are_ready_at_once_yield_in_between, {
    const CHILDREN: usize = 10_000;
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    for _ in 0..CHILDREN {
        let polls = polls.clone();
        nursery.spawn(async move {
            polls.add();
            Ok(())
        });
    }
    let mut join = Task::new(nursery.join());
    loop {
        let before = polls.get();
        let ended = join.poll().is_ready();
        assert!(polls.get() - before < A_FEW_HUNDRED);
        if ended {
            break;
        }
        assert!(polls.get() > before);
    }
    assert_eq!(polls.get(), CHILDREN);
});

by_hand!(many_parked_children_that_are_woken_at_once_yield_in_between, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let (wake, woken): (Vec<_>, Vec<_>) = (0..2_000).map(|_| oneshot::channel::<()>()).unzip();
    for mut woken in woken {
        let polls = polls.clone();
        // It stays after it was woken: an end would be handed out, and the set polled anew.
        nursery.spawn(poll_fn(move |cx| {
            polls.add();
            let _ = woken.poll_unpin(cx);
            Poll::Pending
        }));
    }
    let mut join = Task::new(nursery.join());
    assert!(join.run().is_pending());
    let (parked, woken) = (polls.get(), join.wakes());
    drop(wake);
    for turn in 1..=3 {
        let between = in_a_turn(&mut join, &polls);
        assert!((1..A_FEW_HUNDRED).contains(&between), "{}", polls.get());
        assert!(join.wakes() > woken + turn, "it will be polled again");
    }
    assert!(join.run().is_pending());
    assert_eq!(polls.get(), parked + 2_000);
});

by_hand!(an_owner_that_asks_for_one_completion_after_the_other_yields_too, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    for _ in 0..5_000 {
        let polls = polls.clone();
        nursery.spawn(async move {
            polls.add();
            Ok(())
        });
    }
    let mut owner = Task::new(async { while nursery.next().await.is_some() {} });
    assert!(owner.poll().is_pending());
    assert!((1..A_FEW_HUNDRED).contains(&polls.get()), "{}", polls.get());
    assert_eq!(owner.wakes(), 1);
    assert!(owner.run().is_ready());
    assert_eq!(polls.get(), 5_000);
});

by_hand!(an_owner_that_waits_for_slots_again_and_again_yields_too, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>().limit(1);
    let mut owner = Task::new(async {
        for _ in 0..5_000 {
            let polls = polls.clone();
            let child = async move {
                polls.add();
                Ok(())
            };
            nursery.reserve().await.unwrap().spawn(child);
        }
        nursery.join().await
    });
    assert!(owner.poll().is_pending());
    assert!((1..A_FEW_HUNDRED).contains(&polls.get()), "{}", polls.get());
    assert!(owner.run().is_ready());
});

by_hand!(a_body_that_wakes_itself_neither_starves_the_children_nor_the_runtime, {
    let (bodies, children) = (Count::default(), Count::default());
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(restless(&children));
    let mut run = Task::new(nursery.run(|_| restless::<Result<(), &str>>(&bodies)));
    for turn in 1..=10 {
        let before = bodies.get() + children.get();
        assert!(run.poll().is_pending());
        assert!(bodies.get() + children.get() - before < A_FEW_HUNDRED);
        assert_eq!(run.wakes(), turn);
    }
    let (bodies, children) = (bodies.get(), children.get());
    assert!(bodies >= 10 && bodies * 2 >= children && children * 2 >= bodies);
});

by_hand!(a_child_that_spawns_for_ever_does_not_keep_the_join_from_yielding, {
    let spawned = Count::default();
    let mut nursery = nursery::<(), &str>();
    let (spawner, count) = (nursery.spawner(), spawned.clone());
    nursery.spawn(poll_fn(move |cx| {
        count.add();
        spawner.spawn(async { Ok(()) }).unwrap();
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let mut join = Task::new(nursery.join());
    for _ in 0..5 {
        assert!(in_a_turn(&mut join, &spawned) < A_FEW_HUNDRED);
    }
    assert!(spawned.get() >= 5);
});

behaviour!(other_work_of_the_same_task_goes_on_beside_a_restless_child, async {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    nursery.spawn(restless(&polls));
    let other = Box::pin(yields(10));
    let join = nursery.join();
    match futures::future::select(join, other).await {
        futures::future::Either::Right(_) => {}
        futures::future::Either::Left(_) => panic!("the child never ends"),
    }
});

by_hand!(children_that_do_nothing_cost_no_wakes, {
    let mut nursery = nursery::<(), &str>();
    for _ in 0..100 {
        nursery.spawn(pending());
    }
    let mut join = Task::new(nursery.join());
    for _ in 0..10 {
        assert!(join.run().is_pending());
    }
    assert_eq!(join.wakes(), 0);
});

by_hand!(a_restless_child_of_a_nested_nursery_does_not_starve_an_outer_sibling, {
    let done = Count::default();
    let mut outer = nursery::<(), &str>();
    let wait = done.clone();
    outer.spawn_group(async move {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async move {
            while wait.get() == 0 {
                yields(1).await;
            }
            Ok(())
        });
        inner.join().await.map(drop)
    });
    outer.spawn(async move {
        yields(3).await;
        done.add();
        Ok(())
    });
    let mut join = Task::new(outer.join());
    assert!((0..1000).any(|_| join.poll().is_ready()));
});

by_hand!(a_child_that_runs_one_small_nursery_after_the_other_yields, {
    let done = Count::default();
    let count = done.clone();
    let mut outer = nursery::<(), &str>();
    outer.spawn(async move {
        for _ in 0..10_000 {
            let mut inner = crate::support::shared::nursery::<(), &str>();
            inner.spawn(async { Ok(()) });
            inner.join().await.map_err(|_| "it has failed")?;
            count.add();
        }
        Ok(())
    });
    let mut join = Task::new(outer.join());
    for _ in 0..5 {
        let between = in_a_turn(&mut join, &done);
        assert!((1..A_FEW_HUNDRED).contains(&between));
    }
    assert!(join.run().is_ready());
    assert_eq!(done.get(), 10_000);
});

by_hand!(a_nursery_that_a_child_blocks_on_ends, {
    let mut outer = nursery::<usize, &str>();
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        for _ in 0..1000 {
            inner.spawn(async { Ok(()) });
        }
        let mut join = Task::new(inner.join());
        let Some(Poll::Ready(outputs)) = (0..1000).map(|_| join.poll()).find(Poll::is_ready) else {
            panic!("a thousand polls were not enough")
        };
        outputs.map(|outputs| outputs.len())
    });
    let mut join = Task::new(outer.join());
    assert_eq!(join.run().map(Result::unwrap), Poll::Ready(vec![1000]));
});

by_hand!(a_thousand_restless_children_starve_neither_the_backlog_nor_one_that_was_woken, {
    for nested in [false, true] {
        let polls = Count::default();
        let mut nursery = nursery::<u32, &str>();
        let (wake, woken) = oneshot::channel();
        nursery.spawn(async { woken.await.map_err(|_| "hung up") });
        for _ in 0..1_000 {
            if nested {
                let child = restless(&polls);
                nursery.spawn_group(async {
                    let mut inner = crate::support::shared::nursery::<u32, &str>();
                    inner.spawn(child);
                    inner.join().await.map(|_| 0)
                });
            } else {
                nursery.spawn(restless(&polls));
            }
        }
        nursery.spawn(async { Ok(2) });
        let mut ended = Vec::new();
        let mut wake = Some(wake);
        let turns = (0..1_000).find(|turn| {
            if *turn == 3 {
                wake.take().unwrap().send(1).unwrap();
            }
            let completion = nursery.next().now_or_never().flatten();
            ended.extend(completion.and_then(|completion| completion.into_outcome().completed()));
            ended.len() == 2
        });
        assert!(turns.is_some(), "{ended:?}");
    }
});

by_hand!(a_nested_owner_that_is_never_kept_waiting_yields_too, {
    let (spawned, started) = (Count::default(), Count::default());
    let mut outer = nursery::<(), &str>();
    let (count, sibling) = (spawned.clone(), started.clone());
    outer.spawn(async move {
        let mut inner = crate::support::shared::nursery::<(), &str>().limit(4);
        loop {
            count.add();
            inner.reserve().await.unwrap().spawn(async { Ok(()) });
        }
    });
    outer.spawn(async move {
        sibling.add();
        Ok(())
    });
    let mut join = Task::new(outer.join());
    for _ in 0..3 {
        assert!(in_a_turn(&mut join, &spawned) < A_FEW_HUNDRED);
    }
    assert_eq!(started.get(), 1);
});

by_hand!(children_that_a_body_spawns_between_two_yields_do_not_pile_up, {
    for spawned_at_once in [1, 4, 16, 64] {
        let (ended, most) = (Count::default(), Count::default());
        let (count, waiting) = (ended.clone(), most.clone());
        let mut run =
            Task::new(nursery::<(), &str>().discard_outputs().run(|spawner| async move {
                for spawned in 1..=20_000 {
                    let ended = count.clone();
                    let child = async move {
                        ended.add();
                        Ok(())
                    };
                    spawner.spawn(child).unwrap();
                    waiting.at_least(spawned - count.get());
                    if spawned % spawned_at_once == 0 {
                        yields(1).await;
                    }
                }
                Ok(())
            }));
        assert!(run.run().is_ready());
        assert_eq!(ended.get(), 20_000);
        assert!(most.get() < A_FEW_HUNDRED, "{} of {spawned_at_once} at once", most.get());
    }
});

by_hand!(a_busy_body_and_its_busy_children_share_fairly, {
    for busy in [1, 4, 100] {
        let (bodies, children) = (Count::default(), Count::default());
        let mut nursery = nursery::<(), &str>();
        for _ in 0..busy {
            nursery.spawn(restless(&children));
        }
        let mut run = Task::new(nursery.run(|_| restless::<Result<(), &str>>(&bodies)));
        for _ in 0..100 {
            assert!(run.poll().is_pending());
        }
        // A body among children is one party among several, or half of two.
        let (body, children) = (bodies.get(), children.get());
        let least = (body + children) / (2 * (busy + 1));
        assert!(body >= least, "{body} polls of the body, {children} of {busy} children");
        assert!(
            4 * children >= body + children,
            "{body} polls of the body, {children} of the rest"
        );
    }
});

// As many children as a turn has polls: each turn ends shortly before all had theirs.
by_hand!(a_busy_child_goes_on_beside_an_owner_that_takes_ends, {
    for children in [64, 130, 250, 300] {
        let counts: Vec<_> = (0..children).map(|_| Count::default()).collect();
        let mut nursery = nursery::<(), &str>();
        for polls in &counts {
            nursery.spawn(restless(polls));
        }
        let mut owner = Task::new(async {
            loop {
                nursery.spawn(async { Ok(()) });
                nursery.next().await;
            }
        });
        for _ in 0..200 {
            assert!(owner.poll().is_pending());
        }
        let (least, most) =
            (counts.iter().map(Count::get).min(), counts.iter().map(Count::get).max());
        assert!(least.unwrap() * 4 > most.unwrap(), "of {children}: {least:?} to {most:?} polls");
    }
});

// The ends of the others are handed out meanwhile, and take no more than their part of each turn.
by_hand!(a_signalled_child_goes_on_beside_many_ends, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    for _ in 0..10_000 {
        nursery.spawn(pending());
    }
    let counted = polls.clone();
    nursery.child().grace(pending::<()>).spawn(poll_fn(move |_| {
        counted.add();
        Poll::Pending
    }));
    let mut settle = Task::new(nursery.settle());
    assert!(settle.run().is_pending());
    let before = polls.get();
    spawner.cancel_with("");
    for _ in 0..3 {
        assert!(settle.poll().is_pending());
    }
    assert_eq!(polls.get(), before + 1);
});

by_hand!(a_body_has_its_turn_beside_a_backlog_of_many_turns, {
    let polls = Count::default();
    let mut nursery = nursery::<(), &str>();
    for _ in 0..10_000 {
        nursery.spawn(async { Ok(()) });
    }
    let body = restless::<Result<(), &str>>(&polls);
    let mut run = Task::new(nursery.run(|_| body));
    for _ in 0..12 {
        assert!(run.poll().is_pending());
    }
    assert!(polls.get() >= 3, "{} polls", polls.get());
});
