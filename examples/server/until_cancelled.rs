//! Work that a child gives up when it is cancelled.

use smol::future::or;

use super::Context;

/// The output of the work; `None` if the child is cancelled first, or is already.
///
/// The work is dropped then. What it must not lose is not to be handed in here.
pub(crate) async fn until_cancelled<F: Future>(cx: &Context<'_>, work: F) -> Option<F::Output> {
    let cancelled = async {
        cx.cancelled().await;
        None
    };
    or(cancelled, async { Some(work.await) }).await
}
