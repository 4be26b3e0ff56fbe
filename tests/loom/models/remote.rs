//! A task on an executor, and the child in the nursery that waits for it.

use std::future::{pending, poll_fn, ready};
use std::sync::Arc;

use futures::task::{Spawn, SpawnError};
use loom::sync::Mutex;
use loom::thread;

use super::support::{Count, Dropped, block_on, model};
use crate::Nursery;
use crate::outcome::CauseKind;
use crate::remote::job::Job;
use crate::remote::link::{Fate, Link};

/// A future that is never ready, and counts that it was dropped.
fn never(drops: &Count) -> impl Future<Output = u32> + Send + use<> {
    let dropped = Dropped(drops.clone());
    async move {
        let _dropped = dropped;
        pending().await
    }
}

async fn fate(link: &Link<u32>) -> Fate<u32> {
    poll_fn(|cx| link.poll_fate(cx)).await
}

/// Were the child's waker put down without a second look, one who looks before the end and puts it
/// down after it would wait for ever.
#[test]
fn an_end_that_comes_while_the_child_begins_to_wait_is_heard() {
    model(None, || {
        let link = Arc::new(Link::new());
        let running = thread::spawn({
            let link = Arc::clone(&link);
            move || block_on(Job::new(ready(7), link, None))
        });
        assert!(matches!(block_on(fate(&link)), Fate::Returned(7, None)));
        running.join().unwrap();
    });
}

/// Were the mark set after the waker is taken, or the waker put down without a look at the mark,
/// the task would go on for ever. The child hears of it when the destructor has run.
#[test]
fn a_task_that_is_told_to_go_while_it_goes_to_rest_goes() {
    model(None, || {
        let (link, drops) = (Arc::new(Link::new()), Count::default());
        let running = thread::spawn({
            let (link, future) = (Arc::clone(&link), never(&drops));
            move || block_on(Job::new(future, link, None))
        });
        link.stop();
        assert!(matches!(block_on(fate(&link)), Fate::Dropped(None)));
        assert_eq!(drops.get(), 1);
        running.join().unwrap();
    });
}

/// It is told to go when it is through, or is dropped by its executor: there is one fate, whichever
/// that is.
#[test]
fn a_task_has_one_fate() {
    model(None, || {
        let link = Arc::new(Link::new());
        let running = thread::spawn({
            let link = Arc::clone(&link);
            move || block_on(Job::new(ready(7), link, None))
        });
        let stopping = thread::spawn({
            let link = Arc::clone(&link);
            move || link.stop()
        });
        assert!(matches!(block_on(fate(&link)), Fate::Returned(7, None) | Fate::Dropped(None)));
        running.join().unwrap();
        stopping.join().unwrap();
    });
}

#[test]
fn a_task_that_the_executor_drops_while_it_is_told_to_go_is_heard_of() {
    model(None, || {
        let (link, drops) = (Arc::new(Link::new()), Count::default());
        let dropping = thread::spawn({
            let task = Job::new(never(&drops), Arc::clone(&link), None);
            move || drop(task)
        });
        link.stop();
        assert!(matches!(block_on(fate(&link)), Fate::Dropped(None)));
        assert_eq!(drops.get(), 1);
        dropping.join().unwrap();
    });
}

/// A thread for each task.
#[derive(Clone)]
struct Threads(Arc<Mutex<Vec<thread::JoinHandle<()>>>>);

impl Spawn for Threads {
    fn spawn_obj(&self, task: crate::spawn::Task) -> Result<(), SpawnError> {
        let running = thread::spawn(move || block_on(task));
        self.0.lock().unwrap().push(running);
        Ok(())
    }
}

/// The whole of it, by way of the public face.
#[test]
fn a_child_elsewhere_that_is_cancelled_is_gone_when_its_nursery_has_ended() {
    model(2, || {
        let (threads, drops) = (Threads(Arc::default()), Count::default());
        let mut nursery: Nursery<'_, u32, ()> = Nursery::new();
        let future = never(&drops);
        let handle = nursery.spawn_on(threads.clone(), async { Ok(future.await) });
        // By way of the inbox: that a handle wakes the child is for `FuturesUnordered` to order.
        let spawner = nursery.spawner();
        let cancelling = thread::spawn(move || spawner.cancel_with("enough"));
        let report = block_on(nursery.settle());
        assert_eq!(drops.get(), 1);
        assert_eq!(report.cancelled()[0].cause().kind(), CauseKind::Requested);
        assert!(cancelling.join().unwrap() && handle.is_finished());
        for running in std::mem::take(&mut *threads.0.lock().unwrap()) {
            running.join().unwrap();
        }
    });
}
