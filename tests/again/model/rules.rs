//! The rules, as plainly as they can be said.

use super::script::{Auto, Child, Comes, Event, Script, Way, bounds};

/// A child as a handle shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) incarnation: u64,
    pub(super) restarts: u64,
    pub(super) state: &'static str,
}

/// How a supervisor has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) gave_up_on: Option<String>,
    /// The incarnations of each child that have failed.
    pub(super) failures: Vec<(String, Vec<u64>)>,
}

struct Kept {
    number: usize,
    rules: Child,
    /// It is to be up.
    wanted: bool,
    alive: bool,
    up: bool,
    incarnation: u64,
    restarts: u64,
    /// When its backoff is over.
    due: Option<u64>,
    /// It starts in order.
    ordered: bool,
    /// The delays that it has had since it was stable.
    delays: usize,
    /// When it is stable.
    stable: Option<u64>,
    /// When its restarts leave its window.
    window: Vec<u64>,
    failures: Vec<u64>,
}

pub(super) struct Model {
    strategy: Way,
    auto: Auto,
    intensity: (u32, u64),
    children: Vec<Kept>,
    /// How many were ever there.
    known: usize,
    now: u64,
    window: Vec<u64>,
    ended: bool,
    gave_up_on: Option<String>,
    removed: Vec<(String, Vec<u64>)>,
}

impl Model {
    pub(super) fn new(script: &Script) -> Self {
        let mut model = Self {
            strategy: script.strategy,
            auto: script.auto,
            intensity: bounds(script.intensity),
            children: Vec::new(),
            known: 0,
            now: 0,
            window: Vec::new(),
            ended: false,
            gave_up_on: None,
            removed: Vec::new(),
        };
        for child in &script.children {
            model.take(*child, true);
        }
        model.settle();
        model
    }

    fn take(&mut self, child: Child, ordered: bool) {
        let rules = child.tame(self.auto);
        let number = self.known;
        self.known += 1;
        self.children.push(Kept {
            number,
            rules,
            wanted: true,
            alive: false,
            up: false,
            incarnation: 0,
            restarts: 0,
            due: None,
            ordered,
            delays: 0,
            stable: None,
            window: Vec::new(),
            failures: Vec::new(),
        });
    }

    pub(super) fn happens(&mut self, event: Event, is_taken: bool) {
        let known = self.known;
        let place = |at: u8, children: &[Kept]| {
            let number = usize::from(at).checked_rem(known)?;
            children.iter().position(|child| child.number == number)
        };
        if self.ended {
            return;
        }
        match event {
            Event::Fails(at) => drop(place(at, &self.children).map(|at| self.ends(at, true))),
            Event::Succeeds(at) => drop(place(at, &self.children).map(|at| self.ends(at, false))),
            Event::IsUp(at) => {
                if let Some(at) = place(at, &self.children)
                    && self.children[at].alive
                {
                    self.is_up(at);
                }
            }
            Event::Stop(at) => drop(place(at, &self.children).map(|at| self.children[at].lower())),
            Event::Remove(at) => {
                if let Some(at) = place(at, &self.children) {
                    let child = self.children.remove(at);
                    self.removed.push((child.number.to_string(), child.failures));
                }
            }
            Event::Restart(at) => {
                if let Some(at) = place(at, &self.children) {
                    let child = &mut self.children[at];
                    (child.wanted, child.alive, child.due, child.delays) = (true, false, None, 0);
                }
            }
            Event::Add(child) if is_taken => self.take(child, false),
            // It has no name, but a number.
            Event::Add(_) => self.known += 1,
            Event::Pass(seconds) => {
                for _ in 0..seconds % 6 {
                    self.tick();
                }
            }
            Event::Shutdown => self.finish(None),
        }
        self.settle();
    }

    /// A second passes.
    fn tick(&mut self) {
        self.now += 1;
        let now = self.now;
        self.window.retain(|over| *over > now);
        for child in &mut self.children {
            child.window.retain(|over| *over > now);
            if child.due.is_some_and(|due| due <= now) {
                child.due = None;
            }
            if child.alive && child.stable.is_some_and(|stable| stable <= now) {
                (child.delays, child.stable) = (0, None);
            }
        }
        self.settle();
    }

