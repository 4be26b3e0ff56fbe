//! A recording in the trace event format of Chrome, for <https://ui.perfetto.dev> and
//! `chrome://tracing`.
//!
//! | in the recording | in the trace |
//! |---|---|
//! | a nursery or a pool | a process, with counters of the children that run and are queued |
//! | a [track](super::tracks) of it | a thread |
//! | a child | a slice, from its start to its end |
//! | a poll | a slice inside that |
//! | the time in which a child is queued | an asynchronous slice |
//! | a wake by another child | an arrow from the poll that woke to the poll that came of it |
//!
//! The format is described in "Trace Event Format" of the Chromium project. It leaves open what
//! a viewer does with slices that touch or have no length. Perfetto sorts all events by time, the
//! longer slice before the shorter and slices before arrows, and then in the order of the file; an
//! arrow belongs to the slice that was the last to begin. So no two slices of a thread begin at the
//! same time, but for a child and its first poll.

mod arrows;
mod counters;
mod layout;
mod polls;
mod text;

use std::fmt::{self, Write};
use std::time::Duration;

use self::arrows::{Arrow, arrows};
use self::counters::counts;
use self::layout::{Layout, Process, nanos};
use self::polls::{Slice, slices};
use self::text::Object;
use super::life::{has_started, queued};
use super::recording::{ChildTrack, Recording};
use crate::observe::human::Human;
use crate::observe::{EndKind, WokenBy};

/// Writes the recording as one JSON object. Times count from its beginning.
pub(crate) fn json(recording: &Recording, out: &mut dyn Write) -> fmt::Result {
    let layout = Layout::new(recording);
    out.write_str("{\"displayTimeUnit\":\"ms\",")?;
    if recording.dropped > 0 {
        write!(out, "\"otherData\":{{\"entries dropped\":\"{}\"}},", recording.dropped)?;
    }
    out.write_str("\"traceEvents\":[")?;
    let mut events = Events { out, is_empty: true };
    for process in &layout.processes {
        events.names(process)?;
    }
    for process in &layout.processes {
        for &child in &process.children {
            events.child(&layout, child)?;
        }
    }
    let mut id = 0;
    arrows(&layout, |arrow| {
        id += 1;
        events.arrow(id, &arrow)
    })?;
    for process in &layout.processes {
        events.counters(&layout, process)?;
    }
    out.write_str("\n]}\n")
}

struct Events<'a> {
    out: &'a mut dyn Write,
    is_empty: bool,
}

