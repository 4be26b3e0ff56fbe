//! A child: it asks the workers for an item until it has an answer, or is refused too often.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::{Client, StatusCode};
use futures::StreamExt;
use nestling::retry::{Again, Backoff};
use nestling::{JoinedError, retry};
use tokio::time::{sleep, timeout};

use super::message::{News, REQUESTS, Reply};
use super::problem::Problem;
use super::trouble::Trouble;

/// How long to wait for a reply before asking again.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// So many refusals are the end of it.
pub(crate) const REFUSALS: usize = 3;

/// What has come of an item.
pub(crate) struct Answer {
    pub(crate) item: u64,
    pub(crate) worker: String,
    pub(crate) inverse: u64,
}

/// What asks.
pub(crate) struct Caller<'a> {
    client: Client,
    trouble: Trouble<'a>,
    /// How many requests were made.
    requests: AtomicU64,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(client: Client, trouble: Trouble<'a>) -> Self {
        Self { client, trouble, requests: AtomicU64::new(0) }
    }

    /// Asks for the item. An answer comes with the failures before it.
    pub(crate) async fn ask(
        &self,
        item: u64,
    ) -> Result<(Answer, Option<JoinedError<Problem>>), JoinedError<Problem>> {
        const MILLI: Duration = Duration::from_millis(1);
        let delays = Backoff::new(20 * MILLI).cap(200 * MILLI).equal_jitter(item).take(60);
        let mut refusals = 0;
        let asked = retry(sleep, delays, |_| self.request(item)).again(move |failed| {
            // What was lost is asked for again, for whatever reason.
            refusals += usize::from(matches!(failed.error(), Some(Problem::Refused { .. })));
            if refusals < REFUSALS { Again::Yes } else { Again::No }
        });
        let (mut answers, failures, _) = asked.settle().await.into_parts();
        self.trouble.item_is_through().await;
        match (answers.pop(), failures) {
            (Some((_, answer)), failures) => Ok((answer, failures)),
            (None, Some(failures)) => Err(failures),
            (None, None) => unreachable!("the last attempt has succeeded or failed"),
        }
    }

    /// An attempt. Its inbox is its own: what comes late, for an earlier one, is not heard.
    async fn request(&self, item: u64) -> Result<Answer, Problem> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let inbox = self.client.new_inbox();
        let mut replies = self.client.subscribe(inbox.clone()).await.map_err(lost)?;
        let payload = item.to_string().into();
        self.client.publish_with_reply(REQUESTS, inbox, payload).await.map_err(lost)?;
        let mut taken_by = None;
        let answered = async {
            while let Some(message) = replies.next().await {
                if message.status == Some(StatusCode::NO_RESPONDERS) {
                    return Err(Problem::NoWorker);
                }
                let Reply { item: of, worker, news } = serde_json::from_slice(&message.payload)?;
                match news {
                    _ if of != item => {}
                    News::Taken => {
                        self.trouble.item_is_taken(item, &worker);
                        taken_by = Some(worker);
                    }
                    News::Answered(inverse) => return Ok(Answer { item, worker, inverse }),
                    News::Refused(reason) => return Err(Problem::Refused { worker, reason }),
                }
            }
            Err(lost("it is closed"))
        };
        // A timeout of the retry would not know which worker it was.
        match timeout(PATIENCE, answered).await {
            Ok(answered) => answered,
            Err(_) => Err(taken_by.map_or(Problem::Untaken, |worker| Problem::Silent { worker })),
        }
    }

    /// Ends the server. Returns how many requests were made.
    pub(crate) async fn end(self) -> Result<u64, Problem> {
        self.trouble.end().await?;
        Ok(self.requests.into_inner())
    }
}

fn lost(error: impl Into<async_nats::Error>) -> Problem {
    Problem::Client(error.into())
}
