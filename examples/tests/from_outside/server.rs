//! `examples/server.rs`, with clients and signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use super::program::{LONG, Program, run};

/// A server on a port that is free.
struct Server {
    program: Program,
    address: SocketAddr,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        Self::of(Program::start("server", arguments))
    }

    fn of(mut program: Program) -> Self {
        let address = program.wait_for("listening on ").parse().unwrap();
        Self { program, address }
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        Client(BufReader::new(stream))
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    /// What the server calls it.
    fn name(&self) -> String {
        self.0.get_ref().local_addr().unwrap().to_string()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    #[track_caller]
    fn asks(&mut self, line: &str, answer: &str) {
        self.send(format!("{line}\n").as_bytes());
        assert_eq!(self.line(), format!("{answer}\n"));
    }

    /// Everything up to the end. A server that has more to read than it wants breaks the
    /// connection.
    fn rest(mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8(rest).unwrap()
    }
}

#[test]
fn lines_are_answered_until_the_client_quits() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.asks("hello", "HELLO");
    client.asks("", "");
    client.asks("naïve\r", "NAÏVE");
    client.send(b"two\nat once\nquit\nnot any more\n");
    assert_eq!(client.rest(), "TWO\nAT ONCE\nbye\n");
}

#[test]
fn a_client_is_answered_while_another_one_is_in_the_middle_of_a_line() {
    let server = Server::start(&[]);
    let (mut first, mut second) = (server.client(), server.client());
    first.send(b"begun and ");
    second.asks("whole", "WHOLE");
    first.asks("ended", "BEGUN AND ENDED");
}

#[test]
fn a_client_that_sends_without_a_pause_keeps_nobody_else_waiting() {
    let server = Server::start(&[]);
    let mut flood = server.client().0.into_inner();
    let mut drain = flood.try_clone().unwrap();
    // Both end with the server.
    thread::spawn(move || while flood.write_all(&b"x\n".repeat(1 << 15)).is_ok() {});
    thread::spawn(move || while drain.read(&mut [0; 1 << 16]).is_ok_and(|read| read > 0) {});
    let mut other = server.client();
    for _ in 0..10 {
        other.asks("still there?", "STILL THERE?");
    }
}

#[test]
fn a_line_of_64_kib_is_answered_and_one_more_byte_is_too_long() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let (line, answer) = ("x".repeat(64 << 10), "X".repeat(64 << 10));
    client.asks(&line, &answer);
    client.send(format!("{line}x").as_bytes());
    assert_eq!(client.rest(), "");
}

#[test]
fn help_goes_to_standard_output_and_a_wrong_option_exits_2() {
    let help = run("server", &["--help"]);
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    help.has_line(&["--grace TIME"]);
    for (arguments, says) in [
        (&["--listn", "x"][..], "invalid option '--listn'"),
        (&["--listen", "here"], "--listen takes an IP address and a port"),
        (&["--grace", "soon"], "write a time such as 2, 0.5, 2s or 500ms"),
        (&["--every", "0"], "--every must be more than 0"),
    ] {
        let run = run("server", arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.err.contains(says), "{says:?} is not in {run:?}");
    }
}

