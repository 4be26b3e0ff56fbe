//! Metrics that shed load: what measures never waits, and what the sink cannot take in time is
//! dropped and counted. A sink that panics is replaced.
//!
//! ```text
//! cargo run --example metrics                  # sends to a socket of its own
//! cargo run --example metrics -- --file metrics.txt --panic-every 20
//! ```
//!
//! | what | is | in |
//! |---|---|---|
//! | each producer | a child that waits for a thread of its own | `metrics/producer.rs` |
//! | the emitter | a daemon, with a grace for what is left in the queue when the producers are through | `metrics/emitter.rs` |
//! | each sink | a child of a nursery in the emitter, so that its panic is a failure of the report | `metrics/emitter.rs` |
//!
//! Between producers and emitter there is a bounded channel. [`Spawner::try_reserve`] sheds in the
//! same way where each measurement is work of its own: against the nursery's limit, and without a
//! channel.
//!
//! [`Spawner::try_reserve`]: nestling::Spawner::try_reserve

#[path = "metrics/args.rs"]
mod args;
#[path = "metrics/counts.rs"]
mod counts;
#[path = "metrics/emitter.rs"]
mod emitter;
#[path = "shared/print.rs"]
mod print;
#[path = "metrics/producer.rs"]
mod producer;
#[path = "metrics/sink.rs"]
mod sink;
#[path = "shared/time.rs"]
mod time;

use std::process::ExitCode;

use nestling::{Nursery, Report};
use smol::channel::Receiver;
use smol::{Timer, block_on};

use self::args::{Args, Command};
use self::producer::{Measurement, Meter};
use self::sink::Problem;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Command::Measure(args)) => {
            // The tree says then where a sink panicked.
            nestling::keep_panic_locations();
            exit(measure(&args))
        }
        Ok(Command::Help) => exit(print(args::HELP.trim_end())),
        Err(error) => {
            tell(format_args!("{error}\nTry --help."));
            ExitCode::from(2)
        }
    }
}

/// Measures, and says whether nothing failed. To drop what is too much is no failure.
fn measure(args: &Args) -> bool {
    if args.target.is_none() {
        print("No sink was given, so this is one of its own. See --help.");
    }
    let (meter, queue) = Meter::new(args.queue);
    let counts = meter.counts();
    let report = block_on(run(args, meter, &queue));

    let mut text = String::new();
    if let Some(error) = report.error() {
        text += &format!("{}\n\n", error.tree().sources());
    }
    for child in report.overran_grace() {
        text += &format!("{} was dropped after its grace of {:?}\n", child.label(), args.grace);
    }
    text += &counts.text(queue.len());
    print(text) && report.error().is_none() && report.overran_grace().next().is_none()
}

/// Runs the producers, and the emitter beside them.
///
/// When the producers are through, the emitter is told to end. Its queue is closed by then: it
/// sends what is left, and has the grace for it.
async fn run(args: &Args, meter: Meter, queue: &Receiver<Measurement>) -> Report<(), Problem> {
    let counts = meter.counts();
    let mut nursery = Nursery::new().name("metrics");
    let emitter = nursery.child().name("emitter").daemon().grace(|| Timer::after(args.grace));
    emitter.group().spawn(emitter::emit(args, queue, &counts));

    let body = nursery.run(|spawner| async move {
        let producers: Vec<_> = (1..=args.producers)
            .map(|number| {
                let child = spawner.child().name(format!("producer {number}"));
                let produce = producer::produce(number, args.each, args.pause, meter.clone());
                child.spawn_join(produce).expect("a nursery is open for as long as its body runs")
            })
            .collect();
        for producer in producers {
            // How one was lost is in the report.
            _ = producer.await;
        }
        print(format_args!("recorded {}", meter.counts().recorded()));
        Ok(())
    });
    body.settle().await.1
}

fn exit(well: bool) -> ExitCode {
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(line: impl std::fmt::Display) -> bool {
    print::print("metrics", line)
}

fn tell(line: impl std::fmt::Display) {
    print::tell("metrics", line);
}
