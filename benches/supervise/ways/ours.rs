//! Supervisors of this crate.

use std::future::pending;
use std::iter::repeat;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::{Either, select};
use nestling::Supervisor;
use nestling::future::Timer;
use nestling::supervise::{ChildSpec, Decision, Strategy, Supervision, SupervisorHandle};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::OnTokio;
use crate::work::{Running, Way, Work};

type Error = &'static str;
type Spec = ChildSpec<'static, Error>;

const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) const OURS: Way = Way {
    name: "nestling",
    start: |work, names| on_tokio(supervisor(work, names, sleep, backoff)),
};

pub(crate) const BY_BLOCK_ON: Way = Way {
    name: "nestling, by block_on",
    start: |work, names| {
        let supervision = supervisor(work, names, |_| pending::<()>(), backoff).build();
        let supervision = supervision.expect("its rules can be kept");
        let handle = supervision.handle();
        Box::new(ByBlockOn { supervision: Box::pin(supervision), handle })
    },
};

pub(crate) const BY_DECISION: Way = Way {
    name: "nestling, a decision: no sleep",
    start: |work, names| {
        on_tokio(supervisor(work, names, sleep, |child| {
            zeros(child).decide(|_| Decision::RestartAfter(Duration::ZERO))
        }))
    },
};

pub(crate) const BY_INTENSITY: Way = Way {
    name: "nestling, counted in 1 s",
    start: |work, names| {
        let supervisor = supervisor(work, names, sleep, |child| child);
        on_tokio(supervisor.intensity(u32::MAX, Duration::from_secs(1)))
    },
};

pub(crate) const WITH_GRACE: Way = Way {
    name: "nestling, with a grace",
    start: |work, names| {
        let mut supervisor = Supervisor::new(sleep).unlimited();
        for (child, name) in names.into_iter().enumerate() {
            let work = Arc::clone(work);
            let run = move |_| {
                let work = Arc::clone(&work);
                async move {
                    work.start(child).await?;
                    nestling::current_cancelled().await;
                    Ok(())
                }
            };
            supervisor = supervisor.child(backoff(Spec::new(name, run)).grace(HOUR));
        }
        on_tokio(supervisor)
    },
};

pub(crate) const ONE_FOR_ALL: Way = Way {
    name: "nestling, one for all",
    start: |work, names| {
        let supervisor = supervisor(work, names, sleep, backoff);
        on_tokio(supervisor.strategy(Strategy::OneForAll))
    },
};

/// A supervisor needs a backoff, where nothing bounds the restarts. Without a
/// decision, which could choose another delay, one without a pause is refused.
fn backoff(child: Spec) -> Spec {
    zeros(child).decide(|_| Decision::Restart)
}

fn zeros(child: Spec) -> Spec {
    child.backoff(HOUR, || repeat(Duration::ZERO))
}

fn supervisor<T>(
    work: &Arc<Work>,
    names: Vec<String>,
    timer: T,
    rules: fn(Spec) -> Spec,
) -> Supervisor<'static, Error>
where
    T: Timer<Sleep: Send + 'static> + Send + Sync + 'static,
{
    let mut supervisor = Supervisor::new(timer).unlimited();
    for (child, name) in names.into_iter().enumerate() {
        let work = Arc::clone(work);
        let spec = ChildSpec::new(name, move |_| Arc::clone(&work).run(child));
        supervisor = supervisor.child(rules(spec));
    }
    supervisor
}

fn on_tokio(supervisor: Supervisor<'static, Error>) -> Box<dyn Running> {
    OnTokio::start(async || {
        let supervision = supervisor.build().expect("its rules can be kept");
        let handle = supervision.handle();
        let ended = tokio::spawn(supervision);
        async move || {
            handle.shutdown("measured");
            ended.await.expect("it does not panic").expect("it does not give up");
        }
    })
}

struct ByBlockOn {
    supervision: Pin<Box<Supervision<'static, Error>>>,
    handle: SupervisorHandle<'static, Error>,
}

impl Running for ByBlockOn {
    fn until(&mut self, signal: &Notify) {
        let signal = pin!(signal.notified());
        let ended = block_on(select(self.supervision.as_mut(), signal));
        assert!(matches!(ended, Either::Right(_)), "the supervisor has ended");
    }

    fn stop(self: Box<Self>) {
        self.handle.shutdown("measured");
        block_on(self.supervision).expect("it does not give up");
    }
}
