//! When a failure cancels the siblings.

use std::mem;

use crate::cancel::Cause;
use crate::error::{ChildError, Failure, Panic, Who};
use crate::flavor::Flavor;
use crate::guard::{catch, discard};

/// The policy, and how the failure is told in the cause.
pub(crate) struct Policy<'env, E, M: Flavor> {
    rule: Rule<'env, E, M>,
    text: Option<fn(&E) -> String>,
}

enum Rule<'env, E, M: Flavor> {
    /// Failures are collected and nothing else.
    Collect,
    FirstError,
    Ask(M::Policy<'env, ChildError<E>>),
}

/// What a failure leads to.
pub(crate) enum Verdict {
    GoOn,
    Cancel(Cause),
    /// The policy itself panicked; that ends the run too.
    Broken(Cause, Panic),
}

impl<'env, E, M: Flavor> Policy<'env, E, M> {
    pub(crate) fn collect() -> Self {
        Self { rule: Rule::Collect, text: None }
    }

    /// `text` is used unless `describe` gave another.
    pub(crate) fn stop_at_first(&mut self, text: fn(&E) -> String) {
        self.rule = Rule::FirstError;
        self.text.get_or_insert(text);
    }

    pub(crate) fn ask(&mut self, policy: M::Policy<'env, ChildError<E>>) {
        self.rule = Rule::Ask(policy);
    }

    pub(crate) fn tell_by(&mut self, text: fn(&E) -> String) {
        self.text = Some(text);
    }

    pub(crate) fn judge(&mut self, error: &ChildError<E>) -> Verdict {
        let stop = match &mut self.rule {
            Rule::Collect => Ok(false),
            Rule::FirstError => Ok(true),
            Rule::Ask(policy) => catch(|| M::ask(policy, error)),
        };
        match stop {
            Ok(false) => Verdict::GoOn,
            Ok(true) => Verdict::Cancel(self.cause(error)),
            Err(thrown) => {
                discard(mem::replace(&mut self.rule, Rule::Collect));
                Verdict::Broken(self.cause(error), Panic::of_policy(thrown))
            }
        }
    }

    fn cause(&self, error: &ChildError<E>) -> Cause {
        Cause::child_failed(error.child().clone(), self.message(error.failure()))
    }

    fn message(&self, failure: &Failure<E>) -> Option<String> {
        match failure {
            // The user's `Display` may panic; the cause is then told without text.
            Failure::Error(error) => {
                catch(|| self.text.map(|text| text(error))).unwrap_or_else(|thrown| {
                    discard(thrown);
                    None
                })
            }
            Failure::Group(group) => Some(format!("{} failed", Who(group))),
            Failure::Panic(panic) => Some(panic.to_string()),
            Failure::TimedOut(_) => Some(String::from("timed out")),
        }
    }
}
