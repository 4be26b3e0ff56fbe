//! What is done with a joined error, and what comes of it: compared with lists.
//!
//! The bytes begin with what is to be done, at most eight letters, up to a `.` (any other byte
//! counts as one of them):
//!
//! | letter | |
//! |---|---|
//! | `f` | `flatten` |
//! | `g` | the error becomes a group of another nursery |
//! | `i` | the same by `into_groups`, as an error of another nursery |
//! | `m` | `map` |
//! | `n` | as `i`, by `into_groups` and `flatten` |
//! | `r` byte | `retain`; the bits of the byte say what |
//! | `s` byte | `split` |
//!
//! What is to be grown follows, see [`grow`](super::grow).

use std::any::Any;
use std::cell::RefCell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use arbitrary::Unstructured;
use futures::FutureExt;
use nestling::failure::Panic;
use nestling::spawn::{ChildId, ChildInfo};
use nestling::{ChildError, Failure, JoinedError, LocalNursery, Nursery};

use super::fault::{Absent, Boxed, Endless, Fault, Needle};
use super::grow::grow;
use super::model::{Head, Model, Row, What};

/// Sources that a search looks at.
const SOURCES: usize = 1_000;

/// Checks the laws of the algebra on what `data` says.
pub(crate) fn check(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let steps = steps(&mut u);
    let mut error = grow(&mut u);
    let mut model = Model::of(&error);
    views_agree(&error);
    search_agrees(&error);
    for step in &steps {
        let Some(next) = step.take(error, &model) else { return };
        (error, model) = next;
        assert_eq!(Model::of(&error), model, "after {step:?}");
        views_agree(&error);
    }
    search_agrees(&error);
    if steps.len() % 2 == 0 { taken_apart(error, &model) } else { resumed(error, &model) }
}

#[derive(Debug)]
enum Step {
    Flatten,
    Group,
    IntoGroups,
    Map,
    FlattenNested,
    Retain(u8),
    Split(u8),
}

fn steps(u: &mut Unstructured<'_>) -> Vec<Step> {
    let mut byte = || u.arbitrary::<u8>().unwrap_or_default();
    let mut steps = Vec::new();
    for _ in 0..8 {
        steps.push(match byte() {
            b'.' => break,
            b'f' => Step::Flatten,
            b'g' => Step::Group,
            b'i' => Step::IntoGroups,
            b'm' => Step::Map,
            b'n' => Step::FlattenNested,
            b'r' => Step::Retain(byte()),
            b's' => Step::Split(byte()),
            other => match other % 8 {
                0 => Step::Flatten,
                1 => Step::Group,
                2 => Step::IntoGroups,
                3 => Step::Map,
                4 => Step::FlattenNested,
                5 => Step::Retain(byte()),
                6 => Step::Split(byte()),
                _ => break,
            },
        });
    }
    steps
}

impl Step {
    /// What it makes of the error, and what it should make of it; `None` if nothing is left.
    fn take(
        &self,
        error: JoinedError<Fault>,
        model: &Model,
    ) -> Option<(JoinedError<Fault>, Model)> {
        match *self {
            Self::Flatten => {
                let flat = error.flatten();
                assert_eq!(Model::of(&flat), model.flatten(), "by the first of two");
                Some((flat.flatten(), model.flatten()))
            }
            Self::Group => Some(group(error, model)),
            Self::IntoGroups => {
                let (nested, expected) = nest(error, model);
                Some((nested.into_groups(), expected))
            }
            Self::Map => Some(map(error, model)),
            Self::FlattenNested => {
                let (nested, expected) = nest(error, model);
                Some((nested.into_groups().flatten(), expected.flatten()))
            }
            Self::Retain(bits) => {
                let [expected, _] = model.split(|row| chosen(row, bits));
                let asked = Asked::default();
                let kept = error.filter(|leaf| chosen(&asked.note(leaf), bits));
                asked.check(model);
                assert_eq!(kept.is_some(), expected.is_some());
                kept.zip(expected)
            }
            Self::Split(bits) => {
                let expected = model.split(|row| chosen(row, bits));
                let asked = Asked::default();
                let (yes, no) = error.split(|leaf| chosen(&asked.note(leaf), bits));
                asked.check(model);
                let got = [&yes, &no].map(|part| part.as_ref().map(Model::of));
                assert_eq!(got, expected, "after {self:?}");
                let [expected_yes, expected_no] = expected;
                yes.zip(expected_yes).or(no.zip(expected_no))
            }
        }
    }
}

