//! Both flavours as one: how the children of a script are boxed.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;

use futures::future::{BoxFuture, LocalBoxFuture};
use nestling::ChildError;
use nestling::generic::{Flavor, Hold, Joining, Later, Local, Shared, With};
use nestling::testing::{Act, Child, Happening, ScriptedPanic};

use super::act::{Cx, Error, Stage, Tree};
use super::elsewhere::Elsewhere;
use super::event::{Actor, Event};
use super::values::Value;
use super::world::World;

/// A flavour whose children can be boxed.
pub(crate) trait Kind:
    Flavor
    + Hold<'static, Self::Group>
    + Hold<'static, Self::Plain>
    + Hold<'static, Joining<Self::Plain, Value, Value>>
    + Hold<'static, With<Self::Make, Self::Group, Cx<Self>>>
    + Hold<'static, Joining<With<Self::MakePlain, Self::Plain, Cx<Self>>, Value, Value>>
    + Hold<'static, Self::Time>
    + Hold<'static, Later<Self::Timer>>
    + Hold<'static, Elsewhere>
{
    /// A child that fails as a nursery does.
    type Group: Future<Output = Result<Value, Error>> + 'static;
    type Plain: Future<Output = Result<Value, Value>> + 'static;
    type Deed: Future<Output = ControlFlow<Error>> + 'static;
    type Time: Future<Output = ()> + 'static;
    type Timer: FnOnce() -> Self::Time + 'static;
    type Make: FnOnce(Cx<Self>) -> Self::Group + 'static;
    type MakePlain: FnOnce(Cx<Self>) -> Self::Plain + 'static;

    fn cancel_when(
        nursery: Tree<Self>,
        policy: impl FnMut(&ChildError<Value>) -> bool + Send + 'static,
    ) -> Tree<Self>;
    fn group(stage: Stage<Self>, child: Child, key: usize) -> Self::Group;
    fn plain(stage: Stage<Self>, child: Child, key: usize) -> Self::Plain;
    fn deed(stage: Stage<Self>, act: Act) -> Self::Deed;
    fn time(future: impl Future<Output = ()> + Send + 'static) -> Self::Time;
    fn timer(time: Self::Time) -> Self::Timer;
    /// The stage as a child on an executor has it.
    fn elsewhere(stage: Stage<Self>) -> Stage<Shared>;
    fn make(stage: Stage<Self>, child: Child, key: usize) -> Self::Make;
    fn make_plain(stage: Stage<Self>, child: Child, key: usize) -> Self::MakePlain;
}

macro_rules! kind {
    ($flavour:ident, $boxed:ident, $siblings:expr $(, $send:ident)?) => {
        impl Kind for $flavour {
            type Group = $boxed<'static, Result<Value, Error>>;
            type Plain = $boxed<'static, Result<Value, Value>>;
            type Deed = $boxed<'static, ControlFlow<Error>>;
            type Time = $boxed<'static, ()>;
            type Timer = Box<dyn FnOnce() -> Self::Time $(+ $send)?>;
            type Make = Box<dyn FnOnce(Cx<Self>) -> Self::Group $(+ $send)?>;
            type MakePlain = Box<dyn FnOnce(Cx<Self>) -> Self::Plain $(+ $send)?>;

            fn cancel_when(
                nursery: Tree<Self>,
                policy: impl FnMut(&ChildError<Value>) -> bool + Send + 'static,
            ) -> Tree<Self> {
                nursery.cancel_when(policy)
            }

            fn group(stage: Stage<Self>, child: Child, key: usize) -> Self::Group {
                Box::pin(stage.play(child, key, move |error, world| {
                    error.unwrap_or_else(|| world.values.make(key).into())
                }))
            }

            fn plain(stage: Stage<Self>, child: Child, key: usize) -> Self::Plain {
                Box::pin(stage.play(child, key, move |_, world| world.values.make(key)))
            }

            fn deed(stage: Stage<Self>, act: Act) -> Self::Deed {
                Box::pin(stage.act(act))
            }

            fn time(future: impl Future<Output = ()> + Send + 'static) -> Self::Time {
                Box::pin(future)
            }

            fn timer(time: Self::Time) -> Self::Timer {
                Box::new(move || time)
            }

            fn elsewhere(stage: Stage<Self>) -> Stage<Shared> {
                stage.with_siblings($siblings)
            }

            fn make(stage: Stage<Self>, child: Child, key: usize) -> Self::Make {
                let unmade = Unmade::new(&stage, &child, key);
                Box::new(move |cx| {
                    unmade.forget();
                    Self::group(stage.knowing(cx), child, key)
                })
            }

            fn make_plain(stage: Stage<Self>, child: Child, key: usize) -> Self::MakePlain {
                let unmade = Unmade::new(&stage, &child, key);
                Box::new(move |cx| {
                    unmade.forget();
                    Self::plain(stage.knowing(cx), child, key)
                })
            }
        }
    };
}

kind!(Shared, BoxFuture, |siblings| siblings, Send);
kind!(Local, LocalBoxFuture, |_| None);

/// A child that was not made yet, and tells when it is dropped.
struct Unmade {
    world: Arc<World>,
    nursery: usize,
    key: usize,
    panics: bool,
    made: bool,
}

impl Unmade {
    fn new<M: Kind>(stage: &Stage<M>, child: &Child, key: usize) -> Self {
        let (world, nursery) = (Arc::clone(&stage.world), stage.nursery);
        Self { world, nursery, key, panics: child.drop_panics, made: false }
    }

    fn forget(mut self) {
        self.made = true;
    }
}

impl Drop for Unmade {
    fn drop(&mut self) {
        if self.made {
            return;
        }
        let (nursery, actor) = (self.nursery, Actor::Child(self.key));
        self.world.tell(Event::Happens { nursery, actor, what: Happening::Dropped });
        if self.panics && !std::thread::panicking() {
            resume_unwind(Box::new(ScriptedPanic::Drop));
        }
    }
}
