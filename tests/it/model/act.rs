//! Runs a script on a real nursery, and tells what happens.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nestling::future::Timer;
use nestling::generic::Flavor;
use nestling::spawn::ChildBuilder;
use nestling::testing::{
    Act, Child, Counters, Cues, Finish, Happening, Rule, Script, Step, perform,
};
use nestling::{CancelHandle, ChildContext, JoinHandle, JoinedError, Nursery, Spawner};

use super::event::{Actor, Due, Event, Whose};
use super::finish::finish;
use super::kind::Kind;
use super::probe;
use super::seen::PolicyPanic;
use super::values::Value;
use super::watch::Watch;
use super::world::World;

pub(super) type Error = JoinedError<Value>;
pub(super) type Tree<M> = Nursery<'static, Value, Value, M>;
type Siblings<M> = Spawner<'static, Value, Value, M>;
/// Handles that outputs come by, until somebody takes them.
type Joins = Vec<(usize, Option<JoinHandle<Value>>)>;
pub(super) type Cx<M> = ChildContext<'static, Value, Value, M>;

/// One actor in one nursery.
pub(crate) struct Stage<M: Flavor> {
    pub(super) world: Arc<World>,
    pub(super) nursery: usize,
    pub(super) actor: Actor,
    /// `None` where nobody needs it: the nursery goes other ways then.
    siblings: Option<Siblings<M>>,
    /// The children that have a handle, in the order of their spawning.
    pub(super) handles: Arc<Mutex<Vec<(usize, CancelHandle)>>>,
    /// Those whose output comes by one, until somebody takes it.
    pub(super) joins: Arc<Mutex<Joins>>,
    /// Counts the timers and the policy of the nursery.
    options: Counters,
    /// What a child knows of itself.
    cx: Option<Cx<M>>,
}

impl<M: Flavor> Clone for Stage<M> {
    fn clone(&self) -> Self {
        Self {
            world: Arc::clone(&self.world),
            nursery: self.nursery,
            actor: self.actor,
            siblings: self.siblings.clone(),
            handles: Arc::clone(&self.handles),
            joins: Arc::clone(&self.joins),
            options: self.options.clone(),
            cx: self.cx.clone(),
        }
    }
}

impl<M: Kind> Stage<M> {
    pub(crate) fn open(
        world: &Arc<World>,
        script: &Script,
        by: Option<(usize, Actor)>,
    ) -> (Tree<M>, Self) {
        let mut nursery = Tree::<M>::default();
        // Those that are made in the poll of an observed child join by themselves.
        if let (Some(watch), None | Some((_, Actor::Outsider))) = (&world.watch, by) {
            nursery = nursery.watch(watch);
        }
        if script.limit > 0 {
            nursery = nursery.limit(script.limit.into());
        }
        if script.keep > 0 {
            nursery = nursery.keep_failures(script.keep.into());
        }
        if script.keep_cancelled > 0 {
            nursery = nursery.keep_cancelled(script.keep_cancelled.into());
        }
        if script.drain_ready {
            nursery = nursery.drain_ready();
        }
        let options = Counters::new();
        nursery = match script.rule {
            Rule::Collect => nursery,
            Rule::FirstError => nursery.first_error(),
            Rule::After(others) => {
                let (mut left, option) = (others, options.track(()));
                M::cancel_when(nursery, move |_| {
                    let _ = &option;
                    let stop = left == 0;
                    left = left.saturating_sub(1);
                    stop
                })
            }
            Rule::Broken => {
                let option = options.track(());
                M::cancel_when(nursery, move |_| {
                    let _ = &option;
                    resume_unwind(Box::new(PolicyPanic))
                })
            }
        };
        let number = {
            let mut rules = world.rules();
            let nursery = rules.nurseries();
            rules.hear(Event::Opened { nursery, by, script: script.clone() });
            nursery
        };
        let stage = Self {
            world: Arc::clone(world),
            nursery: number,
            actor: Actor::Owner,
            siblings: needs_spawner(script).then(|| nursery.spawner()),
            handles: Arc::default(),
            joins: Arc::default(),
            options,
            cx: None,
        };
        // Nothing else tells when it is cancelled then.
        let probed = by.is_some() || script.deadline > 0 || script.drain_ready;
        probe::keep(probed.then(|| nursery.spawner()));
        if script.deadline > 0 {
            nursery = nursery.deadline(stage.time(script.deadline, Due::Deadline));
        }
        if script.grace > 0 {
            nursery = nursery.grace(M::timer(stage.time(script.grace, Due::Grace)));
        }
        (nursery, stage)
    }

