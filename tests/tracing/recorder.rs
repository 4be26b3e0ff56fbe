//! A layer that writes down what it is told of spans and events.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::dispatcher::DefaultGuard;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// Clones write to the same place.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Told>>);

#[derive(Default)]
pub(crate) struct Told {
    /// In the order in which they were opened.
    pub(crate) spans: Vec<Span>,
    pub(crate) events: Vec<Happened>,
    /// The labels of spans, as they were closed.
    pub(crate) closed: Vec<String>,
    pub(crate) most_open: usize,
    open: BTreeMap<u64, usize>,
}

/// A span, and how often it was entered and left.
pub(crate) struct Span {
    pub(crate) name: &'static str,
    pub(crate) fields: BTreeMap<&'static str, String>,
    pub(crate) level: Level,
    /// The place of its parent among the spans.
    pub(crate) parent: Option<usize>,
    pub(crate) enters: usize,
    pub(crate) exits: usize,
    pub(crate) is_open: bool,
}

/// An event, and the path of spans that it is in.
pub(crate) struct Happened {
    pub(crate) level: Level,
    pub(crate) path: String,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

impl Recorder {
    /// Makes it the default of this thread, until the guard is dropped.
    pub(crate) fn begin() -> (Self, DefaultGuard) {
        let recorder = Self::default();
        let guard = tracing::dispatcher::set_default(&recorder.subscriber());
        (recorder, guard)
    }

    pub(crate) fn subscriber(&self) -> Dispatch {
        Dispatch::new(Registry::default().with(self.clone()))
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each span with those around it, in the order in which they were opened.
    pub(crate) fn paths(&self) -> Vec<String> {
        let told = self.told();
        (0..told.spans.len()).map(|span| told.path(span)).collect()
    }

    /// Each event as `path: level message fields`.
    pub(crate) fn events(&self) -> Vec<String> {
        self.told().events.iter().map(Happened::line).collect()
    }

    /// Every span is closed, and was left as often as it was entered.
    pub(crate) fn check_all_is_over(&self) {
        let told = self.told();
        for (at, span) in told.spans.iter().enumerate() {
            assert_eq!(span.enters, span.exits, "{}", told.path(at));
            assert!(!span.is_open, "{}", told.path(at));
        }
    }
}

impl Told {
    fn path(&self, at: usize) -> String {
        let span = &self.spans[at];
        match span.parent {
            None => span.label(),
            Some(parent) => format!("{} > {}", self.path(parent), span.label()),
        }
    }
}

impl Span {
    /// `child fetch`, `child 3`, `nursery`.
    pub(crate) fn label(&self) -> String {
        match self.fields.get("name").or(self.fields.get("id")) {
            Some(what) => format!("{} {what}", self.name),
            None => self.name.into(),
        }
    }
}

impl Happened {
    fn line(&self) -> String {
        let mut fields = self.fields.clone();
        let message = fields.remove("message").unwrap_or_default();
        let mut line = format!("{}: {} {message}", self.path, self.level);
        for (name, value) in fields {
            line += &format!(" {name}={value}");
        }
        line
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let parent = cx.span(id).unwrap().parent().map(|parent| parent.id().into_u64());
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let mut told = self.told();
        let parent = parent.map(|parent| told.open[&parent]);
        let at = told.spans.len();
        told.spans.push(Span {
            name: attributes.metadata().name(),
            fields,
            level: *attributes.metadata().level(),
            parent,
            enters: 0,
            exits: 0,
            is_open: true,
        });
        told.open.insert(id.into_u64(), at);
        told.most_open = told.most_open.max(told.open.len());
    }

    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        panic!("all fields are known when a span is opened");
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let span = cx.event_span(event).map(|span| span.id().into_u64());
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let mut told = self.told();
        let path = span.map_or_else(String::new, |span| told.path(told.open[&span]));
        told.events.push(Happened { level: *event.metadata().level(), path, fields });
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        let mut told = self.told();
        let at = told.open[&id.into_u64()];
        told.spans[at].enters += 1;
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let mut told = self.told();
        let at = told.open[&id.into_u64()];
        told.spans[at].exits += 1;
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let mut told = self.told();
        let Some(at) = told.open.remove(&id.into_u64()) else { panic!("it was closed before") };
        told.spans[at].is_open = false;
        let label = told.spans[at].label();
        told.closed.push(label);
    }
}
