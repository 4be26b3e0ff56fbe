//! A body beside the children.

use std::fmt;
use std::marker::PhantomPinned;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use smallvec::SmallVec;

use super::{Inner, Nursery, Spawner};
use crate::cancel::current::Inside;
use crate::cancel::{Cause, CauseKind, Nest};
use crate::drive::{Running, WakeFlag, budget};
use crate::error::{Failure, JoinedError, Panic};
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded, drop_quietly};
use crate::info::{ChildInfo, Owner};
use crate::observe::{EndKind, Record, SeenTraits};
use crate::report::Report;
use crate::scope::collected::Collected;
use crate::scope::{Body, Pass, Scope};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Drives a body together with the children, and waits for all of them.
    ///
    /// The body gets a [`Spawner`], and may await whatever it likes: the children go on meanwhile.
    /// Its output is returned beside the children's, which are in spawn order. The body is no
    /// child: it takes no slot of the limit and is not counted.
    ///
    /// | what happens | the body | the children |
    /// |---|---|---|
    /// | the body ends | | are waited for |
    /// | the body fails or panics | one more failure, as that of a child | as when a sibling fails |
    /// | a failure stops the nursery ([`first_error`](Self::first_error), [`cancel_when`](Self::cancel_when)) | is dropped | are cancelled |
    /// | the [`deadline`](Self::deadline) passes | is dropped, and has [timed out](crate::Failure::TimedOut) | have timed out |
    /// | the nursery is cancelled by a spawner | goes on to its own end | are cancelled |
    /// | the child is cancelled that the nursery [goes with](crate::ChildContext::nursery) | goes on to its own end | are cancelled |
    ///
    /// A body that goes on hears of the cancel by [`Spawner::cancelled`]. If the nursery has a
    /// [`grace`](Self::grace), a body that is to be dropped is dropped when that is over. A body
    /// that never ends keeps the run from ending, also when all children have.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops all children there and then, the newest first, and then the body;
    /// [remote](Self::spawn_on) children are told to go. Outputs and failures of those that have
    /// ended go with it.
    ///
    /// # Errors
    ///
    /// The output is every failure, that of the body included, in the order in which they came, if
    /// there was any.
    ///
    /// # Panics
    ///
    /// A panic of the closure itself goes to the caller; one of the future it returns is a failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::Nursery;
    ///
    /// # futures::executor::block_on(async {
    /// let result = Nursery::new()
    ///     .run(|spawner| async move {
    ///         for n in 0..3 {
    ///             spawner.spawn(async move { Ok::<_, &str>(n) }).expect("it is open");
    ///         }
    ///         Ok("body")
    ///     })
    ///     .await;
    /// assert_eq!(result.unwrap(), ("body", vec![0, 1, 2]));
    /// # });
    /// ```
    #[track_caller]
    pub fn run<R, B, F>(mut self, body: F) -> Run<'env, T, E, M, B, R>
    where
        F: FnOnce(Spawner<'env, T, E, M>) -> B,
        B: Future<Output = Result<R, E>>,
    {
        let location = Location::caller();
        let body = body(self.spawner());
        Run { run: BodyRun::new(self, body, location) }
    }
}

