//! The timeline: a flight recorder.

#[cfg(all(test, not(nestling_loom)))]
mod build;
mod critical;
mod entry;
mod family;
mod json;
mod life;
mod pack;
mod parallelism;
mod polled;
mod recording;
mod shown;
mod summary;
mod svg;
#[cfg(all(test, not(nestling_loom)))]
mod tests;
mod times;
mod tracks;
mod units;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

pub use self::critical::{Segment, SegmentKind};
use self::entry::{Entry, PollEntry};
use self::recording::{ChildTrack, PollSpan, Recording, ScopeTrack};
pub use self::summary::{ChildTime, Summary};
use super::clock::TimeSource;
use super::kinds::EndKind;
use super::observer::{Observer, PollSeen};
use super::scene::system_clock;
use super::seen::{SeenChild, SeenNursery};
use crate::sync::{Mutex, MutexGuard};

/// Records what the children do, up to a bound, to be looked at whenever that is of use: as a
/// picture, in Perfetto, or as a summary in words.
///
/// An [`Observer`], given to [`Nursery::observe`](crate::Nursery::observe) or
/// [`Pool::observe`](crate::Pool::observe). Clones are the same timeline.
///
/// It is a flight recorder: once it holds as many entries as it [may](Self::entries), the oldest
/// give way. Each poll is an entry, and each end of a child. A child that has not ended is not
/// given up, but the oldest of its polls may be.
///
/// # Examples
///
/// ```
/// use nestling::Nursery;
/// use nestling::observe::Timeline;
///
/// # futures::executor::block_on(async {
/// let timeline = Timeline::new();
/// let mut nursery: Nursery<'_, (), String> = Nursery::new().observe(timeline.clone());
/// nursery.child().name("fetch").spawn(async { Ok(()) });
/// nursery.join().await.unwrap();
/// println!("{}", timeline.summary());
/// # });
/// ```
#[derive(Clone)]
pub struct Timeline(Arc<Recorder>);

struct Recorder {
    clock: Arc<dyn TimeSource>,
    entries: usize,
    age: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Children that have not ended, by their numbers.
    live: BTreeMap<u64, SeenChild>,
    /// The nurseries of those, and of the children among the entries; and how many these are.
    scopes: BTreeMap<u64, (ScopeTrack, usize)>,
    /// In order of time.
    entries: VecDeque<Entry>,
    dropped: u64,
}

impl Timeline {
    /// A timeline of at most 100,000 entries, which take some 5 MB, by the
    /// [system's clock](super::SystemClock).
    #[must_use]
    pub fn new() -> Self {
        Self::of(system_clock(), 100_000, None)
    }

    /// An empty timeline of at most so many entries.
    #[must_use]
    pub fn entries(self, entries: usize) -> Self {
        Self::of(Arc::clone(&self.0.clock), entries, self.0.age)
    }

    /// An empty timeline of no entries that are older than this.
    #[must_use]
    pub fn no_older_than(self, age: Duration) -> Self {
        Self::of(Arc::clone(&self.0.clock), self.0.entries, Some(age))
    }

    /// An empty timeline by another clock.
    #[must_use]
    pub fn by_clock(self, clock: impl TimeSource) -> Self {
        Self::of(Arc::new(clock), self.0.entries, self.0.age)
    }

    fn of(clock: Arc<dyn TimeSource>, entries: usize, age: Option<Duration>) -> Self {
        Self(Arc::new(Recorder { clock, entries, age, state: Mutex::default() }))
    }

    /// What the run was like, in words: how parallel it was, what took long, and the critical path.
    #[must_use]
    pub fn summary(&self) -> Summary {
        summary::summary(&self.recording())
    }

    /// Writes a picture of the run, as SVG that needs nothing besides. A browser shows it, and what
    /// each child was when the mouse is over it.
    ///
    /// # Errors
    ///
    /// If `out` fails.
    pub fn write_svg(&self, out: impl io::Write) -> io::Result<()> {
        self.write(out, svg::svg)
    }

    /// Writes the run as a trace in Chrome's JSON format, for <https://ui.perfetto.dev> and
    /// `chrome://tracing`.
    ///
    /// # Errors
    ///
    /// If `out` fails.
    pub fn write_json(&self, out: impl io::Write) -> io::Result<()> {
        self.write(out, json::json)
    }

    fn write(
        &self,
        out: impl io::Write,
        format: fn(&Recording, &mut dyn fmt::Write) -> fmt::Result,
    ) -> io::Result<()> {
        let mut out = Utf8 { out: io::BufWriter::new(out), error: None };
        match format(&self.recording(), &mut out) {
            Ok(()) => out.out.flush(),
            Err(fmt::Error) => Err(out.error.unwrap_or_else(|| io::Error::other(fmt::Error))),
        }
    }

