//! What a nursery reports, in plain values.

use nestling::failure::{Lost, LostKind};
use nestling::outcome::Counts;
use nestling::spawn::ChildInfo;
use nestling::testing::ScriptedPanic;
use nestling::{Cause, ChildError, Completion, Failure, JoinedError, Outcome, Report};

use super::values::Value;

/// A cause, as it is displayed. How a panic or a group is told in it is not the model's to know:
/// what the model expects ends with three dots then.
#[derive(Clone, Debug, Eq)]
pub(crate) struct Reason(pub(crate) String);

impl Reason {
    /// The cause of what is cancelled with `around`, which is cancelled for this.
    pub(crate) fn chained(&self, around: &str) -> Self {
        let chain = |cause: &str| {
            let root = cause.split_once(" was cancelled: ").map_or(cause, |(_, root)| root);
            format!("{around} was cancelled: {root}")
        };
        let chains: Vec<_> = self.0.split(OR).map(chain).collect();
        Self(chains.join(&OR.to_string()))
    }

    /// That of daemons that are told to end.
    pub(crate) fn finished() -> Self {
        Self(String::from("finished"))
    }

    /// Stands for either: nothing that is told says which.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self(format!("{}{OR}{}", self.0, other.0))
    }
}

/// Between causes of which either may be.
const OR: char = '\u{a6}';

impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        self.0.split(OR).any(|one| other.0.split(OR).any(|other| same(one, other)))
    }
}

fn same(one: &str, other: &str) -> bool {
    match (one.strip_suffix('…'), other.strip_suffix('…')) {
        (Some(beginning), None) => other.starts_with(beginning),
        (None, Some(beginning)) => one.starts_with(beginning),
        _ => one == other,
    }
}

impl From<&Cause> for Reason {
    fn from(cause: &Cause) -> Self {
        Self(cause.to_string())
    }
}

/// One end of a child, or a further failure of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Completed { id: u64, key: usize },
    Delivered { id: u64 },
    Failed(Failed),
    Cancelled { id: u64, cause: Reason, overran: Known<bool> },
}

/// What a handle that an output comes by gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Output(usize),
    Lost(LostKind),
}

impl From<Result<Value, Lost>> for Fate {
    fn from(joined: Result<Value, Lost>) -> Self {
        joined.map_or_else(|lost| Self::Lost(lost.kind()), |output| Self::Output(*output))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// `None` is the body.
    pub(crate) id: Option<u64>,
    pub(crate) why: Why,
    pub(crate) after_cancel: Known<bool>,
    pub(crate) overran: Known<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Error(usize),
    /// A nested nursery's, with all that is in it.
    Group(Joined),
    Panic,
    PanicInDrop,
    PanicInPolicy,
    TimedOut(Reason),
    /// The executor has refused it.
    Refused,
    /// The executor has dropped it.
    Dropped,
    Other(String),
}

/// What the model may not know: then anything will do.
#[derive(Clone, Copy, Debug, Eq)]
pub(crate) enum Known<V> {
    Is(V),
    Not,
}

impl<V: PartialEq> PartialEq for Known<V> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Is(one), Self::Is(other)) => one == other,
            _ => true,
        }
    }
}

impl<V: Default> Default for Known<V> {
    fn default() -> Self {
        Self::Is(V::default())
    }
}

impl Known<u64> {
    /// Counts one more if it is so.
    pub(crate) fn add(&mut self, one: Known<bool>) {
        *self = match (*self, one) {
            (Self::Is(count), Known::Is(one)) => Self::Is(count + u64::from(one)),
            _ => Self::Not,
        };
    }
}

/// How many children ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    pub(crate) not_stored: u64,
    pub(crate) after_cancel: Known<u64>,
}

