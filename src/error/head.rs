//! The words that the line and the tree share: what failed, and how it is called.

use std::fmt::{self, Display};
use std::iter;

use super::failure::{GivenUp, TimedOut};
use super::joined::Sources;
use super::nested::{hide, was_shown, with_hidden};
use super::settings::Settings;
use super::walk::Entry;
use super::{ChildError, Failure, JoinedError};
use crate::info::{Called, ChildInfo, Owner};
use crate::text::{Cut, MAX_NAME, lines, tells};

/// How the error of a leaf is written: by its `Display` or by its `Debug`.
pub(super) type Leaf<E> = fn(&E, &mut dyn fmt::Write) -> fmt::Result;

/// With what an error shows of its chain where `{:#}` is how it does so.
pub(super) fn by_display<E: Display>(error: &E, out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{error:#}")
}

pub(super) fn by_debug<E: fmt::Debug>(error: &E, out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{error:?}")
}

/// `the body and 3 of 40 children`; what was given to the nursery, such as a deadline,
/// is `the nursery itself`.
pub(super) struct Failing<'a, E>(pub(super) &'a JoinedError<E>);

impl<E> Display for Failing<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.counts();
        let body = self.0.iter().any(is_own_body);
        let nursery = self.0.iter().any(is_nursery_itself);
        let others = match (body, nursery) {
            (true, true) => "the body and the ",
            (true, false) => "the body",
            (false, true) => "the ",
            (false, false) => "",
        };
        f.write_str(others)?;
        if nursery {
            write!(f, "{} itself", self.0.0.owner.noun())?;
        }
        match (others, counts.failed()) {
            ("", _) => {}
            (_, 0) => return Ok(()),
            _ => f.write_str(" and ")?,
        }
        let total = counts.total();
        write!(f, "{} of {total} {}", counts.failed(), self.0.0.owner.parts(total))
    }
}

/// ` (2 failures inside were lost)`, or nothing: failures of nurseries inside a child.
pub(crate) struct LostInside(pub(crate) u32);

impl Display for LostInside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(" (1 failure inside was lost)"),
            lost => write!(f, " ({lost} failures inside were lost)"),
        }
    }
}

/// Failures that are not stored and that no entry of the error tells.
pub(super) fn untold<E>(error: &JoinedError<E>) -> u64 {
    let told: u64 = error.iter().map(|entry| u64::from(entry.lost_failures())).sum();
    error.counts().not_stored().saturating_sub(told)
}

/// `#7 fetch`, with the children around it: `#12 uploads > #7 fetch`. Of a long path the nearest
/// are named.
pub(super) struct Label<'a, E> {
    /// The nearest first.
    path: Vec<&'a ChildError<E>>,
    is_whole: bool,
    /// How many children are named around it.
    around: usize,
    /// Where each number with its name is cut; `None` shows no names.
    names: Option<usize>,
    /// Whether those with names have their numbers.
    numbers: bool,
    /// What the last child belongs to.
    owner: Owner,
}

impl<'a, E> Label<'a, E> {
    pub(super) fn of_item(entry: &Entry<'a, E>, settings: Settings) -> Self {
        let path = iter::once(entry.error).chain(entry.path.iter().copied()).collect();
        let Settings { names, numbers, depth: around, .. } = settings;
        let (is_whole, names) = (!entry.elided, Some(names));
        Self { path, is_whole, around, names, numbers, owner: entry.owner }
    }

    pub(super) fn of(entry: &'a ChildError<E>) -> Self {
        let (path, names) = (vec![entry], Some(MAX_NAME));
        let Settings { numbers, depth: around, .. } = Settings::LINE;
        Self { path, is_whole: true, around, names, numbers, owner: Owner::Nursery }
    }

    /// The first failure of a joined error, by its number, or by its name alone.
    pub(super) fn of_first(error: &'a JoinedError<E>, settings: Settings) -> Self {
        let Settings { names, numbers, .. } = settings;
        let names = (!numbers).then_some(names);
        Self { names, numbers, owner: error.0.owner, ..Self::of(error.first()) }
    }

    fn part(
        &self,
        child: &ChildInfo,
        name: Option<&str>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        match self.names {
            _ if child.is_nursery() => f.write_str(self.owner.noun()),
            Some(chars) => Called { id: child.id(), name, chars, numbers: self.numbers }.fmt(f),
            None => child.id().fmt(f),
        }
    }
}

impl<E> Display for Label<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.path.iter().enumerate().flat_map(|(at, entry)| {
            // Around the last child are nurseries. The name of one serves where the child has none.
            let group = entry.failure().group().filter(|_| at > 0);
            let name = entry.child().name().or(group.and_then(JoinedError::name));
            let ancestors = entry.ancestors().map(|child| (child, child.name()));
            iter::once((entry.child(), name)).chain(ancestors)
        });
        let shown = self.around.saturating_add(1);
        let mut nearest: Vec<_> = parts.take(shown.saturating_add(1)).collect();
        let is_whole = self.is_whole && nearest.len() <= shown;
        nearest.truncate(shown);
        if !is_whole {
            f.write_str("… > ")?;
        }
        for (at, (child, name)) in nearest.into_iter().rev().enumerate() {
            if at > 0 {
                f.write_str(" > ")?;
            }
            self.part(child, name, f)?;
        }
        Ok(())
    }
}

/// Writes what a failure that is no group says for itself.
pub(super) fn write_failure<E>(
    failure: &Failure<E>,
    leaf: Leaf<E>,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    match failure {
        Failure::Error(error) => leaf(error, out),
        Failure::Group(group) => write!(out, "{} failed", Failing(group)),
        Failure::Panic(panic) => panic.write(out),
        Failure::TimedOut(cause) => write!(out, "{}", TimedOut(cause)),
        Failure::Executor(error) => write!(out, "{error}"),
        Failure::GaveUp(cause) => write!(out, "{}", GivenUp(cause)),
    }
}

/// What an error was caused by, each as its lines, as far as `shown` does not tell it. The second
/// value is whether there are more than are looked at.
pub(super) fn causes<E>(
    error: &E,
    sources: Sources<E>,
    shown: &[String],
    cut: Cut,
) -> (Vec<Vec<String>>, bool) {
    /// A chain of sources could be without end.
    const CAUSES: usize = 10;
    let mut told = shown.join("\n");
    let mut chain = iter::successors(sources(error), |&error| error.source());
    let mut causes = Vec::new();
    for cause in chain.by_ref().take(CAUSES) {
        if was_shown(std::ptr::from_ref(cause).cast()) {
            continue;
        }
        let (lines, hidden) = with_hidden(|| lines(cut, |out| write!(out, "{cause}")));
        let text = lines.join("\n");
        if !text.is_empty() && !tells(&told, &text) {
            told.push('\n');
            told.push_str(&text);
            causes.push(lines);
            hide(hidden);
        }
    }
    (causes, chain.next().is_some())
}

/// Whether the entry is the body of the nursery itself, not of one that was dissolved into it.
pub(super) fn is_own_body<E>(entry: &ChildError<E>) -> bool {
    entry.child().is_body() && entry.origin.path.is_empty()
}

/// Whether the entry is what was given to the nursery itself, such as a deadline.
pub(super) fn is_nursery_itself<E>(entry: &ChildError<E>) -> bool {
    entry.child().is_nursery() && entry.origin.path.is_empty()
}
