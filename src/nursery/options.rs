//! The options of a nursery.

use std::error::Error;
use std::fmt::Display;
use std::panic::Location;
use std::sync::Arc;

use super::Nursery;
use super::builder::hold;
use super::later::{Later, MakeTimer};
use crate::error::{AsError, ChildError, source_of, text};
use crate::flavor::{Callback, Flavor, Hold};
use crate::observe::{Lenses, Observer, Watch};
use crate::scope::collected::{Bounds, bound};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Names the nursery in its errors. An empty name is none.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.inner.scope.set_name(name.into());
        self
    }

    /// Lets a [`Watch`] see the children, and those of nurseries and pools that are made inside
    /// them.
    ///
    /// Holds for what is spawned from then on. Several watches and observers may be given. A
    /// nursery that is made while an observed child is polled, by that child or by what it calls,
    /// is observed as the child is, and needs nothing of this.
    ///
    /// What that costs is told [there](crate::observe).
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling::Nursery;
    /// use nestling::observe::Watch;
    ///
    /// # futures::executor::block_on(async {
    /// let watch = Watch::new();
    /// let mut nursery: Nursery<'_, (), ()> = Nursery::new().name("sync").watch(&watch);
    /// nursery.child().name("fetch").spawn(async { Ok(()) });
    /// assert_eq!(watch.snapshot().children().len(), 1);
    /// nursery.join().await.unwrap();
    /// assert_eq!(watch.snapshot().children().len(), 0);
    /// # });
    /// ```
    pub fn watch(mut self, watch: &Watch) -> Self {
        self.inner.scope.observe(watch.lenses());
        self
    }

    /// Lets nothing observe the children.
    pub(crate) fn unobserved(mut self) -> Self {
        self.inner.scope.unobserve();
        self
    }

    /// Tells an [`Observer`] what the children do, and those of nurseries and pools that are made
    /// inside them. See [`watch`](Self::watch) for what it holds for, and what it costs.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.inner.scope.observe(Lenses::observer(observer));
        self
    }

    /// Opens a span of `tracing` for the nursery, and one for each child, and for those of nurseries
    /// and pools that are made inside them. Needs the feature `tracing`.
    ///
    /// | span | fields | its parent | is open |
    /// |---|---|---|---|
    /// | `nursery`, `pool` | `name` | the span that is current here; of one that is made inside a traced child, that which is current there | from the first start of a child until the nursery is gone |
    /// | `child`, `item`; `body` without `id` and `name` | `id`, `name`, `spawned_at` | that of its nursery, whichever child or thread spawned it | from its first poll until it is gone |
    ///
    /// So a child that spawns its successor does not have it inside: a chain of a million children
    /// is two spans deep. A child's span is entered for each poll, and while its future is dropped:
    /// what the child tells is in it, also on an executor. A nursery's is not entered. Of a remote
    /// child the span is closed at the latest when its nursery is dropped, which does not wait.
    ///
    /// | event in the child's span | level | fields |
    /// |---|---|---|
    /// | `failed`, `panicked`, `timed out` | warn | |
    /// | `cancelled` | debug | `cause` |
    /// | `dropped`, with its nursery | debug | |
    ///
    /// A child that never starts has no span. Its events are in the nursery's, with its `id` and
    /// `name`. The texts of errors are not told, as any type serves for them;
    /// [`on_failure`](Self::on_failure) has them. The target is `nestling`, and spans are of the
    /// level info. A span that is filtered out is passed over: what would be in it is in the next
    /// one around.
    ///
    /// All goes to the subscriber that is the default one where the nursery's parent is looked for,
    /// also from other threads. It is never called under a lock of this crate. If it panics, that
    /// is discarded, and the run goes on.
    ///
    /// Holds for what is spawned from then on, and costs what [`watch`](Self::watch) does, one
    /// allocation more, and what the subscriber takes.
    ///
    /// # Examples
    ///
    /// With a formatter of `tracing-subscriber` the events below are told as
    /// `nursery{name="sync"}:child{id=0 name="fetch" spawned_at=src/main.rs:9}: connected`:
    ///
    /// ```
    /// use nestling::Nursery;
    ///
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), &str> = Nursery::new().name("sync").trace();
    /// nursery.child().name("fetch").spawn(async {
    ///     tracing::info!("connected");
    ///     Err("connection reset") // the event `failed`
    /// });
    /// nursery.join().await.unwrap_err();
    /// # });
    /// ```
    #[cfg(feature = "tracing")]
    pub fn trace(mut self) -> Self {
        self.inner.scope.observe(Lenses::traced());
        self
    }

    /// Lets at most `limit` children run at once; the rest wait in the backlog, in spawn order.
    ///
    /// Without it there is no limit. A child that waits for one in the backlog can wait for ever:
    /// the slot it holds may be the one that the other needs.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: no child could ever run.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        check_limit(limit);
        self.inner.scope.set_limit(limit);
        self
    }

    /// Lets the first failure cancel every child that is left.
    ///
    /// The cause names the child that failed and carries the failure's text. For errors that cannot
    /// be displayed there is `cancel_when(|_| true)`. Of this and
    /// [`cancel_when`](Self::cancel_when) the one that is called last holds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), &str> = Nursery::new().first_error();
    /// nursery.spawn(std::future::pending()); // would wait for ever
    /// nursery.spawn(async { Err("disk full") });
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!(error.counts().cancelled(), 1);
    /// assert_eq!(error.cause().unwrap().to_string(), "child #1 failed: disk full");
    /// # });
    /// ```
    pub fn first_error(mut self) -> Self
    where
        E: Display,
    {
        self.inner.scope.policy.stop_at_first(text);
        self
    }

    /// Lets children that are ready come to their end before a failure cancels the rest.
    ///
    /// Where several children fail at the same time, the first failure cancels the others, and
    /// theirs are lost. With this, each child that was woken by then is polled once more, and what
    /// it comes to is kept as if there were no cancel. So is the body of a [`run`](Self::run).
    /// Children that have not started are not polled. The policy is not asked about these failures:
    /// the cause is the first.
    ///
    /// It needs [`first_error`](Self::first_error) or [`cancel_when`](Self::cancel_when). A
    /// [`deadline`](Self::deadline) does so in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use futures::channel::oneshot;
    /// # futures::executor::block_on(async {
    /// let mut nursery = Nursery::new().first_error().drain_ready();
    /// let mut peers = Vec::new();
    /// for peer in ["a", "b"] {
    ///     let (connection, closed) = oneshot::channel::<()>();
    ///     peers.push(connection);
    ///     nursery.spawn(async move { closed.await.map_err(|_| format!("{peer}: reset")) });
    /// }
    /// # assert!(futures::poll!(std::pin::pin!(nursery.next())).is_pending());
    /// drop(peers); // the network is gone, for all of them at once
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!((error.len(), error.counts().cancelled()), (2, 0));
    /// # });
    /// ```
    pub fn drain_ready(mut self) -> Self {
        self.inner.scope.policy.drains_ready = true;
        self
    }

    /// Tells how the text of an error is made that a [`Cause`](crate::Cause) carries.
    ///
    /// Without it, [`first_error`](Self::first_error) takes what the error displays, and the cause
    /// of a [`cancel_when`](Self::cancel_when) names the child only. Of a
    /// [group](Self::spawn_group) that failed, the cause tells how many failed in it, and the first
    /// of these errors. A panic in `text` is caught, and the cause has no text of the error then.
    pub fn cause_text(mut self, text: fn(&E) -> String) -> Self {
        self.inner.scope.policy.tell_by(text);
        self
    }

    /// Lets what the errors were caused by be shown, from their [`source`](Error::source) down: on
    /// the line and in the tree of the [joined error](crate::JoinedError).
    ///
    /// What an error says itself is not shown twice. An error that tells its chain in its own
    /// `{:#}`, as those of anyhow and eyre do, needs nothing of this.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::io;
    /// # futures::executor::block_on(async {
    /// #[derive(Debug, thiserror::Error)]
    /// #[error("cannot fetch {what}")]
    /// struct FetchError {
    ///     what: &'static str,
    ///     source: io::Error,
    /// }
    ///
    /// let mut nursery: Nursery<'_, (), FetchError> = Nursery::new().sources();
    /// nursery.spawn(async {
    ///     let source = io::Error::other("connection refused");
    ///     Err(FetchError { what: "cache", source })
    /// });
    /// assert_eq!(
    ///     nursery.join().await.unwrap_err().to_string(),
    ///     "1 of 1 child failed: #0: cannot fetch cache: connection refused",
    /// );
    /// # });
    /// ```
    pub fn sources(self) -> Self
    where
        E: AsError,
    {
        self.sources_by(source_of)
    }

    /// [`sources`](Self::sources) for errors that only lead to an [`Error`].
    ///
    /// For a `Box<dyn Error + Send + Sync>` and the like that is
    /// `sources_by(|error| error.source())`.
    pub fn sources_by(mut self, source: fn(&E) -> Option<&(dyn Error + 'static)>) -> Self {
        self.inner.scope.policy.lead_to_sources(source);
        self
    }

    /// Ends the run when this future resolves. Children that have not ended by then have [timed
    /// out](crate::Failure::TimedOut), which is a failure each; so have those in the backlog.
    ///
    /// The future is taken as it is: `sleep(second)` of most runtimes runs from the moment when it
    /// is made.
    ///
    /// What has ended before is kept: [`settle`](Self::settle) gives the outputs beside the
    /// failures. The nursery is cancelled, with
    /// [`CauseKind::Deadline`](crate::outcome::CauseKind::Deadline), unless it was cancelled
    /// before: then the first cause stays, and the deadline is not looked at any more. Children
    /// that have a grace are signalled first, and have timed out when they do not end by
    /// themselves. Daemons are cancelled, and not late. So are children of
    /// [nurseries](crate::ChildContext::nursery) that go with a child of this one: it is that child
    /// that was late.
    ///
    /// It is polled before the children, and heeded after those that were woken before it passed:
    /// each of them is polled once, and so is the body. So what is ready in time counts. No child
    /// starts in between. A deadline that has passed already ends the run at once, and no child is
    /// polled; and one that uses up the budget of its runtime's task in each
    /// poll, as no timer does, leaves the children none. One that panics ends the run too, and its
    /// panic is one more failure.
    ///
    /// Called twice, the later one holds.
    ///
    /// # Examples
    ///
    /// Any future serves, so any runtime's timer does, `smol::Timer::after(second)` for one:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::future::{pending, ready};
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), String> = Nursery::new().deadline(ready(()));
    /// nursery.child().name("fetch").spawn(pending());
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "1 of 1 child failed: #0 fetch: timed out: the deadline passed",
    /// );
    /// # });
    /// ```
    #[track_caller]
    pub fn deadline<F>(mut self, deadline: F) -> Self
    where
        F: Future,
        M: Hold<'env, F>,
    {
        self.inner.scope.set_deadline((hold::<F, M>(deadline), Location::caller()));
        self
    }

    /// Lets the children that run go on, once the nursery is cancelled, until the future that
    /// `make` returns resolves: `grace(|| sleep(second))`.
    ///
    /// Whatever cancels the nursery, a failure or its deadline among others: the children are
    /// signalled, and may end by themselves. Those that are left when the grace is over are
    /// dropped, and the [report](crate::Report::overran_grace) lists them. Children that have not
    /// started are dropped at once. A child that is cancelled alone, by its handle, has nothing of
    /// it. One with a grace [of its own](crate::spawn::ChildBuilder::grace) is dropped when the
    /// first of both is over.
    ///
    /// `make` is called when the nursery is driven after its cancel, and the future polled before
    /// the children are: one that is ready at once leaves them no time at all. A grace that panics
    /// is over, and its panic is one more failure. Called twice, the later one holds;
    /// [`Spawner::cancel_within`](crate::Spawner::cancel_within) gives another.
    #[track_caller]
    pub fn grace<C>(mut self, make: C) -> Self
    where
        C: MakeTimer,
        M: Hold<'env, Later<C>>,
    {
        self.inner.scope.set_grace((hold::<_, M>(Later::new(make)), Location::caller()));
        self
    }

    /// Lets the nursery go on when the child that drives it is cancelled, for as long as that has a
    /// [grace](crate::spawn::ChildBuilder::grace).
    ///
    /// A nursery inside a child is cancelled with it otherwise. This one is cancelled when the
    /// child goes: when it is polled for the last time. So it can finish what it is at, as a
    /// service does that drains its queue. In a child without a grace it makes no difference.
    /// Trio's word for it is a shield.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::future::pending;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, usize, ()> = Nursery::new();
    /// let handle = nursery.child().grace(pending::<()>).spawn_with_handle(async {
    ///     let mut drains: Nursery<'_, (), ()> = Nursery::new().shielded();
    ///     for _ in 0..3 {
    ///         drains.spawn(async {
    ///             smol::future::yield_now().await;
    ///             Ok(())
    ///         });
    ///     }
    ///     drains.join().await.map(|drained| drained.len()).map_err(|_| ())
    /// });
    /// nursery.spawn(async move {
    ///     handle.cancel();
    ///     Ok(0)
    /// });
    /// assert_eq!(nursery.join().await.unwrap(), [3, 0]);
    /// # });
    /// ```
    pub fn shielded(mut self) -> Self {
        self.inner.scope.shield();
        self
    }

    /// Stores the first `limit` failures, and the one that cancels the nursery, and counts the rest.
    ///
    /// This bounds the memory of long runs. [`next`](Self::next) hands out every failure all the
    /// same; only those that came while [`reserve`](Self::reserve) waited are
    /// stored, and bounded, before it.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: a joined error is never empty.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), &str> = Nursery::new().keep_failures(1);
    /// for _ in 0..3 {
    ///     nursery.spawn(async { Err("disk full") });
    /// }
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!(error.to_string(), "3 of 3 children failed: #0: disk full; and 2 more");
    /// # });
    /// ```
    #[track_caller]
    pub fn keep_failures(mut self, limit: usize) -> Self {
        assert!(limit > 0, "`keep_failures` must keep at least 1: a joined error is never empty");
        self.inner.bounds.errors = bound(limit);
        self
    }

    /// Tells of at most `limit` cancelled children which they are, the first ones, and counts the
    /// rest: in a [report](crate::Report::cancelled), and of those that [succeeded after a
    /// cancel](crate::Report::after_cancel) as many.
    ///
    /// This bounds the memory of long runs. [`next`](Self::next) hands out every cancelled child
    /// all the same; only those that came while the owner waited for a slot are bounded before it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), ()> = Nursery::new().keep_cancelled(1);
    /// for _ in 0..3 {
    ///     nursery.spawn_with_handle(std::future::pending()).cancel();
    /// }
    /// let report = nursery.settle().await;
    /// assert_eq!((report.cancelled().len(), report.counts().cancelled()), (1, 3));
    /// # });
    /// ```
    pub fn keep_cancelled(mut self, limit: usize) -> Self {
        self.inner.bounds.cancelled = bound(limit);
        self
    }

    /// Bounds all that the nursery keeps, so that it can run for ever in little memory: it keeps
    /// the first hundred failures and the first hundred cancelled children, no outputs, and counts
    /// the rest.
    ///
    /// That is [`keep_failures(100)`](Self::keep_failures),
    /// [`keep_cancelled(100)`](Self::keep_cancelled) and [`discard_outputs`](Self::discard_outputs)
    /// in one; each of them can be set otherwise after it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut server: Nursery<'_, (), u32> = Nursery::new().long_running();
    /// for n in 0..1_000 {
    ///     server.spawn(async move { if n % 2 == 0 { Ok(()) } else { Err(n) } });
    /// }
    /// let report = server.settle().await;
    /// assert_eq!((report.outputs().len(), report.error().unwrap().len()), (0, 100));
    /// assert_eq!((report.counts().completed(), report.counts().failed()), (500, 500));
    /// # });
    /// ```
    ///
    /// A server that logs what fails, stays small, and drains its connections when it is stopped:
    ///
    /// ```
    /// use nestling::{ChildContext, Nursery};
    /// # use std::time::Duration;
    /// # async fn sleep(_: Duration) { std::future::pending().await }
    /// # async fn accept(n: u32) -> Option<u32> {
    /// #     if n == 3 { std::future::pending().await } else { Some(n) }
    /// # }
    /// async fn serve(number: u32, cx: ChildContext<'_, (), String>) -> Result<(), String> {
    ///     if number == 1 {
    ///         return Err(String::from("reset by peer"));
    ///     }
    ///     cx.cancelled().await; // a goodbye would be said here
    ///     Ok(())
    /// }
    ///
    /// # futures::executor::block_on(async {
    /// let mut log = Vec::new();
    /// let (server, driver) = Nursery::new()
    ///     .long_running()
    ///     .on_failure(|failure| log.push(failure.to_string()))
    ///     .grace(|| sleep(Duration::from_secs(5)))
    ///     .split();
    /// let spawner = server.spawner();
    /// let accepting = server.child().name("accept");
    /// accepting.spawn_with_context(move |cx| async move {
    ///     let mut number = 0;
    ///     while let Some(Some(connection)) = cx.until_cancelled(accept(number)).await {
    ///         let child = spawner.child().name(format!("connection {connection}"));
    ///         if child.spawn_with_context(move |cx| serve(connection, cx)).is_err() {
    ///             break; // it is being stopped
    ///         }
    ///         number += 1;
    ///     }
    ///     Ok(())
    /// }).expect("it is open");
    /// let stopping = async move {
    ///     // Ctrl-C, for one.
    /// #   for _ in 0..20 { smol::future::yield_now().await }
    ///     server.cancel_with("shutting down");
    /// };
    /// let (report, ()) = futures::join!(driver, stopping);
    /// assert_eq!(report.counts().completed(), 3); // and 2 of them said goodbye
    /// assert_eq!(log, ["#2 connection 1: reset by peer"]);
    /// # });
    /// ```
    pub fn long_running(mut self) -> Self {
        const KEPT: u32 = 100;
        self.inner.bounds = Bounds { errors: KEPT, cancelled: KEPT, outputs: false };
        self
    }

    /// Drops each output as it comes, and counts it.
    ///
    /// This bounds the memory of a nursery that runs for long and has children with nothing to
    /// return, as a server has: a report keeps the child beside each output.
    /// [`long_running`](Self::long_running) bounds all that is kept. [`next`](Self::next) and
    /// [`first_ok`](Self::first_ok) hand out outputs all the same, but for those that came while
    /// [`reserve`](Self::reserve)
    /// waited.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), String> = Nursery::new().discard_outputs();
    /// nursery.spawn(async { Ok(()) });
    /// let report = nursery.settle().await;
    /// assert_eq!((report.outputs().len(), report.counts().completed()), (0, 1));
    /// # });
    /// ```
    pub fn discard_outputs(mut self) -> Self {
        self.inner.bounds.outputs = false;
        self
    }

    /// Lets a failure for which `policy` answers `true` cancel every child that is left.
    ///
    /// It is asked about each failure as it comes, until the nursery is cancelled. A policy that
    /// panics cancels the nursery too, and its panic is one more failure. To be told of every
    /// failure, there is [`on_failure`](Self::on_failure). The failure that cancels the nursery is
    /// stored whatever [`keep_failures`](Self::keep_failures) says. Its text is in the cause if
    /// [`cause_text`](Self::cause_text) says how to make it: `cause_text(E::to_string)`.
    ///
    /// # Examples
    ///
    /// Stop at the second failure:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut seen = 0;
    /// let mut nursery = Nursery::new().cancel_when(move |_| {
    ///     seen += 1;
    ///     seen == 2
    /// });
    /// for n in 0..4 {
    ///     nursery.spawn(async move { if n == 0 { Ok(n) } else { Err("no") } });
    /// }
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!((error.counts().failed(), error.counts().cancelled()), (2, 1));
    /// # });
    /// ```
    #[track_caller]
    pub fn cancel_when<F>(mut self, policy: F) -> Self
    where
        F: FnMut(&ChildError<E>) -> bool,
        M: Callback<'env, F, ChildError<E>, bool>,
    {
        self.inner.scope.policy.ask(M::callback(policy));
        self
    }

    /// Calls `tell` with each failure when it comes: before the nursery is cancelled for it, and
    /// after a cancel too, whatever finishes the nursery. Called twice, the later one holds.
    ///
    /// It is called on the task that drives the nursery, which waits for it meanwhile. It is for
    /// logs and counters; the failures come in the result all the same. Failures that are not
    /// stored, beyond [`keep_failures`](Self::keep_failures), are told, too. If it panics, that is
    /// one more failure, of the nursery itself, and it is not called again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut log = Vec::new();
    /// let mut nursery: Nursery<'_, (), &str> =
    ///     Nursery::new().keep_failures(1).on_failure(|failure| log.push(failure.to_string()));
    /// for why in ["disk full", "no route"] {
    ///     nursery.spawn(async move { Err(why) });
    /// }
    /// let error = nursery.join().await.unwrap_err();
    /// assert_eq!(error.len(), 1);
    /// assert_eq!(log, ["#0: disk full", "#1: no route"]);
    /// # });
    /// ```
    #[track_caller]
    pub fn on_failure<F>(mut self, tell: F) -> Self
    where
        F: FnMut(&ChildError<E>),
        M: Callback<'env, F, ChildError<E>, ()>,
    {
        self.inner.scope.policy.tell(M::callback(tell));
        self
    }
}

#[track_caller]
pub(super) fn check_limit(limit: usize) {
    assert!(limit > 0, "a nursery's limit must be at least 1: with 0 no child could ever run");
}
