//! Makes up recordings, as runs of nurseries leave them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::spots::spot;
use crate::info::{ChildId, ChildInfo, Owner};
use crate::observe::timeline::recording::{ChildTrack, PollSpan, Recording, ScopeTrack};
use crate::observe::{EndKind, WokenBy};

/// Recordings of runs in which children spawn and wake each other and drive nurseries of their own,
/// with fine and with coarse clocks. Some are taken before all has ended.
pub(crate) fn recordings() -> impl Strategy<Value = Recording> {
    prop::collection::vec(any::<u8>(), 0..400).prop_map(|choices| simulate(&choices))
}

/// The run that these choices make, which is the same each time.
pub(crate) fn simulate(choices: &[u8]) -> Recording {
    let mut run = Run { choices: choices.iter().copied(), ..Run::default() };
    run.step = [0, 1, 7, 1_000][run.choose(4)];
    for _ in 0..=run.choose(2) {
        run.tick();
        let scope = run.open(None);
        for _ in 0..=run.choose(6) {
            run.spawn(scope, None);
        }
        for _ in 0..=run.choose(8) {
            run.drive(scope, 0);
            run.tick();
            run.wake_from_outside();
        }
        if run.choose(4) > 0 {
            run.end_all(scope);
        }
    }
    run.tick();
    let to = run.now;
    Recording {
        scopes: run.scopes.into_iter().map(|scope| scope.track).collect(),
        children: run.children.into_iter().map(|child| child.track).collect(),
        from: Duration::ZERO,
        to,
        dropped: 0,
    }
}

struct Run<'a> {
    choices: std::iter::Copied<std::slice::Iter<'a, u8>>,
    step: u64,
    now: Duration,
    scopes: Vec<Scope>,
    children: Vec<Child>,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self {
            choices: [].iter().copied(),
            step: 0,
            now: Duration::ZERO,
            scopes: Vec::new(),
            children: Vec::new(),
        }
    }
}

struct Scope {
    track: ScopeTrack,
    backlog: VecDeque<usize>,
    spawned: u64,
    running: usize,
}

struct Child {
    track: ChildTrack,
    woken: Option<(Duration, WokenBy)>,
    inside: Option<usize>,
}

impl Child {
    fn is_running(&self) -> bool {
        self.track.started.is_some() && self.track.ended.is_none()
    }
}

/// Numbers are apart from places, so that they are not taken for each other.
const FIRST_SCOPE: u64 = 1_000;
const FIRST_CHILD: u64 = 7;

impl Run<'_> {
    /// Below `count`; zero once all choices are made.
    fn choose(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % count
    }

    fn tick(&mut self) {
        let steps = self.choose(5) as u64;
        self.now += Duration::from_nanos(steps * self.step);
    }

    fn open(&mut self, parent: Option<usize>) -> usize {
        let track = ScopeTrack {
            number: FIRST_SCOPE + self.scopes.len() as u64,
            owner: [Owner::Nursery, Owner::Pool][self.choose(2)],
            name: [None, Some("sync \"all\"".to_owned())][self.choose(2)].clone(),
            parent: parent.map(|child| FIRST_CHILD + child as u64),
            limit: [None, Some(1), Some(3)][self.choose(3)],
        };
        self.scopes.push(Scope { track, backlog: VecDeque::new(), spawned: 0, running: 0 });
        self.scopes.len() - 1
    }

    fn spawn(&mut self, scope: usize, by: Option<usize>) {
        if self.children.len() >= 60 {
            return;
        }
        let at = self.children.len();
        let id = ChildId::new(self.scopes[scope].spawned);
        let name = [None, Some(Arc::from("fetch")), Some(Arc::from("\u{1b}[31m取得\\"))];
        let info = ChildInfo::new(id, name[self.choose(3)].clone(), spot());
        self.scopes[scope].spawned += 1;
        self.scopes[scope].backlog.push_back(at);
        let track = ChildTrack {
            number: FIRST_CHILD + at as u64,
            scope: self.scopes[scope].track.number,
            info,
            spawned_by: by.map(|child| FIRST_CHILD + child as u64),
            spawned: self.now,
            started: None,
            ended: None,
            polls: Vec::new(),
        };
        self.children.push(Child { track, woken: None, inside: None });
    }

    /// A round: each child that was woken is polled, and what there is room for starts.
    fn drive(&mut self, scope: usize, depth: usize) {
        for child in self.running_in(scope) {
            if self.children[child].woken.is_some() || self.choose(16) == 1 {
                self.poll(scope, child, depth);
            }
        }
        let limit = self.scopes[scope].track.limit.unwrap_or(usize::MAX);
        while self.scopes[scope].running < limit {
            let Some(child) = self.scopes[scope].backlog.pop_front() else { break };
            self.tick();
            self.scopes[scope].running += 1;
            self.children[child].track.started = Some(self.now);
            self.poll(scope, child, depth);
        }
    }

    fn running_in(&self, scope: usize) -> Vec<usize> {
        let number = self.scopes[scope].track.number;
        let is_in =
            |&at: &usize| self.children[at].track.scope == number && self.children[at].is_running();
        (0..self.children.len()).filter(is_in).collect()
    }

    fn poll(&mut self, scope: usize, child: usize, depth: usize) {
        let began = self.now;
        let woken = self.children[child].woken.take();
        for _ in 0..self.choose(4) {
            self.tick();
            match self.choose(5) {
                0 => self.spawn(scope, Some(child)),
                1 if depth < 2 => {
                    if self.children[child].inside.is_none() {
                        self.children[child].inside = Some(self.open(Some(child)));
                    }
                    let inside = self.children[child].inside.unwrap();
                    self.spawn(inside, Some(child));
                    self.drive(inside, depth + 1);
                }
                2 => self.wake(child, WokenBy::Itself),
                _ => {
                    let woken = self.choose(self.children.len());
                    let Child { track, .. } = &self.children[child];
                    let by = WokenBy::Child { number: track.number, info: track.info.clone() };
                    if woken != child {
                        self.wake(woken, by);
                    }
                }
            }
        }
        self.tick();
        let ended = self.now;
        self.children[child].track.polls.push(PollSpan { began, ended, woken });
        if self.choose(3) == 0 {
            self.end(scope, child);
        }
    }

    fn wake(&mut self, child: usize, by: WokenBy) {
        let now = self.now;
        if self.children[child].is_running() {
            self.children[child].woken.get_or_insert((now, by));
        }
    }

    fn wake_from_outside(&mut self) {
        for child in 0..self.children.len() {
            if self.choose(3) == 0 {
                self.wake(child, WokenBy::Outside);
            }
        }
    }

    fn end(&mut self, scope: usize, child: usize) {
        if let Some(inside) = self.children[child].inside {
            self.end_all(inside);
        }
        let kinds = [EndKind::Completed, EndKind::Failed, EndKind::Panicked, EndKind::TimedOut];
        let kind = kinds[self.choose(4)];
        self.scopes[scope].running -= 1;
        self.children[child].track.ended = Some((self.now, kind));
    }

    fn end_all(&mut self, scope: usize) {
        for child in self.running_in(scope) {
            self.end(scope, child);
        }
        for child in std::mem::take(&mut self.scopes[scope].backlog) {
            self.children[child].track.ended = Some((self.now, EndKind::Cancelled));
        }
    }
}
