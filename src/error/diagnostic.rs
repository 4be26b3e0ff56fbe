//! Joined errors as diagnostics of miette.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Display};

use miette::{Diagnostic, LabeledSpan, Report, Severity, SourceCode};

use super::iter::Iter;
use super::{ChildError, Failure, JoinedError};

/// How deep related diagnostics are within each other. A handler goes into them by recursion.
const MAX_DEPTH: usize = 16;

thread_local! {
    /// How many lists of related diagnostics are being read, each within the one before.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// With the feature `miette`: the failures are its [related](Diagnostic::related) diagnostics, in
/// the order in which they came.
///
/// The failures of a group are related to the failure that the group is, down to 16 levels; the
/// text of a failure tells of those that are deeper. What a child's own error says of itself as a
/// diagnostic, its failure says: code, severity, help, URL, source code and labels.
///
/// Errors that are no diagnostics are made some by [`Diagnosed`].
///
/// # Examples
///
/// ```
/// use miette::Diagnostic;
/// use nestling::Nursery;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("connection refused")]
/// struct Refused;
///
/// impl Diagnostic for Refused {
///     fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
///         Some(Box::new("is the server up?"))
///     }
/// }
///
/// # futures::executor::block_on(async {
/// let mut nursery: Nursery<'_, (), Refused> = Nursery::new();
/// nursery.child().name("cache").spawn(async { Err(Refused) });
/// let report = miette::Report::new(nursery.join().await.unwrap_err());
///
/// let related: Vec<_> = report.related().unwrap().collect();
/// assert_eq!(related[0].to_string(), "#0 cache: connection refused");
/// assert_eq!(related[0].help().unwrap().to_string(), "is the server up?");
/// # });
/// ```
impl<E: Diagnostic + 'static> Diagnostic for JoinedError<E> {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let depth = DEPTH.get();
        if depth >= MAX_DEPTH {
            return None;
        }
        DEPTH.set(depth + 1);
        Some(Box::new(Related(self.iter())))
    }
}

/// With the feature `miette`, as a [`JoinedError`] is one: an error says of itself what it says as
/// a diagnostic, and a group has its failures related. A group that holds one failure and nothing
/// else is shown with it, as a path, and says what that one says.
impl<E: Diagnostic + 'static> Diagnostic for ChildError<E> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.end_of_path().error()?.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.end_of_path().error()?.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.end_of_path().error()?.help()
    }

    fn url<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.end_of_path().error()?.url()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.end_of_path().error()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.end_of_path().error()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.end_of_path().failure() {
            Failure::Error(error) => error.related(),
            Failure::Group(group) => group.related(),
            _ => None,
        }
    }

    fn diagnostic_source(&self) -> Option<&dyn Diagnostic> {
        self.end_of_path().error()?.diagnostic_source()
    }
}

/// The failures of one joined error, while it counts as being read.
struct Related<'a, E>(Iter<'a, E>);

impl<'a, E: Diagnostic + 'static> Iterator for Related<'a, E> {
    type Item = &'a dyn Diagnostic;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|error| error as &dyn Diagnostic)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<E> Drop for Related<'_, E> {
    fn drop(&mut self) {
        // It cannot be sent, so this is the thread that it was made on. At the end of that the
        // count may be gone, and nothing is read any more.
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

/// An error as a [`Diagnostic`], for a [`JoinedError`] whose errors are none: a [`Report`], which
/// is no error type itself, or any [`Error`].
///
/// It says what the error or the report says, and nothing else.
///
/// # Examples
///
/// ```
/// # use std::io;
/// use nestling::failure::Diagnosed;
/// use nestling::{JoinedError, Nursery};
///
/// async fn read_all() -> Result<(), JoinedError<io::Error>> {
///     let mut nursery: Nursery<'_, (), _> = Nursery::new();
///     nursery.spawn(async { Err(io::ErrorKind::NotFound.into()) });
///     nursery.join().await.map(drop)
/// }
///
/// async fn start() -> miette::Result<()> {
///     Ok(read_all().await.map_err(|error| error.map(Diagnosed::error))?)
/// }
///
/// let report = futures::executor::block_on(start()).unwrap_err();
/// assert_eq!(report.related().unwrap().next().unwrap().to_string(), "#0: entity not found");
/// ```
pub struct Diagnosed(Inner);

enum Inner {
    Report(Report),
    Error(Box<dyn Error + Send + Sync>),
}

impl Diagnosed {
    /// A report, with all that it says: for a `JoinedError<miette::Report>`,
    /// `error.map(Diagnosed::report)`.
    #[must_use]
    pub fn report(report: Report) -> Self {
        Self(Inner::Report(report))
    }

    /// An error, which is not asked whether it is a diagnostic.
    #[must_use]
    pub fn error(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Inner::Error(error.into()))
    }

    fn diagnostic(&self) -> Option<&dyn Diagnostic> {
        match &self.0 {
            Inner::Report(report) => Some(report.as_ref()),
            Inner::Error(_) => None,
        }
    }
}

impl Display for Diagnosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it was caused by is the handler's to show: it goes from source to source.
        match &self.0 {
            Inner::Report(report) => write!(f, "{report}"),
            Inner::Error(error) => write!(f, "{error}"),
        }
    }
}

impl fmt::Debug for Diagnosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Report(report) => fmt::Debug::fmt(report, f),
            Inner::Error(error) => fmt::Debug::fmt(error, f),
        }
    }
}

impl Error for Diagnosed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Inner::Report(report) => report.source(),
            Inner::Error(error) => error.source(),
        }
    }
}

impl Diagnostic for Diagnosed {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.diagnostic()?.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.diagnostic()?.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.diagnostic()?.help()
    }

    fn url<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.diagnostic()?.url()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.diagnostic()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.diagnostic()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.diagnostic()?.related()
    }

    fn diagnostic_source(&self) -> Option<&dyn Diagnostic> {
        self.diagnostic()?.diagnostic_source()
    }
}
