//! Crawls a small web in memory: it follows links, fetches each page once and few at a time,
//! collects the titles, and reports each page that failed with its cause.

mod nested;
mod plain;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

use crate::without_task_number;

/// A page: its title and its links.
type Page = (&'static str, &'static [&'static str]);

const FIRST: &str = "/";
const LIMIT: usize = 2;

/// A web that counts how many fetches run at once, and how many there were.
#[derive(Default)]
struct Web {
    running: AtomicUsize,
    most: AtomicUsize,
    fetched: AtomicUsize,
}

impl Web {
    async fn fetch(&self, url: &'static str) -> Result<Page> {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(running, Ordering::Relaxed);
        self.fetched.fetch_add(1, Ordering::Relaxed);
        for _ in 0..url.len() {
            smol::future::yield_now().await;
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
        let (title, links) = download(url).with_context(|| format!("cannot fetch {url}"))?;
        assert!(!title.is_empty(), "a page without a title");
        Ok((title, links))
    }

    /// The most fetches at once, and all fetches.
    fn numbers(&self) -> (usize, usize) {
        (self.most.load(Ordering::Relaxed), self.fetched.load(Ordering::Relaxed))
    }
}

fn download(url: &str) -> io::Result<Page> {
    match url {
        "/" => Ok(("Home", &["/news", "/shop", "/about"])),
        "/news" => Ok(("News", &["/", "/news/1", "/news/2"])),
        "/news/1" => Err(io::ErrorKind::TimedOut.into()),
        "/news/2" => Ok(("", &["/news"])),
        "/shop" => Err(io::ErrorKind::ConnectionRefused.into()),
        "/about" => Ok(("About", &["/", "/team"])),
        "/team" => Ok(("Team", &["/about"])),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

#[test]
fn a_crawler_names_each_page_that_failed() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

    let web = Arc::new(Web::default());
    let (titles, errors) = runtime.block_on(plain::crawl(Arc::clone(&web), FIRST, LIMIT));
    assert_eq!(titles, ["Home", "News", "About", "Team"]);
    let errors: Vec<_> =
        errors.iter().map(|error| without_task_number(&format!("{error:#}"))).collect();
    assert_eq!(
        errors,
        [
            "cannot fetch /shop: connection refused",
            "cannot fetch /news/1: timed out",
            // Which page was it?
            "task N panicked with message \"a page without a title\"",
        ]
    );
    assert_eq!(web.numbers(), (LIMIT, 7));

    let web = Web::default();
    let report = runtime.block_on(nested::crawl(&web, FIRST, LIMIT));
    let titles: Vec<_> = report.outputs().iter().map(|(_, title)| *title).collect();
    assert_eq!(titles, ["Home", "News", "About", "Team"]);
    assert_eq!(
        report.tree().locations(false).to_string(),
        "\
nursery \"crawl\": 7 children: 4 completed, 3 failed, 0 cancelled
├─ #2 /shop      cannot fetch /shop: connection refused
├─ #4 /news/1    cannot fetch /news/1: timed out
└─ #5 /news/2    panicked: a page without a title",
    );
    assert_eq!(web.numbers(), (LIMIT, 7));
}
