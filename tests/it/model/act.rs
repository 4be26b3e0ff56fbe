//! Runs a script on a real nursery, and tells what happens.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nestling::testing::{
    Act, Child, Counters, Cues, Finish, Happening, Rule, Script, Spawn, Step, perform,
};
use nestling::{
    CancelHandle, ChildBuilder, ChildContext, Flavor, JoinHandle, JoinedError, Nursery, Rejected,
    Rejection, Spawner, Timer,
};

use super::drop_scripted;
use super::event::{Actor, Answer, Due, Event, Whose};
use super::finish::finish;
use super::kind::Kind;
use super::rules::Rules;
use super::seen::PolicyPanic;
use super::values::{Value, Values};
use super::watch::{Watch, Watches};

pub(super) type Error = JoinedError<Value>;
pub(super) type Tree<M> = Nursery<'static, Value, Value, M>;
/// Handles that outputs come by, until somebody takes them.
type Joins = Vec<(usize, Option<JoinHandle<Value>>)>;
pub(super) type Cx<M> = ChildContext<'static, Value, Value, M>;

/// What all nurseries of a run share.
pub(crate) struct World {
    cues: Cues,
    rules: Mutex<Rules>,
    pub(super) values: Values,
    watches: Watches,
}

impl World {
    pub(crate) fn new(cues: Cues) -> Self {
        let (values, watches) = Default::default();
        Self { cues, rules: Mutex::default(), values, watches }
    }

    pub(crate) fn tell(&self, event: Event) {
        self.rules().hear(event);
    }

    pub(crate) fn fire(&self, signal: u8) {
        self.tell(Event::Fired(signal));
        self.cues.signal(signal).fire();
    }

    /// What is left of the run.
    pub(crate) fn over(&self) -> Event {
        Event::Over { values: self.values.count(), watches: Arc::strong_count(&self.watches) - 1 }
    }

