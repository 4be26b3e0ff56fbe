//! The executor that lanes of pools run on.

use std::sync::{Arc, Mutex};

use futures::task::{FutureObj, Spawn, SpawnError};

use super::board::Board;
use crate::support::Task;

/// Polls each of its tasks that was woken, once every few turns.
#[derive(Clone, Default)]
pub(super) struct Crew(Arc<Mutex<Vec<Member>>>);

struct Member {
    task: Task<FutureObj<'static, ()>>,
    /// How often it had been woken when it was last polled.
    answered: Option<usize>,
}

impl Spawn for Crew {
    fn spawn_obj(&self, task: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0.lock().unwrap().push(Member { task: Task::new(task), answered: None });
        Ok(())
    }
}

impl Crew {
    /// Whether there is a task to poll.
    pub(super) fn is_woken(&self) -> bool {
        self.0.lock().unwrap().iter().any(Member::is_woken)
    }

    /// Polls each task that was woken, in one order or the other.
    pub(super) fn poll(&self, board: &Board, backwards: bool) -> Result<(), String> {
        // A task may hand another over.
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        if backwards {
            tasks.reverse();
        }
        let mut left = Vec::new();
        for mut member in tasks {
            if member.is_woken() {
                member.answered = Some(member.task.wakes());
                let is_over = member.task.poll().is_ready();
                board.end_poll()?;
                if is_over {
                    continue;
                }
            }
            left.push(member);
        }
        if backwards {
            left.reverse();
        }
        self.0.lock().unwrap().splice(0..0, left);
        Ok(())
    }

    /// Drops all tasks. They hold the crew where pools run in them.
    pub(super) fn dismiss(&self) {
        loop {
            let tasks = std::mem::take(&mut *self.0.lock().unwrap());
            if tasks.is_empty() {
                return;
            }
        }
    }
}

impl Member {
    fn is_woken(&self) -> bool {
        self.answered != Some(self.task.wakes())
    }
}
