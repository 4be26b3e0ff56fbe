//! A child has one waker for as long as it lives, as a task has.
//!
//! So a future that keeps the waker of its first poll, and none of a later one, is woken by that.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::channel::oneshot;
use futures::future::{BoxFuture, Either, LocalBoxFuture, select};
use futures::{FutureExt, stream};
use nestling::Pool;

use crate::support::{Count, Task, yields};

type Child = BoxFuture<'static, Result<(), &'static str>>;

/// What a child waits for that keeps only the waker of its first poll.
#[derive(Clone, Default)]
struct Door(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_open: bool,
    first: Option<Waker>,
    polls: usize,
    /// Polls whose waker is not that of the first.
    others: usize,
}

impl Door {
    /// Waits until the door is open, and is polled a few times before it is parked.
    fn wait(&self) -> Child {
        let door = self.clone();
        let mut restless = 3;
        Box::pin(poll_fn(move |cx| {
            let poll = door.poll(cx);
            if restless > 0 && poll.is_pending() {
                restless -= 1;
                cx.waker().wake_by_ref();
            }
            poll.map(Ok)
        }))
    }

    /// Is polled once, and then parked.
    fn wait_parked(&self) -> Child {
        let door = self.clone();
        Box::pin(poll_fn(move |cx| door.poll(cx).map(Ok)))
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        state.polls += 1;
        let first = state.first.get_or_insert_with(|| cx.waker().clone());
        if !first.will_wake(cx.waker()) {
            state.others += 1;
        }
        if state.is_open { Poll::Ready(()) } else { Poll::Pending }
    }

    fn open(&self) {
        self.0.lock().unwrap().is_open = true;
        self.knock();
    }

    /// Wakes by the first waker, and leaves the door as it is.
    fn knock(&self) {
        let first = self.first().expect("it was polled");
        first.wake();
    }

    fn first(&self) -> Option<Waker> {
        self.0.lock().unwrap().first.clone()
    }

    fn polls(&self) -> usize {
        self.0.lock().unwrap().polls
    }

    /// How many polls had a waker that is not the first.
    fn others(&self) -> usize {
        self.0.lock().unwrap().others
    }
}

/// Whether a task was woken since that was asked last.
#[derive(Default)]
struct Woken(AtomicBool);

impl Woken {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Children that come and go beside the one that is looked at: some end at once, some yield, and
/// some are parked until the senders are dropped.
fn siblings() -> (Vec<oneshot::Sender<()>>, Vec<Child>) {
    let mut senders = Vec::new();
    let children = (0..90).map(|n| -> Child {
        match n % 3 {
            0 => Box::pin(async { Ok(()) }),
            1 => Box::pin(yields(n % 5).map(Ok)),
            _ => {
                let (sender, receiver) = oneshot::channel();
                senders.push(sender);
                Box::pin(async {
                    let _ = receiver.await;
                    yields(1).await;
                    Ok(())
                })
            }
        }
    });
    let children = children.collect();
    (senders, children)
}

/// Shows that a child has one waker, where `way` runs it between its siblings.
fn has_one_waker(way: impl Fn(Child, Vec<Child>, Vec<Child>) -> LocalBoxFuture<'static, ()>) {
    for parked_at_once in [false, true] {
        let door = Door::default();
        let child = if parked_at_once { door.wait_parked() } else { door.wait() };
        let (mut senders, mut before) = siblings();
        let after = before.split_off(before.len() / 2);
        let mut task = Task::new(way(child, before, after));
        assert!(task.run().is_pending());
        assert!(door.polls() > 0, "it has started");

        // Siblings go, one by one and all at once, and the child is polled in between.
        for _ in 0..10 {
            drop(senders.pop());
            assert!(task.run().is_pending());
            let polls = door.polls();
            door.knock();
            assert!(task.run().is_pending());
            assert_eq!(door.polls(), polls + 1, "a wake by the first waker is one poll");
        }
        // Another task drives it from now on.
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        drop(senders);
        while task.poll_with(&waker).is_pending() && woken.take() {}
        let polls = door.polls();
        let knocks = door.clone();
        thread::spawn(move || knocks.knock()).join().unwrap();
        assert!(woken.take(), "the task was woken");
        while task.poll_with(&waker).is_pending() && woken.take() {}
        assert_eq!(door.polls(), polls + 1);
        door.open();
        assert!(woken.take(), "the task was woken");
        assert!((0..100).any(|_| task.poll_with(&waker).is_ready()));
        assert_eq!(door.others(), 0, "of {} polls", door.polls());
    }
}

/// Shows that a child has one waker, in both flavours.
macro_rules! one_waker {
    ($name:ident, |$child:ident, $before:ident, $after:ident| $way:block $(,)?) => {
        by_hand!($name, {
            has_one_waker(|$child, $before, $after| async move { $way }.boxed_local())
        });
    };
}

one_waker!(a_child_that_was_spawned_before_the_nursery_is_driven, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.spawn(child);
    }
    nursery.join().await.unwrap();
});

