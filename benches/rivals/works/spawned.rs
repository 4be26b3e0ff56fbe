//! Children that are spawned by others, and after others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures::future::BoxFuture;

use super::Part;
use super::batch::yield_times;
use super::signal::Signal;
use crate::work::{Need, Outcome, Set, Spawner, Work};

/// How many children are there while each that ends is followed by the next.
const IN_FLIGHT: usize = 256;

/// Each child that ends is followed by the next.
#[derive(Clone)]
pub struct Followed {
    pub children: usize,
}

impl Work for Followed {
    const NEEDS: Need = Need::Ends;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let mut spawned = 0..self.children;
        for n in spawned.by_ref().take(IN_FLIGHT) {
            set.spawn(once_pending(n));
        }
        for ended in 0..self.children {
            set.end(ended).await;
            if let Some(n) = spawned.next() {
                set.spawn(once_pending(n));
            }
        }
        None
    }
}

/// Is in flight for a while: it is pending once.
async fn once_pending(n: usize) -> Outcome {
    yield_times(1).await;
    Ok(n)
}

/// Each child spawns two more, until there are enough.
#[derive(Clone)]
pub struct Tree {
    pub children: usize,
}

/// Counts children that have ended.
struct Count {
    left: AtomicUsize,
    all: Signal,
}

impl Work for Tree {
    const NEEDS: Need = Need::Spawner;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let count = Count::new(self.children);
        let spawner = set.spawner();
        set.spawn(node(0, self.children, spawner, Arc::clone(&count)));
        set.all().await;
        count.all.wait().await;
        None
    }
}

fn node<'s>(
    n: usize,
    children: usize,
    spawner: impl Spawner<'s>,
    count: Arc<Count>,
) -> impl Future<Output = Outcome> + Send + 's {
    // It spawns itself: without a box its type would hold itself.
    let node: BoxFuture<'s, Outcome> = Box::pin(async move {
        for next in [2 * n + 1, 2 * n + 2] {
            if next < children {
                spawner.spawn(node(next, children, spawner.clone(), Arc::clone(&count)));
            }
        }
        count.end();
        Ok(n)
    });
    node
}

/// Two threads spawn at the same time.
#[derive(Clone)]
pub struct Threads {
    pub children: usize,
}

impl Work for Threads {
    const NEEDS: Need = Need::Outside;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let half = self.children / 2;
        let count = Count::new(2 * half);
        let threads = [(); 2].map(|()| {
            let (spawner, count) = (set.outside(), Arc::clone(&count));
            thread::spawn(move || {
                for n in 0..half {
                    let count = Arc::clone(&count);
                    spawner.spawn(async move {
                        count.end();
                        Ok(n)
                    });
                }
            })
        });
        // It keeps the set open.
        let all = Arc::clone(&count);
        set.spawn(async move {
            all.all.wait().await;
            Ok(0)
        });
        set.all().await;
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        None
    }
}

impl Count {
    fn new(children: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(children), all: Signal::default() })
    }

    fn end(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all.send();
        }
    }
}
