//! The build with shared futures. A step that needs one that failed fails too, with the same error: so
//! one failure is told three times, and two steps that have not run are told as failed.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Error;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all, try_join_all};

use super::{Started, Step, run};

type Running<'a> = Shared<BoxFuture<'a, Result<String, Arc<Error>>>>;

/// Returns what each step came to.
pub(super) async fn build(
    steps: &[Step],
    started: &Started,
) -> Vec<(&'static str, Result<String, Arc<Error>>)> {
    let mut all: HashMap<&str, Running<'_>> = HashMap::new();
    for step in steps {
        let needs: Vec<_> = step.needs.iter().map(|need| all[need].clone()).collect();
        let running = async move {
            try_join_all(needs).await?;
            run(step, started).await.map_err(Arc::new)
        };
        all.insert(step.name, running.boxed().shared());
    }
    let ended = steps.iter().map(|step| all[step.name].clone());
    let ended = join_all(ended).await;
    steps.iter().map(|step| step.name).zip(ended).collect()
}
