//! Children that run to their end, all spawned at once.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use async_io::Timer;

use super::Part;
use crate::work::{Ends, Need, Outcome, Set, Work};

#[derive(Clone, Copy)]
pub enum Kind {
    Ready,
    Yield(usize),
    Timer,
    Fail,
}

#[derive(Clone)]
pub struct Batch {
    pub children: usize,
    pub kind: Kind,
}

impl Work for Batch {
    const NEEDS: Need = Need::All;
    type Output = Part;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Part {
        let Self { children, kind } = self;
        // A match here and not in the child: so a child is no larger than it has to be.
        match kind {
            Kind::Ready => (0..children).for_each(|n| set.spawn(async move { Ok(n) })),
            Kind::Yield(times) => (0..children).for_each(|n| set.spawn(yields(n, times))),
            Kind::Timer => (0..children).for_each(|n| set.spawn(timer(n))),
            Kind::Fail => (0..children).for_each(|n| set.spawn(async move { Err(n) })),
        }
        let ends = set.all().await;
        let expected = match kind {
            Kind::Fail => Ends { errors: children, ..Ends::default() },
            _ => Ends { outputs: children, ..Ends::default() },
        };
        assert_eq!(ends, expected);
        None
    }
}

async fn yields(n: usize, times: usize) -> Outcome {
    yield_times(times).await;
    Ok(n)
}

async fn timer(n: usize) -> Outcome {
    Timer::after(Duration::from_millis(1)).await;
    Ok(n)
}

pub async fn yield_times(mut left: usize) {
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
