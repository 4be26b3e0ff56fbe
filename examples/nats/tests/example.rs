//! Runs the example from outside, and looks at what it prints and what it leaves.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for what comes in a moment, however busy the machine is. Only a test that fails
/// waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

/// The server and a worker are killed at so many moments, alone and both at once.
#[test]
fn each_item_has_one_outcome_whenever_a_worker_and_the_server_are_killed() {
    if !has_server() {
        return;
    }
    let runs = [(40, 3, 10, 20), (40, 2, 1, 1), (40, 3, 30, 30), (100, 5, 60, 7), (60, 1, 20, 21)];
    thread::scope(|scope| {
        for (items, workers, kill_after, restart_after) in runs {
            scope.spawn(move || check(items, workers, kill_after, restart_after));
        }
    });
}

fn check(items: u64, workers: u64, kill_after: u64, restart_after: u64) {
    let numbers = [items, workers, kill_after, restart_after].map(|number| number.to_string());
    let options = ["--items", "--workers", "--kill-after", "--restart-after"];
    let arguments = options.iter().zip(&numbers).flat_map(|(option, number)| [*option, number]);
    // Its workers write there too: a pipe would not end before those that it should not have left.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let told = folder.join(format!("{}.told", numbers.join("-")));
    let stderr = File::create(&told).unwrap();
    let Output { status, stdout, .. } = example(arguments).stderr(stderr).output().unwrap();
    let out = String::from_utf8(stdout).unwrap();
    let told = fs::read_to_string(told).unwrap();
    assert!(status.success() && told.is_empty(), "{numbers:?}: {status}, {told}\n{out}");
    let has = |line: &str| assert!(out.lines().any(|it| it == line), "no \"{line}\" in:\n{out}");

    has(&format!("{workers} workers are up"));
    has(&format!("the server is killed: {restart_after} items are through"));
    has("the server is back");
    has("each item has come to one end, and so has each request");

    // Those that 13 divides are refused by each worker that is asked, and no others.
    let refused: Vec<u64> = (0..items).step_by(13).collect();
    let (answered, given_up) = (items - refused.len() as u64, refused.len() as u64);
    has(&format!("{items} items: {answered} answered, {given_up} given up"));
    let group = out.split("─ items ").nth(1).unwrap().split("─ asked again ").next().unwrap();
    let titles = group.lines().filter_map(|line| line.split_once("─ item "));
    let failed: Vec<u64> =
        titles.map(|(_, rest)| rest.split(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(failed, refused, "{out}");
    for item in refused {
        let reason = format!(" refused it: {item} has no inverse modulo 13");
        let by = out.lines().filter_map(|line| line.strip_suffix(&reason));
        let by: Vec<&str> = by.map(|line| line.rsplit("   ").next().unwrap()).collect();
        assert_eq!(by.len(), 3, "item {item}:\n{out}");
        for worker in by {
            assert!((1..=workers).any(|it| worker == format!("worker {it}")), "{worker:?}:\n{out}");
        }
    }

    // The counts of requests and of answers are sums.
    let line = out.lines().find(|line| line.contains(" requests: ")).unwrap();
    let counts: Vec<u64> = line.split([' ', ':', ',']).flat_map(str::parse).collect();
    assert_eq!(counts[0], counts[1..].iter().sum(), "{line}");
    let lost = out.lines().filter(|line| {
        [" took it, and said no more", "no worker took it", "there was no worker"]
            .iter()
            .any(|loss| line.contains(loss))
    });
    assert_eq!(counts[1..], [answered, 3 * given_up, lost.count() as u64], "{line}");
    let line = out.lines().find(|line| line.contains(" answers: ")).unwrap();
    let by = line.split([':', ',']).skip(1).map(|by| by.trim().split_once(" by worker ").unwrap());
    assert_eq!(by.map(|(count, _)| count.parse::<u64>().unwrap()).sum::<u64>(), answered, "{line}");

    let killed = out.lines().find_map(|line| line.split_once(" is killed: it has taken item "));
    let (killed, _) = killed.unwrap();
    let end = out.lines().find(|line| line.ends_with(" has ended: signal: 9 (SIGKILL)")).unwrap();
    assert!(end.contains(&format!("─ workers > {killed} > #1 ")), "{killed} is not in {end}");
    assert!(end.contains(&format!("{killed}, process ")), "{killed} is not in {end}");

    assert_gone(&port(&out));
}

/// It need not get to say so: each process ends with its standard input.
#[test]
fn nothing_is_left_when_the_owner_is_ended_by_a_signal() {
    if !has_server() {
        return;
    }
    for signal in ["KILL", "INT", "TERM"] {
        let mut owner = Owner::start(&["--items", "1000"]);
        let port = port(&owner.line());
        while !owner.line().contains("workers are up") {}
        // It is not to be through before it is ended.
        owner.send("STOP");
        assert_eq!(processes(&port).len(), 5, "three workers, the server, and what keeps it");
        owner.send(signal);
        owner.send("CONT");
        assert!(!owner.process.wait().unwrap().success());
        assert_gone(&port);
    }
}

#[test]
fn a_wrong_argument_exits_2_and_says_what_would_be_right() {
    for (arguments, says) in [
        (&["--workers", "0"][..], "the number is from 1 to 20"),
        (&["--items", "few"], "the number is from 20 to 1000"),
        (&["--items", "50", "--kill-after", "41"], "from 1 to 40 can be through then"),
        (&["now"], "unexpected argument \"now\""),
    ] {
        let Output { status, stdout, stderr } = example(arguments).output().unwrap();
        let told = String::from_utf8(stderr).unwrap();
        assert_eq!((status.code(), stdout.as_slice()), (Some(2), &b""[..]), "{told}");
        assert!(told.contains(says), "{says:?} is not in {told}");
    }
}

fn example<'a>(arguments: impl IntoIterator<Item = impl AsRef<str> + 'a>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nestling-nats-example"));
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    command.stdin(Stdio::null());
    command
}

/// Whether there is a server to be started. Where there is none, it says so in a test that passes.
fn has_server() -> bool {
    let mut places = ["nats-server", "/usr/sbin/nats-server"].into_iter();
    let found = places.any(|place| Command::new(place).arg("--version").output().is_ok());
    if !found {
        _ = writeln!(io::stderr(), "SKIPPED: there is no nats-server");
    }
    found
}

/// An example that runs. Dropping it ends it.
struct Owner {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Owner {
    fn start(arguments: &[&str]) -> Self {
        let mut process = example(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    fn send(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it has ended");
        line
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// The port that the server listens on.
fn port(out: &str) -> String {
    let (_, port) = out.split_once("the server listens on port ").unwrap();
    port.lines().next().unwrap().to_owned()
}

/// The command lines of the processes that have the port among their arguments.
fn processes(port: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    // A process that has just ended has none.
    let lines = entries.flat_map(|entry| fs::read_to_string(entry.path().join("cmdline")));
    lines.filter(|line| line.split('\0').any(|argument| argument == port)).collect()
}

/// Waits until no process is left of the run with this port.
#[track_caller]
fn assert_gone(port: &str) {
    let begun = Instant::now();
    while !processes(port).is_empty() {
        assert!(begun.elapsed() < LONG, "this is left: {:?}", processes(port));
        thread::sleep(Duration::from_millis(10));
    }
}
