//! The four jobs, done by this crate: one job a process. `../../README.md` says what each job is.

mod nursery;
mod pool;

use std::env;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How many tasks of the bounded job run at once.
const LIMIT: usize = 64;

/// However short a job is, more figures tell no more.
const MAX_RUNS: usize = 99;

/// The error of each task that fails.
#[derive(Debug)]
struct TaskError(usize);

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} failed", self.0)
    }
}

impl Error for TaskError {}

/// Does the job with so many tasks, and counts what `job_result` says.
type Job = fn(usize) -> usize;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [way, job, tasks, warm_up, span] = &args[..] else {
        panic!("nestling-languages-jobs WAY JOB TASKS WARM_UP_MS SPAN_MS");
    };
    let number = |arg: &String| -> usize { arg.parse().expect("it is a number") };
    let run = find(way, job).unwrap_or_else(|| panic!("{way} does not do {job}"));
    let tasks = number(tasks);
    let [warm_up, span] = [warm_up, span].map(|ms| Duration::from_millis(number(ms) as u64));

    let start = Instant::now();
    while start.elapsed() < warm_up {
        run((tasks / 10).max(1));
    }
    let (mut figures, start) = (Vec::new(), Instant::now());
    while figures.is_empty() || (start.elapsed() < span && figures.len() < MAX_RUNS) {
        let one = Instant::now();
        let result = run(tasks);
        figures.push(format!("{:.1}", one.elapsed().as_nanos() as f64 / tasks as f64));
        assert_eq!(result, job_result(job, tasks), "{way} does not do {job} as it should");
    }
    let figures = figures.join(", ");
    println!(r#"{{"way": "{way}", "job": "{job}", "tasks": {tasks}, "ns": [{figures}]}}"#);
}

fn find(way: &str, job: &str) -> Option<Job> {
    Some(match (way, job) {
        ("nursery", "fan-out") => nursery::fan_out,
        ("nursery", "bounded") => nursery::bounded,
        ("nursery", "first-error") => nursery::first_error,
        ("nursery", "all-errors") => nursery::all_errors,
        ("pool", "bounded") => pool::bounded,
        _ => return None,
    })
}

/// The tasks that ran, were cancelled, or have an error that was collected.
fn job_result(job: &str, tasks: usize) -> usize {
    if job == "first-error" { tasks - 1 } else { tasks }
}

/// Lets the others run once.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
