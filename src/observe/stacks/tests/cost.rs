//! What a capture costs. It prints, and asserts nothing:
//!
//! ```sh
//! CARGO_PROFILE_RELEASE_DEBUG=line-tables-only \
//!     cargo test --release --lib observe::stacks::tests::cost -- --ignored --nocapture
//! ```

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::capture_poll;
use super::handing_on::wait_for_ever;

fn nested(depth: usize) -> Pin<Box<dyn Future<Output = ()>>> {
    match depth {
        0 => Box::pin(wait_for_ever()),
        _ => Box::pin(async move { nested(depth - 1).await }),
    }
}

/// The median of many rounds.
fn time(mut run: impl FnMut()) -> Duration {
    const ROUNDS: usize = 51;
    const RUNS: u32 = 200;
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..RUNS).for_each(|_| run());
            start.elapsed() / RUNS
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2]
}

#[test]
#[ignore = "measures"]
fn time_of_a_capture() {
    let waker = Waker::noop();
    for depth in [1, 3, 10, 30, 100] {
        let mut future = nested(depth);
        let plain = time(|| {
            black_box(future.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        });
        let captured = time(|| {
            let (poll, tree) = capture_poll(future.as_mut(), waker);
            assert!(poll.is_pending() && !black_box(tree).is_empty());
        });
        let (_, tree) = capture_poll(future.as_mut(), waker);
        let start = Instant::now();
        let lines = tree.stacks()[0].lines().len();
        let resolved = start.elapsed();
        println!(
            "{depth:4} awaits: poll {plain:?}, with a capture {captured:?}, \
             lines ({lines}) looked up in {resolved:?}"
        );
    }
}
