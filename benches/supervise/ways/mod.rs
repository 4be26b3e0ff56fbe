//! The supervisors.

mod ours;
mod ractor_supervisor;
mod task_supervisor;
mod taskvisor;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

pub(crate) use self::ours::{
    BY_BLOCK_ON, BY_DECISION, BY_INTENSITY, ONE_FOR_ALL, OURS, WITH_GRACE,
};
pub(crate) use self::ractor_supervisor::RACTOR_SUPERVISOR;
pub(crate) use self::task_supervisor::{TASK_SUPERVISOR, TASK_SUPERVISOR_PAUSED};
pub(crate) use self::taskvisor::TASKVISOR;
use crate::work::Running;

/// A supervisor on tokio, in this thread.
struct OnTokio<S> {
    runtime: Runtime,
    /// What shuts it down.
    stop: S,
}

impl<S: AsyncFnOnce() + 'static> OnTokio<S> {
    /// `start` starts it, and returns what shuts it down.
    fn start(start: impl AsyncFnOnce() -> S) -> Box<dyn Running> {
        Self::start_in(Builder::new_current_thread().enable_time(), start)
    }

    fn start_in(builder: &mut Builder, start: impl AsyncFnOnce() -> S) -> Box<dyn Running> {
        let runtime = builder.build().expect("a runtime of one thread");
        let stop = runtime.block_on(start());
        Box::new(Self { runtime, stop })
    }
}

impl<S: AsyncFnOnce()> Running for OnTokio<S> {
    fn until(&mut self, signal: &Notify) {
        self.runtime.block_on(signal.notified());
    }

    fn stop(self: Box<Self>) {
        let Self { runtime, stop } = *self;
        runtime.block_on(stop());
    }
}
