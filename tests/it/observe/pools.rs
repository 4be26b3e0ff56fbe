//! What is seen of the items of a pool.

use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nestling::observe::{ChildState, EndKind, Observer, SeenChild, Watch};
use nestling::testing::yields;
use nestling::{Nursery, Pool};

use super::{poll_once, states};

#[test]
fn items_that_run_are_children_of_the_pool() {
    let watch = Watch::new();
    let pool: Pool<'_, ()> = Pool::new(2).name("files").watch(&watch);
    poll_once(pool.for_each(0..9, |_| pending()));
    let pool: Pool<'_, ()> = Pool::new(2).name("files").watch(&watch);
    let run = std::pin::pin!(pool.for_each(0..9, |_| pending()));
    poll_once(run);
    let snapshot = watch.snapshot();
    assert_eq!(snapshot.nurseries().len(), 1, "the pool that was dropped is gone");
    let seen = &snapshot.nurseries()[0];
    assert_eq!((seen.name(), seen.limit(), seen.running()), (Some("files"), Some(2), 2));
    assert_eq!(states(&snapshot), [ChildState::Waiting; 2]);
    assert_eq!(snapshot.children()[1].info().id().number(), 1);
}

#[derive(Default)]
struct Ends(Mutex<Vec<(u64, EndKind)>>);

impl Observer for Ends {
    fn ended(&self, child: &SeenChild, _: Duration, kind: EndKind) {
        self.0.lock().unwrap().push((child.info().id().number(), kind));
    }
}

#[test]
fn each_item_ends_once_as_what_it_came_to() {
    for on_threads in [false, true] {
        let ends = Arc::new(Ends::default());
        let pool: Pool<'_, u64> = Pool::new(2).observe(Arc::clone(&ends));
        let pool = pool.item_timeout(|| yields(2));
        let item = |n: u64| async move {
            match n {
                0 => Ok(()),
                1 => Err(n),
                2 => panic!("an item"),
                3 => pending().await,
                _ => {
                    yields(1).await;
                    Ok(())
                }
            }
        };
        let report = futures::executor::block_on(async {
            if on_threads {
                let threads = nestling::executor(|task| {
                    std::thread::spawn(|| futures::executor::block_on(task));
                });
                pool.on(threads).for_each(0..5, item).settle().await
            } else {
                pool.for_each(0..5, item).settle().await
            }
        });
        assert_eq!(report.counts().total(), 5);
        let mut ends = ends.0.lock().unwrap().clone();
        ends.sort_by_key(|(item, _)| *item);
        let expected = [
            (0, EndKind::Completed),
            (1, EndKind::Failed),
            (2, EndKind::Panicked),
            (3, EndKind::TimedOut),
            (4, EndKind::Completed),
        ];
        assert_eq!(ends, expected, "on threads: {on_threads}");
    }
}

#[test]
fn items_that_are_dropped_with_the_pool_are_cancelled() {
    let ends = Arc::new(Ends::default());
    let pool: Pool<'_, ()> = Pool::new(2).observe(Arc::clone(&ends));
    let mut run = Box::pin(pool.for_each(0..9, |_| pending()));
    poll_once(run.as_mut());
    assert_eq!(*ends.0.lock().unwrap(), []);
    drop(run);
    assert_eq!(*ends.0.lock().unwrap(), [(1, EndKind::Cancelled), (0, EndKind::Cancelled)]);
}

#[test]
fn lanes_on_an_executor_are_not_children() {
    let watch = Watch::new();
    let threads = nestling::executor(|task| {
        std::thread::spawn(|| futures::executor::block_on(task));
    });
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().watch(&watch);
    let own = watch.clone();
    nursery.spawn(async move {
        let pool: Pool<'_, ()> = Pool::new(2);
        let run = pool.on(threads).for_each(0..9, move |_| {
            // The child, and items: as many as there are lanes, and twice as many pulled.
            let (children, nurseries) = {
                let snapshot = own.snapshot();
                (snapshot.children().len(), snapshot.nurseries().len())
            };
            assert!((2..=5).contains(&children), "{children}");
            assert_eq!(nurseries, 2);
            ready(Ok(()))
        });
        run.await.map_err(drop)
    });
    futures::executor::block_on(nursery.join()).unwrap();
}
