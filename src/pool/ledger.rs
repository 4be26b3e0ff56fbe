//! What came of a pool's items, and what the policy makes of it.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Options;
use super::handed::HandedOut;
use super::item::Tag;
use super::progress::Progress;
use super::source::Source;
use super::times::Times;
use crate::cancel::{Cause, CauseKind, FinishOnDrop, How, Member, Time, current};
use crate::child::{End, Ended};
use crate::drive::{DriverWaker, WakeFlag};
use crate::error::{ChildError, Counts, ExecutorError, Failure, JoinedError, Panic};
use crate::flavor::Flavor;
use crate::guard::{CaughtPanic, FirstPanic, catch, drop_guarded};
use crate::info::{ChildId, ChildInfo};
use crate::observe::{Observed, SeenTraits};
use crate::report::{Completion, Outcome, Report};
use crate::scope::collected::{Bounds, Collected, Summary, bound};
use crate::scope::policy::{Policy, Verdict};
use crate::scope::timer::Fault;

/// Why a stream cannot be made of a run that has begun.
const HANDED_OUT_LATE: &str =
    "`completions` and `in_order` have to be called before the run is polled";

pub(super) struct Ledger<'env, T, E, M: Flavor> {
    collected: Collected<ChildId, T, E>,
    /// There if what comes of items is handed out, and not collected.
    handed: Option<Box<HandedOut<T, E>>>,
    counts: Counts,
    policy: Policy<'env, E, M>,
    progress: Option<M::Policy<'env, Progress>>,
    times: Times<'env, M>,
    /// How many items there are, if the source says so.
    total: Option<u64>,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    /// What the handles share.
    finish: FinishOnDrop,
    /// The names of items that have an output: there if the pool names its items.
    names: HashMap<ChildId, Arc<str>>,
    cause: Option<Cause>,
    /// The run has ended.
    closed: bool,
    /// The deadline has passed, and there were items that had not been pulled.
    cut_short: bool,
    /// The grace is over, and what is left of the items goes for that.
    overran: bool,
    driver: Arc<DriverWaker>,
    /// The child that drives the pool, if one does.
    around: Option<Member>,
    /// There if the pool is observed.
    observed: Option<Observed>,
    /// What each item is from the start.
    traits: SeenTraits,
}

impl<'env, T, E, M: Flavor> Ledger<'env, T, E, M> {
    pub(super) fn new(
        options: Options<'env, E, M>,
        outputs: bool,
        location: &'static Location<'static>,
        driver: &Arc<DriverWaker>,
        traits: SeenTraits,
        left: impl FnOnce() -> (usize, Option<usize>),
    ) -> Self {
        let location = options.location.unwrap_or(location);
        let Options { name, limit, policy, errors, progress, times, finish, observed, .. } =
            options;
        if let Some(observed) = &observed {
            observed.scene().set_name(name.clone());
            observed.scene().set_limit(limit);
        }
        // Only a progress callback needs to know.
        let total = progress.as_ref().and_then(|_| match left() {
            (least, Some(most)) if least == most => Some(least as u64),
            _ => None,
        });
        Self {
            collected: Collected::new(Bounds { errors: bound(errors), outputs, ..Bounds::NONE }, 0),
            handed: None,
            counts: Counts::default(),
            policy,
            progress,
            times,
            total,
            name,
            location,
            finish,
            names: HashMap::new(),
            cause: None,
            closed: false,
            cut_short: false,
            overran: false,
            driver: Arc::clone(driver),
            around: None,
            observed,
            traits,
        }
    }

    /// Finds out which child drives the pool. Returns why the pool is to be cancelled with it.
    pub(super) fn look_around(&mut self) -> Option<Cause> {
        match current::nest() {
            None => self.around = None,
            Some(nest) if self.around.as_ref().is_some_and(|around| around.is_in(&nest)) => {}
            Some(nest) => self.around = Some(Member::of(nest, &self.driver)),
        }
        if self.cause.is_none() { self.around.as_ref()?.cause() } else { None }
    }

