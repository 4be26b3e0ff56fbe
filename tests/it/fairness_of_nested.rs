//! A nested nursery that never rests starves neither its siblings nor those around.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::task::AtomicWaker;
use nestling::{JoinedError, Nursery};

use crate::fairness::{A_FEW_HUNDRED, in_a_turn, restless};
use crate::support::{Count, Task, yields};

by_hand!(a_nursery_at_any_depth_that_never_rests_leaves_its_siblings_their_turn, {
    for depth in 0..8 {
        for place in [Hog::Child, Hog::PlacedChild, Hog::Body] {
            let (hog, sibling) = polls(depth, place, Appetite::One);
            assert!(hog > 100 && sibling * 4 > hog, "{place:?} in {depth}: {hog} and {sibling}");
        }
    }
});

by_hand!(
    shared,
    a_nursery_at_any_depth_that_could_spend_every_turn_whole_leaves_its_siblings_some,
    {
        for depth in 0..8 {
            for place in [Hog::Child, Hog::PlacedChild, Hog::Body] {
                let (hog, sibling) = polls(depth, place, Appetite::Whole);
                assert!(hog > 100 && sibling > 20, "{place:?} in {depth}: {hog} and {sibling}");
            }
        }
    }
);

by_hand!(a_nested_body_that_never_rests_leaves_those_around_their_turn, {
    let (body, sibling) = (Count::default(), Count::default());
    let mut outer = nursery::<(), &str>();
    let hog = restless::<Result<(), &str>>(&body);
    outer.spawn_group(async { nursery::<(), &str>().run(|_| hog).await.map(drop) });
    outer.spawn(restless(&sibling));
    let mut join = Task::new(outer.join());
    for _ in 0..100 {
        assert!(join.poll().is_pending());
    }
    let (body, sibling) = (body.get(), sibling.get());
    assert!(body > 100 && sibling * 4 > body, "{body} and {sibling}");
});

by_hand!(shared, a_body_and_children_that_could_each_spend_every_turn_whole_take_turns, {
    let (body, children) = (Count::default(), Count::default());
    let inner = ring(&body);
    let body_runs = async { inner.join().await.map_err(|_| "it ends") };
    let mut run = Task::new(ring(&children).run(|_| body_runs));
    for _ in 0..100 {
        assert!(run.poll().is_pending());
    }
    let (body, children) = (body.get(), children.get());
    assert!(body * 4 > children && children * 4 > body, "{body} and {children}");
});

by_hand!(many_nested_nurseries_of_many_children_share_one_turn, {
    let polls = Count::default();
    let mut outer = nursery::<(), &str>();
    for _ in 0..100 {
        let polls = polls.clone();
        outer.spawn_group(async move {
            let mut inner = nursery::<(), &str>();
            for _ in 0..100 {
                inner.spawn(restless(&polls));
            }
            inner.join().await.map(drop)
        });
    }
    let mut join = Task::new(outer.join());
    for _ in 0..20 {
        let between = in_a_turn(&mut join, &polls);
        assert!((1..A_FEW_HUNDRED).contains(&between), "{between} polls between two yields");
    }
});

by_hand!(shared, a_nursery_that_gave_way_once_ends_when_it_is_polled_again, {
    // How many siblings leave nothing of a turn to the last child depends on the driver.
    for siblings in 200..300 {
        let polls = Count::default();
        let mut outer = nursery::<(), &str>();
        for _ in 0..siblings {
            outer.spawn(restless(&Count::default()));
        }
        let mut inner = nursery::<(), &str>();
        let mut empty = Box::pin(async move {
            assert!(inner.next().await.is_none());
            inner.join().await.map(drop).map_err(|_| "there is no child")
        });
        let polled = polls.clone();
        let handle = outer.spawn_with_handle(poll_fn(move |cx| {
            polled.add();
            empty.poll_unpin(cx)
        }));
        let mut join = Task::new(outer.join());
        while !handle.is_finished() {
            assert!(join.poll().is_pending());
        }
        assert!(polls.get() <= 2, "{} polls beside {siblings} siblings", polls.get());
    }
});

by_hand!(shared, a_nursery_that_hands_out_one_by_one_keeps_to_the_turn_around_it, {
    for siblings in 200..300 {
        let polls = Count::default();
        let mut outer = nursery::<(), &str>();
        for _ in 0..siblings {
            outer.spawn(restless(&polls));
        }
        let mut inner = nursery::<(), &str>();
        for _ in 0..10_000 {
            inner.spawn(async { Ok(()) });
        }
        let handed_out = polls.clone();
        outer.spawn(async move {
            while inner.next().await.is_some() {
                handed_out.add();
            }
            Ok(())
        });
        let mut join = Task::new(outer.join());
        for _ in 0..4 {
            let in_turn = in_a_turn(&mut join, &polls);
            assert!(in_turn < 300, "{in_turn} polls beside {siblings} siblings");
        }
    }
});

/// The polls of the one that never rests and of its sibling in a hundred turns.
fn polls(depth: usize, place: Hog, appetite: Appetite) -> (usize, usize) {
    let (hog, sibling) = (Count::default(), Count::default());
    let mut join = Task::new(nested(depth, place, appetite, hog.clone(), sibling.clone()));
    for _ in 0..100 {
        assert!(join.poll().is_pending());
    }
    (hog.get(), sibling.get())
}

#[derive(Clone, Copy)]
enum Appetite {
    /// It has one child.
    One,
    /// Its children could spend any turn whole.
    Whole,
}