    pub(crate) fn verdict(&self) -> Result<(), String> {
        self.rules().verdict()
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One actor in one nursery.
pub(crate) struct Stage<M: Flavor> {
    pub(super) world: Arc<World>,
    pub(super) nursery: usize,
    actor: Actor,
    /// `None` where nobody needs it: the nursery goes other ways then.
    siblings: Option<Spawner<'static, Value, Value, M>>,
    /// The children that have a handle, in the order of their spawning.
    handles: Arc<Mutex<Vec<(usize, CancelHandle)>>>,
    /// Those whose output comes by one, until somebody takes it.
    joins: Arc<Mutex<Joins>>,
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
        if script.limit > 0 {
            nursery = nursery.limit(script.limit.into());
        }
        if script.keep > 0 {
            nursery = nursery.keep_errors(script.keep.into());
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
        if script.deadline > 0 {
            nursery = nursery.deadline(stage.time(script.deadline, Due::Deadline));
        }
        if script.grace > 0 {
            nursery = nursery.grace(stage.time(script.grace, Due::Grace));
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
    fn options<P>(
        &self,
        mut builder: ChildBuilder<'static, P, M>,
        child: &Child,
        key: usize,
    ) -> ChildBuilder<'static, P, M> {
        if child.daemon {
            builder = builder.daemon();
        }
        if child.timeout > 0 {
            builder = builder.timeout(self.time(child.timeout, Due::Timeout(key)));
        }
        if grace_of(child) > 0 {
            builder = builder.grace(self.time(child.grace, Due::ChildsGrace(key)));
        }
        builder
    }

    pub(super) fn knowing(mut self, cx: Cx<M>) -> Self {
        self.cx = Some(cx);
        self
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
    fn wait<F>(&self, future: F) -> Watch<F> {
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
        match act.0 {
            Step::Spawn(how, child) => self.spawn(how, *child).await,
            Step::Cancel(at) => {
                if let Some((key, handle)) = self.handle(at) {
                    let first = handle.cancel_with(format!("{:?}", self.actor));
                    self.world.tell(Event::Cancels { nursery, by: self.actor, key, first });
                }
            }
            Step::CancelAll => {
                let first = self.siblings().cancel(format!("{:?}", self.actor));
                let within = false;
                self.world.tell(Event::CancelsAll { nursery, by: self.actor, within, first });
            }
            Step::StopWithin(ms) => {
                let grace = self.time(ms, Due::Grace);
                let first = self.siblings().stop_within(format!("{:?}", self.actor), grace);
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
            Step::Yield(_) | Step::Park(_) | Step::Sleep(_) | Step::Fire(_) => {
                unreachable!("children do these themselves")
            }
        }
        ControlFlow::Continue(())
    }

    fn siblings(&self) -> &Spawner<'static, Value, Value, M> {
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

    fn announce(&self, how: Spawn, child: &Child) -> usize {
        let mut rules = self.world.rules();
        let (nursery, key) = (self.nursery, rules.children_of(self.nursery));
        rules.hear(Event::Spawning { nursery, by: self.actor, key, how, child: child.clone() });
        key
    }

    fn answer(&self, key: usize, answer: Answer) {
        self.world.tell(Event::Answered { nursery: self.nursery, key, answer });
    }

    fn keep(&self, key: usize, handle: CancelHandle) -> u64 {
        let id = handle.id().number();
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push((key, handle));
        id
    }

    fn keep_join(&self, key: usize, handle: JoinHandle<Value>) -> u64 {
        let id = self.keep(key, handle.cancel_handle());
        self.joins.lock().unwrap_or_else(PoisonError::into_inner).push((key, Some(handle)));
        id
    }

    /// Spawns a sibling by the spawner.
    async fn spawn(&self, how: Spawn, child: Child) {
        let key = self.announce(how, &child);
        let builder = self.options(self.siblings().child(), &child, key);
        // It is to know of itself, and not of whoever spawns it.
        let stage = Self { cx: None, ..self.clone() };
        let answer = match how {
            Spawn::Plain if listens(&child) => {
                match builder.spawn_group_with(M::make(stage, child, key)) {
                    Ok(handle) => Answer::Taken(handle.id().number()),
                    Err(rejected) => refused(rejected),
                }
            }
            Spawn::Plain => match builder.spawn_group(M::group(stage, child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::Handle if listens(&child) => {
                match builder.spawn_group_with(M::make(stage, child, key)) {
                    Ok(handle) => Answer::Taken(self.keep(key, handle)),
                    Err(rejected) => refused(rejected),
                }
            }
            Spawn::Handle => match builder.spawn_group_with_handle(M::group(stage, child, key)) {
                Ok(handle) => Answer::Taken(self.keep(key, handle)),
                Err(rejected) => refused(rejected),
            },
            Spawn::Join if listens(&child) => {
                match builder.spawn_join_with(M::make_plain(stage, child, key)) {
                    Ok(handle) => Answer::Taken(self.keep_join(key, handle)),
                    Err(rejected) => refused(rejected),
                }
            }
            Spawn::Join => match builder.spawn_join(M::plain(stage, child, key)) {
                Ok(handle) => Answer::Taken(self.keep_join(key, handle)),
                Err(rejected) => refused(rejected),
            },
            Spawn::Try => match builder.try_spawn(M::plain(stage, child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::WhenFree => {
                match self.wait(builder.spawn_when_free(M::plain(stage, child, key))).await {
                    Ok(id) => Answer::Taken(id.number()),
                    Err(rejected) => refused(rejected),
                }
            }
        };
        self.answer(key, answer);
    }

    /// Spawns a child by the nursery itself.
    pub(super) async fn spawn_by_owner(&self, nursery: &mut Tree<M>, how: Spawn, child: Child) {
        let key = self.announce(how, &child);
        let builder = self.options(nursery.child(), &child, key);
        // It is to know of itself, and not of whoever spawns it.
        let stage = Self { cx: None, ..self.clone() };
        let answer = match how {
            Spawn::Plain if listens(&child) => {
                let handle = builder.spawn_group_with(M::make(stage, child, key));
                Answer::Taken(handle.id().number())
            }
            Spawn::Plain => {
                Answer::Taken(builder.spawn_group(M::group(stage, child, key)).number())
            }
            Spawn::Handle if listens(&child) => {
                let handle = builder.spawn_group_with(M::make(stage, child, key));
                Answer::Taken(self.keep(key, handle))
            }
            Spawn::Handle => {
                let handle = builder.spawn_group_with_handle(M::group(stage, child, key));
                Answer::Taken(self.keep(key, handle))
            }
            Spawn::Join if listens(&child) => {
                let handle = builder.spawn_join_with(M::make_plain(stage, child, key));
                Answer::Taken(self.keep_join(key, handle))
            }
            Spawn::Join => {
                let handle = builder.spawn_join(M::plain(stage, child, key));
                Answer::Taken(self.keep_join(key, handle))
            }
            Spawn::Try => match builder.try_spawn(M::plain(stage, child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::WhenFree => {
                Answer::Taken(builder.spawn_when_free(M::plain(stage, child, key)).await.number())
            }
        };
        self.answer(key, answer);
    }
}

/// Whether the child needs to know of itself.
fn listens(child: &Child) -> bool {
    child.steps.contains(&Step::AwaitCancel)
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
    let children = script.children.iter().map(|(_, child)| child).chain(body);
    let mut steps = children.flat_map(|child| &child.steps).chain(&script.outside);
    steps.any(|step| {
        matches!(step, Step::Spawn(..) | Step::CancelAll | Step::StopWithin(_) | Step::Close)
    })
}

/// Drops the child that came back; its destructor may panic.
fn refused<F>(rejected: Rejected<F>) -> Answer {
    let Rejected { future, reason } = rejected;
    drop_scripted(future);
    match reason {
        Rejection::Full => Answer::Full,
        Rejection::Closed => Answer::Closed,
        Rejection::Cancelled(cause) => Answer::Cancelled((&cause).into()),
        other => unreachable!("there is no other reason than {other:?}"),
    }
}
