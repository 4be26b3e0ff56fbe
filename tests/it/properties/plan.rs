//! A nursery that is planned, run by hand, and asked whether its error is what happened.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::{panic, ptr, thread};

use nestling::failure::Panic;
use nestling::{CancelHandle, ChildError, Failure, JoinedError, LocalNursery, Nursery};

use super::fault::{Boxed, Fault, Needle};

/// A nursery that is to be run.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) keep: Option<usize>,
    pub(crate) stop_after: Option<usize>,
    pub(crate) body: Option<Fault>,
    pub(crate) children: Vec<Child>,
}

#[derive(Default)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) late: u8,
    pub(crate) cancels_itself: bool,
    pub(crate) parting: Option<String>,
    pub(crate) end: End,
}

#[derive(Default)]
pub(crate) enum End {
    #[default]
    Done,
    Never,
    Error(Fault),
    Panic(Payload),
    Group(JoinedError<Fault>),
}

pub(crate) enum Payload {
    Text(String),
    Static,
    Number(u8),
    Fault(Fault),
    Boxed(Boxed),
    Needle(Needle<2>),
}

impl Payload {
    fn throw(self) -> ! {
        // The panic hook would print it, and that of a fuzzer would end the program.
        match self {
            Self::Text(text) => panic::resume_unwind(Box::new(text)),
            Self::Static => panic::resume_unwind(Box::new("static")),
            Self::Number(number) => panic::resume_unwind(Box::new(number)),
            Self::Fault(fault) => panic::resume_unwind(Box::new(fault)),
            Self::Boxed(error) => panic::resume_unwind(Box::new(error)),
            Self::Needle(needle) => panic::resume_unwind(Box::new(needle)),
        }
    }

    fn what(&self) -> What {
        match self {
            Self::Text(text) => What::Text(text.clone()),
            Self::Static => What::Text("static".to_owned()),
            Self::Number(number) => What::Number(*number),
            Self::Fault(fault) => What::Error(fault.number),
            Self::Boxed(error) => What::Error(error.downcast_ref::<Fault>().unwrap().number),
            Self::Needle(needle) => What::Error(needle.number),
        }
    }
}

/// What happened in a nursery, in order; of a failure as much as is needed to know it again.
enum Event {
    Done(usize),
    Failed(usize, What),
    Parted(usize, String),
    Body(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Error(usize),
    Number(u8),
    Text(String),
    /// Where its first entry is: groups are moved about in boxes.
    Group(*const ChildError<Fault>),
}

impl What {
    fn of(failure: &Failure<Fault>) -> Self {
        match failure {
            Failure::Error(fault) => Self::Error(fault.number),
            Failure::Group(group) => Self::Group(ptr::from_ref(group.first())),
            Failure::Panic(panic) => Self::of_panic(panic),
            _ => panic!("no nursery has a timeout"),
        }
    }

    fn of_panic(panic: &Panic) -> Self {
        if let Some(number) = panic.downcast_ref::<u8>() {
            Self::Number(*number)
        } else if let Some(fault) = panic.downcast_ref::<Fault>() {
            Self::Error(fault.number)
        } else if let Some(error) = panic.downcast_ref::<Boxed>() {
            Self::Error(error.downcast_ref::<Fault>().unwrap().number)
        } else if let Some(needle) = panic.downcast_ref::<Needle<2>>() {
            Self::Error(needle.number)
        } else {
            Self::Text(panic.message().to_owned())
        }
    }
}

type Log = Rc<RefCell<Vec<Event>>>;

/// A child at work; `finish` makes its output.
struct Work<F> {
    child: usize,
    late: u8,
    end: Option<End>,
    parting: Option<String>,
    /// Of the child itself, if it cancels itself.
    handle: Option<Rc<RefCell<Option<CancelHandle>>>>,
    log: Log,
    finish: F,
}

impl<F> Unpin for Work<F> {}

impl<O, F: Fn(End) -> O> Future for Work<F> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        let work = &mut *self;
        if work.late > 0 {
            work.late -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let what = match &work.end {
            Some(End::Never) => return Poll::Pending,
            Some(End::Done) | None => None,
            Some(End::Error(fault)) => Some(What::Error(fault.number)),
            Some(End::Panic(payload)) => Some(payload.what()),
            Some(End::Group(group)) => Some(What::Group(ptr::from_ref(group.first()))),
        };
        work.log.borrow_mut().push(match what {
            Some(what) => Event::Failed(work.child, what),
            None => Event::Done(work.child),
        });
        if let Some(handle) = work.handle.as_ref().and_then(|handle| handle.borrow_mut().take()) {
            handle.cancel();
        }
        match work.end.take().unwrap() {
            End::Panic(payload) => payload.throw(),
            end => Poll::Ready((work.finish)(end)),
        }
    }
}

