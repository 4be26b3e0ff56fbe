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
    /// It is forgotten when it is gone.
    removed: bool,
    alive: bool,
    up: bool,
    stop: Stop,
    /// It stops with others, the last first.
    stops_in_order: bool,
    incarnation: u64,
    restarts: u64,
    /// When its backoff is over.
    due: Option<u64>,
    /// It starts in order.
    ordered: bool,
    /// It was restarted by hand, and has not started.
    by_hand: bool,
    /// The delays that it has had since it was stable.
    delays: usize,
    /// When it is stable.
    stable: Option<u64>,
    /// When its restarts leave its window.
    window: Vec<u64>,
    failures: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    /// When those after it are gone.
    InOrder,
    /// It was told, and is dropped then.
    Told(u64),
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
    ending: bool,
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
            ending: false,
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
            removed: false,
            alive: false,
            up: false,
            stop: Stop::No,
            stops_in_order: false,
            incarnation: 0,
            restarts: 0,
            due: None,
            ordered,
            by_hand: false,
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
        match event {
            Event::Fails(at) => drop(place(at, &self.children).map(|at| self.ends(at, true))),
            Event::Succeeds(at) => drop(place(at, &self.children).map(|at| self.ends(at, false))),
            Event::IsUp(at) => {
                if let Some(at) = place(at, &self.children)
                    && self.children[at].alive
                    && self.children[at].stop == Stop::No
                {
                    self.comes_up(at);
                }
            }
            Event::Stop(at) => drop(place(at, &self.children).map(|at| self.stops(at))),
            Event::Remove(at) => {
                if let Some(at) = place(at, &self.children) {
                    self.children[at].removed = true;
                    self.stops(at);
                }
            }
            Event::Restart(at) => {
                if let Some(at) = place(at, &self.children)
                    && !self.children[at].removed
                    && !self.ending
                {
                    self.restarts_by_hand(at);
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
        for at in (0..self.children.len()).rev() {
            if matches!(self.children[at].stop, Stop::Told(until) if until <= now) {
                self.gone(at);
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
        if failed {
            child.failures.push(child.incarnation);
        }
        if child.stop != Stop::No {
            return self.gone(at);
        }
        (child.alive, child.up) = (false, false);
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

    /// A child that was to stop is gone.
    fn gone(&mut self, at: usize) {
        let child = &mut self.children[at];
        (child.alive, child.up, child.stop, child.stops_in_order) = (false, false, Stop::No, false);
        if child.removed {
            let child = self.children.remove(at);
            self.removed.push((child.number.to_string(), child.failures));
        } else if child.ordered && child.rules.comes == Comes::Never && !child.by_hand {
            child.lower();
        }
    }

    /// A child is told to stop.
    fn tell(&mut self, at: usize) {
        let child = &mut self.children[at];
        (child.stop, child.up, child.stable) =
            (Stop::Told(self.now + child.rules.grace()), false, None);
        if child.rules.grace() == 0 {
            self.gone(at);
        }
    }

    fn stops(&mut self, at: usize) {
        let child = &mut self.children[at];
        child.lower();
        match (child.alive, child.stop) {
            (true, Stop::No | Stop::InOrder) => self.tell(at),
            (true, Stop::Told(_)) => {}
            (false, _) if child.removed => self.gone(at),
            (false, _) => {}
        }
    }

    fn restarts_by_hand(&mut self, at: usize) {
        let child = &mut self.children[at];
        (child.wanted, child.due, child.delays, child.by_hand) = (true, None, 0, true);
        if child.alive && child.stop == Stop::No {
            self.tell(at);
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
                child.ordered = true;
                child.stop_in_order();
            }
        }
    }

    fn comes_up(&mut self, at: usize) {
        let child = &mut self.children[at];
        if !child.up {
            child.up = true;
            child.stable = (child.delays > 0).then_some(self.now + child.rules.stable());
        }
    }

    /// Stops and starts all that can.
    fn settle(&mut self) {
        while self.stops_next() || self.starts_next() {}
    }

    fn stops_next(&mut self) -> bool {
        let last = self.children.iter().rposition(|child| child.alive && child.stops_in_order);
        let last = last.filter(|at| self.children[*at].stop == Stop::InOrder);
        if let Some(at) = last {
            self.tell(at);
        }
        last.is_some()
    }

    fn starts_next(&mut self) -> bool {
        let stopping = self.children.iter().any(|child| child.alive && child.stops_in_order);
        let group = self.strategy == Way::OneForAll
            && self.children.iter().any(|child| child.ordered && child.due.is_some());
        let mut before = false;
        let next = self.children.iter().position(|child| {
            let starts = child.wanted && !child.alive && child.due.is_none();
            let waits = child.ordered && (before || group || stopping);
            before |= child.wanted && !child.up;
            starts && !waits
        });
        let Some(at) = next.filter(|_| !self.ending) else { return false };
        let child = &mut self.children[at];
        (child.alive, child.up, child.ordered, child.by_hand) = (true, false, false, false);
        (child.incarnation, child.stable) = (child.incarnation + 1, None);
        if !child.rules.says_ready {
            self.comes_up(at);
        }
        true
    }

    fn finish(&mut self, gave_up_on: Option<String>) {
        if !self.ending {
            (self.ending, self.gave_up_on) = (true, gave_up_on);
            for child in &mut self.children {
                child.lower();
                child.stop_in_order();
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.ending && !self.children.iter().any(|child| child.alive)
    }

    pub(super) fn shows(&self) -> Vec<Shown> {
        if self.has_ended() {
            return Vec::new();
        }
        let show = |child: &Kept| Shown {
            name: child.number.to_string(),
            incarnation: child.incarnation,
            restarts: child.restarts,
            state: match (child.alive, child.up, child.wanted) {
                (true, ..) if child.stop != Stop::No => "stopping",
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
        (self.wanted, self.due, self.ordered, self.by_hand) = (false, None, false, false);
        self.delays = 0;
    }

    fn stop_in_order(&mut self) {
        if self.alive {
            (self.up, self.stops_in_order) = (false, true);
            if self.stop == Stop::No {
                self.stop = Stop::InOrder;
            }
        }
    }
}
