//! Children that run elsewhere: on an executor, in parallel.

mod child;
pub(crate) mod job;
pub(crate) mod link;

use std::fmt;

use futures::task::{FutureObj, Spawn, SpawnError};

pub use self::child::Remote;

/// A task that is to be run: a future that an executor polls until it is ready. See [`executor`].
pub type Task = FutureObj<'static, ()>;

/// Makes an executor of a closure that has a runtime run a task.
///
/// The task is `Send`, `'static` and `Unpin`, and returns nothing; what spawns it has to see that
/// it is polled, or dropped. A handle that is a [`Spawn`] already, such as the `ThreadPool` of
/// `futures`, needs no such closure.
///
/// | runtime | executor |
/// |---|---|
/// | tokio | `executor(\|task\| { tokio::spawn(task); })`, or with a `Handle`: `executor(move \|task\| { handle.spawn(task); })` |
/// | smol | `executor(\|task\| smol::spawn(task).detach())` |
/// | async-std | `executor(\|task\| { async_std::task::spawn(task); })` |
/// | a thread each | `executor(\|task\| { std::thread::spawn(\|\| futures::executor::block_on(task)); })` |
///
/// See [`Nursery::spawn_on`](crate::Nursery::spawn_on) for what is asked of an executor.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
///
/// let threads = nestling::executor(|task| {
///     std::thread::spawn(|| futures::executor::block_on(task));
/// });
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, u64, String> = Nursery::new();
/// for n in [15, 20] {
///     nursery.spawn_on(&threads, async move { Ok((1..=n).product()) });
/// }
/// assert_eq!(nursery.join().await.unwrap()[0], 1_307_674_368_000);
/// # });
/// ```
pub fn executor<S: Fn(Task)>(spawn: S) -> Executor<S> {
    Executor { spawn }
}

/// An executor made of a closure by [`executor`].
#[derive(Clone, Copy)]
pub struct Executor<S> {
    spawn: S,
}

impl<S: Fn(Task)> Spawn for Executor<S> {
    fn spawn_obj(&self, task: Task) -> Result<(), SpawnError> {
        (self.spawn)(task);
        Ok(())
    }
}

impl<S> fmt::Debug for Executor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}
