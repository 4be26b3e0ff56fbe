//! A worker: a process that answers requests. It could be on any machine, and in any language.

use std::io::{self, Read, Write};
use std::time::Duration;
use std::{process, thread};

use async_nats::{Client, Message};
use nestling::Pool;
use tokio::time::sleep;

use super::message::{News, REQUESTS, Reply, WORKERS, connect};
use super::role::READY;

/// So many requests are worked on at once.
const LANES: usize = 2;

/// What it takes to work on one.
const WORK: Duration = Duration::from_millis(30);

/// Works until standard input ends.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn work(name: &str, port: u16) -> Result<(), async_nats::Error> {
    thread::spawn(|| {
        _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(0);
    });
    let client = connect(name, port).await?;
    let requests = client.queue_subscribe(REQUESTS, WORKERS.into()).await?;
    // The server knows of it from here on.
    client.flush().await?;
    writeln!(io::stdout(), "{READY}")?;
    // A worker that cannot answer ends, and another is started.
    let pool = Pool::new(LANES).name(name).first_error();
    pool.for_each_stream(requests, |request| answer(&client, name, request)).await?;
    Err("the server was lost".into())
}

async fn answer(client: &Client, worker: &str, request: Message) -> Result<(), async_nats::Error> {
    let item = str::from_utf8(&request.payload)?.parse()?;
    let Some(inbox) = request.reply else { return Err("it says not where to answer".into()) };
    let reply = async |news| {
        let reply = Reply { item, worker: worker.into(), news };
        client.publish(inbox.clone(), serde_json::to_vec(&reply)?.into()).await?;
        Ok::<_, async_nats::Error>(())
    };
    reply(News::Taken).await?;
    sleep(WORK).await;
    reply(match inverse(item) {
        Some(inverse) => News::Answered(inverse),
        None => News::Refused(format!("{item} has no inverse modulo 13")),
    })
    .await
}

/// The number by which the item makes one, modulo 13. Those that 13 divides have none.
fn inverse(item: u64) -> Option<u64> {
    (1..13).find(|inverse| item % 13 * inverse % 13 == 1)
}
