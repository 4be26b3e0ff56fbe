//! What the children do, except for those that park.

use std::future::poll_fn;
use std::task::Poll;

pub(crate) type Outcome = Result<usize, ()>;

pub(crate) async fn at_once(n: usize) -> Outcome {
    Ok(n)
}

pub(crate) async fn yield_four_times(n: usize) -> Outcome {
    yield_times(4).await;
    Ok(n)
}

pub(crate) async fn yield_times(mut left: usize) {
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
