//! The alarm: a check at each tick of a timer.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use pin_project_lite::pin_project;

use super::findings::{Finding, FindingKind, Thresholds};
use super::watch::Watch;
use crate::time::Timer;

pin_project! {
    /// Checks a [`Watch`] at each tick; made by [`Watch::alarm`].
    ///
    /// A stream of findings that were not there at the tick before. It never ends.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Alarm<C: Timer> {
        watch: Watch,
        timer: C,
        every: Duration,
        thresholds: Thresholds,
        #[pin]
        sleep: Option<C::Sleep>,
        // What the last tick has found.
        known: BTreeSet<(FindingKind, u64)>,
    }
}

impl<C: Timer> Alarm<C> {
    pub(super) fn new(watch: Watch, timer: C, every: Duration) -> Self {
        let thresholds = Thresholds::default();
        Self { watch, timer, every, thresholds, sleep: None, known: BTreeSet::new() }
    }

    /// The same by other thresholds.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }
}

impl<C: Timer> Stream for Alarm<C> {
    type Item = Vec<Finding>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let mut has_ticked = false;
        loop {
            match this.sleep.as_mut().as_pin_mut() {
                None => this.sleep.set(Some(this.timer.sleep(*this.every))),
                Some(sleep) => {
                    drop(ready!(sleep.poll(cx)));
                    this.sleep.set(None);
                    let found = this.watch.snapshot().findings(this.thresholds);
                    let key = |finding: &Finding| (finding.kind(), finding.number());
                    let before = std::mem::replace(this.known, found.iter().map(key).collect());
                    let new = found.into_iter().filter(|finding| !before.contains(&key(finding)));
                    let new: Vec<_> = new.collect();
                    if !new.is_empty() {
                        return Poll::Ready(Some(new));
                    }
                    if std::mem::replace(&mut has_ticked, true) {
                        // The timer is ready at once, again and again.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<C: Timer> fmt::Debug for Alarm<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("every", &self.every).finish_non_exhaustive()
    }
}
