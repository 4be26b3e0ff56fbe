//! Timelines of real runs by a clock that is set by hand: each is as its script says.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::Nursery;
use crate::observe::timeline::Timeline;
use crate::observe::{EndKind, WokenBy};

/// After so much time, this child is woken: to be busy for so long, or to end.
type Step = (u64, usize, Option<u64>);

const CHILDREN: usize = 3;

#[derive(Debug, PartialEq, Default, Clone)]
struct Life {
    started: u64,
    /// From when to when it is polled, and whether it was woken for that, at the beginning.
    polls: Vec<(u64, u64, bool)>,
    ended: Option<u64>,
}

/// What the script says.
fn expected(script: &[Step]) -> Vec<Life> {
    let first = Life { polls: vec![(0, 0, false)], ..Life::default() };
    let (mut lives, mut now) = (vec![first; CHILDREN], 0);
    for &(gap, child, busy) in script {
        now += gap;
        let life = &mut lives[child];
        if life.ended.is_some() {
            continue;
        }
        let began = now;
        now += busy.unwrap_or(0);
        life.polls.push((began, now, true));
        life.ended = busy.is_none().then_some(now);
    }
    lives
}

/// What a timeline records of it.
fn recorded(script: &[Step]) -> Vec<Life> {
    let clock = Arc::new(AtomicU64::new(0));
    let pass = |millis| {
        clock.fetch_add(millis, Ordering::Relaxed);
    };
    let own = Arc::clone(&clock);
    let timeline =
        Timeline::new().by_clock(move || Duration::from_millis(own.load(Ordering::Relaxed)));
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().observe(timeline.clone());
    let mut senders = Vec::new();
    for _ in 0..CHILDREN {
        let (sender, mut receiver) = mpsc::unbounded();
        senders.push(Some(sender));
        nursery.spawn(async move {
            while let Some(busy) = receiver.next().await {
                pass(busy);
            }
            Ok(())
        });
    }
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut settle = pin!(nursery.settle());
        let mut is_over = settle.as_mut().poll(&mut cx).is_ready();
        for &(gap, child, busy) in script {
            pass(gap);
            match (&mut senders[child], busy) {
                (Some(sender), Some(busy)) => sender.unbounded_send(busy).unwrap(),
                (sender, _) => drop(sender.take()),
            }
            is_over = is_over || settle.as_mut().poll(&mut cx).is_ready();
        }
        // Before the rest is dropped.
        let recording = timeline.recording();
        let millis = |time: Duration| time.as_millis() as u64;
        recording
            .children
            .iter()
            .map(|child| Life {
                started: child.started.map_or(u64::MAX, millis),
                polls: child
                    .polls
                    .iter()
                    .map(|poll| {
                        let woken = poll.woken.as_ref().map(|(at, by)| (millis(*at), by.clone()));
                        let began = millis(poll.began);
                        assert!(woken.is_none() || woken == Some((began, WokenBy::Outside)));
                        (began, millis(poll.ended), woken.is_some())
                    })
                    .collect(),
                ended: child.ended.map(|(at, kind)| {
                    assert_eq!(kind, EndKind::Completed);
                    millis(at)
                }),
            })
            .collect()
    }
}

proptest! {
    #[test]
    fn a_timeline_is_as_the_script(
        script in vec((0..50_u64, 0..CHILDREN, proptest::option::weighted(0.8, 0..20_u64)), 0..30),
    ) {
        assert_eq!(recorded(&script), expected(&script));
    }
}

#[test]
fn the_oldest_entries_give_way() {
    let script: Vec<Step> = (0..40).map(|_| (1, 0, Some(1))).collect();
    let all = recorded(&script);
    assert_eq!(all[0].polls.len(), 41);
    let timeline = Timeline::new().entries(10);
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().observe(timeline.clone());
    for _ in 0..100 {
        nursery.spawn(std::future::ready(Ok(())));
    }
    futures::executor::block_on(nursery.join()).unwrap();
    let recording = timeline.recording();
    // Five polls and five ends.
    assert_eq!((recording.children.len(), recording.dropped), (5, 190));
    assert!(recording.children.iter().all(|child| child.polls.len() == 1));
}

#[test]
fn old_entries_give_way_and_what_runs_is_kept() {
    let clock = Arc::new(AtomicU64::new(0));
    let own = Arc::clone(&clock);
    let timeline = Timeline::new()
        .no_older_than(Duration::from_secs(5))
        .by_clock(move || Duration::from_secs(own.load(Ordering::Relaxed)));
    let mut nursery: Nursery<'_, (), ()> = Nursery::new().observe(timeline.clone());
    nursery.spawn(std::future::pending());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(nursery.next()).poll(&mut cx).is_pending());
    clock.store(6, Ordering::Relaxed);
    nursery.spawn(std::future::ready(Ok(())));
    assert!(pin!(nursery.next()).poll(&mut cx).is_ready());
    let recording = timeline.recording();
    let polls: Vec<_> = recording.children.iter().map(|child| child.polls.len()).collect();
    assert_eq!((polls, recording.dropped), (vec![0, 1], 1));
    assert_eq!(recording.children[0].started, Some(Duration::ZERO));
}