/// What a function was called with.
#[derive(Default)]
struct Asked(RefCell<Vec<Row>>);

impl Asked {
    fn note(&self, leaf: &ChildError<Fault>) -> Row {
        let row = Row::of(0, leaf);
        self.0.borrow_mut().push(row.clone());
        row
    }

    /// Once for each leaf, in their order.
    fn check(self, model: &Model) {
        let leaves: Vec<_> = model.leaves().map(Row::at_top).collect();
        assert_eq!(self.0.into_inner(), leaves, "what was asked about");
    }
}

fn chosen(row: &Row, bits: u8) -> bool {
    let number = match row.what {
        What::Error(number) => number as u64,
        _ => row.number().wrapping_add(3),
    };
    bits >> (number % 8) & 1 == 1
}

/// By one function after the other, by both at once, and back.
fn map(error: JoinedError<Fault>, model: &Model) -> (JoinedError<Fault>, Model) {
    let add = |summand: usize| {
        move |fault: Fault| Fault { number: fault.number.wrapping_add(summand), ..fault }
    };
    let mut seen = Vec::new();
    let error = error.map(|fault| {
        seen.push(fault.number);
        add(1)(fault)
    });
    let numbers = |model: &Model| -> Vec<_> {
        let number = |row: &Row| match row.what {
            What::Error(number) => Some(number),
            _ => None,
        };
        model.leaves().filter_map(number).collect()
    };
    assert_eq!(seen, numbers(model), "each is changed once, in order");
    let error = error.map(add(2));
    let twice = Model::of(&error);
    assert_eq!(twice, model.map(|number| number + 3));
    let error = error.map(add(3_usize.wrapping_neg()));
    assert_eq!(Model::of(&error), *model, "there and back");
    let error = error.map(|fault| add(2)(add(1)(fault)));
    assert_eq!(Model::of(&error), twice, "both at once");
    (error.map(|fault| fault), twice)
}

fn fault(number: usize) -> Fault {
    Fault { number, ..Fault::default() }
}

/// As the group of a child, beside a child that fails.
fn group(error: JoinedError<Fault>, model: &Model) -> (JoinedError<Fault>, Model) {
    let mut nursery: LocalNursery<'_, (), Fault> = Nursery::local();
    nursery.spawn_group(async { Err(error) });
    nursery.spawn(async { Err(fault(7)) });
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    let [first, second] = [0, 1].map(|at| error.iter().nth(at).unwrap());
    let other = Row::plain(0, second, What::Error(7));
    let first = Row::plain(0, first, What::Error(0));
    let expected = model.within(Head::plain(2), first, vec![other]);
    (error, expected)
}

/// As the error of a child, beside one that made its error by `From` and one that panicked.
fn nest(error: JoinedError<Fault>, model: &Model) -> (JoinedError<JoinedError<Fault>>, Model) {
    let mut nursery: LocalNursery<'_, (), JoinedError<Fault>> = Nursery::local();
    nursery.spawn(async { Err(error) });
    nursery.spawn(async { Err(fault(8).into()) });
    nursery.spawn(async { resume_unwind(Box::new("oh")) });
    let error = nursery.join().now_or_never().unwrap().unwrap_err();
    let [first, second, third] = [0, 1, 2].map(|at| error.iter().nth(at).unwrap());
    let body = second.failure().error().unwrap().first();
    let others = vec![
        Row::plain(0, second, What::Group(Head::plain(0))),
        Row::plain(1, body, What::Error(8)),
        Row::plain(0, third, What::Panic("panicked: oh".to_owned())),
    ];
    let first = Row::plain(0, first, What::Error(0));
    let expected = model.within(Head::plain(3), first, others);
    (error, expected)
}