#[test]
fn a_server_that_cannot_start_says_why_and_exits_1() {
    let server = Server::start(&[]);
    let taken = server.address.to_string();
    for (arguments, says) in [
        (["--listen", &taken], format!("cannot listen on {taken}: ")),
        (["--log", "/nowhere/at/all"], "cannot open the log /nowhere/at/all: ".to_owned()),
    ] {
        let run = run("server", &arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
        assert!(run.err.contains(&says), "{says:?} is not in {run:?}");
    }
}

#[cfg(unix)]
mod stopped {
    use std::fs;

    use rustix::process::Signal;

    use super::{Client, LONG, Server};
    use crate::example::Dir;
    use crate::program::Program;

    /// So long that no test waits for it.
    const DAY: [&str; 2] = ["--grace", "86400s"];

    #[test]
    fn a_signal_lets_an_idle_client_go_with_a_goodbye() {
        for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "Ctrl-C")] {
            let server = Server::start(&DAY);
            let (mut idle, mut left) = (server.client(), server.client());
            idle.asks("hello", "HELLO");
            left.asks("quit", "bye");
            server.program.signal(signal);
            assert_eq!(idle.rest(), "bye\n");
            let run = server.program.end();
            assert_eq!(run.code, Some(0), "{run:?}");
            run.has_line(&["connections: 2, open: 0, lines answered: 1"]);
            // Two connections, the accept loop and the daemon.
            run.has_line(&["4 children: 4 completed, 0 failed", &format!("requested: {name}")]);
            assert!(!run.out.contains("dropped"), "{run:?}");
        }
    }

    #[test]
    fn a_bad_connection_fails_alone_and_is_in_the_report() {
        let server = Server::start(&DAY);
        let (mut good, mut garbled, mut long) = (server.client(), server.client(), server.client());
        good.asks("before", "BEFORE");
        garbled.send(b"caf\xe9\n");
        long.send(&[b'x'; (64 << 10) + 1]);
        let names = [garbled.name(), long.name()];
        assert_eq!((garbled.rest(), long.rest()), (String::new(), String::new()));
        good.asks("after", "AFTER");
        server.program.signal(Signal::TERM);
        assert_eq!(good.rest(), "bye\n");
        let run = server.program.end();
        assert_eq!(run.code, Some(1), "{run:?}");
        run.has_line(&["nursery \"server\" failed: 2 of 5 children (3 completed)"]);
        run.has_line(&[&names[0], "a line is not UTF-8"]);
        run.has_line(&["caused by: ", "utf-8"]);
        run.has_line(&[&names[1], "a line is longer than 64 KiB"]);
    }

    #[test]
    fn a_connection_that_does_not_end_is_dropped_and_named() {
        let server = Server::start(&["--grace", "50ms"]);
        let (mut idle, mut stuck) = (server.client(), server.client());
        idle.asks("hello", "HELLO");
        stuck.asks("hang", "HANG");
        let name = stuck.name();
        server.program.signal(Signal::TERM);
        assert_eq!((idle.rest(), stuck.rest()), ("bye\n".to_owned(), String::new()));
        let run = server.program.end();
        assert_eq!(run.code, Some(1), "{run:?}");
        run.has_line(&["dropped #", &name, "requested: SIGTERM (dropped after its grace)"]);
        run.has_line(&["3 completed, 0 failed, 1 cancelled", "1 dropped after the grace"]);
    }

    #[test]
    fn a_second_signal_cuts_the_grace_short() {
        let mut server = Server::start(&DAY);
        let mut stuck = server.client();
        stuck.asks("hang", "HANG");
        server.program.signal(Signal::TERM);
        server.program.wait_for_told("SIGTERM: waiting for the connections to end");
        server.program.signal(Signal::INT);
        assert_eq!(stuck.rest(), "");
        let run = server.program.end();
        assert_eq!(run.code, Some(1), "{run:?}");
        // The first cause stays.
        run.has_line(&["dropped #", "requested: SIGTERM (dropped after its grace)"]);
    }

    #[test]
    fn where_too_many_files_are_open_clients_wait_until_others_leave() {
        let mut server = Server::of(Program::start_with_files(20, "server", &DAY));
        let mut clients: Vec<_> = (0..20).map(|_| server.client()).collect();
        server.program.wait_for_told("cannot accept: ");
        // Those that are let in are the first, and each makes room for one of the last.
        for mut client in clients.drain(..) {
            client.asks("my turn", "MY TURN");
        }
        server.program.signal(Signal::TERM);
        let run = server.program.end();
        assert_eq!(run.code, Some(0), "{run:?}");
        run.has_line(&["connections: 20, open: 0, lines answered: 20"]);
    }

    #[test]
    fn nobody_is_served_any_more_once_the_server_is_stopped() {
        let mut server = Server::start(&DAY);
        let mut stuck = server.client();
        stuck.asks("hang", "HANG");
        server.program.signal(Signal::TERM);
        server.program.wait_for_told("SIGTERM: waiting");
        // It is refused, or broken off where the system had taken it before the listener was gone.
        if let Ok(stream) = std::net::TcpStream::connect(server.address) {
            stream.set_read_timeout(Some(LONG)).unwrap();
            assert_eq!(Client(std::io::BufReader::new(stream)).rest(), "");
        }
        server.program.signal(Signal::TERM);
        server.program.end().has_line(&["connections: 1, open: 0"]);
    }

    #[test]
    fn the_numbers_are_appended_to_the_log() {
        let dir = Dir::new("server-log");
        let log = dir.0.join("numbers.log");
        fs::write(&log, "older\n").unwrap();
        let server = Server::start(&["--log", log.to_str().unwrap()]);
        server.client().asks("hello", "HELLO");
        server.program.signal(Signal::TERM);
        assert_eq!(server.program.end().code, Some(0));
        let log = fs::read_to_string(log).unwrap();
        let lines: Vec<_> = log.lines().collect();
        assert_eq!(lines[0], "older");
        assert!(lines[1].starts_with("connections: 1, open: "), "{log}");
        assert!(lines[1].ends_with(", lines answered: 1"), "{log}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_log_that_cannot_be_written_is_one_failure_and_the_server_goes_on() {
        let mut server = Server::start(&["--log", "/dev/full", "--every", "1ms"]);
        server.program.wait_for_told("#1 numbers: cannot write the log");
        server.client().asks("hello", "HELLO");
        server.program.signal(Signal::TERM);
        let run = server.program.end();
        assert_eq!(run.code, Some(1), "{run:?}");
        run.has_line(&["#1 numbers", "cannot write the log /dev/full"]);
        run.has_line(&["3 children: 2 completed, 1 failed"]);
    }
}

