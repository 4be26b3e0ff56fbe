//! When a failure cancels the siblings.

use std::mem;
use std::panic::Location;

use smallvec::SmallVec;

use crate::cancel::Cause;
use crate::error::{ChildError, Failure, First, Panic, Sources, with_causes};
use crate::flavor::Flavor;
use crate::guard::{catch, drop_guarded, drop_quietly};
use crate::info::Owner;
use crate::text::{MAX_MESSAGE, Message};

/// The policy, and how the failure is told in the cause.
pub(crate) struct Policy<'env, E, M: Flavor> {
    rule: Rule<'env, E, M>,
    /// In a box, as most nurseries have none, and nurseries nest.
    rare: Option<Box<Rare<'env, E, M>>>,
    /// What the policy belongs to.
    pub(crate) owner: Owner,
    /// What is ready when a failure cancels the nursery is polled once more.
    pub(crate) drains_ready: bool,
}

/// What few nurseries are given.
struct Rare<'env, E, M: Flavor> {
    /// How the text of an error is made that a cause tells.
    text: Option<fn(&E) -> String>,
    /// What is told of each failure.
    told: Option<Asked<'env, E, M>>,
    /// Panics of that, which are not recorded yet, and the line that gave it.
    panics: Vec<(&'static Location<'static>, Panic)>,
    /// How errors lead to what they were caused by.
    sources: Option<Sources<E>>,
}

enum Rule<'env, E, M: Flavor> {
    /// Failures are collected and nothing else.
    Collect,
    FirstError,
    Ask(Box<Asked<'env, E, M>>),
}

/// A policy, and the line that gave it.
type Asked<'env, E, M> = (<M as Flavor>::Policy<'env, ChildError<E>>, &'static Location<'static>);

/// What a failure leads to.
pub(crate) enum Verdict {
    GoOn,
    Cancel(Cause),
    /// The policy itself panicked, and perhaps its destructor too; that ends the run as well.
    Broken(Cause, SmallVec<[Panic; 1]>),
}

impl<'env, E, M: Flavor> Policy<'env, E, M> {
    pub(crate) fn collect(owner: Owner) -> Self {
        Self { rule: Rule::Collect, rare: None, owner, drains_ready: false }
    }

    /// `text` is used unless `cause_text` gave another.
    pub(crate) fn stop_at_first(&mut self, text: fn(&E) -> String) {
        self.rule = Rule::FirstError;
        self.rare().text.get_or_insert(text);
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, policy: M::Policy<'env, ChildError<E>>) {
        self.rule = Rule::Ask(Box::new((policy, Location::caller())));
    }

    #[track_caller]
    pub(crate) fn tell(&mut self, told: M::Policy<'env, ChildError<E>>) {
        self.rare().told = Some((told, Location::caller()));
    }

    pub(crate) fn lead_to_sources(&mut self, sources: Sources<E>) {
        self.rare().sources = Some(sources);
    }

    pub(crate) fn sources(&self) -> Option<Sources<E>> {
        self.rare.as_ref().and_then(|rare| rare.sources)
    }

    fn rare(&mut self) -> &mut Rare<'env, E, M> {
        let none = || Box::new(Rare { text: None, told: None, panics: Vec::new(), sources: None });
        self.rare.get_or_insert_with(none)
    }

    /// Tells of a failure. After a panic nothing is told any more.
    pub(crate) fn hear(&mut self, error: &ChildError<E>) {
        let Some(rare) = &mut self.rare else { return };
        let Some(told) = &mut rare.told else { return };
        if let Err(thrown) = catch(|| M::ask(&mut told.0, error)) {
            let location = told.1;
            let dropped = drop_guarded(rare.told.take()).err();
            let panics = std::iter::once(thrown).chain(dropped).map(Panic::of_failure_callback);
            rare.panics.extend(panics.map(|panic| (location, panic)));
        }
    }

    /// The panics of what is told, each once.
    pub(crate) fn take_panics(&mut self) -> Vec<(&'static Location<'static>, Panic)> {
        self.rare.as_mut().map(|rare| mem::take(&mut rare.panics)).unwrap_or_default()
    }

    /// Takes out what is told, at the end.
    pub(crate) fn stop_telling(&mut self) -> Option<Asked<'env, E, M>> {
        self.rare.as_mut()?.told.take()
    }

    /// Takes the policy out, if it is one that is asked. From now on failures are collected.
    pub(crate) fn retire(&mut self) -> Option<Asked<'env, E, M>> {
        match mem::replace(&mut self.rule, Rule::Collect) {
            Rule::Ask(asked) => Some(*asked),
            Rule::Collect | Rule::FirstError => None,
        }
    }

    pub(crate) fn tell_by(&mut self, text: fn(&E) -> String) {
        self.rare().text = Some(text);
    }

    pub(crate) fn judge(&mut self, error: &ChildError<E>) -> Verdict {
        let stop = match &mut self.rule {
            Rule::Collect => Ok(false),
            Rule::FirstError => Ok(true),
            Rule::Ask(asked) => catch(|| M::ask(&mut asked.0, error)),
        };
        match stop {
            Ok(false) => Verdict::GoOn,
            Ok(true) => Verdict::Cancel(self.cause(error)),
            Err(thrown) => {
                let dropped = drop_guarded(self.retire()).err();
                let panics = std::iter::once(thrown).chain(dropped).map(Panic::of_policy);
                Verdict::Broken(self.cause(error), panics.collect())
            }
        }
    }

    fn cause(&self, error: &ChildError<E>) -> Cause {
        Cause::child_failed(self.owner, error.child().clone(), self.message(error.failure()))
    }

    fn message(&self, failure: &Failure<E>) -> Option<String> {
        match failure {
            // The user's `Display` may panic; the cause is then told without text.
            Failure::Error(error) => {
                let text = |text: fn(&E) -> String| match self.sources() {
                    Some(sources) => with_causes(error, sources, text(error)),
                    None => text(error),
                };
                catch(|| self.rare.as_ref()?.text.map(text)).unwrap_or_else(|thrown| {
                    drop_quietly(thrown);
                    None
                })
            }
            Failure::Group(group) => {
                let first = First::of(group);
                // That is no group: this goes no deeper.
                Some(match self.message(first.failure()) {
                    Some(text) => format!("{first}: {}", Message::new(text, MAX_MESSAGE)),
                    None => first.to_string(),
                })
            }
            Failure::Panic(panic) => Some(panic.to_string()),
            Failure::TimedOut(_) => Some(String::from("timed out")),
            Failure::Executor(error) => Some(error.to_string()),
            Failure::GaveUp(cause) => Some(format!("given up: {cause}")),
        }
    }
}
