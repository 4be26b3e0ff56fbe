//! What goes wrong: a worker is killed, and the server, each when so many items are through. It is
//! progress that decides, and no clock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::args::Args;
use super::crew::Crew;
use super::problem::Problem;
use super::server::Server;
use super::{say, tell};

pub(crate) struct Trouble<'a> {
    args: &'a Args,
    crew: &'a Crew,
    server: Mutex<Server>,
    through: AtomicU64,
    has_killed: AtomicBool,
}

impl<'a> Trouble<'a> {
    pub(crate) fn new(args: &'a Args, crew: &'a Crew, server: Server) -> Self {
        let (through, has_killed) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { args, crew, server: Mutex::new(server), through, has_killed }
    }

    /// A worker has an item: it may be the one to be killed.
    pub(crate) fn item_is_taken(&self, item: u64, worker: &str) {
        let through = self.through.load(Ordering::Relaxed);
        if through >= self.args.kill_after && !self.has_killed.swap(true, Ordering::Relaxed) {
            self.crew.kill(worker);
            say(format_args!("{worker} is killed: it has taken item {item}"));
        }
    }

    /// An item has come to its end. If the server is to be killed after it, it waits until that is
    /// back.
    pub(crate) async fn item_is_through(&self) {
        let through = self.through.fetch_add(1, Ordering::Relaxed) + 1;
        if through == self.args.restart_after {
            say(format_args!("the server is killed: {through} items are through"));
            match self.server.lock().await.restart().await {
                Ok(()) => say("the server is back"),
                // All other requests fail, and their items tell of it.
                Err(error) => tell(format_args!("the server is not back: {error}")),
            }
        }
    }

    /// Ends the server.
    pub(crate) async fn end(self) -> Result<(), Problem> {
        self.server.into_inner().end().await.map_err(Problem::Server)
    }
}
