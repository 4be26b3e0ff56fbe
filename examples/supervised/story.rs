//! What happens: the workers start, the server is killed, and comes back or does not.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nestling::outcome::CauseKind;
use nestling::retry::Backoff;
use nestling::supervise::{ChildSpec, ChildStatus, RunState, SupervisorHandle};
use nestling::{Report, Supervisor};
use smol::Timer;

use super::args::Args;
use super::server::Server;
use super::timeline::Recording;
use super::worker::{Problem, work};

/// A worker at the end.
pub(crate) struct Worker {
    pub(crate) status: ChildStatus,
    pub(crate) answers: u64,
}

/// What has happened.
pub(crate) struct Story {
    /// As they were before the supervisor ended.
    pub(crate) workers: Vec<Worker>,
    pub(crate) report: Report<(), Problem>,
}

impl Story {
    pub(crate) fn gave_up(&self) -> bool {
        self.report.cause().is_some_and(|cause| cause.kind() == CauseKind::GaveUp)
    }
}

/// Tells it line by line, and returns how it has ended. The error is that of the server.
pub(crate) async fn tell(args: &Args, recording: Option<&Recording>) -> io::Result<Story> {
    const MILLI: Duration = Duration::from_millis(1);
    let server = Server::start()?;
    let address = server.address();
    super::print(format_args!("the server listens on {address}"));
    let answers: Vec<AtomicU64> = (0..args.workers).map(|_| AtomicU64::new(0)).collect();

    let mut supervisor = Supervisor::new(Timer::after).name("workers");
    if let Some(recording) = recording {
        supervisor = supervisor.observe(recording.timeline());
    }
    // All of them lose their connections at once, again and again while the server is gone.
    supervisor = supervisor.unlimited();
    for (number, answers) in answers.iter().enumerate() {
        let seed = number as u64;
        let worker = ChildSpec::new(format!("worker {number}"), move |incarnation| async move {
            work(address, &incarnation, answers).await
        })
        .says_ready(2_000 * MILLI)
        .backoff(1_000 * MILLI, move || {
            Backoff::new(50 * MILLI).cap(300 * MILLI).equal_jitter(seed)
        });
        supervisor = supervisor.child(match args.give_up {
            true => worker.intensity(5, 10_000 * MILLI),
            false => worker,
        });
    }
    let supervision = supervisor.build().map_err(io::Error::other)?;
    let workers = supervision.handle();

    let beside = async {
        let came = happen(args, server, &workers, &answers).await;
        let status = workers.children();
        workers.shutdown("the story is over");
        (came, status)
    };
    let (report, (came, status)) = futures::future::join(supervision.settle(), beside).await;
    came?;
    let worker = |(status, answers): (_, &AtomicU64)| Worker {
        status,
        answers: answers.load(Ordering::Relaxed),
    };
    let workers = status.into_iter().zip(&answers).map(worker).collect();
    Ok(Story { workers, report })
}

/// What happens to the server, beside the workers.
async fn happen(
    args: &Args,
    server: Server,
    workers: &SupervisorHandle<'_, Problem>,
    answers: &[AtomicU64],
) -> io::Result<()> {
    let have_answers = |count| answers.iter().all(|it| it.load(Ordering::Relaxed) >= count);
    let are_up = |all: &[ChildStatus]| all.iter().all(|one| one.state() == RunState::Running);
    until(workers, |all| are_up(all) && have_answers(5)).await;
    super::print(format_args!("{} workers are up", args.workers));
    let address = server.address();
    drop(server);
    super::print("the server was killed");
    // Each has failed once for the connection that it had, and at least once for a new one.
    until(workers, |all| all.iter().all(|one| one.restarts() >= 2)).await;
    if args.give_up {
        until(workers, |_| false).await;
        return Ok(());
    }
    let _server = Server::start_at(address)?;
    super::print("the server is back");
    until(workers, are_up).await;
    super::print(format_args!("{} workers are up again", args.workers));
    Ok(())
}

/// Waits until this is so of the workers, or the supervisor has ended.
async fn until(workers: &SupervisorHandle<'_, Problem>, is_so: impl Fn(&[ChildStatus]) -> bool) {
    while !workers.is_finished() && !is_so(&workers.children()) {
        Timer::after(Duration::from_millis(10)).await;
    }
}
