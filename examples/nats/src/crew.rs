//! The workers' processes, and their supervisor.

use std::time::Duration;

use nestling::retry::Backoff;
use nestling::supervise::{ChildSpec, Incarnation, Restart, Supervision};
use nestling::{Supervisor, current_cancelled};
use tokio::select;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::problem::Problem;
use super::role::Role;

/// The option by which the program becomes a worker.
pub(crate) const WORK: &str = "work";

/// The workers, each a process that is started again when it ends.
pub(crate) struct Crew {
    workers: Vec<Worker>,
    port: u16,
    up: Notify,
}

struct Worker {
    name: String,
    kill: Notify,
}

impl Crew {
    pub(crate) fn new(workers: usize, port: u16) -> Self {
        let worker = |number| Worker { name: format!("worker {number}"), kill: Notify::new() };
        Self { workers: (1..=workers).map(worker).collect(), port, up: Notify::new() }
    }

    /// What keeps the workers up.
    pub(crate) fn supervise(&self) -> Supervision<'_, Problem> {
        const SECOND: Duration = Duration::from_secs(1);
        let mut supervisor = Supervisor::new(sleep).name("workers").unlimited();
        for worker in &self.workers {
            let live = move |incarnation| async move { self.live(worker, &incarnation).await };
            supervisor = supervisor.child(
                ChildSpec::new(worker.name.as_str(), live)
                    .says_ready(30 * SECOND)
                    .grace(5 * SECOND)
                    .backoff(SECOND, || Backoff::new(SECOND / 20).cap(SECOND)),
            );
        }
        // Children start in order: this one when the workers are up.
        let up = ChildSpec::new("all are up", async |_| {
            self.up.notify_one();
            Ok(())
        });
        let supervisor = supervisor.child(up.restart(Restart::Temporary));
        supervisor.build().expect("the names differ, and delays come without end")
    }

    /// Waits until all workers are up.
    pub(crate) async fn up(&self) {
        self.up.notified().await;
    }

    /// Kills the worker's process.
    pub(crate) fn kill(&self, name: &str) {
        if let Some(worker) = self.workers.iter().find(|worker| worker.name == name) {
            worker.kill.notify_one();
        }
    }

    /// A worker's process, from its start to its end.
    async fn live(&self, worker: &Worker, incarnation: &Incarnation) -> Result<(), Problem> {
        let start = |error| Problem::Start { worker: worker.name.clone(), error };
        let role = [&format!("--{WORK}"), worker.name.as_str(), &self.port.to_string()];
        let mut process = Role::start(&role).map_err(start)?;
        let id = process.id();
        let ended = async {
            process.ready().await?;
            incarnation.ready();
            process.ended().await
        };
        let status = select! {
            status = ended => status,
            () = worker.kill.notified() => process.kill().await,
            _ = current_cancelled() => return process.end().await.map(drop).map_err(start),
        };
        let status = status.map_err(start)?;
        Err(Problem::Ended { worker: worker.name.clone(), id, status })
    }
}
