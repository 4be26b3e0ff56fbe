//! The spans: one of each nursery that is traced, and one of each child in it.
//!
//! | span | opened | hangs from | closed |
//! |---|---|---|---|
//! | of a nursery | for the first child that starts | the span that was current when it was made or traced | when the nursery is gone |
//! | of a child | at its first poll | its nursery's, wherever it was spawned | when the child is gone |
//!
//! So every field is known when a span is opened. A child that never starts has none, and what is
//! told of it is told in its nursery's.
//!
//! All of a nursery goes to the subscriber that was the default one when it was made or traced, on
//! whichever thread its children are polled: a span's parent has to be of the same subscriber.
//!
//! Subscribers are foreign code. They are called without a lock being held, and panics of theirs
//! are discarded.

use std::mem;
use std::sync::{Arc, OnceLock, PoisonError};

use tracing::dispatcher::{get_default, with_default};
use tracing::field::display;
use tracing::span::Id;
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level, Span, event, span};

use crate::cancel::Cause;
use crate::guard::{catch, drop_quietly};
use crate::info::{ChildInfo, Owner};
use crate::observe::kinds::EndKind;
use crate::observe::record::Record;
use crate::observe::scene::Scene;
use crate::sync::{Mutex, MutexGuard};

/// Calls a subscriber. `None` if that panics.
fn attempt<R>(call: impl FnOnce() -> R) -> Option<R> {
    catch(call).map_err(drop_quietly).ok()
}

/// A span that is closed when this is dropped, whatever its subscriber does then.
struct Open(Option<Span>);

impl Open {
    fn new(span: Span) -> Self {
        Self(Some(span).filter(|span| !span.is_disabled()))
    }

    fn none() -> Self {
        Self(None)
    }

    /// The span, unless the subscriber has no use for it.
    fn span(&self) -> Option<&Span> {
        self.0.as_ref()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(span) = self.0.take() else { return };
        let subscriber = span.with_subscriber(|(_, subscriber)| subscriber.clone());
        attempt(|| match subscriber {
            // A registry closes the span around by the thread's own, which may be another.
            Some(subscriber) => with_default(&subscriber, || drop(span)),
            None => drop(span),
        });
    }
}

/// The span of a nursery, which is none unless it is traced. Clones are the same span.
#[derive(Clone)]
pub(in crate::observe) struct NurserySpan(Option<Arc<Hung>>);

struct Hung {
    /// What the nursery's span hangs from.
    from: Open,
    subscriber: Dispatch,
    own: OnceLock<Open>,
}

impl NurserySpan {
    pub(in crate::observe) const NONE: Self = Self(None);

    /// For a nursery that is traced. `inside` is the child in whose poll it is made.
    ///
    /// The current span is that child's, or one that was entered in its code.
    pub(in crate::observe) fn new(inside: Option<&Record>) -> Self {
        let mut from = attempt(|| Open::new(Span::current())).unwrap_or_else(Open::none);
        if from.span().is_none() {
            // The subscriber does not tell, or the child's code has another.
            from = inside.map_or_else(Open::none, around);
        }
        let subscriber = from.span().and_then(|span| span.with_subscriber(|(_, own)| own.clone()));
        let subscriber = subscriber.unwrap_or_else(|| get_default(Dispatch::clone));
        Self(Some(Arc::new(Hung { from, subscriber, own: OnceLock::new() })))
    }

    /// Opens the span. Only the driver does, as a child starts.
    pub(in crate::observe) fn open(&self, nursery: &Scene) {
        let Some(hung) = &self.0 else { return };
        if hung.own.get().is_some() {
            return;
        }
        let name = nursery.name();
        let name = name.as_deref();
        let parent = hung.from.span().and_then(Span::id);
        let opened = hung.call(|| match nursery.owner {
            Owner::Nursery => {
                span!(target: "nestling", parent: parent, Level::INFO, "nursery", name)
            }
            _ => span!(target: "nestling", parent: parent, Level::INFO, "pool", name),
        });
        // Opened before it is kept: nothing waits for a subscriber.
        drop(hung.own.set(opened));
    }

    /// The span of a child that starts.
    fn open_child(&self, owner: Owner, info: &ChildInfo) -> Open {
        let Some(hung) = &self.0 else { return Open::none() };
        let parent = hung.inner().and_then(Span::id);
        let (name, spawned_at) = (info.name(), display(Line(info)));
        hung.call(|| match number(info) {
            None => {
                span!(target: "nestling", parent: parent, Level::INFO, "body", spawned_at)
            }
            Some(id) if owner == Owner::Pool => {
                span!(target: "nestling", parent: parent, Level::INFO, "item", id, name, spawned_at)
            }
            Some(id) => {
                span!(target: "nestling", parent: parent, Level::INFO, "child", id, name, spawned_at)
            }
        })
    }
}

impl Hung {
    /// Has a span opened by the subscriber.
    fn call(&self, open: impl FnOnce() -> Span) -> Open {
        self.by(|| Open::new(open())).unwrap_or_else(Open::none)
    }

    /// Calls the subscriber. If there was none at first, it is the one that there is now.
    fn by<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        if self.subscriber.is::<NoSubscriber>() {
            return attempt(call);
        }
        attempt(|| with_default(&self.subscriber, call))
    }

    /// What children hang from. A span that the subscriber has no use for is passed over.
    fn inner(&self) -> Option<&Span> {
        self.own.get().and_then(Open::span).or_else(|| self.from.span())
    }
}

