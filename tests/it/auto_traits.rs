//! Which public types are `Send`, `Sync` and `Unpin`, and how large an error is.
//!
//! An auto trait that a type gains or loses is a change of the public API.

use std::cell::Cell;
use std::error::Error;
use std::marker::{PhantomData, PhantomPinned};
use std::mem::size_of;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{LocalBoxFuture, Ready};
use nestling::failure::{
    Ancestors, Data, Diagnosed, ExecutorError, IntoIter, Iter, Leaves, Lost, LostKind, Panic,
    PanicLocation, Part, Shown,
};
use nestling::future::{
    ChildCancelled, Completions, CurrentCancelled, Driver, EndCancelled, Finished, FirstOk,
    FirstOkSettle, ForEach, Join, JoinByChild, Map, Needs, Next, NurseryCancelled, PoolCompletions,
    PoolSettle, Reserve, Run, RunSettle, Settle, SpawnerReserve, UntilCancelled,
};
use nestling::generic::{
    Grouped, Joining, Later, Local, NoTimeout, Place, Plain, Remote, Shared, SpawnerPlace,
    TimeoutBy, With,
};
use nestling::observe::{
    Alarm, At, AwaitLine, AwaitStack, AwaitTree, ChildSnapshot, ChildState, ChildTime, DriverState,
    EndKind, Finding, FindingKind, LocationGroup, NurserySnapshot, PollSeen, SeenChild,
    SeenNursery, Segment, SegmentKind, Snapshot, Summary, SystemClock, Thresholds, Timeline, Watch,
    WokenBy,
};
use nestling::outcome::{Cancelled, CauseKind, Counts, Progress};
use nestling::retry::{Again, Attempt, Backoff, Retry, RetrySettle};
use nestling::spawn::{
    ChildBuilder, ChildId, ChildInfo, Executor, PoolOn, Rejected, Rejection, Slot, SpawnerSlot,
};
use nestling::supervise::{
    Adding, Asked, AutoShutdown, ChildSpec, ChildStatus, ConfigError, ConfigErrorKind, Decision,
    Incarnation, NotAdded, Refused, Restart, RunState, Strategy, Supervision, SupervisionSettle,
    SupervisorFinished, SupervisorHandle,
};
use nestling::{
    CancelHandle, Cause, ChildContext, ChildError, Completion, Failure, JoinHandle, JoinedError,
    Nursery, NurseryHandle, Outcome, Pool, Report, Spawner, Supervisor,
};

/// Asks whether `X` has an auto trait: an inherent method goes before that of a trait.
struct Is<X>(PhantomData<X>);

trait No {
    fn send(&self) -> bool {
        false
    }

    fn sync(&self) -> bool {
        false
    }

    fn unpin(&self) -> bool {
        false
    }
}

impl<X> No for Is<X> {}

impl<X: Send> Is<X> {
    fn send(&self) -> bool {
        true
    }
}

impl<X: Sync> Is<X> {
    fn sync(&self) -> bool {
        true
    }
}

impl<X: Unpin> Is<X> {
    fn unpin(&self) -> bool {
        true
    }
}

/// `type => letters`: `s` for `Send`, `y` for `Sync`, `u` for `Unpin`, `-` for none of them.
macro_rules! table {
    ($($type:ty => $letters:literal,)*) => {
        $({
            let is = Is::<$type>(PhantomData);
            let letters = [(is.send(), 's'), (is.sync(), 'y'), (is.unpin(), 'u')];
            let has: String = letters.iter().filter(|(has, _)| *has).map(|(_, l)| l).collect();
            assert_eq!(if has.is_empty() { "-" } else { &has }, $letters, stringify!($type));
        })*
    };
}

/// `Send` and `Sync`.
type Own = String;
/// `Send` and not `Sync`.
type Celled = Cell<u8>;
/// Neither `Send` nor `Sync`.
type Counted = Rc<u8>;
/// A future that is none of the three.
type Stuck = (PhantomPinned, Rc<u8>);

#[test]
fn of_types_without_parameters() {
    table! {
        ChildId => "syu",
        ChildInfo => "syu",
        Counts => "syu",
        Cause => "syu",
        CauseKind => "syu",
        Cancelled => "syu",
        CancelHandle => "syu",
        Finished => "syu",
        ChildCancelled => "syu",
        UntilCancelled<Ready<()>> => "syu",
        UntilCancelled<Stuck> => "-",
        EndCancelled<Own> => "syu",
        EndCancelled<Counted> => "syu",
        Later<fn() -> Ready<()>> => "syu",
        Lost => "syu",
        LostKind => "syu",
        Panic => "syu",
        ExecutorError => "syu",
        Progress => "syu",
        PanicLocation => "syu",
        Part => "syu",
        Rejection => "syu",
        Ancestors<'_> => "syu",
        Shared => "syu",
        Local => "syu",
    }
}

