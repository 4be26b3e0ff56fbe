//! A body beside the children.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use smallvec::SmallVec;

use super::{Inner, Nursery, Spawner};
use crate::cancel::CauseKind;
use crate::drive::{Running, WakeFlag};
use crate::error::{Failure, JoinedError, Panic};
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded, drop_quietly};
use crate::info::ChildInfo;
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
        collected: Collected<ChildInfo, T, E>,
        #[pin]
        body: Option<B>,
        woken: Arc<WakeFlag>,
        info: ChildInfo,
        // Whether a failure that stops the nursery stops the body too. One that was handed out
        // before does not: the body would be dropped, and no error left.
        stoppable: bool,
        output: Option<R>,
    }

    impl<'env, T, E, M: Flavor, B, R> PinnedDrop for BodyRun<'env, T, E, M, B, R> {
        // Children first, then the body or its output, each even where another's destructor panics.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let mut first = FirstPanic::default();
            first.note(drop_guarded(this.inner.take()));
            first.note(drop_in_place(this.body));
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
        let (inner, collected) = nursery.into_collected(0);
        let stoppable = match inner.scope.cause().and_then(|cause| cause.child().map(ChildInfo::id))
        {
            Some(child) => collected.has_failure_of(child) || inner.scope.has_failure_of(child),
            None => true,
        };
        Self {
            woken: WakeFlag::new(inner.driver.waker()),
            inner: Some(inner),
            collected,
            body: Some(body),
            info: ChildInfo::body(location),
            stoppable,
            output: None,
        }
    }

    /// Ready when the body and all children have ended, with the nursery.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Box<Inner<'env, T, E, M>>> {
        let mut this = self.project();
        let Some(inner) = this.inner else { panic!("a run was polled after it was ready") };
        let Inner { driver, scope, .. } = &mut **inner;
        let mut running = Running::begin(driver, cx);
        loop {
            let body = Beside {
                body: this.body.as_mut(),
                woken: this.woken,
                info: this.info,
                stoppable: *this.stoppable,
                output: this.output,
            };
            ready!(running.drive(cx, &mut Pass::new(scope, this.collected, body)));
            if scope.close_if_idle() {
                break;
            }
        }
        drop(running);
        match this.inner.take() {
            Some(inner) => Poll::Ready(inner),
            None => unreachable!("it was there a moment ago"),
        }
    }
}

/// The body as the driver sees it.
struct Beside<'a, B, R> {
    body: Pin<&'a mut Option<B>>,
    woken: &'a Arc<WakeFlag>,
    info: &'a ChildInfo,
    stoppable: bool,
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
        self.woken.is_set()
    }

    fn poll(&mut self, scope: &mut Scope<'env, T, E, M>) {
        self.woken.clear();
        let failures = poll_body(self.body.as_mut(), self.woken, self.output);
        scope.fail(self.info, failures);
    }

    fn drop_if_stopped(&mut self, scope: &mut Scope<'env, T, E, M>) {
        if !self.stoppable || self.body.is_none() {
            return;
        }
        if let Some(cause) = scope.stops_body() {
            let late = cause.kind() == CauseKind::Deadline;
            let late = late.then(|| Failure::TimedOut(cause));
            scope.fail(self.info, late.into_iter().chain(drop_body(self.body.as_mut())));
        }
    }
}

/// Polls the body. When it has ended, drops it and returns its failures.
fn poll_body<R, E, B: Future<Output = Result<R, E>>>(
    mut body: Pin<&mut Option<B>>,
    woken: &Arc<WakeFlag>,
    output: &mut Option<R>,
) -> SmallVec<[Failure<E>; 1]> {
    let Some(future) = body.as_mut().as_pin_mut() else { return SmallVec::new() };
    let waker = woken.waker();
    let mut cx = Context::from_waker(&waker);
    let mut failures = SmallVec::new();
    match catch(|| future.poll(&mut cx)) {
        Ok(Poll::Pending) => return failures,
        Ok(Poll::Ready(Ok(value))) => *output = Some(value),
        Ok(Poll::Ready(Err(error))) => failures.push(Failure::Error(error)),
        Err(thrown) => failures.push(Failure::Panic(Panic::new(thrown))),
    }
    failures.extend(drop_body(body));
    failures
}

fn drop_body<B, E>(body: Pin<&mut Option<B>>) -> Option<Failure<E>> {
    drop_in_place(body).err().map(|thrown| Failure::Panic(Panic::of_destructor(thrown)))
}

/// A pinned value can be dropped in its place only. Should that panic, it is gone all the same.
fn drop_in_place<B>(mut body: Pin<&mut Option<B>>) -> Result<(), CaughtPanic> {
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
        RunSettle { run: self.run }
    }
}

impl<T, E, M, B, R> Future for Run<'_, T, E, M, B, R>
where
    M: Flavor,
    B: Future<Output = Result<R, E>>,
{
    type Output = Result<(R, Vec<T>), JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut run = self.project().run;
        run.as_mut().poll(cx).map(|inner| {
            let run = run.project();
            let output = run.output.take();
            match (output, run.collected.take_report(&inner.scope.summary()).into_result()) {
                (output, Err(error)) => {
                    drop_quietly(output);
                    Err(error)
                }
                (Some(output), Ok(outputs)) => Ok((output, outputs)),
                (None, Ok(_)) => unreachable!("a body that gave no output has left a failure"),
            }
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
        let mut run = self.project().run;
        run.as_mut().poll(cx).map(|inner| {
            let run = run.project();
            (run.output.take(), run.collected.take_report(&inner.scope.summary()))
        })
    }
}

impl<T, E, M: Flavor, B, R> fmt::Debug for RunSettle<'_, T, E, M, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSettle").finish_non_exhaustive()
    }
}