/// What a finisher returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// `join` succeeded.
    Outputs(Vec<usize>),
    Error(Joined),
    Report(Box<Reported>),
    /// `run` with what became of the body.
    Ran {
        body: Option<usize>,
        report: Box<Reported>,
    },
    /// The winner of a race: its number and its output.
    Winner(Option<(u64, usize)>),
    /// The same, with what became of the others.
    Raced {
        winner: Option<(u64, usize)>,
        report: Box<Reported>,
    },
    Next(Record),
    Drained,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) failures: Vec<Failed>,
    pub(crate) tally: Tally,
    pub(crate) cause: Option<Reason>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) outputs: Vec<(u64, usize)>,
    pub(crate) error: Option<Joined>,
    pub(crate) cancelled: Vec<(u64, Reason, Known<bool>)>,
    pub(crate) tally: Tally,
    pub(crate) cause: Option<Reason>,
}

impl Seen {
    /// The failures among it.
    pub(crate) fn error(&self) -> Option<&Joined> {
        match self {
            Self::Error(error) => Some(error),
            Self::Report(report) | Self::Ran { report, .. } | Self::Raced { report, .. } => {
                report.error.as_ref()
            }
            Self::Outputs(_) | Self::Winner(_) | Self::Next(_) | Self::Drained => None,
        }
    }
}

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Self {
        Self {
            completed: counts.completed(),
            failed: counts.failed(),
            cancelled: counts.cancelled(),
            not_stored: counts.not_stored(),
            after_cancel: Known::Is(counts.after_cancel()),
        }
    }
}

impl From<&JoinedError<Value>> for Joined {
    fn from(error: &JoinedError<Value>) -> Self {
        Self {
            failures: error.iter().map(Failed::from).collect(),
            tally: error.counts().into(),
            cause: error.cause().map(Reason::from),
        }
    }
}

impl From<&ChildError<Value>> for Failed {
    fn from(error: &ChildError<Value>) -> Self {
        let id = number(error.child());
        let why = match error.failure() {
            Failure::Error(key) => Why::Error(**key),
            Failure::Group(group) => Why::Group(group.into()),
            Failure::Panic(panic) => match panic.downcast_ref::<ScriptedPanic>() {
                Some(ScriptedPanic::End) => Why::Panic,
                Some(ScriptedPanic::Drop) => Why::PanicInDrop,
                None if panic.downcast_ref::<PolicyPanic>().is_some() => Why::PanicInPolicy,
                None => Why::Other(panic.to_string()),
            },
            Failure::TimedOut(cause) => Why::TimedOut(cause.into()),
            Failure::Executor(error) if error.is_refused() => Why::Refused,
            Failure::Executor(error) if error.is_dropped() => Why::Dropped,
            other => Why::Other(format!("{other:?}")),
        };
        let after_cancel = Known::Is(error.after_cancel());
        Self { id, why, after_cancel, overran: Known::Is(error.overran_grace()) }
    }
}

/// What the policy of a script panics with.
#[derive(Debug)]
pub(crate) struct PolicyPanic;

impl From<&Report<Value, Value>> for Reported {
    fn from(report: &Report<Value, Value>) -> Self {
        Self {
            outputs: report
                .outputs()
                .iter()
                .map(|(child, key)| (child.id().number(), **key))
                .collect(),
            error: report.error().map(Joined::from),
            cancelled: report
                .cancelled()
                .iter()
                .map(|one| {
                    let overran = Known::Is(one.overran_grace());
                    (one.child().id().number(), one.cause().into(), overran)
                })
                .collect(),
            tally: report.counts().into(),
            cause: report.cause().map(Reason::from),
        }
    }
}

impl From<&Completion<Value, Value>> for Record {
    fn from(completion: &Completion<Value, Value>) -> Self {
        let id = completion.child().id().number();
        match completion.outcome() {
            Outcome::Completed(key) => Self::Completed { id, key: **key },
            Outcome::Delivered => Self::Delivered { id },
            Outcome::Failed(error) => Self::Failed(error.into()),
            Outcome::Cancelled(cause) => {
                let overran = Known::Is(completion.overran_grace());
                Self::Cancelled { id, cause: cause.into(), overran }
            }
            other => unreachable!("there is no other outcome than {other:?}"),
        }
    }
}

fn number(child: &ChildInfo) -> Option<u64> {
    (!child.is_body()).then(|| child.id().number())
}
