//! The import with `buffer_unordered`. A panic ends the whole import, and nothing is reported. When
//! the import stops, a line that is being written then is dropped, and counted nowhere.

use std::error::Error;

use futures::io::{AsyncBufRead, AsyncBufReadExt};
use futures::stream::StreamExt;

use super::{AT_ONCE, Database, ImportError, KEPT, import};

/// What came of an import.
#[derive(Default)]
pub(super) struct Imported {
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) kept: Vec<ImportError>,
}

pub(super) async fn run(
    database: &Database,
    reader: impl AsyncBufRead + Unpin,
    mut progress: impl FnMut(String),
) -> Imported {
    let mut imported = Imported::default();
    let lines = reader.lines().enumerate();
    let all = lines.map(|(index, text)| import(database, index + 1, text));
    let mut all = all.buffer_unordered(AT_ONCE);
    while let Some(result) = all.next().await {
        imported.done += 1;
        let mut is_fatal = false;
        if let Err(error) = result {
            is_fatal = error.is_fatal();
            imported.failed += 1;
            if is_fatal || imported.kept.len() < KEPT {
                imported.kept.push(error);
            }
        }
        progress(format!("{}, {} failed", imported.done, imported.failed));
        if is_fatal {
            break;
        }
    }
    imported
}

impl Imported {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{} of {} lines failed", self.failed, self.done);
        for error in &self.kept {
            text += &format!("\n  {error}");
            let mut source = error.source();
            while let Some(error) = source {
                text += &format!(": {error}");
                source = error.source();
            }
        }
        if self.failed > self.kept.len() {
            text += &format!("\n  and {} more", self.failed - self.kept.len());
        }
        text
    }
}