#[test]
fn of_errors_they_are_those_of_the_childs_error() {
    table! {
        JoinedError<Own> => "syu",
        JoinedError<Celled> => "su",
        JoinedError<Counted> => "u",
        JoinedError<PhantomPinned> => "syu",
        Data<'static, Own> => "syu",
        Data<'static, Celled> => "u",
        Diagnosed => "syu",
        ChildError<Own> => "syu",
        ChildError<Celled> => "su",
        ChildError<Counted> => "u",
        Failure<Own> => "syu",
        Failure<Celled> => "su",
        Failure<Counted> => "u",
        Iter<'_, Own> => "syu",
        Iter<'_, Celled> => "u",
        Iter<'_, Counted> => "u",
        IntoIter<Own> => "syu",
        IntoIter<Celled> => "su",
        IntoIter<Counted> => "u",
        Leaves<'_, Own> => "syu",
        Leaves<'_, Counted> => "u",
        Shown<'_, Own> => "syu",
        Shown<'_, Counted> => "u",
    }
}

#[test]
fn of_results_they_are_those_of_output_and_error() {
    table! {
        Completion<Own, Own> => "syu",
        Completion<Celled, Own> => "su",
        Completion<Counted, Own> => "u",
        Completion<Own, Counted> => "u",
        Outcome<Own, Own> => "syu",
        Outcome<Counted, Own> => "u",
        Outcome<Own, Counted> => "u",
        Report<Own, Own> => "syu",
        Report<Celled, Own> => "su",
        Report<Counted, Own> => "u",
        Report<Own, Counted> => "u",
        JoinHandle<Own> => "syu",
        JoinHandle<Celled> => "syu",
        JoinHandle<Counted> => "u",
        JoinHandle<PhantomPinned> => "syu",
        Rejected<Own> => "syu",
        Rejected<Counted> => "u",
        Rejected<PhantomPinned> => "sy",
    }
}

#[test]
fn of_a_shared_nursery_it_is_send_where_output_and_error_are() {
    table! {
        Nursery<'_, Own, Own> => "su",
        Nursery<'_, Celled, Celled> => "su",
        Nursery<'_, Counted, Own> => "u",
        Nursery<'_, Own, Counted> => "u",
        Spawner<'_, Own, Own> => "syu",
        NurseryHandle<'_, Own, Own> => "syu",
        Spawner<'_, Celled, Celled> => "syu",
        NurseryHandle<'_, Celled, Celled> => "syu",
        Spawner<'_, Counted, Counted> => "syu",
        NurseryHandle<'_, Counted, Counted> => "syu",
        NurseryCancelled<'_, Counted, Counted> => "syu",
        ChildBuilder<'_, &mut Nursery<'_, Own, Own>, Shared> => "su",
        ChildBuilder<'_, &Spawner<'_, Own, Own>, Shared> => "su",
        ChildContext<'_, Counted, Counted> => "syu",
        With<Own, Ready<()>, Own> => "syu",
        With<Own, Stuck, Own> => "-",
        Joining<Ready<()>, Celled, Counted> => "syu",
        Joining<Ready<()>, Counted, Own> => "u",
        Driver<'_, Own, Own, Shared> => "su",
        Driver<'_, Counted, Own, Shared> => "u",
        Join<'_, Own, Own, Shared> => "su",
        Join<'_, Counted, Own, Shared> => "u",
        JoinByChild<'_, Own, Own, Shared> => "su",
        JoinByChild<'_, Counted, Own, Shared> => "u",
        Settle<'_, Own, Own, Shared> => "su",
        Settle<'_, Own, Counted, Shared> => "u",
        Next<'_, '_, Own, Own, Shared> => "su",
        Completions<'_, '_, Own, Own, Shared> => "su",
        Next<'_, '_, Counted, Own, Shared> => "u",
        Completions<'_, '_, Counted, Own, Shared> => "u",
        FirstOk<'_, Own, Own, Shared> => "su",
        FirstOk<'_, Own, Counted, Shared> => "u",
        FirstOkSettle<'_, Own, Own, Shared> => "su",
        FirstOkSettle<'_, Own, Counted, Shared> => "u",
        Place<'_, '_, Own, Own> => "su",
        SpawnerPlace<'_, Own, Own> => "syu",
        Plain => "syu",
        Grouped => "syu",
        Reserve<'_, '_, Own, Own, Shared> => "su",
        Reserve<'_, '_, Own, Counted, Shared> => "u",
        Reserve<'_, '_, Counted, Own, Shared> => "u",
        SpawnerReserve<'_, Own, Own, Shared> => "syu",
        SpawnerReserve<'_, Counted, Own, Shared> => "syu",
        Slot<'_, '_, Own, Own> => "su",
        Slot<'_, '_, Own, Counted> => "u",
        SpawnerSlot<'_, Own, Own> => "su",
        SpawnerSlot<'_, Counted, Counted> => "su",
        Run<'_, Own, Own, Shared, Ready<()>, Own> => "s",
        Run<'_, Own, Own, Shared, Ready<()>, Counted> => "-",
        Run<'_, Own, Own, Shared, PhantomPinned, Own> => "s",
        Run<'_, Own, Own, Shared, Stuck, Own> => "-",
        RunSettle<'_, Own, Own, Shared, Ready<()>, Own> => "s",
        RunSettle<'_, Own, Own, Shared, Stuck, Own> => "-",
        Pool<'_, Celled> => "su",
        Pool<'_, Counted> => "su",
        PoolOn<'_, Own, Own> => "su",
        PoolOn<'_, Counted, Own> => "u",
        ForEach<Own> => "syu",
        ForEach<Stuck> => "-",
        Map<Own> => "syu",
        Map<Stuck> => "-",
        PoolSettle<Own> => "syu",
        PoolSettle<Stuck> => "-",
        PoolCompletions<Own> => "syu",
        PoolCompletions<Stuck> => "-",
        Needs<Own, Counted> => "syu",
        Needs<Stuck, Own> => "-",
        NoTimeout => "syu",
        TimeoutBy<Own> => "syu",
        TimeoutBy<Counted> => "u",
        Executor<Own> => "syu",
        Executor<Counted> => "u",
        Remote<Own, Ready<()>, Celled, Celled> => "su",
        Remote<Counted, Ready<()>, Own, Own> => "u",
        Remote<Own, Ready<()>, Counted, Own> => "u",
    }
}

