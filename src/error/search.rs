//! Looking for one error in the tree.

use std::error::Error;
use std::fmt;
use std::iter;

use super::{AsError, Failure, JoinedError, Panic};

impl<E> JoinedError<E> {
    /// The first error of type `X` in the tree: an error itself, one that it was caused by, or the
    /// payload of a panic.
    ///
    /// The tree is searched depth first, and each error before its sources, of which a thousand are
    /// looked at. A `JoinedError<E>` among the sources is searched as a group is; of one with
    /// another error type, `find` finds the joined error itself, and its own `find` goes on. Of
    /// payloads, those that are an `X` are found, and those that are a
    /// `Box<dyn Error + Send + Sync>` are searched like any error. To lend a payload takes an `X`
    /// that is `Send + Sync`; for one that is not there is [`find_local`](Self::find_local).
    ///
    /// # Examples
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # futures::executor::block_on(async {
    /// # #[derive(Debug, thiserror::Error)]
    /// # enum LoadError {
    /// #     #[error("cannot read the file")]
    /// #     Read(#[source] std::io::Error),
    /// #     #[error("not a number")]
    /// #     Parse(#[from] std::num::ParseIntError),
    /// # }
    /// let mut nursery: Nursery<'_, u32, LoadError> = Nursery::new();
    /// nursery.spawn(async { Ok("x".parse()?) });
    /// nursery.spawn(async { Err(LoadError::Read(std::io::ErrorKind::NotFound.into())) });
    /// let error = nursery.join().await.unwrap_err();
    ///
    /// // In the second child's error, as what that was caused by.
    /// let io = error.find::<std::io::Error>().unwrap();
    /// assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
    /// # });
    /// ```
    #[must_use]
    pub fn find<X: Error + Send + Sync + 'static>(&self) -> Option<&X>
    where
        E: AsError + fmt::Debug + fmt::Display + 'static,
    {
        self.find_with(E::as_error)
    }

    /// [`find`](Self::find) for errors that only lead to an [`Error`].
    ///
    /// # Examples
    ///
    /// For an `anyhow::Error`, a `Box<dyn Error + Send + Sync>` and the like:
    ///
    /// ```
    /// # use nestling::Nursery;
    /// # use std::io;
    /// # futures::executor::block_on(async {
    /// let mut nursery: Nursery<'_, (), anyhow::Error> = Nursery::new();
    /// nursery.spawn(async { Err(io::Error::from(io::ErrorKind::NotFound).into()) });
    /// let error = nursery.join().await.unwrap_err();
    /// assert!(error.find_with::<io::Error>(|error| error.as_ref()).is_some());
    /// # });
    /// ```
    #[must_use]
    pub fn find_with<X: Error + Send + Sync + 'static>(
        &self,
        as_error: impl Fn(&E) -> &(dyn Error + 'static),
    ) -> Option<&X>
    where
        E: fmt::Debug + fmt::Display + 'static,
    {
        search(self, as_error, |panic| {
            panic.downcast_ref().or_else(|| in_chain(panic.boxed_error()?))
        })
    }

    /// [`find`](Self::find) for an `X` that need not be `Send` or `Sync`; panics are not searched.
    #[must_use]
    pub fn find_local<X: Error + 'static>(&self) -> Option<&X>
    where
        E: AsError + fmt::Debug + fmt::Display + 'static,
    {
        search(self, E::as_error, |_| None)
    }
}

fn search<'a, E, X>(
    root: &'a JoinedError<E>,
    as_error: impl Fn(&E) -> &(dyn Error + 'static),
    in_panic: impl Fn(&'a Panic) -> Option<&'a X>,
) -> Option<&'a X>
where
    E: fmt::Debug + fmt::Display + 'static,
    X: Error + 'static,
{
    // Joined errors that hide in errors of those before them.
    let mut open = vec![root.leaves()];
    while let Some(leaves) = open.last_mut() {
        let Some(leaf) = leaves.next() else {
            open.pop();
            continue;
        };
        let found = match leaf.failure() {
            Failure::Error(error) => {
                let mut hidden = None;
                let found = chain(as_error(error)).find_map(|error| {
                    hidden = hidden.or_else(|| error.downcast_ref::<JoinedError<E>>());
                    error.downcast_ref()
                });
                if found.is_none() {
                    open.extend(hidden.map(JoinedError::leaves));
                }
                found
            }
            Failure::Panic(panic) => in_panic(panic),
            Failure::Executor(error) => in_chain(error),
            Failure::Group(_) | Failure::TimedOut(_) | Failure::GaveUp(_) => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn in_chain<'a, X: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a X> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and what it was caused by.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    /// A chain of sources could be without end.
    const SOURCES: usize = 1_000;
    iter::successors(Some(error), |&error| error.source()).take(SOURCES)
}
