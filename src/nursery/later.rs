//! Timers that begin when they are needed.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// Makes the future of a timeout or a grace when that begins: a closure, as `|| sleep(second)`.
///
/// Every closure without arguments that returns a future is one. What the future resolves to is of
/// no interest.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a timer",
    label = "a closure that returns a timer's future is expected here",
    note = "the timer is made when it begins: for `sleep` of your runtime that is \
            `|| sleep(duration)`",
    note = "a future that was made before can be given as `|| future`"
)]
pub trait MakeTimer {
    /// The timer.
    type Timer: Future;

    /// Makes it. It is called once; for each item of a pool a copy is.
    fn make(self) -> Self::Timer;
}

#[diagnostic::do_not_recommend]
impl<C, F> MakeTimer for C
where
    C: FnOnce() -> F,
    F: Future,
{
    type Timer = F;

    fn make(self) -> F {
        self()
    }
}

pin_project! {
    /// A timer that is made when it is first polled.
    ///
    /// It is named here for code that is generic over the flavour: its bound is
    /// `M: Hold<'env, Later<C>>`.
    pub struct Later<C: MakeTimer> {
        make: Option<C>,
        #[pin]
        timer: Option<C::Timer>,
    }
}

impl<C: MakeTimer> Later<C> {
    pub(crate) fn new(make: C) -> Self {
        Self { make: Some(make), timer: None }
    }
}

impl<C: MakeTimer> Future for Later<C> {
    type Output = <C::Timer as Future>::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(make) = this.make.take() {
            this.timer.set(Some(make.make()));
        }
        match this.timer.as_pin_mut() {
            Some(timer) => timer.poll(cx),
            None => unreachable!("a timer that panicked as it was made is not polled again"),
        }
    }
}

impl<C: MakeTimer> fmt::Debug for Later<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").finish_non_exhaustive()
    }
}
