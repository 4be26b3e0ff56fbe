//! Await lines: where inside its code a child waits, by one more poll.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Waker};

use futures::channel::oneshot;
use nestling::observe::{AwaitStack, ChildSnapshot, Watch};
use nestling::{Nursery, Pool};

use super::poll_once;

static LEAF: AtomicU32 = AtomicU32::new(0);

async fn leaf(receiver: oneshot::Receiver<()>) {
    LEAF.store(line!() + 1, Relaxed);
    let _ = receiver.await;
}

async fn middle(receiver: oneshot::Receiver<()>) {
    leaf(receiver).await;
}

/// The lines of a stack that are in this file.
fn lines(stack: &AwaitStack) -> Vec<u32> {
    let own = stack.lines().filter(|line| line.file().is_some_and(|it| it.ends_with("lines.rs")));
    own.filter_map(|line| line.line()).collect()
}

fn stacks(child: &ChildSnapshot) -> usize {
    child.await_lines().map_or(0, |tree| tree.stacks().len())
}

#[test]
fn each_child_that_waits_is_asked_once() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let (sender, receiver) = oneshot::channel();
    let (_other, second) = oneshot::channel();
    let line = line!() + 2;
    nursery.spawn(async {
        middle(receiver).await;
        std::future::pending().await
    });
    nursery.spawn(async {
        futures::join!(middle(second), std::future::pending::<()>());
        Ok(())
    });
    let mut next = pin!(nursery.next());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(next.as_mut().poll(&mut cx).is_pending());
    assert_eq!(watch.ask_await_lines(), 2);
    let polls = |at: usize| watch.snapshot().children()[at].polls();
    assert_eq!((polls(0), stacks(&watch.snapshot().children()[0])), (1, 0), "it was not polled");
    assert!(next.as_mut().poll(&mut cx).is_pending());
    let snapshot = watch.snapshot();
    let [first, second] = snapshot.children() else { panic!("{snapshot:#}") };
    // A future that is pending for ever has no waker, and so no stack.
    assert_eq!((stacks(first), stacks(second), polls(0), polls(1)), (1, 1, 2, 2));
    let found = lines(&first.await_lines().unwrap().stacks()[0]);
    assert_eq!((found[0], found.last().copied()), (line, Some(LEAF.load(Relaxed))), "{found:?}");
    assert_eq!(found.len(), 3);
    let shown = format!("{snapshot:#}");
    assert!(shown.contains(&format!("lines.rs:{line}")), "{shown}");
    // The wake that comes later is not lost, and the lines do not hold any more.
    sender.send(()).unwrap();
    assert!(next.as_mut().poll(&mut cx).is_pending());
    let snapshot = watch.snapshot();
    let found: Vec<_> = snapshot.children().iter().map(stacks).collect();
    assert_eq!((found, polls(0)), (vec![0, 1], 3), "the first was polled since");
}

#[test]
fn items_and_bodies_are_asked_too_and_what_does_not_wait_is_not() {
    let watch = Watch::new();
    let pool: Pool<'_, ()> = Pool::new(1).watch(&watch);
    let (_sender, receiver) = oneshot::channel::<()>();
    let mut receiver = Some(receiver);
    let mut run = Box::pin(pool.for_each([1], |_| {
        let receiver = receiver.take().unwrap();
        async {
            middle(receiver).await;
            Ok(())
        }
    }));
    poll_once(run.as_mut());
    let mut queued: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    queued.spawn(std::future::pending());
    let (_sender, receiver) = oneshot::channel::<()>();
    let body: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let mut body = Box::pin(body.run(|_| async {
        middle(receiver).await;
        Ok(())
    }));
    poll_once(body.as_mut());
    assert_eq!(watch.ask_await_lines(), 2);
    poll_once(run.as_mut());
    poll_once(body.as_mut());
    let snapshot = watch.snapshot();
    let found: Vec<_> = snapshot.children().iter().map(stacks).collect();
    assert_eq!(found, [1, 0, 1]);
    drop((run, body));
    assert_eq!(watch.ask_await_lines(), 0);
}

#[test]
fn nested_nurseries_are_asked_each_for_its_children() {
    let watch = Watch::new();
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let (_sender, receiver) = oneshot::channel::<()>();
    nursery.spawn(async {
        let mut inner: Nursery<'_, (), ()> = Nursery::new();
        inner.spawn(async {
            middle(receiver).await;
            Ok(())
        });
        inner.join().await.map(drop).map_err(drop)
    });
    let mut next = pin!(nursery.next());
    poll_once(next.as_mut());
    assert_eq!(watch.ask_await_lines(), 2);
    poll_once(next.as_mut());
    let snapshot = watch.snapshot();
    assert_eq!(stacks(&snapshot.children()[1]), 1, "{snapshot:#}");
}