    /// What is recorded by now, as plain data.
    fn recording(&self) -> Recording {
        let Copied { live, ended, polls, scopes, dropped } = self.0.lock().copy();
        // By the clock of what is told, which may be another's.
        let now = live.last().map(|child| child.0.scene.now());
        let last = ended.iter().filter_map(|child| Some(child.ended?.0)).max();
        let to = now.max(last).unwrap_or_default();
        let mut children: BTreeMap<u64, ChildTrack> =
            ended.into_iter().map(|child| (child.number, child)).collect();
        for child in live {
            children.insert(child.number(), ChildTrack::of(&child, None));
        }
        let oldest = self.0.age.map_or(Duration::ZERO, |age| to.saturating_sub(age));
        children.retain(|_, child| child.ended.is_none_or(|(at, _)| at >= oldest));
        for (child, poll) in polls.into_iter().filter(|(_, poll)| poll.ended >= oldest) {
            if let Some(track) = children.get_mut(&child) {
                track.polls.push(poll);
            }
        }
        let from = children.values().map(|child| child.spawned).min().unwrap_or(to);
        Recording { scopes, children: children.into_values().collect(), from, to, dropped }
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl ChildTrack {
    fn of(child: &SeenChild, ended: Option<(Duration, EndKind)>) -> Self {
        Self {
            number: child.number(),
            scope: child.0.scene.number,
            info: child.info().clone(),
            spawned_by: child.spawned_by(),
            spawned: child.spawned_at(),
            started: child.0.started(),
            ended,
            polls: Vec::new(),
        }
    }
}

impl ScopeTrack {
    fn of(scope: &SeenNursery) -> Self {
        Self {
            number: scope.number(),
            owner: scope.0.owner,
            name: scope.name().map(|name| name.to_string()),
            parent: scope.0.parent.as_ref().map(|parent| parent.number),
            limit: scope.limit(),
        }
    }
}

/// Text on its way to a writer of bytes, which may fail.
struct Utf8<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W: io::Write> fmt::Write for Utf8<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}

/// What was recorded, to be looked at without the lock.
struct Copied {
    live: Vec<SeenChild>,
    ended: Vec<ChildTrack>,
    /// With the numbers of the children.
    polls: Vec<(u64, PollSpan)>,
    scopes: Vec<ScopeTrack>,
    dropped: u64,
}

impl State {
    fn copy(&self) -> Copied {
        let live = self.live.values().cloned().collect();
        let (mut ended, mut polls) = (Vec::new(), Vec::with_capacity(self.entries.len()));
        for entry in &self.entries {
            match entry {
                Entry::Poll(poll) => polls.push((poll.child(), poll.span())),
                Entry::End(child, _) => ended.push(ChildTrack::clone(child)),
            }
        }
        let scopes = self.scopes.values().map(|(scope, _)| scope.clone()).collect();
        Copied { live, ended, polls, scopes, dropped: self.dropped }
    }

    /// A child is there. Its nursery is asked for what is known of it where it is new.
    fn enter(&mut self, child: &SeenChild) {
        let of = || (ScopeTrack::of(&child.nursery()), 0);
        self.scopes.entry(child.0.scene.number).or_insert_with(of).1 += 1;
        self.live.insert(child.number(), child.clone());
    }

    /// A child of this nursery is given up.
    fn leave(&mut self, scope: u64) {
        if let Some((_, children)) = self.scopes.get_mut(&scope) {
            *children -= 1;
            if *children == 0 {
                self.scopes.remove(&scope);
            }
        }
    }
}

impl Recorder {
    fn add(&self, entry: Entry) {
        let at = entry.at();
        // What is given up is dropped without the lock.
        let mut old: Vec<Entry> = Vec::new();
        {
            let mut state = self.lock();
            state.entries.push_back(entry);
            while let Some(first) = state.entries.front() {
                let is_old = self.age.is_some_and(|age| at.saturating_sub(first.at()) > age);
                if !is_old && state.entries.len() <= self.entries {
                    break;
                }
                state.dropped += 1;
                let first = state.entries.pop_front();
                if let Some(Entry::End(child, _)) = &first {
                    let scope = child.scope;
                    state.leave(scope);
                }
                old.extend(first);
            }
        }
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Timeline {
    fn spawned(&self, child: &SeenChild, _: Duration) {
        self.0.lock().enter(child);
    }

    fn polled(&self, child: &SeenChild, poll: &PollSeen) {
        self.0.add(Entry::Poll(PollEntry::new(child.number(), poll)));
    }

    fn ended(&self, child: &SeenChild, at: Duration, kind: EndKind) {
        let live = self.0.lock().live.remove(&child.number());
        if live.is_some() {
            let track = ChildTrack::of(child, Some((at, kind)));
            self.0.add(Entry::End(Box::new(track), at.into()));
        }
    }

    fn clock(&self) -> Option<Arc<dyn TimeSource>> {
        Some(Arc::clone(&self.0.clock))
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Timeline")
            .field("entries", &state.entries.len())
            .field("dropped", &state.dropped)
            .finish_non_exhaustive()
    }
}
