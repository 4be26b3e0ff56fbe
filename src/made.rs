//! A future that code of users has made, or the panic that it has raised instead.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::Panic;
use crate::guard::{CaughtPanic, catch};

pin_project! {
    /// Panics in its first poll where nothing was made: the panic of what was to make it is a failure
    /// of the child, as any other.
    pub(crate) struct Made<Fut> {
        #[pin]
        future: Option<Fut>,
        panic: Option<CaughtPanic>,
    }

    impl<Fut> PinnedDrop for Made<Fut> {
        // It may be dropped before it is polled.
        fn drop(this: Pin<&mut Self>) {
            let panic = this.project().panic.take().filter(|_| !std::thread::panicking());
            if let Some(panic) = panic {
                Panic::new(panic).passed_on().resume();
            }
        }
    }
}

impl<Fut> Made<Fut> {
    pub(crate) fn by(make: impl FnOnce() -> Fut) -> Self {
        match catch(make) {
            Ok(future) => Self { future: Some(future), panic: None },
            Err(panic) => Self { future: None, panic: Some(panic) },
        }
    }
}

impl<Fut: Future> Future for Made<Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        let this = self.project();
        match (this.future.as_pin_mut(), this.panic.take()) {
            (Some(future), _) => future.poll(cx),
            (None, Some(panic)) => panic.resume(),
            (None, None) => unreachable!("a child that has panicked is not polled"),
        }
    }
}