pin_project! {
    /// A body and its nursery.
    struct BodyRun<'env, T, E, M: Flavor, B, R> {
        inner: Option<Box<Inner<'env, T, E, M>>>,
        // Made with the first poll: until then the run may become one that reports.
        collected: Option<Collected<ChildInfo, T, E>>,
        reports: bool,
        #[pin]
        body: Option<B>,
        woken: Arc<WakeFlag>,
        info: ChildInfo,
        // Whether a failure that stops the nursery stops the body too. One that was handed out
        // before does not: the body would be dropped, and no error left.
        stoppable: bool,
        // The body was polled.
        has_started: bool,
        // The nurseries that are driven in the body, once there is one.
        nest: Option<Arc<Nest>>,
        // It was polled for the last time, as the child is that all this is in.
        was_last: bool,
        // There while it is observed and has not ended.
        record: Option<Arc<Record>>,
        output: Option<R>,
        // Once it was polled it cannot move, and so cannot become another.
        #[pin]
        pinned: PhantomPinned,
    }

    impl<'env, T, E, M: Flavor, B, R> PinnedDrop for BodyRun<'env, T, E, M, B, R> {
        // Children first, then the body or its output, each even where another's destructor panics.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let around = this.inner.as_ref().and_then(|inner| inner.scope.nest());
            if let (Some(inner), Some(collected)) = (&*this.inner, &*this.collected) {
                inner.scope.lose(collected.failures());
            }
            let mut first = FirstPanic::default();
            first.note(drop_guarded(this.inner.take()));
            first.note(drop_in_place(this.body, this.record));
            if let Some(record) = this.record.take() {
                record.finish(EndKind::Cancelled);
            }
            if let (Some(around), Some(nest)) = (around, this.nest) {
                around.lose(nest.lost());
            }
            first.note(drop_guarded(this.output.take()));
            first.resume();
        }
    }
}

impl<'env, T, E, M, B, R> BodyRun<'env, T, E, M, B, R>
where
    M: Flavor,
    B: Future<Output = Result<R, E>>,
{
    fn new(nursery: Nursery<'env, T, E, M>, body: B, location: &'static Location<'static>) -> Self {
        let info = ChildInfo::body(location);
        let scene = nursery.inner.scope.scene();
        let record = scene.map(|scene| {
            scene.enter(info.clone(), SeenTraits { size: size_of::<B>(), ..SeenTraits::default() })
        });
        Self {
            woken: WakeFlag::new(nursery.inner.driver.waker()),
            inner: Some(nursery.inner),
            record,
            collected: None,
            reports: false,
            body: Some(body),
            info,
            stoppable: true,
            has_started: false,
            nest: None,
            was_last: false,
            output: None,
            pinned: PhantomPinned,
        }
    }

    /// Begins to collect.
    fn begin(self: Pin<&mut Self>) {
        let this = self.project();
        let Some(mut inner) = this.inner.take() else {
            panic!("a run was polled after it was ready")
        };
        if !*this.reports {
            inner.bounds.cancelled = 0;
        }
        let (inner, collected) = Nursery { inner }.into_collected(0);
        let child = inner.scope.cause().and_then(|cause| cause.child().map(ChildInfo::id));
        *this.stoppable = child.is_none_or(|child| {
            collected.has_failure_of(child) || inner.scope.has_failure_of(child)
        });
        *this.inner = Some(inner);
        *this.collected = Some(collected);
    }

    /// Ready when the body and all children have ended, with the nursery.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Option<R>, Report<T, E>)> {
        if self.collected.is_none() {
            self.as_mut().begin();
        }
        let mut this = self.project();
        let (Some(inner), Some(collected)) = (&mut *this.inner, &mut *this.collected) else {
            unreachable!("it has begun")
        };
        let Inner { driver, scope, .. } = &mut **inner;
        let mut running = Running::begin(driver, cx);
        loop {
            let body = Beside {
                body: this.body.as_mut(),
                woken: this.woken,
                info: this.info,
                stoppable: *this.stoppable,
                has_started: this.has_started,
                nest: this.nest,
                was_last: this.was_last,
                record: this.record,
                has_failures: collected.failures() > 0,
                output: this.output,
            };
            ready!(running.drive(cx, &mut Pass::new(scope, collected, body)));
            if ready!(scope.close(&mut running, *this.reports || collected.failures() > 0)) {
                break;
            }
        }
        drop(running);
        let report = collected.take_report(&scope.summary());
        *this.inner = None;
        *this.collected = None;
        Poll::Ready((this.output.take(), report))
    }
}

/// The body as the driver sees it.
struct Beside<'a, B, R> {
    body: Pin<&'a mut Option<B>>,
    woken: &'a Arc<WakeFlag>,
    info: &'a ChildInfo,
    stoppable: bool,
    has_started: &'a mut bool,
    nest: &'a mut Option<Arc<Nest>>,
    was_last: &'a mut bool,
    record: &'a mut Option<Arc<Record>>,
    /// Of the children.
    has_failures: bool,
    output: &'a mut Option<R>,
}