impl Events<'_> {
    /// One line of the file.
    fn event(
        &mut self,
        phase: &str,
        name: impl fmt::Display,
        write: impl FnOnce(&mut Object<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let end = if std::mem::take(&mut self.is_empty) { "\n" } else { ",\n" };
        self.out.write_str(end)?;
        let mut event = Object::open(self.out)?;
        event.text("ph", phase)?;
        event.text("name", name)?;
        write(&mut event)?;
        event.close()
    }

    /// An event of a thread.
    fn event_at(
        &mut self,
        phase: &str,
        (category, name): (&str, &dyn fmt::Display),
        (pid, tid): (u64, u64),
        time: u64,
        write: impl FnOnce(&mut Object<'_>) -> fmt::Result,
    ) -> fmt::Result {
        self.event(phase, name, |event| {
            event.text("cat", category)?;
            event.number("pid", pid)?;
            event.number("tid", tid)?;
            event.micros("ts", time)?;
            write(event)
        })
    }

    fn names(&mut self, process: &Process) -> fmt::Result {
        let pid = process.pid;
        let mut about = |what, write: &dyn Fn(&mut Object<'_>) -> fmt::Result| {
            self.event("M", what, |event| {
                event.number("pid", pid)?;
                event.object("args", write)
            })
        };
        about("process_name", &|args| args.text("name", &process.name))?;
        about("process_sort_index", &|args| args.number("sort_index", pid))?;
        if let Some(limit) = process.limit {
            about("process_labels", &|args| args.text("labels", format_args!("limit {limit}")))?;
        }
        for track in 0..process.counts.all() {
            let tid = process.first_tid + track as u64;
            let mut about = |what, write: &dyn Fn(&mut Object<'_>) -> fmt::Result| {
                self.event("M", what, |event| {
                    event.number("pid", pid)?;
                    event.number("tid", tid)?;
                    event.object("args", write)
                })
            };
            about("thread_name", &|args| match track.checked_sub(process.counts.started) {
                None => args.text("name", format_args!("lane {}", track + 1)),
                Some(track) => args.text("name", format_args!("never started {}", track + 1)),
            })?;
            about("thread_sort_index", &|args| args.number("sort_index", tid))?;
        }
        Ok(())
    }

    fn child(&mut self, layout: &Layout<'_>, at: usize) -> fmt::Result {
        let child = &layout.recording.children[at];
        let (place, life) = (layout.place(at), layout.life(child));
        let label = child.info.label();
        let name = format!("{label}{}", mark(child));
        self.event_at("X", ("child", &name), place, layout.time(life.from), |event| {
            event.micros("dur", layout.length(child))?;
            if let Some(colour) = colour(child) {
                event.text("cname", colour)?;
            }
            event.object("args", |args| about_child(args, layout, child))
        })?;
        for slice in slices(&child.polls) {
            self.event_at("X", ("poll", &"poll"), place, layout.time(slice.began), |event| {
                event.micros("dur", nanos(slice.ended - slice.began))?;
                about_polls(event, &slice)
            })?;
        }
        let queued = queued(child, layout.recording.to);
        if !has_started(child) || queued.length().is_zero() {
            return Ok(());
        }
        // Of the same name, so that a viewer has one group for all of them.
        self.event_at("b", ("queued", &"queued"), place, layout.time(queued.from), |event| {
            event.text("id", format_args!("{:#x}", child.number))?;
            event.object("args", |args| args.text("child", &label))
        })?;
        self.event_at("e", ("queued", &"queued"), place, layout.time(queued.to), |event| {
            event.text("id", format_args!("{:#x}", child.number))
        })
    }

    fn arrow(&mut self, id: u64, arrow: &Arrow) -> fmt::Result {
        let name: (&str, &dyn fmt::Display) = ("wake", &"wake");
        self.event_at("s", name, arrow.from, arrow.woken, |event| event.number("id", id))?;
        self.event_at("f", name, arrow.to, arrow.polled, |event| {
            event.number("id", id)?;
            // Belongs to the slice around it, and not to the next that begins.
            event.text("bp", "e")
        })
    }

    fn counters(&mut self, layout: &Layout<'_>, process: &Process) -> fmt::Result {
        for count in counts(layout, &process.children) {
            self.event("C", "children", |event| {
                event.number("pid", process.pid)?;
                event.micros("ts", layout.time(count.time))?;
                event.object("args", |args| {
                    args.number("running", count.running)?;
                    args.number("queued", count.queued)
                })
            })?;
        }
        Ok(())
    }
}

/// What is added to the name of a child.
fn mark(child: &ChildTrack) -> String {
    match child.ended {
        Some((_, EndKind::Completed)) => String::new(),
        Some((_, kind)) if kind.is_failure() => format!(" ✗ {kind}"),
        Some((_, kind)) => format!(" ({kind})"),
        None => " (unfinished)".to_owned(),
    }
}

/// A colour that `chrome://tracing` has a name for; Perfetto has its own by the name of the event.
fn colour(child: &ChildTrack) -> Option<&'static str> {
    match child.ended {
        Some((_, kind)) if kind.is_failure() => Some("terrible"),
        Some((_, EndKind::Completed)) => None,
        Some(_) => Some("grey"),
        None => Some("yellow"),
    }
}

fn about_child(args: &mut Object<'_>, layout: &Layout<'_>, child: &ChildTrack) -> fmt::Result {
    let location = child.info.location();
    args.text("child", child.info.label())?;
    args.number("number", child.number)?;
    match child.ended {
        Some((_, kind)) => args.text("outcome", kind)?,
        None => args.text("outcome", "unfinished")?,
    }
    args.text("spawned at", format_args!("{}:{}", location.file(), location.line()))?;
    if let Some((_, spawner)) = child.spawned_by.and_then(|number| layout.child(number)) {
        args.text("spawned by", spawner.info.label())?;
    }
    args.text("queued", Human(queued(child, layout.recording.to).length()))?;
    let lengths = child.polls.iter().map(|poll| poll.ended.saturating_sub(poll.began));
    args.number("polls", child.polls.len() as u64)?;
    if let Some(longest) = lengths.clone().max() {
        args.text("polled", Human(lengths.fold(Duration::ZERO, Duration::saturating_add)))?;
        args.text("longest poll", Human(longest))?;
    }
    let count = |is: fn(&WokenBy) -> bool| {
        let wakes = child.polls.iter().filter_map(|poll| poll.woken.as_ref());
        wakes.filter(|(_, by)| is(by)).count() as u64
    };
    let wakes = [
        ("woken by itself", count(|by| matches!(by, WokenBy::Itself))),
        ("woken by children", count(|by| matches!(by, WokenBy::Child { .. }))),
        ("woken from outside", count(|by| matches!(by, WokenBy::Outside))),
    ];
    let mut wakes = wakes.into_iter().filter(|(_, count)| *count > 0);
    wakes.try_for_each(|(key, count)| args.number(key, count))
}

/// Most polls of a first time have nothing to be said of.
fn about_polls(event: &mut Object<'_>, slice: &Slice<'_>) -> fmt::Result {
    let wake = slice.polls.iter().find_map(|poll| poll.woken.as_ref());
    let count = slice.polls.len();
    if wake.is_none() && count == 1 {
        return Ok(());
    }
    event.object("args", |args| {
        if count > 1 {
            args.number("polls", count as u64)?;
        }
        let Some((time, by)) = wake else { return Ok(()) };
        args.text("woken by", by)?;
        args.text("woken before", Human(slice.began.saturating_sub(*time)))
    })
}
