//! What a pool has reported, against what it must.

use std::collections::BTreeSet;

use nestling::Failure;
use nestling::outcome::CauseKind;

use super::rules::{Expected, Kind};
use super::run::Ran;
use super::script::{Rule, Script};

pub(super) fn judge(script: &Script, expected: &Expected, ran: &Ran) -> Result<(), String> {
    let (asked, report) = (ran.asked, ran.report.as_ref());
    let Expected { exact, gave_up, .. } = *expected;
    if exact && matches!(script.rule, Rule::Nth(_)) && asked != expected.asked {
        return Err(format!("the policy is asked {asked} times"));
    }
    if gave_up && (expected.stopped || !expected.lost) {
        return Err(String::from("the pool gives up"));
    }
    let Some(report) = report else {
        // All signals were sent: who is there waits for ever.
        let waits = !expected.alive.is_empty();
        return if waits { Ok(()) } else { Err(String::from("the pool hangs")) };
    };
    let wrong = |what: &str| Err(format!("{what} is wrong: {report:?}"));
    if !expected.alive.is_empty() {
        return wrong("the end");
    }
    if !expected.stopped && !gave_up && expected.made < script.items.len() {
        return wrong("the number of items");
    }
    let outputs: BTreeSet<_> = report.outputs().iter().map(|(_, number)| **number).collect();
    if outputs != expected.outputs {
        return wrong("what has succeeded");
    }
    let number = |child: &nestling::spawn::ChildInfo| child.id().number() as usize;
    let cancelled: BTreeSet<_> = report.cancelled().iter().map(|one| number(one.child())).collect();
    // Elsewhere items are pulled ahead, and no lane has begun these.
    let begun: BTreeSet<_> = cancelled.iter().copied().filter(|one| *one < expected.made).collect();
    let ahead = cancelled.len() - begun.len();
    let most = if script.remote { 2 * script.limit } else { begun.len() };
    if begun != expected.cancelled || begun.len() + ahead > most {
        return wrong("who is cancelled");
    }
    let failures: Vec<_> = report
        .error()
        .into_iter()
        .flat_map(|error| error.iter())
        .filter(|error| !error.child().is_nursery())
        .map(|error| {
            let kind = match error.failure() {
                Failure::Error(_) => Kind::Error,
                Failure::Panic(panic) if panic.to_string().contains("destructor") => {
                    Kind::DropPanic
                }
                Failure::Executor(_) => Kind::Lost,
                _ => Kind::Panic,
            };
            (number(error.child()), kind, error.after_cancel())
        })
        .collect();
    let mut wanted = expected.failures.clone();
    let counts = report.counts();
    let beyond = wanted.split_off(wanted.len().min(script.keep()));
    let mut not_stored = beyond.len();
    // What has stopped the pool is kept in any case, unless a handle was first.
    let by_failure = report.cause().is_some_and(|cause| cause.kind() == CauseKind::ChildFailed);
    let decisive = expected.decisive.filter(|_| by_failure);
    if let Some(decisive) = decisive.and_then(|at| beyond.get(at.checked_sub(script.keep())?)) {
        wanted.push(*decisive);
        not_stored -= 1;
    }
    if counts.not_stored() != not_stored as u64 {
        return wrong("the count of what was not stored");
    }
    let same = failures.len() == wanted.len()
        && failures.iter().zip(&wanted).all(|(seen, wanted)| {
            (seen.0, seen.1) == (wanted.0, wanted.1) && (!exact || seen.2 == wanted.2)
        });
    if !same {
        return wrong("a failure");
    }
    let completed = expected.outputs.difference(&expected.failed).count();
    let told = (counts.completed(), counts.failed(), counts.cancelled());
    if told != (completed as u64, expected.failed.len() as u64, cancelled.len() as u64) {
        return wrong("a count");
    }
    if report.cause().is_some() != (expected.stopped || gave_up) {
        return wrong("the cause");
    }
    Ok(())
}