impl<'env, T, E, M, B, R> Body<'env, T, E, M> for Beside<'_, B, R>
where
    M: Flavor,
    B: Future<Output = Result<R, E>>,
{
    fn is_there(&self) -> bool {
        self.body.is_some()
    }

    fn is_woken(&self) -> bool {
        self.woken.is_set() && !*self.was_last
    }

    fn has_started(&self) -> bool {
        *self.has_started
    }

    fn poll(&mut self, scope: &mut Scope<'env, T, E, M>) {
        self.woken.clear();
        *self.has_started = true;
        let waker = self.woken.waker();
        let failures = self.poll_body(&mut Context::from_waker(&waker));
        self.tell(scope, failures);
    }

    fn drop_if_stopped(&mut self, scope: &mut Scope<'env, T, E, M>) {
        if self.body.is_none() {
            return;
        }
        let stop = if self.stoppable { scope.stops_body() } else { None };
        match (stop, scope.cause()) {
            (Some(cause), _) => self.stop(scope, cause),
            (None, Some(cause)) if scope.is_last() => {
                let cause = cause.clone();
                self.end(scope, &cause);
            }
            (None, Some(cause)) if cause.kind() == CauseKind::Parent => {
                // The first signal stays. What the body drives later serves the clean-up.
                let cause =
                    Cause::parent_cancelled(Owner::Nursery, self.info.clone(), cause.clone());
                self.nest.get_or_insert_with(Nest::new).signal(cause);
            }
            _ => {}
        }
    }
}

impl<B, R> Beside<'_, B, R> {
    /// Drops the body for this cause. If nurseries are inside it, these are ended, and it is polled
    /// once more before that.
    fn stop<'env, T, E, M>(&mut self, scope: &mut Scope<'env, T, E, M>, cause: Cause)
    where
        M: Flavor,
        B: Future<Output = Result<R, E>>,
    {
        if self.end_nest(&cause) {
            let failures = self.poll_last();
            if self.body.is_none() {
                return self.tell(scope, failures);
            }
        }
        let late = cause.kind() == CauseKind::Deadline;
        let late = late.then(|| Failure::TimedOut(cause));
        let failures = late.into_iter().chain(self.drop_body()).collect();
        self.tell(scope, failures);
    }

    /// Polls the body for the last time, as the child is that all this is in. It is dropped after
    /// that if there are failures to be told: otherwise it goes with that child.
    fn end<'env, T, E, M>(&mut self, scope: &mut Scope<'env, T, E, M>, cause: &Cause)
    where
        M: Flavor,
        B: Future<Output = Result<R, E>>,
    {
        let mut failures = SmallVec::new();
        if !mem::replace(self.was_last, true) {
            self.end_nest(cause);
            failures = self.poll_last();
        }
        if self.body.is_some() && (self.has_failures || scope.has_failures()) {
            failures.extend(self.drop_body());
        }
        self.tell(scope, failures);
    }

    fn end_nest(&self, cause: &Cause) -> bool {
        let cause = || Cause::parent_cancelled(Owner::Nursery, self.info.clone(), cause.clone());
        self.nest.as_ref().is_some_and(|nest| nest.end(cause()))
    }

    fn poll_last<E>(&mut self) -> SmallVec<[Failure<E>; 1]>
    where
        B: Future<Output = Result<R, E>>,
    {
        let _unbounded = budget::Unbounded::begin();
        self.poll_body(&mut Context::from_waker(Waker::noop()))
    }

    /// Polls the body. When it has ended, drops it and returns its failures.
    fn poll_body<E>(&mut self, cx: &mut Context<'_>) -> SmallVec<[Failure<E>; 1]>
    where
        B: Future<Output = Result<R, E>>,
    {
        let Some(future) = self.body.as_mut().as_pin_mut() else { return SmallVec::new() };
        let mut failures = SmallVec::new();
        let inside = Inside::enter_nest(self.nest.take());
        let polled = catch(|| match self.record {
            Some(record) => Arc::clone(record).poll(cx, |cx| future.poll(cx)),
            None => future.poll(cx),
        });
        *self.nest = inside.leave();
        match polled {
            Ok(Poll::Pending) => return failures,
            Ok(Poll::Ready(Ok(value))) => *self.output = Some(value),
            Ok(Poll::Ready(Err(error))) => failures.push(Failure::Error(error)),
            Err(thrown) => failures.push(Failure::Panic(Panic::new(thrown))),
        }
        failures.extend(self.drop_body());
        failures
    }

    fn drop_body<E>(&mut self) -> Option<Failure<E>> {
        let dropped = drop_in_place(self.body.as_mut(), self.record);
        dropped.err().map(|thrown| Failure::Panic(Panic::of_destructor(thrown)))
    }

    /// Tells the failures of the body, and what was lost inside it once it is gone.
    fn tell<'env, T, E, M: Flavor>(
        &mut self,
        scope: &mut Scope<'env, T, E, M>,
        failures: SmallVec<[Failure<E>; 1]>,
    ) {
        if self.body.is_none() {
            if let Some(record) = self.record.take() {
                record.finish(match failures.first() {
                    None if self.output.is_some() => EndKind::Completed,
                    None => EndKind::Cancelled,
                    Some(failure) => EndKind::of_failure(failure),
                });
            }
            let lost = self.nest.take().map_or(0, |nest| nest.lost());
            scope.fail(self.info, failures, lost);
        }
    }
}