/// The ways to look at the entries and at the leaves see the same ones.
fn views_agree(error: &JoinedError<Fault>) {
    let entries: Vec<_> = error.iter().map(ptr::from_ref).collect();
    assert_eq!((error.len(), error.iter().len()), (entries.len(), entries.len()));
    assert!(ptr::eq(error.first(), entries[0]));
    assert!(error.into_iter().map(ptr::from_ref).eq(entries.iter().copied()));
    assert!(error.iter().rev().map(ptr::from_ref).eq(entries.iter().rev().copied()));
    let mut open = vec![error.iter()];
    let mut leaves = error.leaves();
    while let Some(level) = open.last_mut() {
        match level.next() {
            Some(entry) => match entry.failure().group() {
                Some(group) => open.push(group.iter()),
                None => assert!(leaves.next().is_some_and(|leaf| ptr::eq(leaf, entry))),
            },
            None => drop(open.pop()),
        }
    }
    assert!(leaves.next().is_none());
    let with_paths = error.iter().map(|entry| {
        let mut path: Vec<_> = entry.ancestors().map(ChildInfo::id).take(MANY).collect();
        path.reverse();
        path.push(entry.child().id());
        (path, entry)
    });
    let with_paths: Vec<_> = with_paths.take(MANY + 1).collect();
    assert_eq!(error.by_spawn_order().len(), error.len());
    if with_paths.len() > MANY || with_paths.iter().any(|(path, _)| path.len() > MANY) {
        // To sort them by recursion would take too long, and the whole stack.
        return;
    }
    let sorted = sorted(with_paths);
    assert!(error.by_spawn_order().map(ptr::from_ref).eq(sorted.into_iter().map(ptr::from_ref)));
}

/// More entries, or children on a path, than are sorted for comparison.
const MANY: usize = 500;

type WithPath<'a> = (Vec<ChildId>, &'a ChildError<Fault>);

/// In spawn order. It is stable: two failures of a child stay as they came. What was in one group
/// stays together, where the first of it came.
fn sorted(entries: Vec<WithPath<'_>>) -> Vec<&ChildError<Fault>> {
    let mut level: Vec<(ChildId, Vec<WithPath<'_>>)> = Vec::new();
    for (mut path, entry) in entries {
        let id = path.remove(0);
        let is_group = |(other, inside): &&mut (ChildId, Vec<WithPath<'_>>)| {
            *other == id && !inside[0].0.is_empty() && !path.is_empty()
        };
        match level.iter_mut().find(is_group) {
            Some((_, inside)) => inside.push((path, entry)),
            None => level.push((id, vec![(path, entry)])),
        }
    }
    level.sort_by_key(|(id, _)| *id);
    let inside = level.into_iter().map(|(_, inside)| match &inside[..] {
        [(path, entry)] if path.is_empty() => vec![*entry],
        _ => sorted(inside),
    });
    inside.flatten().collect()
}

fn search_agrees(error: &JoinedError<Fault>) {
    fn agrees<X: Error + Send + Sync + 'static>(error: &JoinedError<Fault>) {
        let address = |found: Option<&X>| found.map(ptr::from_ref);
        let wanted = address(error.leaves().find_map(search_leaf::<X>));
        let endless = endless(error);
        assert_eq!(address(error.find::<X>()), wanted);
        assert_asked(&endless, SOURCES);
        assert_eq!(address(error.find_with::<X>(|fault| fault)), wanted);
        assert_asked(&endless, SOURCES);
        let of_errors = error.leaves().filter_map(|leaf| leaf.failure().error());
        let wanted = address(of_errors.into_iter().find_map(|fault| search::<X>(fault)));
        assert_asked(&endless, SOURCES);
        assert_eq!(address(error.find_local::<X>()), wanted);
        assert_asked(&endless, SOURCES);
    }
    agrees::<Fault>(error);
    agrees::<Needle<0>>(error);
    agrees::<Needle<1>>(error);
    agrees::<Needle<2>>(error);
    agrees::<Endless>(error);
    assert!(error.find::<Absent>().is_none());
}

