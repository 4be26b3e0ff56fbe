//! The crate `taskvisor`.

use std::sync::Arc;
use std::time::Duration;

use taskvisor::{
    BackoffPolicy, RestartPolicy, Supervisor, SupervisorConfig, TaskContext, TaskError, TaskFn,
    TaskSpec,
};
use tokio::sync::oneshot;

use super::OnTokio;
use crate::work::{Running, Way, Work};

pub(crate) const TASKVISOR: Way = Way { name: "taskvisor [b]", start };

fn start(work: &Arc<Work>, names: Vec<String>) -> Box<dyn Running> {
    OnTokio::start(async || {
        let spec = |(child, name): (usize, String)| {
            let work = Arc::clone(work);
            let run = TaskFn::arc(move |context: TaskContext| {
                let work = Arc::clone(&work);
                async move {
                    work.start(child).await.map_err(TaskError::fail)?;
                    context.cancelled().await;
                    Err(TaskError::Canceled)
                }
            });
            TaskSpec::restartable(name, run)
                .with_restart(RestartPolicy::Always { interval: None })
                .with_backoff(BackoffPolicy::constant(Duration::ZERO))
        };
        let specs = names.into_iter().enumerate().map(spec).collect();
        let config =
            SupervisorConfig::new().with_max_registered_tasks(None).with_ownership_capacity(None);
        let supervisor = Supervisor::new(config, Vec::new());
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(async move {
            let stopped = async {
                stopped.await.expect("it is stopped, not dropped");
            };
            supervisor.run_until(specs, stopped).await
        });
        async move || {
            stop.send(()).expect("it runs");
            ended.await.expect("it does not panic").expect("all children end in time");
        }
    })
}
