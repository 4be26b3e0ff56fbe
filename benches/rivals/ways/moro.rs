//! The crate `moro`: a scope with a body.

use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt};
use moro::Scope;

use crate::work::{Ends, Need, Never, Outcome, Set, Spawner, Taken, Way, Work};

pub struct Moro;

struct InScope<'s, R: Send + 'static> {
    scope: &'s Scope<'s, 'static, R>,
    children: Vec<BoxFuture<'s, Outcome>>,
}

pub struct OfScope<'s, R: Send + 'static>(&'s Scope<'s, 'static, R>);

const BODY: &str = "its `terminate` ends the body too, which is what measures here";

impl Way for Moro {
    const NAME: &'static str = "moro";
    const LACKS: &'static [(Need, &'static str)] = &[
        (Need::Handles, "it has no handles"),
        (Need::CancelAll, BODY),
        (Need::FirstError, BODY),
        (Need::Outside, "its scope is borrowed"),
    ];

    fn scope<W: Work>(work: W) -> impl Future<Output = W::Output> + Send {
        moro::scope_fn::<W::Output, _>(move |scope| {
            work.run(InScope { scope, children: Vec::new() }).boxed()
        })
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        block_on(future)
    }
}

impl<'s, R: Send + 'static> Set<'s> for InScope<'s, R> {
    type Spawner = OfScope<'s, R>;
    type Outside = Never;

    fn spawn(&mut self, child: impl Future<Output = Outcome> + Send + 's) {
        // The handle's type has no name, so it takes a box to keep it.
        self.children.push(self.scope.spawn(child).boxed());
    }

    async fn end(&mut self, child: usize) {
        (&mut self.children[child]).await.ok();
    }

    async fn all(self) -> Ends {
        let mut taken = Taken::default();
        for child in self.children {
            taken.take(child.await);
        }
        taken.ends()
    }

    fn spawner(&mut self) -> Self::Spawner {
        OfScope(self.scope)
    }
}

impl<R: Send + 'static> Clone for OfScope<'_, R> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<'s, R: Send + 'static> Spawner<'s> for OfScope<'s, R> {
    fn spawn(&self, child: impl Future<Output = Outcome> + Send + 's) {
        drop(self.0.spawn(child));
    }
}