one_waker!(a_child_that_its_owner_asks_for_by_next, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.spawn(child);
    }
    while nursery.next().await.is_some() {}
});

one_waker!(a_child_that_comes_out_of_the_backlog, |child, before, after| {
    let mut nursery = nursery::<(), &str>().limit(40);
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.spawn(child);
    }
    nursery.join().await.unwrap();
});

one_waker!(a_child_that_is_spawned_by_a_sibling, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    let spawner = nursery.spawner();
    for child in before {
        nursery.spawn(child);
    }
    nursery.spawn(async move {
        yields(2).await;
        spawner.spawn(child).unwrap();
        for child in after {
            yields(1).await;
            spawner.spawn(child).unwrap();
        }
        Ok(())
    });
    nursery.join().await.unwrap();
});

one_waker!(a_child_that_is_spawned_when_there_is_room, |child, before, after| {
    let mut nursery = nursery::<(), &str>().limit(50);
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.reserve().await.unwrap().spawn(child);
    }
    nursery.join().await.unwrap();
});

one_waker!(a_child_with_a_handle, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    let mut handles = Vec::new();
    for child in before.into_iter().chain([child]).chain(after) {
        handles.push(nursery.spawn_with_handle(child));
    }
    nursery.join().await.unwrap();
    assert!(handles.iter().all(|handle| handle.is_finished()));
});

one_waker!(a_child_with_a_join_handle, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before {
        nursery.spawn(child);
    }
    let handle = nursery.spawn_join(child);
    for child in after {
        nursery.spawn(child);
    }
    nursery.join().await.unwrap();
    assert!(handle.await.is_ok());
});

one_waker!(a_child_with_a_timeout, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.child().timeout(pending::<()>).spawn(child);
    }
    nursery.join().await.unwrap();
});

one_waker!(a_child_with_a_grace, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.child().grace(pending::<()>).spawn_with_handle(child);
    }
    nursery.join().await.unwrap();
});

one_waker!(a_child_that_was_signalled_and_is_in_its_grace, |child, before, after| {
    let mut nursery = nursery::<(), &str>().grace(pending::<()>);
    let spawner = nursery.spawner();
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.child().grace(pending::<()>).spawn(child);
    }
    nursery.spawn(async move {
        yields(2).await;
        spawner.cancel_with("enough");
        Ok(())
    });
    nursery.settle().await.into_result().unwrap();
});

one_waker!(a_child_with_a_context, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before.into_iter().chain([child]).chain(after) {
        nursery.spawn_with_context(move |_| child);
    }
    nursery.join().await.unwrap();
});

one_waker!(a_child_that_is_a_daemon, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    let (done, ended) = oneshot::channel();
    nursery.child().daemon().spawn(async {
        child.await?;
        let _ = done.send(());
        Ok(())
    });
    for child in before.into_iter().chain(after) {
        nursery.spawn(child);
    }
    nursery.spawn(async { ended.await.map_err(|_| "dropped") });
    nursery.join().await.unwrap();
});

one_waker!(a_child_of_a_nested_nursery, |child, before, after| {
    let mut outer = nursery::<(), &str>();
    for child in before {
        outer.spawn(child);
    }
    outer.spawn_group(async {
        let mut middle = crate::support::shared::nursery::<(), &str>();
        middle.spawn_group(async {
            let mut inner = crate::support::shared::nursery::<(), &str>();
            inner.spawn(child);
            for child in after {
                inner.spawn(child);
            }
            inner.join().await.map(drop)
        });
        middle.join().await.map(drop)
    });
    outer.join().await.unwrap();
});

one_waker!(a_child_of_a_driver, |child, before, after| {
    let (spawner, driver) = nursery::<(), &str>().split();
    for child in before.into_iter().chain([child]).chain(after) {
        spawner.spawn(child).unwrap();
    }
    spawner.close();
    driver.await.into_result().unwrap();
});

one_waker!(the_body_of_a_run, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before {
        nursery.spawn(child);
    }
    let body = |spawner| spawns(spawner, after, child);
    nursery.run(body).await.unwrap();
});

one_waker!(a_child_beside_a_body, |child, before, after| {
    let mut nursery = nursery::<(), &str>();
    for child in before.into_iter().chain([child]) {
        nursery.spawn(child);
    }
    let body = |spawner| spawns(spawner, after, Box::pin(yields(7).map(Ok)));
    nursery.run(body).await.unwrap();
});

/// A body that spawns children, and then is `child`.
async fn spawns<M: nestling::generic::Hold<'static, Child>>(
    spawner: nestling::Spawner<'static, (), &'static str, M>,
    children: Vec<Child>,
    child: Child,
) -> Result<(), &'static str> {
    for child in children {
        spawner.spawn(child).unwrap();
    }
    child.await
}

