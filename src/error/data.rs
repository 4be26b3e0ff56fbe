//! Joined errors as data for `serde`. Groups are inside the failures that they are, down to a
//! limit: who reads has a stack too.

use std::fmt::{self, Display};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::head::{Leaf, by_display, causes, write_failure};
use super::joined::Sources;
use super::nested::{Around, Showing, with_hidden};
use super::{ChildError, Counts, ExecutorError, Failure, JoinedError, Panic};
use crate::text::{Cut, lines};

/// How many joined errors are within each other. Each is three levels of JSON, and readers refuse
/// what is deeper than about a hundred.
const MAX_DEPTH: usize = 32;

/// Of a failure that came out of groups, how many of these are named.
const MAX_ANCESTORS: usize = MAX_DEPTH;

/// All of the text, as it is in a tree.
const WHOLE: Cut = Cut { chars: usize::MAX, lines: usize::MAX, backtraces: false };

/// A joined error as data for `serde`, each error by its own `Serialize`. Made by
/// [`JoinedError::data`].
#[must_use = "it does nothing until it is serialised"]
pub struct Data<'a, E>(&'a JoinedError<E>);

impl<E> JoinedError<E> {
    /// The data that the error is for `serde`, with each child's own error as its own data: under
    /// `error`, and without a `message`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::{JoinedError, Nursery};
    /// #[derive(serde::Serialize)]
    /// enum Rejected {
    ///     TooLarge { bytes: u64 },
    /// }
    ///
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), _> = Nursery::new();
    /// nursery.spawn(async { Err(Rejected::TooLarge { bytes: 4096 }) });
    /// let error: JoinedError<Rejected> = nursery.join().await.unwrap_err();
    ///
    /// let data = serde_json::to_value(error.data()).unwrap();
    /// assert_eq!(data["failures"][0]["error"]["TooLarge"]["bytes"], 4096);
    /// # });
    /// ```
    pub fn data(&self) -> Data<'_, E>
    where
        E: Serialize,
    {
        Data(self)
    }
}

/// The whole error as data, with the feature `serde`.
///
/// Error types are rarely data themselves, so an error is told as text, as in the
/// [tree](JoinedError::tree): by its `{:#}`, and what it was caused by where that is
/// [known](JoinedError::with_sources). The text is not cut. [`JoinedError::data`] has each error by
/// its own `Serialize`.
///
/// | field | is |
/// |---|---|
/// | `of` | `"nursery"`, `"pool"`, `"retry"`, `"supervisor"`; `"child"` for that of a supervisor, with its incarnations |
/// | `name` | its name, or null |
/// | `counts` | `total`, `completed`, `failed`, `cancelled`, `overran_grace`, `after_cancel` and `not_stored`, as [`Counts`] has them |
/// | `cause` | why it was cancelled, or null: `kind`, `child`, `message`, the `root` that it follows from, and all of it as `text` |
/// | `failures` | a list, in the order in which they came |
/// | `left_out` | how many failures in it are not in the data, as they are too deep |
///
/// | field of a failure | is |
/// |---|---|
/// | `child` | `id`, which is text such as `"#7"`, `name`, `file` and `line` |
/// | `kind` | `"error"`, `"group"`, `"panic"`, `"timed_out"`, `"executor"` or `"gave_up"` |
/// | `message` | what it says, as in the tree |
/// | `caused_by` | a list of what the error was caused by, as text: ten at most, without those that the message tells; of [`JoinedError::data`] it is empty |
/// | `after_cancel`, `overran_grace`, `lost_failures`, `cause` | as the methods of [`ChildError`] have them |
/// | `ancestors` | at most 32 of the children that dissolved groups around it belonged to, nearest first |
/// | `panic` | of a panic its `message`, whether it is `of_destructor`, and its `location` or null; else null |
/// | `group` | of a group all of the above, else null |
///
/// At most 32 joined errors are within each other. The innermost has its first failure that is no
/// group, and counts the others as `left_out`. Fields may be added.
///
/// # Examples
///
/// ```
/// # use nestling::Nursery;
/// # use std::io;
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, (), io::Error> = Nursery::new().name("start-up");
/// nursery.child().name("cache").spawn(async { Err(io::ErrorKind::ConnectionRefused.into()) });
/// let error = nursery.join().await.unwrap_err();
///
/// let data = serde_json::to_value(&error).unwrap();
/// assert_eq!(data["name"], "start-up");
/// assert_eq!(data["counts"]["failed"], 1);
/// assert_eq!(data["failures"][0]["child"]["name"], "cache");
/// assert_eq!(data["failures"][0]["message"], "connection refused");
/// # });
/// ```
impl<E: Display> Serialize for JoinedError<E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Level::root(self, AsText).serialize(to)
    }
}

/// As an entry of the data of a [`JoinedError`].
impl<E: Display> Serialize for ChildError<E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Entry { error: self, sources: None, depth: 0, as_what: AsText }.serialize(to)
    }
}

impl<E: Serialize> Serialize for Data<'_, E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Level::root(self.0, AsItself).serialize(to)
    }
}

impl<E: fmt::Debug> fmt::Debug for Data<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Data").field(self.0).finish()
    }
}

/// How the error of a child is told.
trait AsWhat<E>: Copy {
    /// What writes it, if it is told as text.
    const TEXT: Option<Leaf<E>>;

    /// Tells it as data, if it is.
    fn tell<S: SerializeStruct>(error: Option<&E>, to: &mut S) -> Result<(), S::Error>;
}

#[derive(Clone, Copy)]
struct AsText;

impl<E: Display> AsWhat<E> for AsText {
    const TEXT: Option<Leaf<E>> = Some(by_display);