    /// Tells when it is due.
    fn time(&self, ms: u8, what: Due) -> M::Time {
        let (world, nursery) = (Arc::clone(&self.world), self.nursery);
        let value = world.values.make(nursery);
        let option = matches!(what, Due::Deadline | Due::Grace).then(|| self.options.track(()));
        let timer = async move {
            world.cues.clock().sleep(Duration::from_millis(ms.into())).await;
            world.tell(Event::Due { nursery, what });
            drop((value, option));
        };
        M::time(self.watch(Whose::Timer(what), timer))
    }

    /// A child's options, as its script has them.
    pub(super) fn options<P>(
        &self,
        mut builder: ChildBuilder<'static, P, M>,
        child: &Child,
        key: usize,
    ) -> ChildBuilder<'static, P, M> {
        if child.daemon {
            builder = builder.daemon();
        }
        if child.timeout > 0 {
            builder = builder.timeout(M::timer(self.time(child.timeout, Due::Timeout(key))));
        }
        if grace_of(child) > 0 {
            builder = builder.grace(M::timer(self.time(child.grace, Due::ChildsGrace(key))));
        }
        builder
    }

    /// For a child, which is to know of itself, and not of what spawns it.
    pub(super) fn for_child(&self) -> Self {
        Self { cx: None, ..self.clone() }
    }

    pub(super) fn knowing(mut self, cx: Cx<M>) -> Self {
        self.cx = Some(cx);
        self
    }

    /// The same stage with another spawner, or with none. It knows of no child.
    pub(super) fn with_siblings<N: Flavor>(
        self,
        siblings: impl FnOnce(Option<Siblings<M>>) -> Option<Siblings<N>>,
    ) -> Stage<N> {
        let Self { world, nursery, actor, handles, joins, options, .. } = self;
        let siblings = siblings(self.siblings);
        Stage { world, nursery, actor, siblings, handles, joins, options, cx: None }
    }

    pub(crate) fn acting_as(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Lets the rules hear what becomes of the future and of its wakers.
    pub(crate) fn watch<F>(&self, whose: Whose, future: F) -> Watch<F> {
        let (world, nursery) = (Arc::clone(&self.world), self.nursery);
        let hear = move |moment| world.tell(Event::Watched { nursery, whose, moment });
        Watch::new(future, &self.world.watches, Box::new(hear))
    }

    /// The same of a wait for a handle, or for a slot.
    pub(super) fn wait<F>(&self, future: F) -> Watch<F> {
        self.watch(Whose::Wait(self.actor), future)
    }

    /// How many of the nursery's timers and policies were not dropped.
    pub(super) fn options_left(&self) -> usize {
        self.options.values_alive()
    }

    /// Drops the handles that outputs come by.
    pub(crate) fn drop_outputs(&self) {
        self.joins.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn cues(&self) -> Cues {
        self.world.cues.clone()
    }

    pub(crate) fn acting(&self) -> impl Fn(Act) -> M::Deed + use<M> {
        let stage = self.clone();
        move |act| M::deed(stage.clone(), act)
    }

    pub(crate) fn telling(&self) -> impl Fn(Happening) + Clone + use<M> {
        let (world, nursery, actor) = (Arc::clone(&self.world), self.nursery, self.actor);
        move |what| world.tell(Event::Happens { nursery, actor, what })
    }

    /// A child that does what its script says.
    pub(super) fn play<E>(
        self,
        child: Child,
        key: usize,
        error: impl FnOnce(Option<Error>, &World) -> E,
    ) -> impl Future<Output = Result<Value, E>> {
        let stage = self.acting_as(Actor::Child(key));
        let world = Arc::clone(&stage.world);
        let output = move |end: Result<(), _>| match end {
            Ok(()) => Ok(world.values.make(key)),
            Err(with) => Err(error(with, &world)),
        };
        let acting = perform(child, stage.cues(), stage.acting(), stage.telling(), output);
        stage.watch(Whose::Actor(stage.actor), acting)
    }

    pub(super) async fn act(self, act: Act) -> ControlFlow<Error> {
        let nursery = self.nursery;
        if self.siblings.is_none() && is_for_siblings(&act.0) {
            return ControlFlow::Continue(());
        }
        match act.0 {
            Step::Spawn(room, how, child) => self.spawn(room, how, *child).await,
            Step::Hold(yields, child) => self.hold(yields, child).await,
            Step::Cancel(at) => {
                if let Some((key, handle)) = self.handle(at) {
                    let first = handle.cancel_with(format!("{:?}", self.actor));
                    self.world.tell(Event::Cancels { nursery, by: self.actor, key, first });
                }
            }
            Step::CancelAll => {
                let first = self.siblings().cancel_with(format!("{:?}", self.actor));
                let within = false;
                self.world.tell(Event::CancelsAll { nursery, by: self.actor, within, first });
            }
            Step::StopWithin(ms) => {
                let grace = self.time(ms, Due::Grace);
                let first = self.siblings().cancel_within(format!("{:?}", self.actor), grace);
                let within = true;
                self.world.tell(Event::CancelsAll { nursery, by: self.actor, within, first });
            }
            Step::Close => {
                let first = self.siblings().close();
                self.world.tell(Event::Closes { nursery, first });
            }
            Step::AwaitCancel => {
                if let Some(cx) = &self.cx {
                    let cause = (&self.wait(cx.cancelled()).await).into();
                    self.world.tell(Event::Heard { nursery, by: self.actor, cause });
                }
            }
            Step::AwaitOutput(at) => {
                if let Some((key, handle)) = self.join(at) {
                    self.world.tell(Event::Awaits { nursery, by: self.actor, key });
                    let fate = self.wait(handle).await.into();
                    self.world.tell(Event::Joined { nursery, by: self.actor, key, fate });
                }
            }
            Step::AwaitGone(at) => {
                if let Some((key, handle)) = self.handle(at) {
                    self.world.tell(Event::Awaits { nursery, by: self.actor, key });
                    self.wait(handle.finished()).await;
                    self.world.tell(Event::Gone { nursery, by: self.actor });
                }
            }
            Step::Nest(script) => {
                let (nested, stage) = Self::open(&self.world, &script, Some((nursery, self.actor)));
                let owner = Whose::Actor(Actor::Owner);
                let nested = stage.watch(owner, finish(nested, stage.clone(), *script));
                if let Some(error) = nested.await {
                    return ControlFlow::Break(error);
                }
            }
            Step::DropTask(at) => {
                let workers = &self.world.workers;
                if let Some(task) = usize::from(at).checked_rem(workers.taken()) {
                    workers.drop_task(task);
                    self.world.tell(Event::DropsTask(task));
                }
            }
            Step::ShutDown => {
                self.world.workers.shut_down();
                self.world.tell(Event::ShutsDown);
            }
            Step::Yield(_) | Step::Park(_) | Step::Sleep(_) | Step::Fire(_) => {
                unreachable!("children do these themselves")
            }
        }
        ControlFlow::Continue(())
    }

    pub(super) fn siblings(&self) -> &Siblings<M> {
        self.siblings.as_ref().expect("it was asked for, as somebody needs it")
    }

    fn handle(&self, at: u8) -> Option<(usize, CancelHandle)> {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.get(usize::from(at) % handles.len().max(1)).cloned()
    }

    fn join(&self, at: u8) -> Option<(usize, JoinHandle<Value>)> {
        let mut joins = self.joins.lock().unwrap_or_else(PoisonError::into_inner);
        let among = joins.len().max(1);
        let (key, handle) = joins.get_mut(usize::from(at) % among)?;
        Some((*key, handle.take()?))
    }
}

/// A daemon of these scripts has no grace: nothing tells when it is told to end.
pub(super) fn grace_of(child: &Child) -> u8 {
    if child.daemon { 0 } else { child.grace }
}

/// Whether anyone in the nursery, or outside of it, spawns or cancels by a spawner.
fn needs_spawner(script: &Script) -> bool {
    let body = match &script.finish {
        Finish::Run(body) => Some(&**body),
        _ => None,
    };
    let children = script.children.iter().map(|(.., child)| child).chain(body);
    let mut steps = children.flat_map(|child| &child.steps).chain(&script.outside);
    steps.any(is_for_siblings)
}

/// Whether the step takes a spawner.
fn is_for_siblings(step: &Step) -> bool {
    matches!(
        step,
        Step::Spawn(..) | Step::Hold(..) | Step::CancelAll | Step::StopWithin(_) | Step::Close
    )
}