    /// Whether a handle has asked for a cancel, or the policy.
    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.finish.control().is_some_and(|control| control.is_cancelled())
    }

    /// Whether a handle has asked for a cancel that is not acted upon yet.
    #[inline]
    pub(super) fn must_cancel(&self) -> bool {
        self.is_cancelled() && self.cause.is_none()
    }

    /// Lets the pool be cancelled in the next round.
    fn ask_for_cancel(&self, cause: &Cause) {
        if let Some(control) = self.finish.control() {
            control.cancel(Time::Own, cause);
        }
    }

    /// Notes that the pool is cancelled, and answers with the cause that came first.
    pub(super) fn cancel(&mut self, cause: Cause) -> Cause {
        let first = self.finish.control().and_then(|control| {
            control.cancel(Time::Own, &cause);
            control.cause()
        });
        let cause = self.cause.insert(first.unwrap_or(cause)).clone();
        if let Some(observed) = &self.observed {
            observed.cancel(&cause);
        }
        let fault = self.times.drop_deadline();
        self.record_fault(fault);
        if !self.is_last() {
            self.times.start_grace(&self.driver);
        }
        cause
    }

    /// Whether the child that drives the pool is polled for the last time.
    #[inline]
    pub(super) fn is_last(&self) -> bool {
        self.around.as_ref().is_some_and(Member::is_last)
    }

    /// Polls the deadline, and says whether the pool is to be cancelled for it.
    pub(super) fn poll_deadline(&mut self) -> bool {
        if let Poll::Ready(fault) = self.times.poll_deadline() {
            // After a panic the pool is cancelled as if the deadline had passed.
            self.record_fault(fault);
        }
        self.is_late()
    }

    /// Whether the deadline has passed, and the pool is not cancelled yet.
    #[inline]
    pub(super) fn is_late(&self) -> bool {
        self.times.is_late()
    }

    /// Whether a timer is to be polled, or the pool to be cancelled.
    #[inline]
    pub(super) fn times_are_due(&self) -> bool {
        self.times.are_due()
    }

    /// Whether the pool is cancelled, and its items go on until the grace is over.
    #[inline]
    pub(super) fn grace_is_running(&self) -> bool {
        self.times.grace_is_running()
    }

    /// Polls the grace, if it runs. Once it is over this is the cause of the items that are to be
    /// dropped. It is over before its time where the child goes that drives the pool.
    pub(super) fn poll_grace(&mut self) -> Option<Cause> {
        if !self.grace_is_running() {
            return None;
        }
        match self.times.poll_grace() {
            Poll::Pending if self.is_last() => {}
            Poll::Pending => return None,
            Poll::Ready(fault) => {
                self.record_fault(fault);
                self.overran = true;
            }
        }
        let fault = self.times.drop_grace();
        self.record_fault(fault);
        self.cause.clone()
    }

    /// The cause for which nurseries inside an item are cancelled.
    pub(super) fn parent_cancelled(&self, item: &Tag, cause: &Cause) -> Cause {
        Cause::parent_cancelled(self.policy.owner, self.info(item), cause.clone())
    }

    /// Asks the source for an item, and drops it when there are no more. The flag `woken` stays set
    /// while there may be another.
    #[inline]
    pub(super) fn pull<S: Source>(
        &mut self,
        mut source: Pin<&mut Option<S>>,
        woken: &Arc<WakeFlag>,
    ) -> Option<S::Item> {
        let items = source.as_mut().as_pin_mut()?;
        let polled = if S::WAITS {
            woken.clear();
            let waker = woken.waker();
            catch(|| items.poll_item(&mut Context::from_waker(&waker)))
        } else {
            catch(|| items.poll_item(&mut Context::from_waker(Waker::noop())))
        };
        match polled {
            Ok(Poll::Ready(Some(item))) => {
                if S::WAITS {
                    woken.set();
                }
                return Some(item);
            }
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(None)) => {}
            Err(thrown) => self.record_fault(Some((self.location, Panic::of_source(thrown)))),
        }
        self.drop_source(source);
        None
    }

    /// Names an item that was pulled. If that panics, the item has ended.
    #[inline]
    pub(super) fn name<S: Source>(
        &mut self,
        names: &mut Option<M::Namer<'env, S::Item>>,
        id: ChildId,
        item: S::Item,
    ) -> Option<(Tag, S::Item)> {
        let Some(names) = names else { return Some((self.tag(id, None), item)) };
        match catch(|| M::name(names, &item)) {
            Ok(name) => Some((self.tag(id, Some(name).filter(|name| !name.is_empty())), item)),
            Err(caught) => {
                let ended = Ended::by_panic(caught, drop_guarded(item).err());
                if let Some(cause) = self.end(&id.into(), ended) {
                    self.ask_for_cancel(&cause);
                }
                None
            }
        }
    }

    /// Which item it is that was pulled.
    #[inline]
    fn tag(&self, id: ChildId, name: Option<Arc<str>>) -> Tag {
        match (&self.observed, name) {
            (None, None) => id.into(),
            (observed, name) => self.tag_with(observed.as_ref(), id, name),
        }
    }

    #[cold]
    fn tag_with(&self, observed: Option<&Observed>, id: ChildId, name: Option<Arc<str>>) -> Tag {
        let record = observed.map(|observed| {
            let info = ChildInfo::new(id, name.clone(), self.location);
            observed.scene().enter(info, self.traits)
        });
        Tag::new(id, name, record)
    }

    /// Drops the source of a pool that is cancelled. One that had more items is remembered where
    /// the deadline is what cut it short.
    pub(super) fn cut_short<S: Source>(&mut self, source: Pin<&mut Option<S>>) {
        let is_late = self.cause.as_ref().is_some_and(|why| why.kind() == CauseKind::Deadline);
        if let (true, Some(source)) = (is_late, source.as_ref().as_pin_ref()) {
            // Foreign code, which may panic.
            let left = catch(|| source.left()).unwrap_or((0, None));
            self.cut_short = left != (0, Some(0));
        }
        self.drop_source(source);
    }

    pub(super) fn drop_source<S>(&mut self, mut source: Pin<&mut Option<S>>) {
        // A pinned value can be dropped in its place only.
        self.note(self.location, Panic::of_source, catch(|| source.as_mut().set(None)));
    }

    /// An item has succeeded, and has left nothing else.
    #[inline]
    pub(super) fn complete(&mut self, item: &Tag, output: T) {
        self.counts.completed += 1;
        item.is_gone(None);
        if self.handed.is_some() {
            self.keep_output(item, output, How::default());
            self.is_over(item);
        } else {
            self.collect_output(item, output);
        }
        if self.progress.is_some() {
            self.tell();
        }
    }

    /// Hands what comes of items out one by one, perhaps in their order: then at most twice as many
    /// as the limit are pulled and not handed out.
    ///
    /// What had come of items before would be missing, so none may have been pulled.
    pub(super) fn hand_out(&mut self, in_order: bool, pulled: u64, limit: usize) {
        assert!(pulled == 0 && !self.closed, "{HANDED_OUT_LATE}");
        let ahead = in_order.then(|| limit.saturating_mul(2));
        self.handed = Some(Box::new(HandedOut::new(ahead)));
    }

    /// Whether the run has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is something to hand out.
    #[inline]
    pub(super) fn has_more(&self) -> bool {
        self.handed.as_ref().is_some_and(|handed| handed.has_more())
    }

    /// What is handed out next.
    pub(super) fn next(&mut self) -> Option<Completion<T, E>> {
        let next = self.handed.as_mut()?.next();
        if self.closed && next.is_none() {
            // Nothing is left of the run in the child that drove it.
            self.around = None;
        }
        next
    }

    /// Whether the item with this number may be pulled: it is not too far ahead of the others.
    #[inline]
    pub(super) fn may_pull(&self, number: u64) -> bool {
        self.handed.as_ref().is_none_or(|handed| handed.may_pull(number))
    }

    #[inline]
    fn collect_output(&mut self, item: &Tag, output: T) {
        if let Some(name) = item.name() {
            self.keep_name(item.id, name);
        }
        self.collected.keep_output(item.id, output);
    }

    #[cold]
    fn keep_name(&mut self, item: ChildId, name: &Arc<str>) {
        if self.collected.bounds.outputs {
            self.names.insert(item, Arc::clone(name));
        }
    }

    #[cold]
    fn keep_output(&mut self, item: &Tag, output: T, how: How) {
        let info = self.info(item);
        if let Some(handed) = &mut self.handed {
            return handed.push(Completion::new(info, Outcome::Completed(output), how));
        }
        if let Some(cause) = &how.cause {
            self.collected.keep_late(&info, cause, &how);
        }
        self.collect_output(item, output);
    }

    fn keep_failure(&mut self, error: ChildError<E>) {
        match &mut self.handed {
            Some(handed) => handed.push(Completion::failed(error)),
            None => self.collected.keep_failure(error),
        }
    }

    fn keep_cancelled(&mut self, info: ChildInfo, cause: &Cause, how: How) {
        match &mut self.handed {
            Some(handed) => {
                handed.push(Completion::new(info, Outcome::Cancelled(cause.clone()), how));
            }
            None => self.collected.keep_cancelled(&info, cause, &how),
        }
    }

    /// All that comes of the item has come.
    fn is_over(&mut self, item: &Tag) {
        if let Some(handed) = &mut self.handed {
            handed.is_over(item.id);
        }
    }

    /// An item has come to any end. Returns the cause if that cancels the pool.
    #[inline]
    pub(super) fn end(&mut self, item: &Tag, ended: Ended<T, E>) -> Option<Cause> {
        match ended {
            Ended {
                end: End::Completed(output),
                aftermath: None,
                how: How { lost: 0, cause: None, .. },
            } if !self.is_cancelled() => {
                self.complete(item, output);
                None
            }
            ended => self.end_otherwise(item, ended),
        }
    }

    #[cold]
    fn end_otherwise(&mut self, item: &Tag, mut ended: Ended<T, E>) -> Option<Cause> {
        if ended.how.cause.is_none() && !ended.how.dropped {
            ended.how.cause = self.cause_so_far();
        }
        item.is_gone(ended.end.lost());
        ended.count_in(&mut self.counts);
        let Ended { end, aftermath, how } = ended;
        let mut cause = None;
        // What was lost inside is told once.
        let aftermath = aftermath.map(|panic| (panic, How { lost: 0, ..how.clone() }));
        match end {
            End::Completed(output) => self.keep_output(item, output, how),
            End::Failed(failure) => self.keep(item, failure, how, &mut cause),
            End::Cancelled(why) => self.keep_cancelled(self.info(item), &why, how),
            // An item has no handle.
            End::Delivered => {}
        }
        if let Some((panic, how)) = aftermath {
            self.keep(item, Failure::Panic(panic), how, &mut cause);
        }
        self.is_over(item);
        self.record_panics_of_telling();
        self.tell();
        cause
    }

    /// The end of an item that is dropped for this cause; `panic` is that of its destructor.
    pub(super) fn dropped_for(&self, cause: &Cause, panic: Option<Panic>) -> Ended<T, E> {
        let mut ended = Ended::with_aftermath(End::stopped(cause.clone(), false), panic);
        ended.how.overran = self.overran;
        ended
    }

    /// Why the pool is cancelled, also if that is not acted upon yet.
    pub(super) fn cause_so_far(&self) -> Option<Cause> {
        self.cause.clone().or_else(|| self.finish.control()?.cause())
    }

    /// Records a panic of the executor, when it was given a lane.
    pub(super) fn record_panic(&mut self, panic: Panic) {
        self.record_fault(Some((self.location, panic)));
    }

    pub(super) fn drop_executor<X>(&mut self, executor: Option<X>) {
        self.note(self.location, Panic::of_executor, drop_guarded(executor));
    }

    /// Records that the executor runs no item any more.
    pub(super) fn record_executor(&mut self, error: ExecutorError) {
        let info = ChildInfo::nursery(self.location);
        self.fail(ChildError::new(info, Failure::Executor(error), self.how()));
        self.record_panics_of_telling();
    }

    /// How something ends now: after the cancel, if there was one.
    fn how(&self) -> How {
        How::after(self.cause_so_far())
    }

    /// Keeps a failure, and asks the policy about it, unless the pool is cancelled already or is to
    /// be.
    fn keep(&mut self, item: &Tag, failure: Failure<E>, mut how: How, cause: &mut Option<Cause>) {
        let so_far = self.cause_so_far();
        let cancelled = so_far.is_some();
        how.cause = how.cause.or(so_far);
        let error = ChildError::new(self.info(item), failure, how);
        let mut error = error.with_sources_by(self.policy.sources());
        let verdict = match cause {
            None if !cancelled => self.policy.judge(&error),
            _ => Verdict::GoOn,
        };
        if !matches!(verdict, Verdict::GoOn) {
            error.decide();
        }
        self.fail(error);
        match verdict {
            Verdict::GoOn => {}
            Verdict::Cancel(why) => *cause = Some(why),
            Verdict::Broken(why, panics) => {
                for panic in panics {
                    self.record(self.info(item), panic);
                }
                *cause = Some(why);
            }
        }
    }

    /// Keeps a failure, and tells of it.
    fn fail(&mut self, error: ChildError<E>) {
        self.policy.hear(&error);
        self.keep_failure(error);
    }

    /// Keeps the panics of what is told of failures.
    fn record_panics_of_telling(&mut self) {
        for (location, panic) in self.policy.take_panics() {
            let info = ChildInfo::nursery(location);
            let error = ChildError::new(info, Failure::Panic(panic), self.how());
            self.keep_failure(error);
        }
    }

    /// Calls the progress callback, if there is one. After a panic it is not called again.
    fn tell(&mut self) {
        let Some(progress) = &mut self.progress else { return };
        let now = Progress::new(self.counts, self.total);
        if let Err(thrown) = catch(|| M::ask(progress, &now)) {
            self.record_fault(Some((self.location, Panic::of_progress(thrown))));
            self.drop_progress();
        }
    }

    fn drop_progress(&mut self) {
        let progress = drop_guarded(self.progress.take());
        self.note(self.location, Panic::of_progress, progress);
    }

    pub(super) fn drop_closure<F>(&mut self, closure: Option<F>) {
        self.note(self.location, Panic::of_closure, drop_guarded(closure));
    }

    /// Ends a run that has no items any more: drops what it was given, and tells the handles.
    pub(super) fn close(&mut self) {
        self.closed = true;
        let any_failed = self.counts.failed > 0 || self.collected.failures() > 0;
        if self.cut_short && !any_failed {
            // No item was late, and yet the outputs are not those of all items.
            let (info, late) = (ChildInfo::nursery(self.location), Cause::deadline());
            self.fail(ChildError::new(info, Failure::TimedOut(late), How::default()));
        }
        self.drop_progress();
        let faults = [self.times.drop_deadline(), self.times.drop_grace()];
        faults.into_iter().for_each(|fault| self.record_fault(fault));
        if let Some((policy, location)) = self.policy.retire() {
            self.note(location, Panic::of_policy, drop_guarded(policy));
        }
        // The last, as it is told of the panics of the others.
        if let Some((told, location)) = self.policy.stop_telling() {
            self.note(location, Panic::of_failure_callback, drop_guarded(told));
        }
        if let Some(control) = self.finish.finish(None) {
            // A handle that cancelled it in the last moment was told that it was the first.
            self.cause = control.cause();
        }
    }

    /// Drops what the run was given, without a result to tell of it.
    /// `lost` failures are dropped with nurseries inside items.
    pub(super) fn abandon(&mut self, lost: u64, first: &mut FirstPanic) {
        if let Some(around) = self.around.take() {
            let handed = self.handed.as_ref().map_or(0, |handed| handed.failures());
            let collected = self.collected.failures() + self.counts.not_stored;
            around.nest().lose(collected + handed + lost);
        }
        first.note(drop_guarded(self.handed.take()));
        self.times.abandon(first);
        first.note(drop_guarded(self.progress.take()));
        first.note(drop_guarded(self.policy.retire()));
        first.note(drop_guarded(self.policy.stop_telling()));
    }

    /// What came of all items; they are taken out.
    pub(super) fn settle(&mut self) -> Settled<T, E> {
        let (name, counts, cause) = (self.name.take(), self.counts, self.cause.clone());
        let around = self.around.take().filter(Member::is_last);
        let is_cut_short = counts.cancelled > 0 && self.collected.failures() == 0;
        let (owner, sources) = (self.policy.owner, self.policy.sources());
        Settled {
            goes_with: around.filter(|_| is_cut_short),
            summary: Summary { owner, name, counts, handed_out: 0, cause, sources },
            collected: mem::replace(&mut self.collected, Collected::new(Bounds::NONE, 0)),
            location: self.location,
            names: mem::take(&mut self.names),
        }
    }

    pub(super) fn info(&self, item: &Tag) -> ChildInfo {
        ChildInfo::new(item.id, item.name().cloned(), self.location)
    }

    fn note(
        &mut self,
        location: &'static Location<'static>,
        panic: fn(CaughtPanic) -> Panic,
        dropped: Result<(), CaughtPanic>,
    ) {
        self.record_fault(dropped.err().map(|thrown| (location, panic(thrown))));
    }

    /// Records a panic of what the pool itself was given, if there was one. The policy is not
    /// asked: it judges items.
    fn record_fault(&mut self, fault: Option<Fault>) {
        if let Some((location, panic)) = fault {
            self.record(ChildInfo::nursery(location), panic);
            self.record_panics_of_telling();
        }
    }

    fn record(&mut self, info: ChildInfo, panic: Panic) {
        self.fail(ChildError::new(info, Failure::Panic(panic), self.how()));
    }
}