by_hand!(an_item_of_a_pool, {
    // Few lanes, each of which has one item after the other; or one for each item.
    for limit in [40, 100] {
        has_one_waker(move |child, before, after| {
            let items: Vec<_> = before.into_iter().chain([child]).chain(after).collect();
            let pool = <Flavour as OfFlavour>::pool(limit);
            async move { pool.for_each(items, |item| item).await.unwrap() }.boxed_local()
        });
    }
});

by_hand!(an_item_of_a_pool_that_comes_from_a_stream, {
    for limit in [40, 100] {
        has_one_waker(move |child, before, after| {
            let items: Vec<_> = before.into_iter().chain([child]).chain(after).collect();
            let pool = <Flavour as OfFlavour>::pool(limit);
            let items = stream::iter(items);
            async move { pool.for_each_stream(items, |item| item).await.unwrap() }.boxed_local()
        });
    }
});

trait OfFlavour: nestling::generic::Flavor {
    fn pool<'env>(limit: usize) -> Pool<'env, &'static str, Self>;
}

impl OfFlavour for nestling::generic::Shared {
    fn pool<'env>(limit: usize) -> Pool<'env, &'static str> {
        Pool::new(limit)
    }
}

impl OfFlavour for nestling::generic::Local {
    fn pool<'env>(limit: usize) -> Pool<'env, &'static str, Self> {
        Pool::local(limit)
    }
}

/// Shows that the wakers of these differ, and that each wakes its own alone.
fn wakers_differ(doors: &[Door], mut task: Task<impl Future<Output = ()>>) {
    assert!(task.run().is_pending());
    let wakers: Vec<_> = doors.iter().map(|door| door.first().unwrap()).collect();
    for (n, waker) in wakers.iter().enumerate() {
        assert!(wakers.iter().skip(n + 1).all(|other| !waker.will_wake(other)));
        let before: Vec<_> = doors.iter().map(Door::polls).collect();
        waker.wake_by_ref();
        assert!(task.run().is_pending());
        let polled = doors.iter().zip(before).map(|(door, before)| door.polls() - before);
        assert!(polled.enumerate().all(|(door, polls)| polls == usize::from(door == n)));
    }
    for door in doors {
        assert_eq!(door.others(), 0);
        door.open();
    }
    assert!((0..100).any(|_| task.run().is_ready()));
}

fn doors() -> Vec<Door> {
    (0..70).map(|_| Door::default()).collect()
}

by_hand!(two_running_children_have_two_wakers, {
    let doors = doors();
    let mut nursery = nursery::<(), &str>();
    for door in &doors {
        nursery.spawn(door.wait());
    }
    wakers_differ(&doors, Task::new(async { drop(nursery.join().await.unwrap()) }));
});

by_hand!(a_body_and_its_children_have_wakers_of_their_own, {
    let doors = doors();
    let mut nursery = nursery::<(), &str>();
    for door in &doors[1..] {
        nursery.spawn(door.wait());
    }
    let body = doors[0].wait();
    wakers_differ(&doors, Task::new(async { drop(nursery.run(|_| body).await.unwrap()) }));
});

by_hand!(children_of_two_nested_nurseries_have_wakers_of_their_own, {
    let doors = doors();
    let mut outer = nursery::<(), &str>();
    for doors in doors.chunks(35) {
        let children: Vec<_> = doors.iter().map(Door::wait).collect();
        outer.spawn_group(async {
            let mut inner = crate::support::shared::nursery::<(), &str>();
            for child in children {
                inner.spawn(child);
            }
            inner.join().await.map(drop)
        });
    }
    wakers_differ(&doors, Task::new(async { drop(outer.join().await.unwrap()) }));
});

by_hand!(two_running_items_have_two_wakers, {
    let doors = doors();
    let items: Vec<_> = doors.iter().map(Door::wait).collect();
    let pool = <Flavour as OfFlavour>::pool(70);
    let run = async { pool.for_each(items, |item| item).await.unwrap() };
    wakers_differ(&doors, Task::new(run));
});

behaviour!(a_future_that_keeps_its_first_waker_ends_on_every_runtime, async {
    let door = Door::default();
    let woken = Count::default();
    let mut nursery = nursery::<(), &str>();
    let (child, count) = (door.wait_parked(), woken.clone());
    nursery.spawn(async move {
        child.await?;
        count.add();
        Ok(())
    });
    nursery.spawn(async move {
        yields(5).await;
        thread::spawn(move || door.open()).join().unwrap();
        Ok(())
    });
    // It fails where it would hang.
    let long = Box::pin(yields(100_000));
    match select(nursery.join(), long).await {
        Either::Left((outputs, _)) => assert_eq!(outputs.unwrap().len(), 2),
        Either::Right(_) => panic!("the child was not woken"),
    }
    assert_eq!(woken.get(), 1);
});