impl<F> Drop for Work<F> {
    fn drop(&mut self) {
        if let (Some(text), false) = (self.parting.take(), thread::panicking()) {
            self.log.borrow_mut().push(Event::Parted(self.child, text.clone()));
            panic::resume_unwind(Box::new(text));
        }
    }
}

impl Plan {
    /// Runs the nursery, checks that its error is what happened, and returns it.
    pub(crate) fn run(self) -> Option<JoinedError<Fault>> {
        let log = Log::default();
        let expected = Expected::of(&self);
        let mut nursery: LocalNursery<'_, (), Fault> = Nursery::local().name(&*self.name);
        if let Some(keep) = self.keep {
            nursery = nursery.keep_failures(keep);
        }
        if let Some(mut left) = self.stop_after {
            nursery = nursery.cancel_when(move |_| {
                left -= 1;
                left == 0
            });
        }
        let mut idle = Vec::new();
        let children = self.children.len();
        for (number, child) in self.children.into_iter().enumerate() {
            idle.extend(child.spawn(number, &mut nursery, &log));
        }
        let result = match self.body {
            None => drive(nursery.join(), children, idle).map(drop),
            Some(fault) => {
                let log = Rc::clone(&log);
                let body = async move {
                    log.borrow_mut().push(Event::Body(fault.number));
                    Err::<(), _>(fault)
                };
                drive(nursery.run(|_| body), children, idle).map(drop)
            }
        };
        let error = result.err();
        expected.check(error.as_ref(), &log.borrow());
        error
    }
}

impl Child {
    /// Returns a handle for a child that does not end by itself.
    fn spawn(
        self,
        number: usize,
        nursery: &mut LocalNursery<'_, (), Fault>,
        log: &Log,
    ) -> Option<CancelHandle> {
        let slot = self.cancels_itself.then(Rc::default);
        let builder = nursery.child().name(&*self.name);
        let (never, group) = (matches!(self.end, End::Never), matches!(self.end, End::Group(_)));
        let work = Work {
            child: number,
            late: self.late,
            end: Some(self.end),
            parting: self.parting,
            handle: slot.clone(),
            log: Rc::clone(log),
            finish: (),
        };
        let handle = match (group, never || slot.is_some()) {
            (true, true) => {
                Some(builder.group().spawn_with_handle(work.finished_by(End::into_group)))
            }
            (false, true) => Some(builder.spawn_with_handle(work.finished_by(End::into_error))),
            (true, false) => {
                builder.group().spawn(work.finished_by(End::into_group));
                None
            }
            (false, false) => {
                builder.spawn(work.finished_by(End::into_error));
                None
            }
        };
        if let Some(slot) = slot {
            *slot.borrow_mut() = handle.clone();
        }
        handle.filter(|_| never)
    }
}

impl Work<()> {
    fn finished_by<O>(mut self, finish: fn(End) -> O) -> Work<fn(End) -> O> {
        Work {
            child: self.child,
            late: self.late,
            end: self.end.take(),
            parting: self.parting.take(),
            handle: self.handle.take(),
            log: Rc::clone(&self.log),
            finish,
        }
    }
}

impl End {
    fn into_error(self) -> Result<(), Fault> {
        match self {
            Self::Error(fault) => Err(fault),
            _ => Ok(()),
        }
    }

    fn into_group(self) -> Result<(), JoinedError<Fault>> {
        match self {
            Self::Group(group) => Err(group),
            _ => Ok(()),
        }
    }
}

