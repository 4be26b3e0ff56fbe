//! Runs a script on a real nursery, and tells what happens.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use nestling::testing::{
    Act, Child, Counters, Cues, Finish, Happening, Rule, Script, Spawn, Step, Tracked, perform,
};
use nestling::{
    CancelHandle, ChildError, Flavor, Hold, JoinedError, Local, Nursery, Rejected, Rejection,
    Shared, Spawner,
};

use super::drop_scripted;
use super::event::{Actor, Answer, Event};
use super::rules::Rules;
use super::seen::{PolicyPanic, Record, Reported, Seen};

type Error = JoinedError<usize>;
type Output = Tracked<usize>;
type Tree<M> = Nursery<'static, Output, usize, M>;

/// A flavour whose children can be boxed.
pub(crate) trait Kind:
    Flavor + Hold<'static, Self::Group> + Hold<'static, Self::Plain>
{
    /// A child that fails as a nursery does.
    type Group: Future<Output = Result<Output, Error>> + 'static;
    type Plain: Future<Output = Result<Output, usize>> + 'static;
    type Deed: Future<Output = ControlFlow<Error>> + 'static;

    fn cancel_when(
        nursery: Tree<Self>,
        policy: impl FnMut(&ChildError<usize>) -> bool + Send + 'static,
    ) -> Tree<Self>
    where
        Self: Sized;
    fn group(stage: Stage<Self>, child: Child, key: usize) -> Self::Group
    where
        Self: Sized;
    fn plain(stage: Stage<Self>, child: Child, key: usize) -> Self::Plain
    where
        Self: Sized;
    fn deed(stage: Stage<Self>, act: Act) -> Self::Deed
    where
        Self: Sized;
}

macro_rules! kind {
    ($flavour:ident, $boxed:ident) => {
        impl Kind for $flavour {
            type Group = $boxed<'static, Result<Output, Error>>;
            type Plain = $boxed<'static, Result<Output, usize>>;
            type Deed = $boxed<'static, ControlFlow<Error>>;

            fn cancel_when(
                nursery: Tree<Self>,
                policy: impl FnMut(&ChildError<usize>) -> bool + Send + 'static,
            ) -> Tree<Self> {
                nursery.cancel_when(policy)
            }

            fn group(stage: Stage<Self>, child: Child, key: usize) -> Self::Group {
                Box::pin(stage.play(child, key, move |error| error.unwrap_or_else(|| key.into())))
            }

            fn plain(stage: Stage<Self>, child: Child, key: usize) -> Self::Plain {
                Box::pin(stage.play(child, key, move |_| key))
            }

            fn deed(stage: Stage<Self>, act: Act) -> Self::Deed {
                Box::pin(stage.act(act))
            }
        }
    };
}

kind!(Shared, BoxFuture);
kind!(Local, LocalBoxFuture);

/// What all nurseries of a run share.
pub(crate) struct World {
    cues: Cues,
    rules: Mutex<Rules>,
    /// What becomes of the outputs.
    pub(crate) counters: Counters,
}

impl World {
    pub(crate) fn new(cues: Cues) -> Self {
        Self { cues, rules: Mutex::default(), counters: Counters::new() }
    }

    pub(crate) fn tell(&self, event: Event) {
        self.rules().hear(event);
    }

    pub(crate) fn fire(&self, signal: u8) {
        self.tell(Event::Fired(signal));
        self.cues.signal(signal).fire();
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
    world: Arc<World>,
    nursery: usize,
    actor: Actor,
    /// `None` where nobody needs it: the nursery goes other ways then.
    siblings: Option<Spawner<'static, Output, usize, M>>,
    /// The children that have a handle, in the order of their spawning.
    handles: Arc<Mutex<Vec<(usize, CancelHandle)>>>,
}

impl<M: Flavor> Clone for Stage<M> {
    fn clone(&self) -> Self {
        Self {
            world: Arc::clone(&self.world),
            nursery: self.nursery,
            actor: self.actor,
            siblings: self.siblings.clone(),
            handles: Arc::clone(&self.handles),
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
        nursery = match script.rule {
            Rule::Collect => nursery,
            Rule::FirstError => nursery.first_error(),
            Rule::After(others) => {
                let mut left = others;
                M::cancel_when(nursery, move |_| {
                    let stop = left == 0;
                    left = left.saturating_sub(1);
                    stop
                })
            }
            Rule::Broken => M::cancel_when(nursery, |_| resume_unwind(Box::new(PolicyPanic))),
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
        };
        (nursery, stage)
    }

    pub(crate) fn acting_as(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
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
    fn play<E>(
        self,
        child: Child,
        key: usize,
        error: impl FnOnce(Option<Error>) -> E,
    ) -> impl Future<Output = Result<Output, E>> {
        let stage = self.acting_as(Actor::Child(key));
        let counters = stage.world.counters.clone();
        let output = move |end: Result<(), _>| end.map(|()| counters.track(key)).map_err(error);
        perform(child, stage.cues(), stage.acting(), stage.telling(), output)
    }

    async fn act(self, act: Act) -> ControlFlow<Error> {
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
                self.world.tell(Event::CancelsAll { nursery, by: self.actor, first });
            }
            Step::AwaitGone(at) => {
                if let Some((key, handle)) = self.handle(at) {
                    self.world.tell(Event::Awaits { nursery, by: self.actor, key });
                    handle.finished().await;
                    self.world.tell(Event::Gone { nursery, by: self.actor });
                }
            }
            Step::Nest(script) => {
                let (nested, stage) = Self::open(&self.world, &script, Some((nursery, self.actor)));
                if let Some(error) = finish(nested, stage, *script).await {
                    return ControlFlow::Break(error);
                }
            }
            Step::Yield(_) | Step::Park(_) | Step::Sleep(_) | Step::Fire(_) => {
                unreachable!("children do these themselves")
            }
        }
        ControlFlow::Continue(())
    }

