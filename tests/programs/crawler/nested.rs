//! The crawler with a nursery.

use std::cell::RefCell;
use std::collections::HashSet;

use anyhow::{Error, Result};
use nestling::spawn::{LocalSpawner, Rejected};
use nestling::{Nursery, Report};

use super::Web;

/// Returns the titles, and the errors of the pages that failed.
pub(super) async fn crawl(
    web: &Web,
    first: &'static str,
    limit: usize,
) -> Report<&'static str, Error> {
    let seen = RefCell::new(HashSet::from([first]));
    let mut nursery = Nursery::local().name("crawl").limit(limit);
    let spawner = nursery.spawner();
    nursery.child().name(first).spawn(visit(web, &seen, first, spawner));
    nursery.settle().await
}

async fn visit<'env>(
    web: &'env Web,
    seen: &'env RefCell<HashSet<&'static str>>,
    url: &'static str,
    spawner: LocalSpawner<'env, &'static str, Error>,
) -> Result<&'static str> {
    let (title, links) = web.fetch(url).await?;
    for link in links {
        if seen.borrow_mut().insert(link) {
            spawner
                .child()
                .name(*link)
                .spawn(visit(web, seen, link, spawner.clone()))
                .map_err(Rejected::into_reason)?;
        }
    }
    Ok(title)
}