/// Polls to the end, and cancels those that wait for ever once the others have had time to end.
fn drive<F: Future>(future: F, children: usize, idle: Vec<CancelHandle>) -> F::Output {
    let mut future = pin!(future);
    // Each is polled a few times, and some hundred of these polls are done in one.
    let mut poll = || {
        let mut cx = Context::from_waker(Waker::noop());
        (0..10 + children / 10).find_map(|_| match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    };
    if let Some(output) = poll() {
        return output;
    }
    for handle in idle {
        handle.cancel();
    }
    poll().expect("the nursery ends")
}

/// What is known of a nursery's error before it runs.
struct Expected {
    name: String,
    keep: usize,
    /// The number of the failure that cancels the nursery, which is kept in any case.
    decisive: Option<usize>,
    /// Names, and whether they cancel themselves.
    children: Vec<(String, bool)>,
}

impl Expected {
    fn of(plan: &Plan) -> Self {
        let child = |child: &Child| (child.name.clone(), child.cancels_itself);
        Self {
            name: plan.name.clone(),
            keep: plan.keep.unwrap_or(usize::MAX),
            decisive: plan.stop_after.map(|failures| failures - 1),
            children: plan.children.iter().map(child).collect(),
        }
    }

    fn check(&self, error: Option<&JoinedError<Fault>>, log: &[Event]) {
        let failures = self.failures(log);
        let Some(error) = error else {
            assert!(failures.is_empty(), "what failed is missing");
            return;
        };
        assert_eq!(error.name().unwrap_or_default(), self.name);
        let is_kept = |number: usize| number < self.keep || Some(number) == self.decisive;
        let kept: Vec<_> = (0..failures.len()).filter(|number| is_kept(*number)).collect();
        assert_eq!(error.len(), kept.len());
        for (entry, number) in error.iter().zip(kept) {
            let expected = &failures[number];
            assert_eq!(What::of(entry.failure()), expected.what);
            assert_eq!(entry.after_cancel(), expected.after_cancel);
            match expected.child {
                Some(child) => {
                    assert_eq!(entry.child().id().number(), child as u64);
                    assert_eq!(entry.child().name().unwrap_or_default(), self.children[child].0);
                }
                None => assert!(entry.child().is_body()),
            }
            assert_eq!(entry.child().location().file(), file!());
            assert_eq!(entry.ancestors().count(), 0);
        }
        self.check_counts(error, &failures, log);
    }

    fn failures(&self, log: &[Event]) -> Vec<Expectation> {
        let mut ended = BTreeSet::new();
        let mut failures = Vec::new();
        for event in log {
            let (child, what, after_cancel) = match event {
                Event::Done(child) => {
                    ended.insert(*child);
                    continue;
                }
                Event::Failed(child, what) => {
                    ended.insert(*child);
                    (Some(*child), what.clone(), self.children[*child].1)
                }
                // Whoever is dropped before its end is cancelled.
                Event::Parted(child, text) => {
                    let cancelled = self.children[*child].1 || !ended.contains(child);
                    (Some(*child), What::Text(text.clone()), cancelled)
                }
                Event::Body(number) => (None, What::Error(*number), false),
            };
            failures.push(Expectation { child, what, after_cancel });
        }
        failures
    }

    fn check_counts(&self, error: &JoinedError<Fault>, failures: &[Expectation], log: &[Event]) {
        let failed: BTreeSet<_> = failures.iter().filter_map(|failure| failure.child).collect();
        let done = log.iter().filter(|event| match event {
            Event::Done(child) => !failed.contains(child),
            _ => false,
        });
        let counts = error.counts();
        assert_eq!(counts.total(), self.children.len() as u64);
        assert_eq!(counts.completed(), done.count() as u64);
        assert_eq!(counts.failed(), failed.len() as u64);
        assert_eq!(counts.cancelled(), counts.total() - counts.completed() - counts.failed());
        assert_eq!(counts.not_stored(), (failures.len() - error.len()) as u64);
    }
}

struct Expectation {
    /// `None` is the body.
    child: Option<usize>,
    what: What,
    after_cancel: bool,
}
