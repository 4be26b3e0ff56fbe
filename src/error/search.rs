//! Looking for one error in the tree.

use std::error::Error;
use std::iter;

use super::{Failure, JoinedError};

impl<E> JoinedError<E> {
    /// The first error of type `X` in the tree: an error itself, one that it was caused by, or the
    /// payload of a panic.
    ///
    /// The tree is searched depth first, and each error before its sources, of which a thousand are
    /// looked at. Of payloads, those that are an `X` are found, and those that are a
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
        E: Error + 'static,
    {
        self.find_with(|error| error)
    }

    /// [`find`](Self::find) for errors that only lead to an [`Error`].
    ///
    /// For a `Box<dyn Error + Send + Sync>` and the like that is
    /// `find_with::<X>(|error| error.as_ref())`.
    #[must_use]
    pub fn find_with<X: Error + Send + Sync + 'static>(
        &self,
        as_error: impl Fn(&E) -> &(dyn Error + 'static),
    ) -> Option<&X> {
        self.leaves().find_map(|leaf| match leaf.failure() {
            Failure::Error(error) => in_chain(as_error(error)),
            Failure::Panic(panic) => {
                panic.downcast_ref().or_else(|| in_chain(panic.boxed_error()?))
            }
            Failure::Executor(error) => in_chain(error),
            Failure::Group(_) | Failure::TimedOut(_) => None,
        })
    }

    /// [`find`](Self::find) for an `X` that need not be `Send` or `Sync`; panics are not searched.
    #[must_use]
    pub fn find_local<X: Error + 'static>(&self) -> Option<&X>
    where
        E: Error + 'static,
    {
        self.leaves().find_map(|leaf| in_chain(leaf.failure().error()?))
    }
}

fn in_chain<'a, X: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a X> {
    /// A chain of sources could be without end.
    const SOURCES: usize = 1_000;
    let chain = iter::successors(Some(error), |&error| error.source());
    chain.take(SOURCES).find_map(|error| error.downcast_ref())
}
