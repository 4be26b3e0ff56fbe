//! Await lines: where inside its code a waiting child waits, by one more poll.
//!
//! A future that has to wait clones the waker it is polled with. At that moment the call stack is
//! the chain of awaits that leads there: each `async fn` is a frame, at the line of its `.await`. So
//! [`capture`] polls a child with a waker that takes a backtrace whenever it is cloned, and keeps
//! the part between the poll and the clone. There is one stack for each clone: two for a `join!` of
//! two futures that wait.
//!
//! | file | has |
//! |---|---|
//! | `walk.rs` | the walk up the stack, from the clone to the poll: addresses only |
//! | `resolve.rs` | which functions and lines these are, and which of them are shown |
//! | `line.rs`, `stack.rs`, `tree.rs` | a line, the lines of one stack, and the stacks as a tree |
//!
//! **The waker** is `nestling-stacks`, in the folder `stacks` of the repository. No safe code can
//! have a function called when a waker is cloned, so it takes `unsafe`, and this crate forbids that.
//! It is not `cooked-waker`, which would serve, for these reasons. Its clones keep the hook: a leaf
//! keeps one for as long as it waits, and each is a reference into an allocation of ours. Ours are
//! clones of the waker that the child has anyhow, so that nothing of the extra poll is left, and a
//! leaf that compares its waker at the next poll knows it again. Its licence is MPL-2.0, which the
//! lists of allowed licences of many users do not have; ours is as this crate's. And its last
//! release is of 2020.
//!
//! **The extra poll** is a poll as any other. It may go on, complete, panic or use up a budget, so
//! whoever asks for it has to treat it as one. A future that polls parts of itself only when they are
//! woken, as `FuturesUnordered` does, is asked no further: its stack ends there. A future that does
//! not clone its waker, or that compares it in a way of its own, has no stack.

mod line;
mod resolve;
mod stack;
#[cfg(all(test, not(nestling_loom)))]
mod tests;
mod tree;
mod walk;

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

pub use self::line::AwaitLine;
pub use self::stack::AwaitStack;
pub use self::tree::AwaitTree;

/// How many stacks one capture keeps. A walk costs microseconds, and a `join_all` of thousands would
/// hold up its driver.
const MAX_STACKS: usize = 64;

/// Calls `poll` once, with a context that has a waker as `inner`, and returns what it returns, and a
/// stack for each time that the waker was cloned: in the order of the clones, at most
/// [`MAX_STACKS`].
///
/// All clones are clones of `inner` itself, so no wake is lost, and none costs more later. Nothing is
/// resolved here, as that takes milliseconds: only when the lines are asked for. No lock is held
/// while `poll` runs. A panic of `poll` goes on; the stacks are lost.
pub(crate) fn capture<R>(
    inner: &Waker,
    poll: impl FnOnce(&mut Context<'_>) -> R,
) -> (R, AwaitTree) {
    let taken = Mutex::new(AwaitTree::default());
    let hook = || take_stack(&taken);
    let result = nestling_stacks::with_clone_hook(inner, &hook, |waker| {
        walk::marked(|| poll(&mut Context::from_waker(waker)))
    });
    (result, taken.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Adds the stack of the caller, or counts it if there are enough.
fn take_stack(taken: &Mutex<AwaitTree>) {
    let lock = || taken.lock().unwrap_or_else(PoisonError::into_inner);
    if lock().is_full() {
        return lock().leave_off();
    }
    // Without the lock, as a walk takes one of the `backtrace` crate.
    let walk = walk::walk();
    lock().push(AwaitStack::new(walk));
}
