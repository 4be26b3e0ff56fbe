//! How children behave: those of nestling, and those of other crates. What stands in a cell was
//! seen by a program.
//!
//! Each program is a process of its own, since some end by an abort, or not at all.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nestling_rivals_bench::programs::{
    Dropped, Errors, Frozen, Outputs, Outside, Panics, Program, Prompt, Wakes,
};
use nestling_rivals_bench::report::{Cell, Report, Row};
use nestling_rivals_bench::ways::{Visit, lacks, visit_all};
use nestling_rivals_bench::work::{Need, Way};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a process is told to be a program: it gets its name, the way and the number of children.
const PROGRAM: &str = "--program";

const NOTES: &str = "\
The owner of children is the task that spawns them and waits for them.
\"a child goes on\": the owner yields many times before it waits for its child, which has ten steps
to do.
\"from outside\": another thread spawns while the owner waits for a child. \"–\" means that it
cannot.
\"a panic\": the second of three children panics, and the owner waits for all.
\"the scope is dropped\": the future that owns three waiting children is dropped; then they are
woken.
\"first error\": the last child fails, all others wait. How the owner asks for it: nestling by its
    `first_error`, futures by `try_join_all`, FutureGroup, FuturesUnordered and JoinSet by a loop
    that ends at the first error and cancels the rest, ConcurrentStream by collecting into a
    `Result`.
\"polls of others\": all children wait, one is woken. A way may look at others without polling them.
\"outputs held\": so many of 1,000 children have ended, and their outputs are held, when the owner
    has taken one; \"later\" is when it has then waited for something else.
\"errors seen\": three of four children fail, and the owner waits for all. nestling has them in one
    error; in the other ways a loop of the owner, or a `Vec` of results, has them. join_all stands
    for try_join_all there, which tells one.
\"no end in a minute\": the program was stopped then.
async-scoped is not here: its scope that does not block can only be made by `unsafe`.";

fn main() {
    let mut args = std::env::args().skip_while(|arg| arg != PROGRAM).skip(1);
    if let (Some(name), Some(way), Some(children)) = (args.next(), args.next(), args.next()) {
        program(&name, &way, children.parse().expect("a number"));
        return;
    }
    let report = Report::from_args("How children behave, as programs have seen");
    let column = |title, program, children| Column { title, program, children };
    let part = |title: &str, columns: &[Column]| {
        let titles: Vec<_> = columns.iter().map(|column| column.title).collect();
        report.part(title, &titles, || {
            let mut rows = Rows { columns, rows: Vec::new() };
            visit_all(&mut rows);
            rows.rows
        });
    };
    part(
        "while the owner waits",
        &[column("a child goes on", "frozen", 1), column("from outside, seen", "outside", 1)],
    );
    part(
        "what becomes of siblings",
        &[column("a panic", "panics", 3), column("the scope is dropped", "dropped", 3)],
    );
    part(
        "first error, the last of",
        &[
            column("30", "prompt", 30),
            column("31", "prompt", 31),
            column("10,000 children", "prompt", report.size(10_000)),
        ],
    );
    part(
        "polls, outputs, errors",
        &[
            column("polls of others, of 10", "wakes", 10),
            column("of 100,000", "wakes", report.size(100_000)),
            column("outputs held", "outputs", 1_000),
            column("errors seen, of 3", "errors", 4),
        ],
    );
    report.notes(NOTES);
    let needs = [Need::Ends, Need::FirstError, Need::Outside];
    report.notes(&format!("What cannot be done:\n{}", lacks(&needs)));
}

/// What one program sees, with so many children.
struct Column {
    title: &'static str,
    program: &'static str,
    children: usize,
}

/// Makes a row of each way.
struct Rows<'a> {
    columns: &'a [Column],
    rows: Vec<Row>,
}

impl Visit for Rows<'_> {
    fn way<Y: Way>(&mut self) {
        let columns = self.columns.iter();
        let cells = columns.map(|&Column { program, children, .. }| {
            if Y::can(needs(program)) { see(program, Y::NAME, children) } else { Cell::Cannot }
        });
        self.rows.push(Row { way: Y::NAME, cells: cells.collect() });
    }
}

/// Runs a program in a process of its own.
fn see(program: &str, way: &str, children: usize) -> Cell {
    let this = std::env::current_exe().expect("this program has a file");
    let mut process = Command::new(this)
        .args([PROGRAM, program, way, &children.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program can be started again");
    let start = Instant::now();
    let status = loop {
        match process.try_wait().expect("it can be waited for") {
            Some(status) => break Some(status),
            None if start.elapsed() > PATIENCE => break None,
            None => sleep(Duration::from_millis(2)),
        }
    };
    let Some(status) = status else {
        process.kill().expect("it can be killed");
        process.wait().expect("it can be waited for");
        return Cell::Text("no end in a minute".into());
    };
    let mut seen = String::new();
    let mut output = process.stdout.take().expect("it was piped");
    output.read_to_string(&mut seen).expect("it is text");
    Cell::Text(if status.success() { seen.trim().into() } else { failure(status) })
}

#[cfg(unix)]
fn failure(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;

    match status.signal() {
        Some(6) => "aborts the process".into(),
        Some(signal) => format!("ends the process, signal {signal}"),
        None => "panics".into(),
    }
}

#[cfg(not(unix))]
fn failure(status: ExitStatus) -> String {
    format!("ends the process: {status}")
}

/// Is one program, for the way with this name.
fn program(name: &str, way: &str, children: usize) {
    struct Named<'a>(&'a str, &'a str, usize);
    impl Visit for Named<'_> {
        fn way<Y: Way>(&mut self) {
            let Self(name, way, children) = *self;
            if Y::NAME == way {
                println!("{}", run::<Y>(name, children));
            }
        }
    }
    visit_all(&mut Named(name, way, children));
    // What children are left is not waited for.
    std::process::exit(0);
}

fn run<Y: Way>(name: &str, children: usize) -> String {
    match name {
        "frozen" => Frozen::run::<Y>(children),
        "outside" => Outside::run::<Y>(children),
        "panics" => Panics::run::<Y>(children),
        "dropped" => Dropped::run::<Y>(children),
        "prompt" => Prompt::run::<Y>(children),
        "wakes" => Wakes::run::<Y>(children),
        "outputs" => Outputs::run::<Y>(children),
        "errors" => Errors::run::<Y>(children),
        name => panic!("there is no program {name}"),
    }
}

fn needs(name: &str) -> Need {
    match name {
        "outside" => Outside::NEEDS,
        "prompt" => Prompt::NEEDS,
        "outputs" => Outputs::NEEDS,
        _ => Need::All,
    }
}