    fn siblings(&self) -> &Spawner<'static, Output, usize, M> {
        self.siblings.as_ref().expect("it was asked for, as somebody needs it")
    }

    fn handle(&self, at: u8) -> Option<(usize, CancelHandle)> {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.get(usize::from(at) % handles.len().max(1)).cloned()
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

    /// Spawns a sibling by the spawner.
    async fn spawn(&self, how: Spawn, child: Child) {
        let key = self.announce(how, &child);
        let answer = match how {
            Spawn::Plain => match self.siblings().spawn_group(M::group(self.clone(), child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::Handle => {
                let child = M::group(self.clone(), child, key);
                match self.siblings().child().spawn_group_with_handle(child) {
                    Ok(handle) => Answer::Taken(self.keep(key, handle)),
                    Err(rejected) => refused(rejected),
                }
            }
            Spawn::Try => match self.siblings().try_spawn(M::plain(self.clone(), child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::WhenFree => {
                let child = M::plain(self.clone(), child, key);
                match self.siblings().spawn_when_free(child).await {
                    Ok(id) => Answer::Taken(id.number()),
                    Err(rejected) => refused(rejected),
                }
            }
        };
        self.answer(key, answer);
    }

    /// Spawns a child by the nursery itself.
    async fn spawn_by_owner(&self, nursery: &mut Tree<M>, how: Spawn, child: Child) {
        let key = self.announce(how, &child);
        let answer = match how {
            Spawn::Plain => {
                let child = M::group(self.clone(), child, key);
                Answer::Taken(nursery.spawn_group(child).number())
            }
            Spawn::Handle => {
                let child = M::group(self.clone(), child, key);
                let handle = nursery.child().spawn_group_with_handle(child);
                Answer::Taken(self.keep(key, handle))
            }
            Spawn::Try => match nursery.try_spawn(M::plain(self.clone(), child, key)) {
                Ok(id) => Answer::Taken(id.number()),
                Err(rejected) => refused(rejected),
            },
            Spawn::WhenFree => {
                let child = M::plain(self.clone(), child, key);
                Answer::Taken(nursery.spawn_when_free(child).await.number())
            }
        };
        self.answer(key, answer);
    }
}

/// Whether anyone in the nursery, or outside of it, spawns or cancels by a spawner.
fn needs_spawner(script: &Script) -> bool {
    let body = match &script.finish {
        Finish::Run(body) => Some(&**body),
        _ => None,
    };
    let children = script.children.iter().map(|(_, child)| child).chain(body);
    let mut steps = children.flat_map(|child| &child.steps).chain(&script.outside);
    steps.any(|step| matches!(step, Step::Spawn(..) | Step::CancelAll))
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

/// Spawns the script's children and finishes the nursery; its failures, if it returned them.
pub(crate) async fn finish<M: Kind>(
    mut nursery: Tree<M>,
    stage: Stage<M>,
    script: Script,
) -> Option<Error> {
    for (how, child) in script.children {
        stage.spawn_by_owner(&mut nursery, how, child).await;
    }
    let (world, number) = (Arc::clone(&stage.world), stage.nursery);
    world.tell(Event::Finishing { nursery: number });
    let (seen, error) = match script.finish {
        Finish::Join => match nursery.join().await {
            Ok(outputs) => (Seen::Outputs(outputs.iter().map(|key| **key).collect()), None),
            Err(error) => (Seen::Error((&error).into()), Some(error)),
        },
        Finish::Settle => {
            let report = nursery.settle().await;
            (Seen::Report(Box::new(Reported::from(&report))), report.into_parts().1)
        }
        next @ (Finish::Next | Finish::FickleNext) => {
            while let Some(completion) = match next {
                Finish::Next => nursery.next().await,
                _ => poll_fn(|cx| nursery.next().poll_unpin(cx)).await,
            } {
                let seen = Seen::Next(Record::from(&completion));
                world.tell(Event::Handed { nursery: number, seen });
            }
            (Seen::Drained, None)
        }
        Finish::FirstOk => match nursery.first_ok().await {
            Ok(winner) => (Seen::Winner(winner.map(|key| *key)), None),
            Err(error) => (Seen::Error((&error).into()), Some(error)),
        },
        Finish::Run(body) => {
            let stage = stage.clone().acting_as(Actor::Body);
            world.tell(Event::Appears {
                nursery: number,
                actor: Actor::Body,
                child: (*body).clone(),
            });
            // A body fails with an error of its own, also where it is a nursery in it that failed.
            let output = |end: Result<(), _>| end.map(|()| BODY).map_err(|_| BODY);
            let body = perform(*body, stage.cues(), stage.acting(), stage.telling(), output);
            let (body, report) = nursery.run(|_| body).settle().await;
            let seen = Seen::Ran { body, report: Box::new(Reported::from(&report)) };
            (seen, report.into_parts().1)
        }
    };
    world.tell(Event::Closed { nursery: number, seen });
    error
}

/// What a body returns, and fails with.
pub(crate) const BODY: usize = usize::MAX;