/// A pinned value can be dropped in its place only. Should that panic, it is gone all the same.
fn drop_in_place<B>(
    mut body: Pin<&mut Option<B>>,
    record: &Option<Arc<Record>>,
) -> Result<(), CaughtPanic> {
    let _in_span = record.as_ref().map(|record| record.in_span());
    catch(|| body.as_mut().set(None))
}

pin_project! {
    /// Drives a body beside the children; see [`Nursery::run`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Run<'env, T, E, M: Flavor, B, R> {
        #[pin]
        run: BodyRun<'env, T, E, M, B, R>,
    }
}

impl<'env, T, E, M: Flavor, B, R> Run<'env, T, E, M, B, R> {
    /// The same run, with everything that came of it: the body's output, if it succeeded, and the
    /// [`Report`] of the children. A failure of the body is one of the report's.
    ///
    /// # Cancel safety
    ///
    /// As that of [`run`](Nursery::run).
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), &str> = Nursery::new();
    /// nursery.spawn(async { Err("disk full") });
    /// let (output, report) = nursery.run(|_| async { Ok("kept") }).settle().await;
    /// assert_eq!((output, report.counts().failed()), (Some("kept"), 1));
    /// # });
    /// ```
    pub fn settle(self) -> RunSettle<'env, T, E, M, B, R> {
        let mut run = self.run;
        run.reports = true;
        RunSettle { run }
    }
}

impl<T, E, M, B, R> Future for Run<'_, T, E, M, B, R>
where
    M: Flavor,
    B: Future<Output = Result<R, E>>,
{
    type Output = Result<(R, Vec<T>), JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll(cx).map(|(output, report)| match (output, report.into_result()) {
            (output, Err(error)) => {
                drop_quietly(output);
                Err(error)
            }
            (Some(output), Ok(outputs)) => Ok((output, outputs)),
            (None, Ok(_)) => unreachable!("a body that gave no output has left a failure"),
        })
    }
}

impl<T, E, M: Flavor, B, R> fmt::Debug for Run<'_, T, E, M, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

pin_project! {
    /// Drives a body beside the children and reports on each; see [`Run::settle`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct RunSettle<'env, T, E, M: Flavor, B, R> {
        #[pin]
        run: BodyRun<'env, T, E, M, B, R>,
    }
}

impl<T, E, M, B, R> Future for RunSettle<'_, T, E, M, B, R>
where
    M: Flavor,
    B: Future<Output = Result<R, E>>,
{
    type Output = (Option<R>, Report<T, E>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().run.poll(cx)
    }
}

impl<T, E, M: Flavor, B, R> fmt::Debug for RunSettle<'_, T, E, M, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSettle").finish_non_exhaustive()
    }
}
