//! The build with a nursery.

use std::collections::HashMap;

use anyhow::Error;
use futures::FutureExt;
use futures::future::{Shared, join_all};
use nestling::{JoinHandle, Nursery, Report};

use super::{Started, Step, run};

/// Returns what the steps print that are done, and what came of the others.
pub(super) async fn build(steps: &[Step], started: &Started) -> (Vec<String>, Report<(), Error>) {
    let mut nursery = Nursery::new().name("build");
    let mut all: HashMap<&str, Shared<JoinHandle<String>>> = HashMap::new();
    for step in steps {
        let needs: Vec<_> = step.needs.iter().map(|need| all[need].clone()).collect();
        let child = nursery.child().name(step.name);
        let handle = child.spawn_join_with_context(move |cx| async move {
            for need in needs {
                cx.needs(need).await;
            }
            run(step, started).await
        });
        all.insert(step.name, handle.shared());
    }
    let report = nursery.settle().await;
    let done = join_all(steps.iter().map(|step| all[step.name].clone())).await;
    (done.into_iter().flatten().collect(), report)
}
