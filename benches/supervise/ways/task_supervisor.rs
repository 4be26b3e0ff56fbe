//! The crate `task-supervisor`.

use std::sync::Arc;
use std::time::Duration;

use task_supervisor::{CancellationToken, SupervisedTask, SupervisorBuilder, TaskResult};
use tokio::runtime::Builder;

use super::OnTokio;
use crate::work::{Running, Way, Work};

pub(crate) const TASK_SUPERVISOR: Way = Way {
    name: "task-supervisor [a]",
    start: |work, names| start(Builder::new_current_thread().enable_time(), work, names),
};

/// Its sleeps are over at once, as the clock moves on by itself.
pub(crate) const TASK_SUPERVISOR_PAUSED: Way = Way {
    name: "task-supervisor, clock paused [a]",
    start: |work, names| {
        start(Builder::new_current_thread().enable_time().start_paused(true), work, names)
    },
};

#[derive(Clone)]
struct Child {
    work: Arc<Work>,
    child: usize,
}

impl SupervisedTask for Child {
    async fn run(self, cancel: CancellationToken) -> TaskResult {
        self.work.start(self.child).await?;
        cancel.cancelled().await;
        Ok(())
    }
}

fn start(runtime: &mut Builder, work: &Arc<Work>, names: Vec<String>) -> Box<dyn Running> {
    OnTokio::start_in(runtime, async || {
        let mut supervisor = SupervisorBuilder::new()
            .with_unlimited_restarts()
            .with_base_restart_delay(Duration::ZERO)
            .with_restart_jitter(0.0);
        for (child, name) in names.iter().enumerate() {
            supervisor = supervisor.with_task(name, Child { work: Arc::clone(work), child });
        }
        let handle = supervisor.spawn();
        async move || handle.shutdown().await.expect("it does not give up")
    })
}