/// The span around what is made in the poll of this child.
fn around(child: &Record) -> Open {
    match child.span.opened() {
        Some(started) => {
            let span = started.span.span().or_else(|| started.nursery.0.as_ref()?.inner());
            attempt(|| Open(span.cloned())).unwrap_or_else(Open::none)
        }
        None => Open::none(),
    }
}

/// The number of a child. The body of a run has none.
fn number(info: &ChildInfo) -> Option<u64> {
    Some(info.id().number()).filter(|_| !info.is_body())
}

/// The line that spawned a child.
struct Line<'a>(&'a ChildInfo);

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let location = self.0.location();
        write!(f, "{}:{}", location.file(), location.line())
    }
}

/// The span of a child.
pub(in crate::observe) struct ChildSpan(Mutex<State>);

struct State {
    life: Life,
    /// It was told that the child is cancelled.
    cancelled: bool,
}

#[derive(Clone)]
enum Life {
    Unstarted(NurserySpan),
    Started(Arc<Started>),
    Ended,
}

/// The span of a child that has started. It is closed before its nursery's.
struct Started {
    span: Open,
    nursery: NurserySpan,
}

/// The child's span is entered, until this is dropped on the same thread.
pub(crate) struct InSpan(Option<Arc<Started>>);

impl ChildSpan {
    pub(in crate::observe) fn new(nursery: NurserySpan) -> Self {
        let life = Life::Unstarted(nursery);
        Self(Mutex::new(State { life, cancelled: false }))
    }

    /// Enters the span for a poll, and opens it for the first.
    pub(in crate::observe) fn start(&self, record: &Record) -> InSpan {
        if !record.scene.is_traced() {
            return InSpan(None);
        }
        let life = self.lock().life.clone();
        match life {
            Life::Started(started) => InSpan::new(started),
            Life::Ended => InSpan(None),
            Life::Unstarted(nursery) => {
                nursery.open(&record.scene);
                let span = nursery.open_child(record.scene.owner, &record.info);
                let started = Arc::new(Started { span, nursery });
                let before = {
                    let mut state = self.lock();
                    // Where its nursery was dropped meanwhile, a remote child has ended already.
                    if let Life::Ended = state.life {
                        None
                    } else {
                        let life = Life::Started(Arc::clone(&started));
                        Some(mem::replace(&mut state.life, life))
                    }
                };
                before.map_or(InSpan(None), |_| InSpan::new(started))
            }
        }
    }

    /// Enters the span, if it is open, while the child's future is dropped.
    pub(in crate::observe) fn enter(&self) -> InSpan {
        self.opened().map_or(InSpan(None), InSpan::new)
    }

    fn opened(&self) -> Option<Arc<Started>> {
        match &self.lock().life {
            Life::Started(started) => Some(Arc::clone(started)),
            Life::Unstarted(_) | Life::Ended => None,
        }
    }

    /// Tells that the child is cancelled.
    pub(in crate::observe) fn cancelled(&self, record: &Record, cause: &Cause) {
        if !record.scene.is_traced() {
            return;
        }
        let life = {
            let mut state = self.lock();
            if mem::replace(&mut state.cancelled, true) {
                return;
            }
            state.life.clone()
        };
        tell(record, &life, |parent, id, name| {
            let cause = display(cause);
            event!(target: "nestling", parent: parent, Level::DEBUG, id, name, cause, "cancelled");
        });
    }

    /// Tells how the child has ended, unless it has completed, and closes the span.
    pub(in crate::observe) fn end(&self, record: &Record, kind: EndKind) {
        if !record.scene.is_traced() {
            return;
        }
        let (life, cancelled) = {
            let mut state = self.lock();
            (mem::replace(&mut state.life, Life::Ended), state.cancelled)
        };
        if let Life::Unstarted(nursery) = &life {
            nursery.open(&record.scene);
        }
        if kind.is_failure() {
            tell(record, &life, |parent, id, name| {
                event!(target: "nestling", parent: parent, Level::WARN, id, name, "{kind}");
            });
        } else if kind == EndKind::Cancelled && !cancelled {
            tell(record, &life, |parent, id, name| {
                event!(target: "nestling", parent: parent, Level::DEBUG, id, name, "dropped");
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells something of a child: in its span; or around it, with which child it is.
fn tell(record: &Record, life: &Life, tell: impl FnOnce(Option<Id>, Option<u64>, Option<&str>)) {
    let (span, nursery) = match life {
        Life::Unstarted(nursery) => (None, nursery),
        Life::Started(started) => (started.span.span(), &started.nursery),
        Life::Ended => return,
    };
    let Some(hung) = &nursery.0 else { return };
    hung.by(|| match span {
        Some(span) => tell(span.id(), None, None),
        None => {
            let around = hung.inner().and_then(Span::id);
            tell(around, number(&record.info), record.info.name());
        }
    });
}

impl InSpan {
    fn new(started: Arc<Started>) -> Self {
        let entered = started.span.span().and_then(|span| {
            attempt(|| span.with_subscriber(|(id, subscriber)| subscriber.enter(id)))
        });
        Self(entered.map(|_| started))
    }
}

impl Drop for InSpan {
    fn drop(&mut self) {
        if let Some(span) = self.0.as_ref().and_then(|started| started.span.span()) {
            // Older registries count how often it is entered, and count down by the thread's own.
            attempt(|| {
                span.with_subscriber(|(id, subscriber)| {
                    with_default(subscriber, || subscriber.exit(id));
                })
            });
        }
    }
}