/// A nursery of children that have parked before, and wake each other for ever.
fn ring(polls: &Count) -> Nursery<'static, (), &'static str> {
    const CHILDREN: usize = 300;
    let wakers: Arc<Vec<_>> = Arc::new((0..CHILDREN).map(|_| AtomicWaker::new()).collect());
    let mut nursery = Nursery::new();
    for n in 0..CHILDREN {
        let (polls, wakers) = (polls.clone(), wakers.clone());
        let mut has_parked = false;
        nursery.spawn(poll_fn(move |cx| {
            polls.add();
            wakers[n].register(cx.waker());
            if has_parked {
                wakers[(n + 1) % CHILDREN].wake();
            }
            has_parked = true;
            Poll::Pending
        }));
    }
    nursery
}

/// Who it is that never rests.
#[derive(Clone, Copy, Debug)]
enum Hog {
    Child,
    /// It has parked before, as its sibling has.
    PlacedChild,
    Body,
}

/// Nurseries in each other; in the innermost one never rests, by way of one more nursery, and
/// neither does a child.
fn nested(
    depth: usize,
    place: Hog,
    appetite: Appetite,
    hog: Count,
    sibling: Count,
) -> futures::future::BoxFuture<'static, Result<(), JoinedError<&'static str>>> {
    Box::pin(async move {
        let mut nursery = crate::support::shared::nursery::<(), &str>();
        if depth > 0 {
            nursery.spawn_group(nested(depth - 1, place, appetite, hog, sibling));
            return nursery.join().await.map(drop);
        }
        let never_rests = async move {
            match appetite {
                Appetite::One => {
                    let mut inner = crate::support::shared::nursery::<(), &str>();
                    inner.spawn(restless(&hog));
                    inner.join().await.map(drop)
                }
                Appetite::Whole => ring(&hog).join().await.map(drop),
            }
        };
        let sibling = restless(&sibling);
        match place {
            Hog::Child => {
                nursery.spawn_group(never_rests);
                nursery.spawn(sibling);
            }
            Hog::PlacedChild => {
                let (start_hog, hog_started) = oneshot::channel::<()>();
                let (start, started) = oneshot::channel::<()>();
                nursery.spawn_group(async move {
                    _ = hog_started.await;
                    never_rests.await
                });
                nursery.spawn(async move {
                    _ = started.await;
                    sibling.await
                });
                nursery.spawn(async move {
                    yields(3).await;
                    start_hog.send(()).unwrap();
                    start.send(()).unwrap();
                    Ok(())
                });
            }
            Hog::Body => {
                nursery.spawn(sibling);
                let body = async { never_rests.await.map_err(|_| "it ends") };
                return nursery.run(|_| body).await.map(drop);
            }
        }
        nursery.join().await.map(drop)
    })
}

/// A runtime that gives a task a budget of one for each poll, and passes wakes on when the poll is
/// over.
#[derive(Clone, Default)]
struct Budgeted(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Budgeted {
    /// Uses the budget up in each poll, and counts how often there was one.
    fn greedy<O>(&self, served: &Count) -> impl Future<Output = O> + Send + use<O> {
        let (runtime, served) = (self.clone(), served.clone());
        poll_fn(move |cx| {
            let (left, deferred) = &mut *runtime.0.lock().unwrap();
            if std::mem::take(left) {
                served.add();
            }
            deferred.push(cx.waker().clone());
            Poll::Pending
        })
    }

    fn run<F: Future>(&self, turns: usize, task: F) {
        let mut task = Task::new(task);
        for _ in 0..turns {
            self.0.lock().unwrap().0 = true;
            assert!(task.poll().is_pending());
            let deferred = std::mem::take(&mut self.0.lock().unwrap().1);
            deferred.into_iter().for_each(Waker::wake);
        }
    }
}

/// Each gets its turn at least once in so many.
fn assert_all_are_served(served: &[Count], turns: usize, most: usize) {
    let counts: Vec<_> = served.iter().map(Count::get).collect();
    assert!(counts.iter().all(|count| count * most >= turns), "{counts:?} of {turns}");
}

by_hand!(shared, greedy_children_of_nested_nurseries_are_all_served, {
    const TURNS: usize = 3_000;
    for (outer_children, inner_children) in
        [(1, 2), (2, 2), (3, 3), (2, 4), (4, 2), (5, 1), (3, 2), (1, 300)]
    {
        let runtime = Budgeted::default();
        let served: Vec<_> =
            (0..outer_children - 1 + inner_children).map(|_| Count::default()).collect();
        let (outer_served, inner_served) = served.split_at(outer_children - 1);
        let mut outer = nursery::<(), &str>();
        outer_served.iter().for_each(|count| {
            outer.spawn(runtime.greedy(count));
        });
        let mut inner = nursery::<(), &str>();
        inner_served.iter().for_each(|count| {
            inner.spawn(runtime.greedy(count));
        });
        outer.spawn_group(inner.join().map(|joined| joined.map(drop)));
        runtime.run(TURNS, outer.join());
        assert_all_are_served(&served, TURNS, 4 * outer_children * inner_children);
    }
});

by_hand!(shared, greedy_bodies_in_bodies_and_their_children_are_all_served, {
    const TURNS: usize = 3_000;
    let runtime = Budgeted::default();
    let served: Vec<_> = (0..3).map(|_| Count::default()).collect();
    let mut inner = nursery::<(), &str>();
    inner.spawn(runtime.greedy(&served[0]));
    let inner = inner.run(|_| runtime.greedy::<Result<(), &str>>(&served[1]));
    let mut outer = nursery::<(), &str>();
    outer.spawn(runtime.greedy(&served[2]));
    let outer = outer.run(|_| inner.map(|ended| ended.map(drop).map_err(|_| "it has failed")));
    runtime.run(TURNS, outer);
    assert_all_are_served(&served, TURNS, 20);
});
