//! What a person reads at the end, and the accounts: whether each item has come to one end.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt;

use nestling::JoinedError;

use super::args::Args;
use super::ask::{Answer, REFUSALS};
use super::owner::{ASKED_AGAIN, ITEMS, Story, WORKERS};
use super::problem::Problem;
use super::{colour, fit, say};

const SIGKILL: i32 = 9;

/// Prints all failures as one tree, and what all came to.
pub(crate) fn print(story: &Story) {
    if let Some(error) = story.report.error() {
        let tree = error.tree().all().by_spawn_order().locations(false).numbers(false);
        say(format_args!("\n{}\n", fit::fit(&tree.marked(colour::marks).to_string()).trim_end()));
    }
    say(Accounts::of(story));
}

/// What all came to. The failures are counted in the error that was printed: so it is checked that
/// this has all of them.
pub(crate) struct Accounts<'a> {
    answers: &'a [Answer],
    /// How often each of the items was refused that were given up.
    given_up: Vec<(u64, usize)>,
    requests: u64,
    refusals: usize,
    /// Requests that had no reply, or not a last one.
    lost: usize,
    /// Workers' processes that were killed.
    killed: usize,
}

impl<'a> Accounts<'a> {
    pub(crate) fn of(story: &'a Story) -> Self {
        let group = |name| group(story.report.error()?, name);
        let (items, asked_again) = (group(ITEMS), group(ASKED_AGAIN));
        let given_up = items.into_iter().flatten().map(|failed| {
            let refusals = failed.failure().group().map_or(0, refusals);
            (failed.child().id().number(), refusals)
        });
        let requests = [items, asked_again].into_iter().flatten();
        let refused = requests.clone().map(refusals).sum();
        let failed: usize = requests.map(|requests| requests.leaves().count()).sum();
        let killed = |problem: &Problem| match problem {
            Problem::Ended { status, .. } => status.signal() == Some(SIGKILL),
            _ => false,
        };
        Self {
            answers: &story.answers,
            given_up: given_up.collect(),
            requests: story.requests,
            refusals: refused,
            lost: failed - refused,
            killed: group(WORKERS).map_or(0, |workers| count(workers, killed)),
        }
    }

    /// Whether each item has come to one end, and each request.
    pub(crate) fn check(&self, args: &Args) -> Result<(), String> {
        let mut ends: BTreeMap<u64, usize> = (0..args.items).map(|item| (item, 0)).collect();
        let answered = self.answers.iter().map(|answer| answer.item);
        for item in answered.chain(self.given_up.iter().map(|(item, _)| *item)) {
            *ends.entry(item).or_default() += 1;
        }
        if let Some((item, ends)) =
            ends.iter().find(|(item, ends)| **ends != 1 || **item >= args.items)
        {
            return Err(format!("item {item} has come to {ends} ends"));
        }
        if let Some(wrong) = self.answers.iter().find(|it| it.item * it.inverse % 13 != 1) {
            return Err(format!("the answer of {} for item {} is wrong", wrong.worker, wrong.item));
        }
        if let Some((item, refusals)) = self.given_up.iter().find(|(_, count)| *count != REFUSALS) {
            return Err(format!("item {item} was given up after {refusals} refusals"));
        }
        if self.requests != (self.answers.len() + self.refusals + self.lost) as u64 {
            return Err(format!("{} requests were made", self.requests));
        }
        if self.killed != 1 {
            return Err(format!("{} workers were killed", self.killed));
        }
        Ok(())
    }
}

impl fmt::Display for Accounts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, given_up, requests, refusals, lost, .. } = self;
        let (answered, given_up) = (answers.len(), given_up.len());
        writeln!(f, "{} items: {answered} answered, {given_up} given up", answered + given_up)?;
        writeln!(
            f,
            "{requests} requests: {answered} answered, {refusals} refused, {lost} lost, made again"
        )?;
        // By the length of the name before the name: 9 comes before 10.
        let mut workers: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        for Answer { worker, .. } in *answers {
            *workers.entry((worker.len(), worker)).or_default() += 1;
        }
        let workers = workers.iter().map(|((_, worker), answers)| format!("{answers} by {worker}"));
        write!(f, "{answered} answers: {}", workers.collect::<Vec<_>>().join(", "))
    }
}

/// The group of this name within the error.
fn group<'a>(error: &'a JoinedError<Problem>, name: &str) -> Option<&'a JoinedError<Problem>> {
    error.iter().find(|failed| failed.child().name() == Some(name))?.failure().group()
}

fn refusals(error: &JoinedError<Problem>) -> usize {
    count(error, |problem| matches!(problem, Problem::Refused { .. }))
}

fn count(error: &JoinedError<Problem>, is_so: impl Fn(&Problem) -> bool) -> usize {
    error.leaves().filter(|leaf| leaf.error().is_some_and(&is_so)).count()
}
