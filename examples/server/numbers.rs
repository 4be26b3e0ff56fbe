//! How much the server does, and the daemon that tells it.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use nestling::observe::AtPlace;
use smol::Timer;
use smol::fs::{File, OpenOptions};
use smol::io::AsyncWriteExt;

use super::problem::Problem;
use super::{Context, tell};

/// Counts what the children do. They borrow it. Each number stands for itself: no order is needed.
#[derive(Default)]
pub(crate) struct Numbers {
    connections: AtomicU64,
    open: AtomicU64,
    lines: AtomicU64,
}

impl Numbers {
    /// Counts a connection, and counts it as open until the guard is dropped.
    pub(crate) fn open(&self) -> Open<'_> {
        self.connections.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        Open(self)
    }

    pub(crate) fn answered(&self) {
        self.lines.fetch_add(1, Relaxed);
    }
}

/// `connections: 3, open: 1, lines answered: 20`.
impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [connections, open, lines] =
            [&self.connections, &self.open, &self.lines].map(|number| number.load(Relaxed));
        write!(f, "connections: {connections}, open: {open}, lines answered: {lines}")
    }
}

/// A connection that is open. However it ends, it is dropped.
pub(crate) struct Open<'a>(&'a Numbers);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// Where the numbers are told.
pub(crate) enum Log {
    Stderr,
    File(PathBuf, File),
}

impl Log {
    pub(crate) async fn open(path: Option<PathBuf>) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(Self::Stderr) };
        match OpenOptions::new().create(true).append(true).open(&path).await {
            Ok(file) => Ok(Self::File(path, file)),
            Err(source) => Err(Problem::OpenLog { path, source }),
        }
    }

    async fn write(&mut self, numbers: &Numbers) -> Result<(), Problem> {
        match self {
            Self::Stderr => tell(numbers),
            Self::File(path, file) => {
                let line = format!("{numbers}\n");
                let written = async {
                    file.write_all(line.as_bytes()).await?;
                    file.flush().await
                };
                let cannot = |source| Problem::WriteLog { path: path.clone(), source };
                written.await.map_err(cannot)?;
            }
        }
        Ok(())
    }
}

/// Tells the numbers every so often, and once more when the server is stopped.
///
/// If it fails, it is one failure of the report, and the server goes on.
pub(crate) async fn log(
    numbers: &Numbers,
    every: Duration,
    mut log: Log,
    cx: Context<'_>,
) -> Result<(), Problem> {
    while cx.until_cancelled(Timer::after(every).at("pause")).await.is_some() {
        log.write(numbers).at("write").await?;
    }
    log.write(numbers).at("write").await
}
