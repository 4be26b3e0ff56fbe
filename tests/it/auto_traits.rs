//! Which public types are `Send`, `Sync` and `Unpin`, and how large an error is.
//!
//! An auto trait that a type gains or loses is a change of the public API.

use std::cell::Cell;
use std::error::Error;
use std::marker::{PhantomData, PhantomPinned};
use std::mem::size_of;
use std::rc::Rc;

use futures::future::Ready;
use nestling::{
    Ancestors, CancelHandle, Cancelled, Cause, CauseKind, ChildBuilder, ChildCancelled,
    ChildContext, ChildError, ChildId, ChildInfo, Completion, Counts, Driver, Executor,
    ExecutorError, Failure, Finished, FirstOk, FirstOkSettle, ForEach, IntoIter, Iter, Join,
    JoinByChild, JoinHandle, JoinedError, Joining, Leaves, Local, Lost, LostKind, Map, Next,
    Nursery, NurseryCancelled, Outcome, Panic, PanicLocation, Pool, PoolOn, PoolSettle, Progress,
    Rejected, Rejection, Remote, Report, Run, RunSettle, Settle, Shared, SpawnWhenFree, Spawner,
    SpawnerWhenFree, Tree, With,
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
type Plain = String;
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
        Lost => "syu",
        LostKind => "syu",
        Panic => "syu",
        ExecutorError => "syu",
        Progress => "syu",
        PanicLocation => "syu",
        Rejection => "syu",
        Ancestors<'_> => "syu",
        Shared => "syu",
        Local => "syu",
    }
}

#[test]
fn of_errors_they_are_those_of_the_childs_error() {
    table! {
        JoinedError<Plain> => "syu",
        JoinedError<Celled> => "su",
        JoinedError<Counted> => "u",
        JoinedError<PhantomPinned> => "syu",
        ChildError<Plain> => "syu",
        ChildError<Celled> => "su",
        ChildError<Counted> => "u",
        Failure<Plain> => "syu",
        Failure<Celled> => "su",
        Failure<Counted> => "u",
        Iter<'_, Plain> => "syu",
        Iter<'_, Celled> => "u",
        Iter<'_, Counted> => "u",
        IntoIter<Plain> => "syu",
        IntoIter<Celled> => "su",
        IntoIter<Counted> => "u",
        Leaves<'_, Plain> => "syu",
        Leaves<'_, Counted> => "u",
        Tree<'_, Plain> => "syu",
        Tree<'_, Counted> => "u",
    }
}

#[test]
fn of_results_they_are_those_of_output_and_error() {
    table! {
        Completion<Plain, Plain> => "syu",
        Completion<Celled, Plain> => "su",
        Completion<Counted, Plain> => "u",
        Completion<Plain, Counted> => "u",
        Outcome<Plain, Plain> => "syu",
        Outcome<Counted, Plain> => "u",
        Outcome<Plain, Counted> => "u",
        Report<Plain, Plain> => "syu",
        Report<Celled, Plain> => "su",
        Report<Counted, Plain> => "u",
        Report<Plain, Counted> => "u",
        JoinHandle<Plain> => "syu",
        JoinHandle<Celled> => "syu",
        JoinHandle<Counted> => "u",
        JoinHandle<PhantomPinned> => "syu",
        Rejected<Plain> => "syu",
        Rejected<Counted> => "u",
        Rejected<PhantomPinned> => "sy",
    }
}

