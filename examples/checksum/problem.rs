//! What can be wrong with a file.

use std::io;
use std::path::PathBuf;

/// The text is one line; what is behind it is its source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{}: cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("{}: is neither a file nor a folder", .0.display())]
    NoFile(PathBuf),
    #[error("{}: is not what it should be", .0.display())]
    Mismatch(PathBuf),
    #[error("{}: lists no checksum", .0.display())]
    NoLines(PathBuf),
    #[error("{}: is not listed", .0.display())]
    NotListed(PathBuf),
    #[error("a folder cannot be read")]
    Folder(#[source] walkdir::Error),
    #[error("{}: line {line} is no checksum: it has to be 64 hexadecimal digits, a space, a space or *, and a name", .list.display())]
    Line { list: PathBuf, line: usize },
}
