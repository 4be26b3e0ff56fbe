//! How a nursery is finished, and what is seen of it.

use std::future::poll_fn;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{self, Either};
use nestling::spawn::ChildInfo;
use nestling::testing::{Finish, Script, perform, yields};

use super::act::{Error, Stage, Tree};
use super::event::{Actor, Event, Whose};
use super::kind::Kind;
use super::seen::{Record, Reported, Seen};
use super::values::Value;

/// Spawns the script's children and finishes the nursery; its failures, if it returned them.
pub(crate) async fn finish<M: Kind>(
    mut nursery: Tree<M>,
    stage: Stage<M>,
    script: Script,
) -> Option<Error> {
    for (room, how, child) in script.children {
        stage.spawn_by_owner(&mut nursery, room, how, child).await;
    }
    let (world, number) = (Arc::clone(&stage.world), stage.nursery);
    let asks = matches!(script.finish, Finish::Next | Finish::FickleNext | Finish::NextJoin(_));
    world.tell(Event::Finishing { nursery: number, asks });
    let (seen, error) = match script.finish {
        Finish::Join => joined(nursery).await,
        Finish::NextJoin(times) => {
            let times = if script.keep == 0 { times } else { 0 };
            for _ in 0..times {
                let Some(completion) = nursery.next().await else { break };
                let seen = Seen::Next(Record::from(&completion));
                world.tell(Event::Handed { nursery: number, seen });
            }
            world.tell(Event::Finishing { nursery: number, asks: false });
            joined(nursery).await
        }
        Finish::Settle => {
            let report = nursery.settle().await;
            (Seen::Report(Box::new(Reported::from(&report))), report.into_parts().1)
        }
        next @ (Finish::Next | Finish::FickleNext) => {
            loop {
                let completion = match next {
                    Finish::Next => nursery.next().await,
                    _ => poll_fn(|cx| nursery.next().poll_unpin(cx)).await,
                };
                match completion {
                    Some(completion) => {
                        let seen = Seen::Next(Record::from(&completion));
                        world.tell(Event::Handed { nursery: number, seen });
                    }
                    None if nursery.is_empty() => break,
                    // Daemons are left.
                    None => {
                        let first = nursery.close();
                        world.tell(Event::Closes { nursery: number, first });
                    }
                }
            }
            drop(nursery);
            (Seen::Drained, None)
        }
        Finish::FirstOk => match nursery.first_ok().await {
            Ok(winner) => (Seen::Winner(winner.as_ref().map(won)), None),
            Err(error) => (Seen::Error((&error).into()), Some(error)),
        },
        Finish::FirstOkSettle => {
            let (winner, report) = nursery.first_ok().settle().await;
            let (winner, told) = (winner.as_ref().map(won), Box::new(Reported::from(&report)));
            (Seen::Raced { winner, report: told }, report.into_parts().1)
        }
        Finish::Split(hold) => {
            let (spawner, driver) = nursery.split();
            let told = Arc::clone(&world);
            let holding = async move {
                yields(hold.into()).await;
                told.tell(Event::Released { nursery: number });
                drop(spawner);
            };
            // It may have been closed by others, and ends before that.
            let report = match future::select(driver, Box::pin(holding)).await {
                Either::Left((report, _)) => report,
                Either::Right(((), driver)) => driver.await,
            };
            (Seen::Report(Box::new(Reported::from(&report))), report.into_parts().1)
        }
        Finish::Run(body) => {
            let stage = stage.clone().acting_as(Actor::Body);
            world.tell(Event::Appears {
                nursery: number,
                actor: Actor::Body,
                child: (*body).clone(),
            });
            // A body fails with an error of its own, also where it is a nursery in it that failed.
            let made = Arc::clone(&world);
            let output = move |end: Result<(), _>| match end {
                Ok(()) => Ok(made.values.make(BODY)),
                Err(_) => Err(made.values.make(BODY)),
            };
            let body = perform(*body, stage.cues(), stage.acting(), stage.telling(), output);
            let body = stage.watch(Whose::Actor(Actor::Body), body);
            let (body, report) = nursery.run(|_| body).settle().await;
            let body = body.map(|value| *value);
            let seen = Seen::Ran { body, report: Box::new(Reported::from(&report)) };
            (seen, report.into_parts().1)
        }
    };
    world.tell(Event::Closed { nursery: number, seen, options: stage.options_left() });
    error
}

async fn joined<M: Kind>(nursery: Tree<M>) -> (Seen, Option<Error>) {
    match nursery.join().await {
        Ok(outputs) => (Seen::Outputs(outputs.iter().map(|key| **key).collect()), None),
        Err(error) => (Seen::Error((&error).into()), Some(error)),
    }
}

/// The number of the child that has won, and its output.
fn won((child, output): &(ChildInfo, Value)) -> (u64, usize) {
    (child.id().number(), **output)
}

/// What a body returns, and fails with.
pub(crate) const BODY: usize = usize::MAX;
