//! The owner of the work: a nursery with a child for each item, beside what keeps the workers up.

use std::future::ready;
use std::time::Duration;

use nestling::{Nursery, Report, Spawner};
use tokio::time::sleep;

use super::args::Args;
use super::ask::{Answer, Caller};
use super::crew::Crew;
use super::message::connect;
use super::problem::Problem;
use super::say;
use super::server::Server;
use super::trouble::Trouble;

/// So many items are asked for at once.
pub(crate) const LIMIT: usize = 8;

/// The items end within this time, whatever happens to the server; and all else in twice the time.
const LONGEST: Duration = Duration::from_secs(60);

/// The groups of the error: the items that were given up, those that were answered in the end, and
/// the workers.
pub(crate) const ITEMS: &str = "items";
pub(crate) const ASKED_AGAIN: &str = "asked again";
pub(crate) const WORKERS: &str = "workers";

/// What has happened.
pub(crate) struct Story {
    pub(crate) answers: Vec<Answer>,
    /// All that has failed.
    pub(crate) report: Report<(), Problem>,
    /// How many requests were made.
    pub(crate) requests: u64,
}

/// Lets it happen.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(args: &Args) -> Result<Story, Problem> {
    let server = Server::start().await.map_err(Problem::Server)?;
    let port = server.port();
    say(format_args!("the server listens on port {port}"));
    let client = connect("owner", port).await.map_err(|error| Problem::Client(error.into()))?;
    let crew = Crew::new(args.workers, port);
    let caller = Caller::new(client, Trouble::new(args, &crew, server));

    let mut nursery = Nursery::new().name("nats").deadline(sleep(2 * LONGEST));
    let supervision = crew.supervise();
    let workers = supervision.handle();
    // All that the workers have failed by is told, also what a restart has mended.
    let supervised = async { supervision.settle().await.into_result().map(drop) };
    nursery.child().name(WORKERS).daemon().group().spawn(supervised);
    let work = nursery.run(async |spawner| {
        crew.up().await;
        say(format_args!("{} workers are up", args.workers));
        let answers = ask_for_all(&caller, args.items, &spawner).await;
        workers.shutdown("all items are through");
        workers.finished().await;
        Ok(answers)
    });
    let (answers, report) = work.settle().await;
    let requests = caller.end().await?;
    Ok(Story { answers: answers.unwrap_or_default(), report, requests })
}

/// Asks for all items. What fails becomes a part of what the spawner's nursery fails with.
async fn ask_for_all(
    caller: &Caller<'_>,
    items: u64,
    spawner: &Spawner<'_, (), Problem>,
) -> Vec<Answer> {
    let mut nursery = Nursery::new().name(ITEMS).limit(LIMIT).deadline(sleep(LONGEST));
    for item in 0..items {
        nursery.child().name(format!("item {item}")).group().spawn(caller.ask(item));
    }
    let (outputs, given_up, _) = nursery.settle().await.into_parts();

    let mut asked_again = Nursery::new().name(ASKED_AGAIN);
    let answers = outputs.into_iter().map(|(child, (answer, failures))| {
        if let Some(failures) = failures {
            let item = asked_again.child().name(child.name().unwrap_or_default());
            item.group().spawn(ready(Err::<(), _>(failures)));
        }
        answer
    });
    let answers = answers.collect();
    let asked_again = asked_again.join().await.map(drop);
    for (name, failures) in [(ITEMS, given_up.map_or(Ok(()), Err)), (ASKED_AGAIN, asked_again)] {
        // It is refused only when the time is over, which is a failure by itself.
        _ = spawner.child().name(name).group().spawn(ready(failures));
    }
    answers
}
