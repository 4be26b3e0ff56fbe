//! What becomes of children when something else goes wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};

use super::probe::{Probe, count};
use super::{Program, wait_a_while};
use crate::work::{Ends, Need, Set, Way, Work};
use crate::works::yield_times;

/// One of three children panics.
pub struct Panics;

impl Program for Panics {
    const NEEDS: Need = Need::All;

    fn run<Y: Way>(_: usize) -> String {
        let probe = Probe::new(2);
        let work = OnePanics(Arc::clone(&probe));
        let ends = catch_unwind(AssertUnwindSafe(|| Y::block_on(Y::scope(work))));
        let siblings = match count(&probe.ended) {
            2 => "siblings go on",
            _ if count(&probe.dropped) == 2 => "siblings dropped",
            _ => "siblings stay",
        };
        match ends {
            Ok(Ends { panics: 1, .. }) => format!("caught and told, {siblings}"),
            Ok(_) => format!("lost, {siblings}"),
            Err(_) => format!("goes up to the owner, {siblings}"),
        }
    }
}

#[derive(Clone)]
struct OnePanics(Arc<Probe>);

impl Work for OnePanics {
    const NEEDS: Need = Need::All;
    type Output = Ends;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> Ends {
        let probe = self.0;
        for n in [0, 1] {
            let sibling = probe.child(n);
            set.spawn(async move {
                yield_times(4).await;
                sibling.await
            });
            // Called before it waits: it has only to be polled.
            probe.call(n);
            if n == 0 {
                set.spawn(async { panic!("a child panics") });
            }
        }
        set.all().await
    }
}

/// The future of a scope is dropped while its children wait.
pub struct Dropped;

impl Program for Dropped {
    const NEEDS: Need = Need::All;

    fn run<Y: Way>(children: usize) -> String {
        let probe = Probe::new(children);
        Y::block_on(async {
            let mut scope = Box::pin(Y::scope(Wait(Arc::clone(&probe))));
            let parked = pin!(probe.all_parked.wait());
            let Either::Right(_) = select(&mut scope, parked).await else {
                panic!("the scope has ended")
            };
            let panicked = catch_unwind(AssertUnwindSafe(|| drop(scope))).is_err();
            let at_once = count(&probe.dropped);
            wait_a_while::<Y>().await;
            let later = count(&probe.dropped);
            (0..children).for_each(|n| probe.call(n));
            wait_a_while::<Y>().await;
            match (count(&probe.ended), at_once, later) {
                _ if panicked => "the drop panics".into(),
                (0, _, later) if Y::THREADS && later == children => {
                    "dropped by their threads".into()
                }
                (0, at_once, _) if at_once == children => "dropped there and then".into(),
                (0, _, later) if later == children => "dropped a little later".into(),
                (0, ..) => "never polled again".into(),
                _ => "go on, detached".into(),
            }
        })
    }
}

#[derive(Clone)]
struct Wait(Arc<Probe>);

impl Work for Wait {
    const NEEDS: Need = Need::All;
    type Output = ();

    async fn run<'s, S: Set<'s>>(self, mut set: S) {
        for n in 0..self.0.children() {
            set.spawn(self.0.child(n));
        }
        set.all().await;
    }
}
