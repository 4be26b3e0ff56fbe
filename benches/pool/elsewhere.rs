//! Items on an executor: beside a task for each item, beside a channel, and beside many idle lanes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use futures::executor::LocalPool;
use futures::stream::{self, StreamExt};
use futures::task::LocalSpawnExt;
use nestling::{Pool, executor};
use tokio::task::JoinSet;

use crate::{LIMIT, Rows, at_once};

/// Items that do nothing, on a runtime with two threads.
pub(crate) fn ready(rows: &Rows<'_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.expect("a runtime");
    let handle = runtime.handle().clone();
    let far = executor(move |task| drop(handle.spawn(task)));
    let in_a_pool = |n| {
        let pool = Pool::<'_, ()>::new(LIMIT).on(&far);
        runtime.block_on(pool.for_each(0..n, at_once)).expect("no item fails");
    };
    let in_tasks = |n| {
        let items = stream::iter(0..n).map(|n| tokio::spawn(at_once(n)));
        let ends = items.buffer_unordered(LIMIT);
        let ends = ends.for_each(|end| async { end.expect("no task panics").expect("ready") });
        runtime.block_on(ends);
    };
    rows.row(
        ("on an executor, limit 64 (200,000)", "spawn, buffer_unordered(64)", 0.5),
        (200_000, &in_a_pool),
        (200_000, &in_tasks),
    );
    rows.row(
        ("on an executor, limit 64 (200,000)", "a channel, 2 workers", 1.5),
        (200_000, &in_a_pool),
        (200_000, &|n| runtime.block_on(through_a_channel(n))),
    );
}

/// What is made by hand: two tasks that take from a bounded channel.
async fn through_a_channel(size: usize) {
    let (send, items) = smol::channel::bounded(1_024);
    let mut workers = JoinSet::new();
    for _ in 0..2 {
        let items: smol::channel::Receiver<usize> = items.clone();
        workers.spawn(async move {
            while let Ok(n) = items.recv().await {
                at_once(n).await.expect("ready");
            }
        });
    }
    for n in 0..size {
        send.send(n).await.expect("there are workers");
    }
    drop((send, items));
    while workers.join_next().await.is_some() {}
}

/// Items that come alone, beside many idle lanes and beside few, on one thread.
pub(crate) fn alone(rows: &Rows<'_>) {
    let [many, few] = [10_000, 10].map(|lanes| RefCell::new(Idle::new(lanes)));
    rows.row(
        ("one item at a time, 10,000 idle lanes", "itself, with 10", 1.2),
        (100_000, &|n| many.borrow_mut().run(n)),
        (100_000, &|n| few.borrow_mut().run(n)),
    );
}

/// A pool with lanes that have run an item each, and are idle.
struct Idle {
    threads: LocalPool,
    items: mpsc::UnboundedSender<Option<oneshot::Receiver<()>>>,
    ended: Rc<Cell<usize>>,
}

impl Idle {
    fn new(lanes: usize) -> Self {
        let mut threads = LocalPool::new();
        let (items, stream) = mpsc::unbounded::<Option<oneshot::Receiver<()>>>();
        let ended = Rc::new(Cell::new(0));
        let far = threads.spawner();
        let counted = Rc::clone(&ended);
        let pool = Pool::<'_, (), _>::local(lanes).on_progress(move |now| {
            counted.set(now.done() as usize);
        });
        let pool = pool.on(far.clone()).for_each_stream(stream, |wait| async move {
            if let Some(wait) = wait {
                wait.await.expect("the sender is kept");
            }
            Ok(())
        });
        far.spawn_local(async { pool.await.expect("no item fails") }).expect("it runs");
        let mut waits = Vec::new();
        for _ in 0..lanes {
            let (go, wait) = oneshot::channel();
            items.unbounded_send(Some(wait)).expect("the pool runs");
            waits.push(go);
        }
        threads.run_until_stalled();
        waits.into_iter().for_each(|go| go.send(()).expect("the item waits"));
        threads.run_until_stalled();
        assert_eq!(ended.get(), lanes);
        Self { threads, items, ended }
    }

    fn run(&mut self, size: usize) {
        let before = self.ended.get();
        for _ in 0..size {
            self.items.unbounded_send(None).expect("the pool runs");
            self.threads.run_until_stalled();
        }
        assert_eq!(self.ended.get() - before, size);
    }
}
