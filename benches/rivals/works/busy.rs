//! Children that work for a while and yield, again and again.

use std::cell::Cell;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::select;

use super::Part;
use super::batch::yield_times;
use crate::work::{Need, Set, Way, Work};

/// What a child does before it yields.
const BUSY: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub struct Busy {
    pub children: usize,
    pub polls: usize,
}

impl Work for Busy {
    const NEEDS: Need = Need::All;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let polls = self.polls;
        for n in 0..self.children {
            set.spawn(async move {
                for _ in 0..polls {
                    let start = Instant::now();
                    while start.elapsed() < BUSY {}
                    yield_times(1).await;
                }
                Ok(n)
            });
        }
        assert_eq!(set.all().await.outputs, self.children);
        None
    }
}

/// The longest time that something else in the owner's task was not polled.
pub fn longest_wait<Y: Way>(busy: Busy) -> Duration {
    let longest = Cell::new(Duration::ZERO);
    Y::block_on(async {
        let beside = pin!(async {
            loop {
                let start = Instant::now();
                yield_times(1).await;
                longest.set(longest.get().max(start.elapsed()));
            }
        });
        select(pin!(Y::scope(busy)), beside).await;
    });
    longest.get()
}