fn search_leaf<X: Error + Send + Sync + 'static>(leaf: &ChildError<Fault>) -> Option<&X> {
    match leaf.failure() {
        Failure::Error(fault) => search(fault),
        Failure::Panic(panic) if panic.is::<X>() => panic.downcast_ref(),
        Failure::Panic(panic) if panic.is::<Boxed>() => search(&**panic.downcast_ref::<Boxed>()?),
        _ => None,
    }
}

fn search<'a, X: Error + 'static>(mut error: &'a (dyn Error + 'static)) -> Option<&'a X> {
    for _ in 0..SOURCES {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        error = error.source()?;
    }
    None
}

/// The ends of the chains that have none.
fn endless(error: &JoinedError<Fault>) -> Vec<&Endless> {
    let endless: Vec<_> = error.leaves().filter_map(search_leaf::<Endless>).collect();
    endless.iter().for_each(|end| end.asked.store(0, Relaxed));
    endless
}

fn assert_asked(endless: &[&Endless], most: usize) {
    for end in endless {
        let asked = end.asked.swap(0, Relaxed);
        assert!(asked <= most, "asked for its source {asked} times");
    }
}

fn taken_apart(error: JoinedError<Fault>, model: &Model) {
    let entries: Vec<_> = model.entries().cloned().collect();
    let len = error.len();
    let into_iter = error.into_iter();
    assert_eq!(into_iter.len(), len);
    assert_eq!(into_iter.map(|entry| Row::of(0, &entry)).collect::<Vec<_>>(), entries);
}

fn resumed(error: JoinedError<Fault>, model: &Model) {
    let first = error.leaves().find_map(|leaf| leaf.failure().panic()).map(told);
    match (catch_unwind(AssertUnwindSafe(|| error.resume_panic())), first) {
        (Ok(error), None) => {
            assert_eq!(Model::of(&error), *model);
            assert_eq!(Row::of(0, &error.into_first()), *model.entries().next().unwrap());
        }
        (Err(payload), Some(first)) => assert_eq!(told_of_payload(&*payload), first),
        (Ok(_), Some(first)) => panic!("it did not go on with {first}"),
        (Err(_), None) => panic!("it panicked, and none of the failures is a panic"),
    }
}

/// What payload it is, unless it is a text. A macro, as what is asked has the method, and no trait.
macro_rules! told_unless_text {
    ($payload:expr) => {
        if let Some(number) = $payload.downcast_ref::<u8>() {
            Some(format!("number {number}"))
        } else if let Some(fault) = $payload.downcast_ref::<Fault>() {
            Some(format!("fault {}", fault.number))
        } else if let Some(error) = $payload.downcast_ref::<Boxed>() {
            Some(format!("boxed {}", error.downcast_ref::<Fault>().unwrap().number))
        } else if let Some(needle) = $payload.downcast_ref::<Needle<2>>() {
            Some(format!("needle {}", needle.number))
        } else {
            None
        }
    };
}

fn told(panic: &Panic) -> String {
    told_unless_text!(panic).unwrap_or_else(|| format!("text {}", panic.message()))
}

fn told_of_payload(payload: &(dyn Any + Send)) -> String {
    told_unless_text!(payload).unwrap_or_else(|| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref().copied());
        format!("text {}", text.expect("there is no other type"))
    })
}