    fn tell<S: SerializeStruct>(_: Option<&E>, _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct AsItself;

impl<E: Serialize> AsWhat<E> for AsItself {
    const TEXT: Option<Leaf<E>> = None;

    fn tell<S: SerializeStruct>(error: Option<&E>, to: &mut S) -> Result<(), S::Error> {
        to.serialize_field("error", &error)
    }
}

struct Level<'a, E, A> {
    error: &'a JoinedError<E>,
    sources: Option<Sources<E>>,
    /// How many are around it.
    depth: usize,
    as_what: A,
}

impl<'a, E, A: AsWhat<E>> Level<'a, E, A> {
    fn root(error: &'a JoinedError<E>, as_what: A) -> Self {
        Self { error, sources: None, depth: 0, as_what }
    }
}

impl<E, A: AsWhat<E>> Serialize for Level<'_, E, A> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let is_deepest = self.depth + 1 >= MAX_DEPTH;
        let mut all = to.serialize_struct("JoinedError", 6)?;
        all.serialize_field("of", self.error.0.owner.noun())?;
        all.serialize_field("name", &self.error.name())?;
        all.serialize_field("counts", &self.error.counts())?;
        all.serialize_field("cause", &self.error.cause())?;
        all.serialize_field("failures", &Entries { of: self, is_deepest })?;
        let left_out = if is_deepest { self.error.leaves().count() - 1 } else { 0 };
        all.serialize_field("left_out", &left_out)?;
        all.end()
    }
}

struct Entries<'a, E, A> {
    of: &'a Level<'a, E, A>,
    is_deepest: bool,
}

impl<E, A: AsWhat<E>> Serialize for Entries<'_, E, A> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Level { error, sources, depth, as_what } = *self.of;
        let sources = error.0.sources.or(sources);
        let entry = |error| Entry { error, sources, depth: depth + 1, as_what };
        match self.is_deepest {
            // With a length that is known, as some formats ask for it.
            true => to.collect_seq(error.leaves().next().map(entry).as_slice()),
            false => to.collect_seq(error.iter().map(entry)),
        }
    }
}

struct Entry<'a, E, A> {
    error: &'a ChildError<E>,
    sources: Option<Sources<E>>,
    /// How many joined errors are around it.
    depth: usize,
    as_what: A,
}

impl<E, A: AsWhat<E>> Serialize for Entry<'_, E, A> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { error, depth, as_what, .. } = *self;
        let sources = error.sources.or(self.sources);
        let failure = error.failure();
        let (message, caused_by) = told(failure, sources, A::TEXT);
        let ancestors: Vec<_> = error.ancestors().take(MAX_ANCESTORS).collect();
        let group = failure.group().map(|error| Level { error, sources, depth, as_what });
        let mut all = to.serialize_struct("ChildError", 11 + usize::from(A::TEXT.is_none()))?;
        all.serialize_field("child", error.child())?;
        all.serialize_field("kind", kind(failure))?;
        all.serialize_field("message", &message)?;
        A::tell(failure.error(), &mut all)?;
        all.serialize_field("caused_by", &caused_by)?;
        all.serialize_field("after_cancel", &error.after_cancel())?;
        all.serialize_field("overran_grace", &error.overran_grace())?;
        all.serialize_field("lost_failures", &error.lost_failures())?;
        all.serialize_field("cause", &error.cause())?;
        all.serialize_field("ancestors", &ancestors)?;
        all.serialize_field("panic", &failure.panic())?;
        all.serialize_field("group", &group)?;
        all.end()
    }
}

fn kind<E>(failure: &Failure<E>) -> &'static str {
    match failure {
        Failure::Error(_) => "error",
        Failure::Group(_) => "group",
        Failure::Panic(_) => "panic",
        Failure::TimedOut(_) => "timed_out",
        Failure::Executor(_) => "executor",
        Failure::GaveUp(_) => "gave_up",
    }
}

/// What a failure says, unless it is an error that is not told as text; and what it was caused by.
/// A joined error that hides in another's message is one line of it.
fn told<E>(
    failure: &Failure<E>,
    sources: Option<Sources<E>>,
    text: Option<Leaf<E>>,
) -> (Option<String>, Vec<String>) {
    let _showing = Showing::enter(Around::Line);
    let told = || match (failure, text) {
        (Failure::Error(_), None) => (None, Vec::new()),
        (Failure::Error(error), Some(leaf)) => {
            let says = lines(WHOLE, |out| leaf(error, out));
            let causes = sources.map(|sources| causes(error, sources, &says, WHOLE).0);
            let causes = causes.into_iter().flatten().map(|cause| cause.join("\n"));
            (Some(says.join("\n")), causes.collect())
        }
        (failure, _) => {
            let says = lines(WHOLE, |out| write_failure(failure, |_, _| Ok(()), out));
            (Some(says.join("\n")), Vec::new())
        }
    };
    with_hidden(told).0
}

/// By the names of the methods.
impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut all = to.serialize_struct("Counts", 7)?;
        all.serialize_field("total", &self.total())?;
        all.serialize_field("completed", &self.completed())?;
        all.serialize_field("failed", &self.failed())?;
        all.serialize_field("cancelled", &self.cancelled())?;
        all.serialize_field("overran_grace", &self.overran_grace())?;
        all.serialize_field("after_cancel", &self.after_cancel())?;
        all.serialize_field("not_stored", &self.not_stored())?;
        all.end()
    }
}

/// Without the payload: the message, whether it is of a destructor, and the location or null.
impl Serialize for Panic {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut all = to.serialize_struct("Panic", 3)?;
        all.serialize_field("message", self.message())?;
        all.serialize_field("of_destructor", &self.is_of_destructor())?;
        all.serialize_field("location", &self.location())?;
        all.end()
    }
}

/// As its text.
impl Serialize for ExecutorError {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
