//! A whole run as a value.

use arbitrary::Arbitrary;

/// How many [signals](super::Signal) a script may name; higher numbers count from the beginning
/// again.
pub const SIGNALS: u8 = 3;

/// A nursery, its children, and what happens to it: a whole run.
///
/// It says what is to be done and nothing of how: what runs it has the nursery. Its
/// [strategy](fn@super::script) and its [`Arbitrary`] make up small ones.
#[derive(Clone, Debug, PartialEq, Eq, Arbitrary)]
pub struct Script {
    /// How many children run at once; zero is any number.
    pub limit: u8,
    /// When failures cancel.
    pub rule: Rule,
    /// Whether what is ready comes to its end before a failure cancels the rest.
    pub drain_ready: bool,
    /// How many failures are stored; zero is any number.
    pub keep: u8,
    /// How many cancelled children are listed; zero is any number.
    pub keep_cancelled: u8,
    /// The milliseconds of the nursery's deadline; with zero it has none.
    pub deadline: u8,
    /// The milliseconds of the nursery's grace; with zero it has none.
    pub grace: u8,
    /// How the nursery is finished.
    pub finish: Finish,
    /// What the owner spawns before that.
    pub children: Vec<(Room, Spawn, Child)>,
    /// What someone outside of the nursery does meanwhile, on a task of its own.
    pub outside: Vec<Step>,
}

/// When a failure cancels the nursery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Rule {
    /// Never.
    Collect,
    /// The first does.
    FirstError,
    /// The one that is asked about after so many others does.
    After(u8),
    /// The policy panics when it is asked.
    Broken,
}

/// How a nursery is finished.
#[derive(Clone, Debug, PartialEq, Eq, Arbitrary)]
pub enum Finish {
    /// All outputs, or the failures.
    Join,
    /// A report.
    Settle,
    /// One completion after the other.
    Next,
    /// As `Next`, but only so many; the rest is joined. None are taken where failures are bounded,
    /// as it is open then which are left.
    NextJoin(u8),
    /// As `Next`; but a future that is pending is dropped, and another made for the next poll.
    FickleNext,
    /// The first output.
    FirstOk,
    /// The first output, and a report.
    FirstOkSettle,
    /// With this body.
    Run(Box<Child>),
    /// By a driver, while a spawner keeps it open that goes after so many yields.
    Split(u8),
}

/// What is done about the limit when a child is spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Room {
    /// Nothing: the child may wait in the backlog.
    Any,
    /// It is spawned by a slot, if one is free.
    Try,
    /// It is spawned by a slot, once one is free.
    Wait,
}

/// How a child is spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Spawn {
    /// Simply.
    Plain,
    /// With a handle.
    Handle,
    /// With a handle that its output comes by.
    Join,
    /// With a handle, onto an executor.
    On,
}

/// What one child does: its steps, one after the other, and then its end.
///
/// [`Child::default`] is ready at once.
#[derive(Default, Clone, Debug, PartialEq, Eq, Arbitrary)]
pub struct Child {
    /// What it does.
    pub steps: Vec<Step>,
    /// How it ends.
    pub end: End,
    /// Whether its destructor panics.
    pub drop_panics: bool,
    /// Whether it is a daemon.
    pub daemon: bool,
    /// The milliseconds of its timeout; with zero it has none.
    pub timeout: u8,
    /// The milliseconds of its grace; with zero it has none.
    pub grace: u8,
}

/// One thing that a child does.
#[derive(Clone, Debug, PartialEq, Eq, Arbitrary)]
pub enum Step {
    /// Is pending this often, and wakes itself.
    Yield(u8),
    /// Parks until the signal has come.
    Park(u8),
    /// Sleeps so many milliseconds of the virtual clock.
    Sleep(u8),
    /// Brings a signal about.
    Fire(u8),
    /// Spawns a sibling.
    Spawn(Room, Spawn, Box<Child>),
    /// Waits for a slot, has it in hand for so many yields, and spawns a sibling by it, or drops it
    /// unused.
    Hold(u8, Option<(Spawn, Box<Child>)>),
    /// Cancels a sibling, or itself: one of those spawned with a handle, counted round.
    Cancel(u8),
    /// Waits until one of those with a handle is gone.
    AwaitGone(u8),
    /// Waits until it is cancelled itself.
    AwaitCancel,
    /// Takes one of the handles that an output comes by, counted round, and awaits it.
    AwaitOutput(u8),
    /// Cancels the nursery.
    CancelAll,
    /// Cancels the nursery, with a grace of so many milliseconds.
    StopWithin(u8),
    /// Closes the nursery for spawners.
    Close,
    /// Runs a nursery of its own, and ends with its error if it has one.
    Nest(Box<Script>),
    /// Has the executor drop one of the tasks that were handed over, counted round.
    DropTask(u8),
    /// Shuts the executor down: it drops all tasks, and takes none.
    ShutDown,
}

/// How a child ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Arbitrary)]
pub enum End {
    /// It succeeds.
    #[default]
    Ready,
    /// It fails.
    Fail,
    /// It panics.
    Panic,
    /// It is pending for ever.
    Never,
}
