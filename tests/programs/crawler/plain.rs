//! The crawler with a `JoinSet`. Where it panics on a page, the error does not say which page that
//! was: it has the number of a task.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use anyhow::Error;
use tokio::task::JoinSet;

use super::Web;

/// Returns the titles, and the errors of the pages that failed.
pub(super) async fn crawl(
    web: Arc<Web>,
    first: &'static str,
    limit: usize,
) -> (Vec<&'static str>, Vec<Error>) {
    let (mut titles, mut errors) = (Vec::new(), Vec::new());
    let mut seen = HashSet::from([first]);
    let mut waiting = VecDeque::from([first]);
    let mut running = JoinSet::new();
    loop {
        while running.len() < limit {
            let Some(url) = waiting.pop_front() else { break };
            let web = Arc::clone(&web);
            running.spawn(async move { web.fetch(url).await });
        }
        match running.join_next().await {
            None => return (titles, errors),
            Some(Ok(Ok((title, links)))) => {
                titles.push(title);
                waiting.extend(links.iter().filter(|link| seen.insert(**link)));
            }
            Some(Ok(Err(error))) => errors.push(error),
            Some(Err(panic)) => errors.push(panic.into()),
        }
    }
}