#[test]
fn of_a_shared_nursery_it_is_send_where_output_and_error_are() {
    table! {
        Nursery<'_, Plain, Plain> => "su",
        Nursery<'_, Celled, Celled> => "su",
        Nursery<'_, Counted, Plain> => "u",
        Nursery<'_, Plain, Counted> => "u",
        Spawner<'_, Plain, Plain> => "syu",
        Spawner<'_, Celled, Celled> => "syu",
        Spawner<'_, Counted, Counted> => "syu",
        NurseryCancelled<'_, Counted, Counted> => "syu",
        ChildBuilder<'_, &mut Nursery<'_, Plain, Plain>, Shared> => "su",
        ChildBuilder<'_, &Spawner<'_, Plain, Plain>, Shared> => "su",
        ChildContext<'_, Counted, Counted> => "syu",
        With<Plain, Ready<()>, Plain> => "syu",
        With<Plain, Stuck, Plain> => "-",
        Joining<Ready<()>, Celled, Counted> => "syu",
        Joining<Ready<()>, Counted, Plain> => "u",
        Driver<'_, Plain, Plain, Shared> => "su",
        Driver<'_, Counted, Plain, Shared> => "u",
        Join<'_, Plain, Plain, Shared> => "su",
        Join<'_, Counted, Plain, Shared> => "u",
        JoinByChild<'_, Plain, Plain, Shared> => "su",
        JoinByChild<'_, Counted, Plain, Shared> => "u",
        Settle<'_, Plain, Plain, Shared> => "su",
        Settle<'_, Plain, Counted, Shared> => "u",
        Next<'_, '_, Plain, Plain, Shared> => "su",
        Next<'_, '_, Counted, Plain, Shared> => "u",
        FirstOk<'_, Plain, Plain, Shared> => "su",
        FirstOk<'_, Plain, Counted, Shared> => "u",
        FirstOkSettle<'_, Plain, Plain, Shared> => "su",
        FirstOkSettle<'_, Plain, Counted, Shared> => "u",
        SpawnWhenFree<'_, '_, Plain, Plain, Shared, Ready<()>> => "su",
        SpawnWhenFree<'_, '_, Plain, Plain, Shared, Stuck> => "u",
        SpawnerWhenFree<'_, Plain, Plain, Shared, Ready<()>> => "su",
        SpawnerWhenFree<'_, Plain, Plain, Shared, Stuck> => "u",
        Run<'_, Plain, Plain, Shared, Ready<()>, Plain> => "su",
        Run<'_, Plain, Plain, Shared, Ready<()>, Counted> => "u",
        Run<'_, Plain, Plain, Shared, PhantomPinned, Plain> => "s",
        Run<'_, Plain, Plain, Shared, Stuck, Plain> => "-",
        RunSettle<'_, Plain, Plain, Shared, Ready<()>, Plain> => "su",
        RunSettle<'_, Plain, Plain, Shared, Stuck, Plain> => "-",
        Pool<'_, Celled> => "su",
        Pool<'_, Counted> => "su",
        PoolOn<'_, Plain, Plain> => "su",
        PoolOn<'_, Counted, Plain> => "u",
        ForEach<Plain> => "syu",
        ForEach<Stuck> => "-",
        Map<Plain> => "syu",
        Map<Stuck> => "-",
        PoolSettle<Plain> => "syu",
        PoolSettle<Stuck> => "-",
        Executor<Plain> => "syu",
        Executor<Counted> => "u",
        Remote<Plain, Ready<()>, Celled, Celled> => "su",
        Remote<Counted, Ready<()>, Plain, Plain> => "u",
        Remote<Plain, Ready<()>, Counted, Plain> => "u",
    }
}

#[test]
fn of_a_local_nursery_it_never_leaves_its_thread() {
    table! {
        Nursery<'_, Plain, Plain, Local> => "u",
        Nursery<'_, Counted, Counted, Local> => "u",
        Spawner<'_, Plain, Plain, Local> => "u",
        NurseryCancelled<'_, Plain, Plain, Local> => "u",
        ChildBuilder<'_, &mut Nursery<'_, Plain, Plain, Local>, Local> => "u",
        ChildBuilder<'_, &Spawner<'_, Plain, Plain, Local>, Local> => "u",
        ChildContext<'_, Plain, Plain, Local> => "u",
        Driver<'_, Plain, Plain, Local> => "u",
        Join<'_, Plain, Plain, Local> => "u",
        JoinByChild<'_, Plain, Plain, Local> => "u",
        Settle<'_, Plain, Plain, Local> => "u",
        Next<'_, '_, Plain, Plain, Local> => "u",
        FirstOk<'_, Plain, Plain, Local> => "u",
        FirstOkSettle<'_, Plain, Plain, Local> => "u",
        SpawnWhenFree<'_, '_, Plain, Plain, Local, Stuck> => "u",
        SpawnerWhenFree<'_, Plain, Plain, Local, Stuck> => "u",
        Run<'_, Plain, Plain, Local, Ready<()>, Plain> => "u",
        Run<'_, Plain, Plain, Local, PhantomPinned, Plain> => "-",
        RunSettle<'_, Plain, Plain, Local, Ready<()>, Plain> => "u",
        Pool<'_, Plain, Local> => "u",
        PoolOn<'_, Plain, Plain, Local> => "u",
    }
}

#[test]
fn no_public_type_is_missing_here() {
    let exports = include_str!("../../src/lib.rs").split("pub use ").skip(1);
    let names = exports.flat_map(|export| {
        let list = export.split(';').next().unwrap().rsplit("::").next().unwrap();
        list.split([',', '{', '}']).map(str::trim).filter(|name| !name.is_empty())
    });
    let types = names.filter(|name| name.starts_with(|first: char| first.is_uppercase()));
    let (mut seen, this) = (0, include_str!("auto_traits.rs"));
    for name in types {
        seen += 1;
        // Traits have none, and the aliases are a nursery and a type of `futures`.
        let listed = ["<", " =>"].iter().any(|after| this.contains(&format!(" {name}{after}")));
        assert!(
            listed || ["Flavor", "Hold", "LocalNursery", "Task", "Timer"].contains(&name),
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