    /// A child ends by itself, if it is alive.
    fn ends(&mut self, at: usize, failed: bool) {
        let child = &mut self.children[at];
        if !child.alive {
            return;
        }
        (child.alive, child.up) = (false, false);
        if failed {
            child.failures.push(child.incarnation);
        }
        let comes = match child.rules.comes {
            Comes::Always => true,
            Comes::AfterFailures => failed,
            Comes::Never => false,
        };
        if comes {
            return self.restarts(at);
        }
        child.lower();
        if child.rules.significant {
            let others = self.children.iter().any(|other| other.rules.significant && other.wanted);
            if self.auto == Auto::Any || !others {
                self.finish(None);
            }
        }
    }

    fn restarts(&mut self, at: usize) {
        let name = self.children[at].number.to_string();
        let child = &mut self.children[at];
        if let Some(intensity) = child.rules.intensity {
            let (most, window) = bounds(intensity);
            child.window.push(self.now + window);
            if child.window.len() > most as usize {
                return self.finish(Some(name));
            }
        }
        let (most, window) = self.intensity;
        self.window.push(self.now + window);
        if self.window.len() > most as usize {
            return self.finish(Some(name));
        }
        let delay = child.rules.delay(child.delays);
        if child.rules.delays.is_some() {
            child.delays += 1;
        }
        child.restarts += 1;
        child.due = (delay > 0).then_some(self.now + delay);
        child.ordered = self.strategy != Way::OneForOne;
        let first = match self.strategy {
            Way::OneForOne => return,
            Way::OneForAll => 0,
            Way::RestForOne => at + 1,
        };
        for (other, child) in self.children.iter_mut().enumerate().skip(first) {
            if other != at && child.wanted {
                if child.alive && child.rules.comes == Comes::Never {
                    child.lower();
                    continue;
                }
                (child.alive, child.up, child.ordered) = (false, false, true);
            }
        }
    }

    fn is_up(&mut self, at: usize) {
        let child = &mut self.children[at];
        if !child.up {
            child.up = true;
            child.stable = (child.delays > 0).then_some(self.now + child.rules.stable());
        }
    }

    /// Starts all that can start.
    fn settle(&mut self) {
        if self.ended {
            return;
        }
        for at in 0..self.children.len() {
            let child = &self.children[at];
            if !child.wanted || child.alive || child.due.is_some() {
                continue;
            }
            let before = self.children[..at].iter().any(|it| it.wanted && !it.up);
            let group = self.strategy == Way::OneForAll
                && self.children.iter().any(|it| it.ordered && it.due.is_some());
            if child.ordered && (before || group) {
                continue;
            }
            let child = &mut self.children[at];
            (child.alive, child.up, child.ordered) = (true, false, false);
            (child.incarnation, child.stable) = (child.incarnation + 1, None);
            if !child.rules.says_ready {
                self.is_up(at);
            }
        }
    }

    fn finish(&mut self, gave_up_on: Option<String>) {
        (self.ended, self.gave_up_on) = (true, gave_up_on);
    }

    pub(super) fn shows(&self) -> Vec<Shown> {
        if self.ended {
            return Vec::new();
        }
        let show = |child: &Kept| Shown {
            name: child.number.to_string(),
            incarnation: child.incarnation,
            restarts: child.restarts,
            state: match (child.alive, child.up, child.wanted) {
                (true, true, _) => "running",
                (true, false, _) => "starting",
                (false, _, true) => "to start",
                (false, _, false) => "down",
            },
        };
        self.children.iter().map(show).collect()
    }

    pub(super) fn end(self) -> End {
        let left = self.children.into_iter();
        let left = left.map(|child| (child.number.to_string(), child.failures));
        let mut failures: Vec<_> = self.removed.into_iter().chain(left).collect();
        failures.retain(|(_, failures)| !failures.is_empty());
        failures.sort();
        End { gave_up_on: self.gave_up_on, failures }
    }
}

impl Kept {
    fn lower(&mut self) {
        (self.wanted, self.alive, self.up, self.due, self.ordered) =
            (false, false, false, None, false);
        self.delays = 0;
    }
}
