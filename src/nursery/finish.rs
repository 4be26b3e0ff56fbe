//! Waiting for all: `join` and `settle`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Inner, Nursery};
use crate::drive::Running;
use crate::error::JoinedError;
use crate::flavor::Flavor;
use crate::info::{ChildId, ChildInfo};
use crate::report::Report;
use crate::scope::collected::{Collected, Detail, Summary};
use crate::scope::{NoBody, Pass};

impl<'env, T, E, M: Flavor> Nursery<'env, T, E, M> {
    /// Waits for all children, and returns their outputs in spawn order.
    ///
    /// Children that were cancelled have no output and are no failure: they are just missing, so
    /// outputs are not to be paired with anything by their place. [`by_child`](Join::by_child)
    /// gives each with the id of its child, and [`settle`](Self::settle) with all that is known of
    /// it. What [`next`](Self::next) handed out before is not returned again: failures neither, so
    /// this is `Ok` if there were no others, and the error does not count those.
    ///
    /// Where the nursery is cancelled with the child that awaits this, and the child has no grace,
    /// the child gets to see the failures. If there are none it is dropped, and does not go on with
    /// the outputs that are there. With a grace it gets them, and can ask its context for the
    /// cause.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops all children there and then, and with them the outputs and the failures of
    /// those that have ended; [remote](Self::spawn_on) ones are told to go.
    ///
    /// # Errors
    ///
    /// The output is every failure, in completion order, if there was any; the outputs go with this
    /// future then. [`settle`](Self::settle) keeps both.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, u32, std::convert::Infallible> = Nursery::new();
    /// nursery.spawn(async { Ok(1) });
    /// nursery.spawn(async { Ok(2) });
    /// assert_eq!(nursery.join().await.unwrap(), [1, 2]);
    /// # });
    /// ```
    pub fn join(self) -> Join<'env, T, E, M> {
        Join(Collect::new(self))
    }

    /// Waits for all children, and returns everything that came of them.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops all children there and then, and with them the outputs and the failures of
    /// those that have ended; [remote](Self::spawn_on) ones are told to go.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let mut nursery = Nursery::new();
    /// nursery.spawn(async { Ok("kept") });
    /// nursery.spawn(async { Err("disk full") });
    /// let report = nursery.settle().await;
    /// assert_eq!(report.outputs()[0].1, "kept");
    /// assert_eq!(report.error().unwrap().len(), 1);
    /// # });
    /// ```
    pub fn settle(self) -> Settle<'env, T, E, M> {
        Settle(Collect::new(self))
    }
}

/// A nursery that is driven to its end.
struct Collect<'env, T, E, M: Flavor, K> {
    /// `None` once the end was reached.
    inner: Option<Box<Inner<'env, T, E, M>>>,
    collected: Collected<K, T, E>,
}

impl<'env, T, E, M: Flavor, K: Detail> Collect<'env, T, E, M, K> {
    fn new(nursery: Nursery<'env, T, E, M>) -> Self {
        let expected = nursery.inner.scope.unfinished();
        let (inner, collected) = nursery.into_collected(expected);
        Self { inner: Some(inner), collected }
    }

    /// Ready with the nursery, which holds no child any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Box<Inner<'env, T, E, M>>> {
        let Some(inner) = &mut self.inner else {
            panic!("a nursery was polled after it was ready")
        };
        let Inner { driver, scope, .. } = &mut **inner;
        let mut running = Running::begin(driver, cx);
        loop {
            ready!(running.drive(cx, &mut Pass::new(scope, &mut self.collected, NoBody)));
            if ready!(scope.close(&mut running, K::REPORT || self.collected.failures() > 0)) {
                break;
            }
        }
        drop(running);
        match self.inner.take() {
            Some(inner) => Poll::Ready(inner),
            None => unreachable!("it was there a moment ago"),
        }
    }

    // Out of line, as it takes room on the stack that is of no use while children are polled.
    #[inline(never)]
    fn finish<R>(
        &mut self,
        inner: Box<Inner<'env, T, E, M>>,
        take: fn(&mut Collected<K, T, E>, &Summary<E>) -> R,
    ) -> R {
        take(&mut self.collected, &inner.scope.summary())
    }
}

/// What was collected and is not told is counted in the child that the nursery is inside.
impl<T, E, M: Flavor, K> Drop for Collect<'_, T, E, M, K> {
    fn drop(&mut self) {
        if let Some(inner) = &self.inner {
            inner.scope.lose(self.collected.failures());
        }
    }
}

/// Waits for all children; see [`Nursery::join`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Join<'env, T, E, M: Flavor>(Collect<'env, T, E, M, ChildId>);

impl<T, E, M: Flavor> Unpin for Join<'_, T, E, M> {}

impl<'env, T, E, M: Flavor> Join<'env, T, E, M> {
    /// The same, with each output beside the id of its child, which [`spawn`](Nursery::spawn)
    /// returned; in spawn order.
    ///
    /// # Cancel safety
    ///
    /// As that of [`join`](Nursery::join).
    ///
    /// # Errors
    ///
    /// As those of [`join`](Nursery::join).
    ///
    /// # Examples
    ///
    /// The first child of a nursery has the number 0, so numbers find what children were made of:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// let words = ["one", "two", "three"];
    /// let mut nursery: Nursery<'_, usize, String> = Nursery::new();
    /// let handles = words.map(|word| nursery.spawn_with_handle(async { Ok(word.len()) }));
    /// handles[1].cancel();
    ///
    /// let lengths = nursery.join().by_child().await.unwrap();
    /// assert_eq!(lengths.len(), 2);
    /// for (child, length) in lengths {
    ///     assert_eq!(words[child.number() as usize].len(), length);
    /// }
    /// # });
    /// ```
    pub fn by_child(self) -> JoinByChild<'env, T, E, M> {
        JoinByChild(self.0)
    }
}

impl<T, E, M: Flavor> Future for Join<'_, T, E, M> {
    type Output = Result<Vec<T>, JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let collect = &mut self.get_mut().0;
        collect.poll(cx).map(|inner| collect.finish(inner, Collected::take_joined))
    }
}

impl<T, E, M: Flavor> fmt::Debug for Join<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}

/// Waits for all children, and gives each output with its child; see [`Join::by_child`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct JoinByChild<'env, T, E, M: Flavor>(Collect<'env, T, E, M, ChildId>);

impl<T, E, M: Flavor> Unpin for JoinByChild<'_, T, E, M> {}

impl<T, E, M: Flavor> Future for JoinByChild<'_, T, E, M> {
    type Output = Result<Vec<(ChildId, T)>, JoinedError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let collect = &mut self.get_mut().0;
        collect.poll(cx).map(|inner| collect.finish(inner, Collected::take_by_child))
    }
}

impl<T, E, M: Flavor> fmt::Debug for JoinByChild<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinByChild").finish_non_exhaustive()
    }
}

/// Waits for all children and reports on each; see [`Nursery::settle`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Settle<'env, T, E, M: Flavor>(Collect<'env, T, E, M, ChildInfo>);

impl<T, E, M: Flavor> Unpin for Settle<'_, T, E, M> {}

impl<T, E, M: Flavor> Future for Settle<'_, T, E, M> {
    type Output = Report<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let collect = &mut self.get_mut().0;
        collect.poll(cx).map(|inner| collect.finish(inner, Collected::take_report))
    }
}

impl<T, E, M: Flavor> fmt::Debug for Settle<'_, T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settle").finish_non_exhaustive()
    }
}
