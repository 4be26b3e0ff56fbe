//! The import with a pool.

use futures::io::{AsyncBufRead, AsyncBufReadExt};
use futures::stream::StreamExt;
use nestling::{Pool, Report};

use super::{AT_ONCE, Database, ImportError, KEPT, import};

pub(super) async fn run(
    database: &Database,
    reader: impl AsyncBufRead + Unpin,
    mut progress: impl FnMut(String),
) -> Report<(), ImportError> {
    let lines = reader.lines().enumerate();
    Pool::local(AT_ONCE)
        .name("import")
        .sources()
        .keep_failures(KEPT)
        .cancel_when(|failure| failure.error().is_some_and(ImportError::is_fatal))
        .cause_text(ImportError::to_string)
        .on_progress(|so_far| progress(so_far.to_string()))
        .for_each_stream(lines, |(index, text)| import(database, index + 1, text))
        .settle()
        .await
}