#[test]
fn of_a_local_nursery_it_never_leaves_its_thread() {
    table! {
        Nursery<'_, Own, Own, Local> => "u",
        Nursery<'_, Counted, Counted, Local> => "u",
        Spawner<'_, Own, Own, Local> => "u",
        NurseryHandle<'_, Own, Own, Local> => "u",
        NurseryCancelled<'_, Own, Own, Local> => "u",
        ChildBuilder<'_, &mut Nursery<'_, Own, Own, Local>, Local> => "u",
        ChildBuilder<'_, &Spawner<'_, Own, Own, Local>, Local> => "u",
        ChildContext<'_, Own, Own, Local> => "u",
        Driver<'_, Own, Own, Local> => "u",
        Join<'_, Own, Own, Local> => "u",
        JoinByChild<'_, Own, Own, Local> => "u",
        Settle<'_, Own, Own, Local> => "u",
        Next<'_, '_, Own, Own, Local> => "u",
        Completions<'_, '_, Own, Own, Local> => "u",
        FirstOk<'_, Own, Own, Local> => "u",
        FirstOkSettle<'_, Own, Own, Local> => "u",
        Reserve<'_, '_, Own, Own, Local> => "u",
        SpawnerReserve<'_, Own, Own, Local> => "u",
        Slot<'_, '_, Own, Own, Local> => "u",
        SpawnerSlot<'_, Own, Own, Local> => "u",
        Run<'_, Own, Own, Local, Ready<()>, Own> => "-",
        Run<'_, Own, Own, Local, PhantomPinned, Own> => "-",
        RunSettle<'_, Own, Own, Local, Ready<()>, Own> => "-",
        Pool<'_, Own, Local> => "u",
        PoolOn<'_, Own, Own, Local> => "u",
    }
}

