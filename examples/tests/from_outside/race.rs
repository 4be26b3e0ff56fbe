//! `examples/race.rs`, with listeners that greet, or do not.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::program::{LONG, run};

/// Nobody listens there.
const CLOSED: &str = "127.0.0.1:1";

/// A listener that takes connections, as the system does, and says nothing.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// A listener that says this to one client and closes the connection.
fn says(greeting: &'static [u8]) -> String {
    let (listener, address) = silent();
    thread::spawn(move || listener.accept()?.0.write_all(greeting));
    address
}

#[test]
fn the_first_to_take_the_connection_wins_while_others_refuse_it() {
    let (_listener, open) = silent();
    let run = run("race", &["--timeout", "60s", CLOSED, &open]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    assert_eq!(run.out, format!("connected to {open} (first of 2)\n"));
}

#[test]
fn the_first_to_greet_wins_and_one_that_never_would_is_let_go() {
    let ((listener, never), greets) = (silent(), says(b"hello \x1b[2J\r\n"));
    let run = run("race", &["--timeout", "86400s", "--greeting", &never, CLOSED, &greets]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.out, format!("connected to {greets} (first of 3): hello \\u{{1b}}[2J\n"));
    // The loser had connected, and is gone.
    let (mut client, _) = listener.accept().unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    assert!(!client.read(&mut [0; 8]).is_ok_and(|read| read > 0));
}

#[test]
fn if_none_wins_the_tree_names_every_address_and_its_error() {
    let ((_listener, never), leaves) = (silent(), says(b"no line"));
    let endless = says(&[b'x'; 600]);
    let run = run("race", &["--timeout", "1s", "-g", CLOSED, &never, &leaves, &endless]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&["nursery \"race\" failed: 4 of 4 children"]);
    run.has_line(&[&format!("#0 {CLOSED} "), "cannot connect"]);
    run.has_line(&["caused by: ", "refused"]);
    run.has_line(&[&format!("#1 {never} "), "timed out"]);
    run.has_line(&[&format!("#2 {leaves} "), "closed the connection without a greeting"]);
    run.has_line(&[&format!("#3 {endless} "), "sent more than 512 bytes"]);
}

#[test]
fn names_are_looked_up() {
    let (_listener, open) = silent();
    let named = open.replace("127.0.0.1", "localhost");
    let run = run("race", &["--timeout", "60s", &named]);
    assert_eq!(run.out, format!("connected to {named} (first of 1)\n"));
}

#[test]
fn without_an_address_its_own_servers_race() {
    let run = run("race", &["--timeout", "60s"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    run.has_line(&["connected to 127.0.0.1:", "(first of 4): hello after "]);
}

#[test]
fn a_wrong_argument_exits_2_and_says_what_would_be_right() {
    for (arguments, says) in [
        (&["127.0.0.1"][..], "an address is HOST:PORT"),
        (&["::1:80"], "an address is HOST:PORT, 127.0.0.1:80 or [::1]:80"),
        (&["http://h:80"], "an address is HOST:PORT"),
        (&[":80"], "an address is HOST:PORT"),
        (&["h:70000"], "a number up to 65535"),
        (&["--timeout", "never", CLOSED], "write a time such as 2, 0.5, 2s or 500ms"),
        (&["--first"], "invalid option '--first'"),
    ] {
        let run = run("race", arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.err.contains(says), "{says:?} is not in {run:?}");
    }
}
