//! A joined error on one line.

use std::fmt::{self, Display};

use super::head::{Failing, Label, Leaf, LostInside, causes, write_failure};
use super::joined::Sources;
use super::nested::{Around, Showing, with_hidden};
use super::settings::Settings;
use super::walk::{Entry, Item, What, has_given_up, of_entry};
use super::{ChildError, Failure, JoinedError};
use crate::text::{Cut, MAX_MESSAGE, NO_MESSAGE, Name, lines};

/// `#7 fetch: connection refused`.
pub(super) fn entry<E>(
    entry: &ChildError<E>,
    leaf: Leaf<E>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Some(_showing) = Showing::enter(Around::Line) else {
        return f.write_str("…");
    };
    f.write_str(&items(&of_entry(entry, Settings::LINE), Settings::LINE, leaf))
}

/// All that an error says, for a cause to tell: with what it was caused by, where `{:#}` is how it
/// says so.
pub(crate) fn text<E: Display>(error: &E) -> String {
    let _showing = Showing::enter(Around::Line);
    format!("{error:#}")
}

/// `nursery "sync": 3 of 40 children failed`.
pub(super) struct Head<'a, E> {
    pub(super) error: &'a JoinedError<E>,
    pub(super) names: usize,
}

impl<E> Display for Head<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.error.name() {
            let noun = self.error.0.owner.noun();
            write!(f, "{noun} \"{}\": ", Name { text, chars: self.names })?;
        }
        if let Some(cause) = self.error.cause().filter(|_| has_given_up(self.error)) {
            write!(f, "{cause}; ")?;
        }
        write!(f, "{} failed", Failing(self.error))
    }
}

/// `#7 fetch: connection refused; #12 uploads: 2 of 3 children failed (…); and 25 more`.
pub(super) fn items<E>(items: &[Item<'_, E>], settings: Settings, leaf: Leaf<E>) -> String {
    let mut line = String::new();
    let mut depth = 0;
    let mut is_first = true;
    for item in items {
        if item.depth > depth {
            line += " (";
            is_first = true;
        }
        line.extend((item.depth..depth).map(|_| ')'));
        depth = item.depth;
        if !is_first {
            line += "; ";
        }
        is_first = false;
        match &item.what {
            What::More(more) => line += &format!("and {more} more"),
            What::Entry(entry) => write_entry(&mut line, entry, settings, leaf),
        }
    }
    line.extend((0..depth).map(|_| ')'));
    line
}

fn write_entry<E>(line: &mut String, entry: &Entry<'_, E>, settings: Settings, leaf: Leaf<E>) {
    if !entry.named {
        *line += &format!("{}: ", Label::of_item(entry, settings));
    }
    if entry.after_cancel {
        *line += "after cancel: ";
    }
    match entry.error.failure() {
        Failure::Group(error) => *line += &Head { error, names: settings.names }.to_string(),
        failure => {
            // On a line there are no rows.
            let (message, _) = with_hidden(|| message(failure, entry, settings, leaf));
            *line += &message;
        }
    }
    *line += &LostInside(entry.lost).to_string();
}

/// What a failure says, and what it was caused by.
fn message<E>(
    failure: &Failure<E>,
    entry: &Entry<'_, E>,
    settings: Settings,
    leaf: Leaf<E>,
) -> String {
    let cut = Cut::line(settings.width);
    let says = lines(cut, |out| write_failure(failure, leaf, out));
    let text = says.first().map_or(NO_MESSAGE, String::as_str).to_owned();
    match (failure, entry.sources) {
        (Failure::Error(error), Some(sources)) => {
            // All of it together is bounded as one message is.
            let text = chain(error, sources, text, cut);
            lines(cut, |out| out.write_str(&text)).concat()
        }
        _ => text,
    }
}

/// What an error says, and what it was caused by, for a cause to tell.
pub(crate) fn with_causes<E>(error: &E, sources: Sources<E>, text: String) -> String {
    let _showing = Showing::enter(Around::Line);
    with_hidden(|| chain(error, sources, text, Cut::line(MAX_MESSAGE))).0
}

fn chain<E>(error: &E, sources: Sources<E>, mut text: String, cut: Cut) -> String {
    let (causes, more) = causes(error, sources, std::slice::from_ref(&text), cut);
    for cause in causes.iter().flatten() {
        text += &format!(": {cause}");
    }
    if more {
        text += ": …";
    }
    text
}