#[test]
fn of_what_observes_and_what_is_seen() {
    table! {
        Watch => "syu",
        Timeline => "syu",
        Snapshot => "syu",
        NurserySnapshot => "syu",
        ChildSnapshot => "syu",
        LocationGroup<'_> => "syu",
        ChildState => "syu",
        DriverState => "syu",
        Finding => "syu",
        FindingKind => "syu",
        Thresholds => "syu",
        SystemClock => "syu",
        EndKind => "syu",
        WokenBy => "syu",
        PollSeen => "syu",
        SeenChild => "syu",
        SeenNursery => "syu",
        Summary => "syu",
        ChildTime => "syu",
        Segment => "syu",
        SegmentKind => "syu",
        AwaitTree => "syu",
        AwaitStack => "syu",
        AwaitLine => "syu",
        At<Ready<()>> => "syu",
        At<Stuck> => "-",
        CurrentCancelled => "syu",
        Supervisor<'static, Own> => "su",
        Supervisor<'static, Own, Local> => "u",
        Supervision<'static, Own> => "su",
        Supervision<'static, Own, Local> => "u",
        SupervisionSettle<'static, Own> => "su",
        SupervisionSettle<'static, Own, Local> => "u",
        SupervisorHandle<'static, Own> => "syu",
        SupervisorHandle<'static, Own, Local> => "u",
        ChildSpec<'static, Own> => "su",
        ChildSpec<'static, Own, Local> => "u",
        Adding<'static, Own> => "su",
        Adding<'static, Own, Local> => "u",
        NotAdded<'static, Own> => "su",
        NotAdded<'static, Own, Local> => "u",
        Asked => "syu",
        SupervisorFinished => "syu",
        ChildStatus => "syu",
        RunState => "syu",
        Refused => "syu",
        Incarnation => "syu",
        ConfigError => "syu",
        ConfigErrorKind => "syu",
        Restart => "syu",
        Strategy => "syu",
        Decision => "syu",
        AutoShutdown => "syu",
        Retry<'static, Sleep, Backoff, Make, Ready<Result<(), Own>>, (), Own> => "su",
        Retry<'static, Sleep, Backoff, MakeUnsendable, Unsendable, (), Own> => "u",
        RetrySettle<'static, Sleep, Backoff, Make, Ready<Result<(), Own>>, (), Own> => "su",
        Again => "syu",
        Attempt => "syu",
        Backoff => "syu",
        Alarm<fn(Duration) -> Ready<()>> => "syu",
        Alarm<fn(Duration) -> LocalBoxFuture<'static, ()>> => "u",
    }
}

type Sleep = fn(Duration) -> Ready<()>;
type Unsendable = LocalBoxFuture<'static, Result<(), Own>>;
type MakeUnsendable = fn(Attempt) -> Unsendable;
type Make = fn(Attempt) -> Ready<Result<(), Own>>;

#[test]
fn handles_can_be_used_after_a_panic() {
    fn check<X: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<CancelHandle>();
    check::<Cause>();
    check::<ChildInfo>();
    check::<JoinedError<Own>>();
}

#[test]
fn no_public_type_is_missing_here() {
    let exports = [
        include_str!("../../src/lib.rs"),
        include_str!("../../src/observe/mod.rs"),
        include_str!("../../src/retry/mod.rs"),
        include_str!("../../src/supervise/mod.rs"),
    ];
    let exports = exports.iter().flat_map(|file| file.split("pub use ").skip(1));
    let names = exports.flat_map(|export| {
        let list = export.split(';').next().unwrap().rsplit("::").next().unwrap();
        list.split([',', '{', '}']).map(str::trim).filter(|name| !name.is_empty())
    });
    let types = names.filter(|name| name.starts_with(|first: char| first.is_uppercase()));
    let (mut seen, this) = (0, include_str!("auto_traits.rs"));
    for name in types {
        seen += 1;
        // Traits have none, and aliases are types that are here or in `futures`.
        let listed = ["<", " =>"].iter().any(|after| this.contains(&format!(" {name}{after}")));
        assert!(
            listed
                || [
                    "Answer",
                    "AsError",
                    "AtPlace",
                    "Callback",
                    "DecideBy",
                    "Flavor",
                    "Hold",
                    "ItemTimeout",
                    "Kind",
                    "LocalChildContext",
                    "LocalNursery",
                    "LocalSpawner",
                    "MakeTimer",
                    "Naming",
                    "Observer",
                    "Parent",
                    "RunOn",
                    "RunOnStream",
                    "RunOver",
                    "RunOverStream",
                    "SleepBy",
                    "Supervise",
                    "SupervisorFlavor",
                    "Task",
                    "TimeSource",
                    "Timer"
                ]
                .contains(&name),
            "{name}"
        );
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn a_joined_error_is_one_word() {
    assert_eq!(size_of::<JoinedError<[u64; 8]>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<JoinedError<String>>>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), JoinedError<String>>>(), size_of::<usize>());
    assert_eq!(size_of::<Cause>(), size_of::<usize>());
    assert_eq!(size_of::<Panic>(), size_of::<usize>());
    assert_eq!(size_of::<CancelHandle>(), size_of::<usize>());
    assert_eq!(size_of::<ChildId>(), 8);
}

#[test]
fn errors_fit_into_a_boxed_error() {
    fn fits<X: Error + Send + Sync + 'static>() {}
    fits::<JoinedError<String>>();
    fits::<JoinedError<JoinedError<String>>>();
    fits::<Failure<std::io::Error>>();
    fits::<ChildError<std::io::Error>>();
    fits::<Rejection>();
    fits::<Rejected<Ready<()>>>();
    fits::<Lost>();
}
