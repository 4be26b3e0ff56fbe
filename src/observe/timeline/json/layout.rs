//! Where things stand in the trace: nurseries are processes, tracks are threads.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::info::Owner;
use crate::observe::timeline::family::Family;
use crate::observe::timeline::life::{Span, life};
use crate::observe::timeline::recording::{ChildTrack, Recording, ScopeTrack};
use crate::observe::timeline::tracks::{Counts, Tracks, tracks};
use crate::text::{MAX_MESSAGE, Name};

pub(super) struct Layout<'a> {
    pub(super) recording: &'a Recording,
    /// Nurseries in the order in which they are shown: each before those that are inside it.
    pub(super) processes: Vec<Process>,
    /// By the number of the nursery, the place in `processes`.
    by_scope: HashMap<u64, usize>,
    family: Family,
    tracks: Tracks,
}

/// A nursery or a pool.
pub(super) struct Process {
    pub(super) pid: u64,
    pub(super) name: String,
    pub(super) limit: Option<usize>,
    /// Its tracks have the ids from here on. No process and no other track has the same, as Perfetto
    /// looks threads up by this id alone, and takes one with the id of its process for the main one.
    pub(super) first_tid: u64,
    pub(super) counts: Counts,
    /// Places in the recording, by track and time.
    pub(super) children: Vec<usize>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        let mut layout = Self {
            recording,
            processes: Vec::new(),
            by_scope: HashMap::new(),
            family: Family::new(recording),
            tracks: tracks(recording),
        };
        layout.add_processes();
        layout.add_children();
        let mut tid = layout.processes.len() as u64 + 1;
        for process in &mut layout.processes {
            process.first_tid = tid;
            tid += process.counts.all() as u64;
        }
        layout
    }

    pub(super) fn child(&self, number: u64) -> Option<(usize, &'a ChildTrack)> {
        let at = self.family.place(number)?;
        Some((at, &self.recording.children[at]))
    }

    /// The ids of the process and the thread on which a child is drawn, by its place.
    pub(super) fn place(&self, child: usize) -> (u64, u64) {
        let process = &self.processes[self.by_scope[&self.recording.children[child].scope]];
        (process.pid, process.first_tid + self.tracks.of(child) as u64)
    }

    pub(super) fn life(&self, child: &ChildTrack) -> Span {
        life(child, self.recording.to)
    }

    /// How long the slice of a child is, in nanoseconds.
    pub(super) fn length(&self, child: &ChildTrack) -> u64 {
        let life = self.life(child);
        // The end does not belong to a slice, so a poll without length would not be inside it there.
        let is_at_end = child.polls.last().is_some_and(|poll| poll.began == life.to);
        nanos(life.length()).saturating_add(u64::from(is_at_end))
    }

    /// The nanoseconds since the beginning of the recording. They fit for 584 years.
    pub(super) fn time(&self, time: Duration) -> u64 {
        nanos(time.saturating_sub(self.recording.from))
    }

    fn add_processes(&mut self) {
        let scopes = &self.recording.scopes;
        let known: HashSet<u64> = scopes.iter().map(|scope| scope.number).collect();
        let outer = |scope: &ScopeTrack| {
            let (_, parent) = self.child(scope.parent?)?;
            known.contains(&parent.scope).then_some(parent.scope)
        };
        let mut inside: HashMap<Option<u64>, Vec<&ScopeTrack>> = HashMap::new();
        for scope in scopes {
            inside.entry(outer(scope)).or_default().push(scope);
        }
        let mut open: Vec<&ScopeTrack> = Vec::new();
        open.extend(inside.remove(&None).unwrap_or_default().into_iter().rev());
        while let Some(scope) = open.pop() {
            self.add(scope.number, title(scope, self), scope.limit);
            open.extend(inside.remove(&Some(scope.number)).unwrap_or_default().into_iter().rev());
        }
    }

    fn add_children(&mut self) {
        for (at, child) in self.recording.children.iter().enumerate() {
            // The recording may have given up the nursery.
            let process = match self.by_scope.get(&child.scope) {
                Some(&process) => process,
                None => self.add(child.scope, Owner::Nursery.noun().to_owned(), None),
            };
            self.processes[process].children.push(at);
        }
        for process in &mut self.processes {
            let (recording, tracks) = (self.recording, &self.tracks);
            process.children.sort_by_key(|&at| {
                (tracks.of(at), life(&recording.children[at], recording.to).from)
            });
        }
    }

    fn add(&mut self, scope: u64, name: String, limit: Option<usize>) -> usize {
        let at = self.processes.len();
        let counts = self.tracks.counts(scope);
        let pid = at as u64 + 1;
        let children = Vec::new();
        self.processes.push(Process { pid, name, limit, first_tid: 0, counts, children });
        self.by_scope.insert(scope, at);
        at
    }
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// `nursery "sync" in #3 fetch`.
fn title(scope: &ScopeTrack, layout: &Layout<'_>) -> String {
    let mut title = scope.owner.noun().to_owned();
    if let Some(name) = &scope.name {
        title = format!("{title} \"{}\"", Name { text: name, chars: MAX_MESSAGE });
    }
    if let Some((_, parent)) = scope.parent.and_then(|number| layout.child(number)) {
        title = format!("{title} in {}", parent.info.label());
    }
    title
}
