//! `examples/metrics.rs`, with sinks that are read, or are not.

use std::fs;
use std::net::UdpSocket;

use super::example::Dir;
use super::program::{Ended, LONG, run};

/// The numbers of the last line, which add up.
#[derive(Debug, PartialEq)]
struct Sums {
    sent: u64,
    dropped: u64,
    recorded: u64,
}

impl Sums {
    #[track_caller]
    fn of(run: &Ended) -> Self {
        let words = |line: &str| {
            let words = line.split([' ', ',']).filter_map(|word| word.parse().ok());
            words.collect::<Vec<u64>>()
        };
        let lines: Vec<_> = run.out.lines().rev().take(2).collect();
        let (&[sent, dropped, recorded], &[shed, lost, left]) =
            (&words(lines[0])[..], &words(lines[1])[..])
        else {
            panic!("{run:?}");
        };
        assert_eq!(sent + dropped, recorded, "{run:?}");
        assert_eq!(shed + lost + left, dropped, "{run:?}");
        Self { sent, dropped, recorded }
    }
}

/// There is room for all of 100 measurements, so that none is dropped for want of it.
const ROOM: [&str; 8] = ["-p", "4", "--each", "25", "--queue", "100", "--grace", "60s"];

#[test]
fn what_is_in_the_file_is_what_was_sent_and_the_rest_is_counted() {
    let dir = Dir::new("metrics-file");
    let file = dir.0.join("metrics.txt");
    fs::write(&file, "from another time\n").unwrap();
    // Faster than any file is written.
    let run = run("metrics", &["--file", file.to_str().unwrap(), "--pause", "0", "-g", "60s"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    let sums = Sums::of(&run);
    assert_eq!(sums.recorded, 1000);
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.lines().count() as u64, sums.sent);
    assert!(text.lines().all(|line| line.starts_with("producer_")), "{text}");
}

#[test]
fn a_sink_that_panics_is_replaced_and_its_panic_is_in_the_tree() {
    let dir = Dir::new("metrics-panics");
    let file = dir.0.join("metrics.txt");
    let sink = ["--file", file.to_str().unwrap(), "--panic-every", "25"];
    let run = run("metrics", &[&sink[..], &ROOM].concat());
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(Sums::of(&run), Sums { sent: 96, dropped: 4, recorded: 100 });
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 96);
    run.has_line(&["#0 emitter", "nursery \"sinks\" failed: 4 of 5 children (1 completed)"]);
    for number in 1..=4 {
        run.has_line(&[&format!("sink {number} "), "panicked at ", "one too many for this sink"]);
    }
    assert_eq!(run.err.matches("going on with a new sink").count(), 4, "{run:?}");
}

#[test]
fn each_measurement_is_a_datagram() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let run = run("metrics", &[&["--udp", address.as_str()][..], &ROOM].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(Sums::of(&run), Sums { sent: 100, dropped: 0, recorded: 100 });
    let mut received = Vec::new();
    for _ in 0..100 {
        let mut datagram = [0; 64];
        let length = socket.recv(&mut datagram).unwrap();
        received.push(String::from_utf8(datagram[..length].to_vec()).unwrap());
    }
    received.sort();
    received.dedup();
    assert_eq!(received.len(), 100);
    assert!(received.contains(&"producer_4 25\n".to_owned()), "{received:?}");
}

#[test]
fn without_a_sink_it_sends_to_a_socket_of_its_own() {
    let run = run("metrics", &["--grace", "60s"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    assert_eq!(Sums::of(&run).recorded, 1000);
}

#[test]
fn where_no_sink_can_be_opened_all_is_dropped_and_the_producers_do_not_mind() {
    let run = run("metrics", &["--file", "/nowhere/at/all"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&["cannot open the sink"]);
    run.has_line(&["recorded 1000"]);
    assert_eq!(Sums::of(&run), Sums { sent: 0, dropped: 1000, recorded: 1000 });
}

#[test]
fn a_wrong_option_exits_2_and_says_what_would_be_right() {
    for (arguments, says) in [
        (&["--queue", "0"][..], "write a whole number from 1 to 1000000"),
        (&["--producers", "1000"], "from 1 to 100"),
        (&["--udp", "here"], "--udp takes an IP address and a port"),
        (&["--udp", "127.0.0.1:1", "--file", "x"], "there can be one sink"),
        (&["--pause", "long"], "write a time such as 2, 0.5, 2s or 500ms"),
        (&["here"], "unexpected argument \"here\""),
    ] {
        let run = run("metrics", arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.err.contains(says), "{says:?} is not in {run:?}");
    }
}

#[cfg(unix)]
mod unread {
    use std::fs::File;
    use std::io::Read;
    use std::process::Command;

    use super::{Dir, Sums};
    use crate::program::Program;

    /// Makes a pipe that is a file. It holds 64 KiB on most systems, and 128 KiB or less on all.
    fn fifo(dir: &Dir) -> String {
        let path = dir.0.join("metrics.fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn producers_do_not_wait_for_a_sink_that_takes_nothing() {
        let dir = Dir::new("metrics-stuck");
        let path = fifo(&dir);
        let busy = ["--each", "5000", "--pause", "0", "--grace", "86400s"];
        let mut program = Program::start("metrics", &[&["--file", &path][..], &busy].concat());
        let mut sink = File::open(&path).unwrap();
        // They are through, although nothing has been read: it is more than the pipe holds.
        program.wait_for("recorded 20000");
        let mut text = String::new();
        sink.read_to_string(&mut text).unwrap();
        let run = program.end();
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
        let sums = Sums::of(&run);
        assert_eq!((sums.recorded, sums.sent), (20_000, text.lines().count() as u64));
        assert!(sums.dropped > 0, "{sums:?}");
    }

    #[test]
    fn a_sink_that_is_still_stuck_after_the_grace_is_dropped_and_so_is_what_is_left() {
        let dir = Dir::new("metrics-grace");
        let path = fifo(&dir);
        let all = ["--each", "5000", "--pause", "0", "--queue", "20000", "--grace", "50ms"];
        let mut program = Program::start("metrics", &[&["--file", &path][..], &all].concat());
        let _sink = File::open(&path).unwrap();
        program.wait_for("recorded 20000");
        let run = program.end();
        assert_eq!(run.code, Some(1), "{run:?}");
        run.has_line(&["#0 emitter was dropped after its grace of 50ms"]);
        let sums = Sums::of(&run);
        assert!(sums.dropped > 0, "{sums:?}");
    }
}
