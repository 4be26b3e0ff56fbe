//! One line of a stack.

use std::fmt;
use std::path::Path;

/// A place in the code where a child waits: mostly an `.await`, or a macro that awaits.
///
/// What is known of it depends on the debug information of the program. With
/// `debug = "line-tables-only"`, as with more, it has files and lines. Without, it has names, of
/// functions that were not inlined. An optimised program with line tables only has no name for an
/// `async` function.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AwaitLine {
    pub(super) function: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
}

impl AwaitLine {
    /// The path of the function, without what stands for closures and `async` blocks in it:
    /// `app::serve`, or `<app::Db as app::Store>::load`.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// The file, as the compiler noted it: mostly its whole path.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line in the file, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }
}

/// The function and the place, what is known of them: `app::serve src/main.rs:12`. A file below the
/// working directory is told from there.
impl fmt::Display for AwaitLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.function.as_deref();
        f.write_str(function.unwrap_or_default())?;
        let Some(file) = self.file.as_deref() else {
            return if function.is_none() { f.write_str(UNKNOWN) } else { Ok(()) };
        };
        if function.is_some() {
            f.write_str(" ")?;
        }
        write!(f, "{}", short(file).display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// Stands for a line of which nothing is known.
pub(super) const UNKNOWN: &str = "(unknown line)";

fn short(file: &str) -> &Path {
    let file = Path::new(file);
    // Asked each time, as it may change; what prints a tree asks the system anyhow.
    match std::env::current_dir() {
        Ok(here) => file.strip_prefix(here).unwrap_or(file),
        Err(_) => file,
    }
}
