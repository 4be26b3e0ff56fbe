//! What it takes to poll one child among many.

use std::pin::pin;
use std::sync::Arc;

use futures::future::select;

use super::Program;
use super::probe::{Probe, count};
use crate::work::{Need, Set, Way, Work};
use crate::works::yield_times;

/// Polls of other children, when one is woken.
pub struct Wakes;

impl Program for Wakes {
    const NEEDS: Need = Need::All;

    fn run<Y: Way>(children: usize) -> String {
        Y::block_on(Y::scope(WakeOne(Probe::new(children)))).to_string()
    }
}

#[derive(Clone)]
struct WakeOne(Arc<Probe>);

impl Work for WakeOne {
    const NEEDS: Need = Need::All;
    type Output = usize;

    async fn run<'s, S: Set<'s>>(self, mut set: S) -> usize {
        let probe = self.0;
        let children = probe.children();
        for n in 0..children {
            set.spawn(probe.child(n));
        }
        let mut all = Box::pin(set.all());
        select(&mut all, pin!(probe.all_parked.wait())).await;
        // What was woken in between is polled.
        select(&mut all, pin!(yield_times(2))).await;
        let before = count(&probe.polls);
        probe.call(children / 2);
        select(&mut all, pin!(probe.ended(children / 2))).await;
        let polls = count(&probe.polls) - before;
        (0..children).for_each(|n| probe.call(n));
        all.await;
        polls - 1
    }
}
