//! The functions in the files beside this one stand for a user's code; each says its line.

mod cost;
mod handing_on;
mod lines;
mod tree;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use super::{AwaitStack, AwaitTree, capture};

/// A waker that counts.
#[derive(Default)]
struct Wakes {
    count: AtomicUsize,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, SeqCst);
    }
}

impl Wakes {
    fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (wakes.clone(), Waker::from(wakes))
    }

    fn count(&self) -> usize {
        self.count.load(SeqCst)
    }
}

/// Polls with a capture, as the driver would.
fn capture_poll<F: Future + ?Sized>(
    future: Pin<&mut F>,
    waker: &Waker,
) -> (Poll<F::Output>, AwaitTree) {
    capture(waker, |cx| future.poll(cx))
}

/// The tree of a future that has been polled before, as that of a waiting child has.
fn tree_of(future: impl Future) -> AwaitTree {
    let mut future = Box::pin(future);
    let (_, waker) = Wakes::new();
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let (poll, tree) = capture_poll(future.as_mut(), &waker);
    assert!(poll.is_pending());
    tree
}

/// Function and line of each line, which are all of one file. An optimised build with line tables
/// only has no names.
fn seen(stack: &AwaitStack, file: &str) -> Vec<(String, u32)> {
    let end = std::path::Path::new(file).file_name().unwrap().to_str().unwrap();
    stack
        .lines()
        .map(|line| {
            assert!(line.file().unwrap().ends_with(&format!("/stacks/tests/{end}")), "{line}");
            let path = line.function();
            assert!(path.is_some() || !cfg!(debug_assertions), "{line:?}");
            let name =
                path.map_or("", |path| path.rsplit_once("::").map_or(path, |(_, name)| name));
            (name.to_owned(), line.line().unwrap())
        })
        .collect()
}

/// Asserts the lines of a stack, outermost first; names where there are any.
#[track_caller]
fn assert_lines(stack: &AwaitStack, file: &str, expected: &[(&str, u32)]) {
    let seen = seen(stack, file);
    let lines = |lines: &[(String, u32)]| lines.iter().map(|&(_, line)| line).collect::<Vec<_>>();
    let expected: Vec<_> = expected.iter().map(|&(name, line)| (name.to_owned(), line)).collect();
    assert_eq!(lines(&seen), lines(&expected), "{seen:?}");
    for ((seen, _), (expected, _)) in seen.iter().zip(&expected) {
        assert!(seen.is_empty() || seen == expected, "{seen} is not {expected}");
    }
}
