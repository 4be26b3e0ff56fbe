//! The crate `ractor-supervisor`.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use ractor_supervisor::{
    ChildSpec, Restart, SpawnFn, Supervisor, SupervisorArguments, SupervisorOptions,
    SupervisorStrategy,
};

use super::OnTokio;
use crate::work::{Running, Way, Work};

pub(crate) const RACTOR_SUPERVISOR: Way = Way { name: "ractor-supervisor [c]", start };

struct Child;

/// Says when the child is gone.
struct Gone(Arc<Work>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct State {
    child: usize,
    work: Gone,
}

#[ractor::async_trait]
impl Actor for Child {
    type Msg = ();
    type State = State;
    type Arguments = (Arc<Work>, usize);

    async fn pre_start(
        &self,
        _: ActorRef<()>,
        (work, child): (Arc<Work>, usize),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { child, work: Gone(work) })
    }

    async fn post_start(
        &self,
        _: ActorRef<()>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        Ok(state.work.0.start(state.child).await?)
    }
}

fn start(work: &Arc<Work>, names: Vec<String>) -> Box<dyn Running> {
    OnTokio::start(async || {
        let spec = |(child, id)| {
            let work = Arc::clone(work);
            let spawn = move |supervisor, id| {
                let args = (Arc::clone(&work), child);
                async move {
                    let (child, _) = Supervisor::spawn_linked(id, Child, args, supervisor).await?;
                    Ok(child.get_cell())
                }
            };
            ChildSpec {
                id,
                restart: Restart::Permanent,
                spawn_fn: SpawnFn::new(spawn),
                backoff_fn: None,
                reset_after: None,
            }
        };
        let args = SupervisorArguments {
            child_specs: names.into_iter().enumerate().map(spec).collect(),
            options: SupervisorOptions {
                strategy: SupervisorStrategy::OneForOne,
                max_restarts: usize::MAX,
                max_window: Duration::ZERO,
                reset_after: None,
            },
        };
        let name = "supervisor".to_owned();
        let (supervisor, ended) = Supervisor::spawn(name, args).await.expect("the name is free");
        let work = Arc::clone(work);
        async move || {
            supervisor.stop(None);
            ended.await.expect("it does not panic");
            work.all_gone.notified().await;
        }
    })
}