/// What came of all items.
#[doc(hidden)]
pub struct Settled<T, E> {
    /// The child that the pool is inside, if that is dropped now and is not to take a part of the
    /// outputs for the whole.
    goes_with: Option<Member>,
    summary: Summary<E>,
    collected: Collected<ChildId, T, E>,
    location: &'static Location<'static>,
    names: HashMap<ChildId, Arc<str>>,
}

impl<T, E> Settled<T, E> {
    /// The outputs in the order of the items, or every failure. Pending where the outputs are but a
    /// part, in the last poll of the child that the pool is inside.
    pub(super) fn into_result(mut self) -> Poll<Result<Vec<T>, JoinedError<E>>> {
        if let Some(around) = self.goes_with {
            around.nest().lose(self.summary.counts.not_stored);
            return Poll::Pending;
        }
        Poll::Ready(self.collected.take_joined(&self.summary))
    }

    /// Whether it is to return nothing, but for its failures: see [`into_result`](Self::into_result).
    pub(crate) fn goes_with_child(&self) -> bool {
        self.goes_with.is_some()
    }

    pub(crate) fn into_report(self) -> Report<T, E> {
        let Self { goes_with: _, summary, mut collected, location, mut names } = self;
        collected
            .take_report_with(&summary, |item| ChildInfo::new(item, names.remove(&item), location))
    }
}

impl<T, E> fmt::Debug for Settled<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled").finish_non_exhaustive()
    }
}