#[cfg(unix)]
mod dumped {
    use std::fs::File;
    use std::io::Write;
    use std::process::Command;

    use rustix::process::Signal;

    use super::Server;
    use crate::example::Dir;

    #[test]
    fn sigusr1_tells_what_each_connection_does_and_the_server_goes_on() {
        let mut server = Server::start(&["--grace", "86400s"]);
        let (mut idle, mut stuck) = (server.client(), server.client());
        idle.asks("hello", "HELLO");
        stuck.asks("hang", "HANG");
        // An answer is there before its connection waits for the next line.
        loop {
            server.program.signal(Signal::USR1);
            server.program.wait_for_told("server: SIGUSR1: 4 children in 1 nursery");
            server.program.wait_for_told("nursery \"server\": 3 run, 1 daemon");
            server.program.wait_for_told("─ #0 accept ");
            server.program.wait_for_told("─ #1 numbers ");
            let states = [&idle, &stuck].map(|it| server.program.wait_for_told(&it.name()));
            let [reads, hangs] = states.map(|state| state.trim_start().to_owned());
            if reads.starts_with("waiting at read ") && hangs.starts_with("waiting at hang ") {
                break;
            }
        }
        idle.asks("still there", "STILL THERE");
    }

    #[test]
    fn sigusr1_names_the_connection_that_blocks_the_thread() {
        let dir = Dir::new("server-motd");
        // A file that comes from a slow disk.
        let motd = dir.0.join("motd");
        assert!(Command::new("mkfifo").arg(&motd).status().unwrap().success());
        let mut server = Server::start(&["--motd", motd.to_str().unwrap()]);
        let mut client = server.client();
        // This waits until the server reads, which blocks from then on.
        let mut writer = File::options().write(true).open(&motd).unwrap();
        let blocks = client.name();
        loop {
            server.program.signal(Signal::USR1);
            server.program.wait_for_told("polled at motd ");
            // It is no finding until it has taken long.
            if server.program.wait_for_told("server: findings: ") != "none" {
                break;
            }
        }
        let finding = server.program.wait_for_told(&blocks);
        assert!(finding.contains("in \"server\" is in a poll that has taken "), "{finding}");
        assert!(finding.contains(" so far, at motd"), "{finding}");
        writer.write_all(b"Welcome.\n").unwrap();
        drop(writer);
        assert_eq!(client.line(), "Welcome.\n");
        client.asks("hello", "HELLO");
        server.program.signal(Signal::TERM);
        assert_eq!(server.program.end().code, Some(0));
    }
}

#[test]
fn a_message_of_the_day_that_is_not_there_fails_its_connections_alone() {
    let mut server = Server::start(&["--motd", "/nowhere/at/all"]);
    for _ in 0..2 {
        let client = server.client();
        assert_eq!(client.rest(), "");
        server.program.wait_for_told("cannot read the message of the day /nowhere/at/all");
    }
}
