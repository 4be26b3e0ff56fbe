//! Runs `preflight.rs` as a user would.

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use support::{Dir, answer_once, preflight, preflight_in, program, serve};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Nobody listens there.
const CLOSED: &str = "127.0.0.1:1";

#[test]
fn without_a_target_it_reports_on_its_own_servers() {
    // Longer than by default, for the healthy server's sake where the machine is busy.
    let run = preflight(&["--timeout", "5s"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.err, "");
    run.has_line(&["http://127.0.0.1:", "/healthy", "up", "200 OK"]);
    // A group of its addresses, of which there may be one or two.
    run.has_line(&["localhost:1 "]);
    run.has_line(&["caused by: ", "refused"]);
    run.has_line(&["/failing ", "answered 500 Internal Server Error"]);
    run.has_line(&["/garbage ", "answered what is not HTTP"]);
    run.has_line(&["caused by: invalid HTTP version"]);
    run.has_line(&["/silent ", "no answer within 5s"]);
    run.has_line(&["nursery \"preflight\" failed: 4 of 5 children (1 completed)"]);
    run.has_line(&["1 of 5 up, 4 failed"]);
}

#[test]
fn all_up_is_a_table_without_a_tree_and_exits_0() {
    let (plain, web, page) = (serve(b""), serve(OK), serve(b"HTTP/1.1 302 Found\r\n\r\n"));
    let run = preflight(&[&plain, &format!("http://{web}"), &format!("http://{page}/a?b=c#d")]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.has_line(&[&plain, "up", "connected"]);
    run.has_line(&[&format!("http://{web} "), "up", "200 OK"]);
    run.has_line(&[&format!("http://{page}/a?b=c#d "), "up", "302 Found"]);
    run.has_line(&["3 of 3 up, 0 failed"]);
    assert!(!run.out.contains("nursery"), "{run:?}");
}

#[test]
fn a_name_and_an_address_in_brackets_are_connected_to() {
    let port = serve(OK).replace("127.0.0.1:", "");
    let mut targets = vec![format!("http://localhost:{port}/")];
    // Not every machine has IPv6.
    if let Ok(listener) = TcpListener::bind("[::1]:0") {
        targets.push(answer_once(listener, b""));
    }
    let run = preflight(&targets.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, Some(0), "{run:?}");
    run.has_line(&["http://localhost:", "200 OK (127.0.0.1)"]);
}

#[test]
fn a_bad_line_of_a_list_is_told_with_file_and_line_and_the_others_are_checked() {
    let up = serve(b"");
    let mut list = format!("# services\n\n{up}\ndb:70000\nhttps://x\n{CLOSED} # a comment\n");
    list.push_str("file:more.txt\n");
    let mut list = list.into_bytes();
    list.extend(b"caf\xe9:80\n");
    list.extend([b'x'; 5000]);
    list.extend(b"\r\nlast\r\n");
    let dir = Dir::new("bad-lines");
    fs::write(dir.0.join("list.txt"), list).unwrap();

    let run = preflight_in(&dir.0, &["file:list.txt"], b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&[&format!("{up} (list.txt:3)"), "up", "connected"]);
    run.has_line(&["list.txt:4: the port must be a number from 1 to 65535, not \"70000\""]);
    run.has_line(&["list.txt:5: https is not supported"]);
    run.has_line(&[CLOSED, "(list.txt:6)", "cannot connect"]);
    run.has_line(&["list.txt:7: a list cannot name another list"]);
    run.has_line(&["list.txt:8: not UTF-8"]);
    run.has_line(&["list.txt:9: longer than 1024 bytes"]);
    run.has_line(&["list.txt:10: no port: write host:port, such as last:80"]);
    run.has_line(&["1 of 8 up, 7 failed"]);
}

#[test]
fn a_list_that_cannot_be_read_or_is_empty_is_one_failure_of_the_report() {
    let dir = Dir::new("lists");
    fs::write(dir.0.join("empty.txt"), "# nothing yet\n").unwrap();
    let up = serve(b"");
    let run = preflight_in(&dir.0, &["file:missing.txt", "file:empty.txt", "file:.", &up], b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&["missing.txt: cannot read the list"]);
    run.has_line(&["empty.txt: the list names no target"]);
    run.has_line(&[".: cannot read the list"]);
    run.has_line(&[&up, "up", "connected"]);
    run.has_line(&["1 of 4 up, 3 failed"]);
}

#[cfg(unix)]
#[test]
fn a_list_that_nobody_writes_to_is_not_waited_for() {
    let dir = Dir::new("fifo");
    let made = Command::new("mkfifo").arg(dir.0.join("list.fifo")).status();
    if !made.is_ok_and(|status| status.success()) {
        return;
    }
    let up = serve(b"");
    let run = preflight_in(&dir.0, &["file:list.fifo", "file:/dev/null", &up], b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&["list.fifo: not a regular file"]);
    run.has_line(&["/dev/null: the list names no target"]);
    run.has_line(&["1 of 3 up, 2 failed"]);
}

#[cfg(unix)]
#[test]
fn standard_input_may_be_given_by_its_path() {
    let list = format!("{}\n", serve(b""));
    let run = preflight_in(Path::new("."), &["FILE:/dev/stdin", "-"], list.as_bytes());
    run.has_line(&["(standard input:1)", "up"]);
    run.has_line(&["target 2: standard input can be read only once"]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_target() {
    let list = format!("\u{feff}{}\n\u{feff}h:80\n", serve(b""));
    let run = preflight_in(Path::new("."), &["-"], list.as_bytes());
    run.has_line(&["(standard input:1)", "up"]);
    run.has_line(&["standard input:2: \"\\u{feff}h\" is not a host"]);
}

#[test]
fn a_list_without_end_is_not_read_to_the_end() {
    let dir = Dir::new("long");
    fs::write(dir.0.join("list.txt"), vec![b'#'; (1 << 20) + 10]).unwrap();
    let run = preflight_in(&dir.0, &["file:list.txt"], b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&["list.txt:1: the list is longer than 1 MiB"]);
}

#[test]
fn a_bad_argument_is_one_failure_of_the_report() {
    let up = serve(b"");
    let bad = [
        ("h:0", "the port must be a number from 1 to 65535, not \"0\""),
        ("h:65536", "the port must be a number from 1 to 65535, not \"65536\""),
        ("h:", "the port must be a number from 1 to 65535, not \"\""),
        ("h", "no port: write host:port, such as h:80"),
        (":80", "no host"),
        ("::1:80", "write [::1]:80"),
        ("[x]:80", "\"x\" is not an IPv6 address"),
        ("[fe80::1%eth0]:80", "the scope of an IPv6 address is a number here"),
        ("ftp://h/", "\"ftp://\" is no known kind of target"),
        ("h:80/path", "a path needs http://: write http://h:80/path"),
        ("a:b:80", "more than one colon: write host:port"),
        ("http://h:80:90/", "more than one colon"),
        ("fe80::1%2", "write [::1]:80"),
        ("a b:80", "\"a b\" is not a host"),
        ("file:", "no path: write file:PATH"),
        ("", "the target is empty"),
    ];
    let targets = [&bad.map(|(target, _)| target)[..], &[&up]].concat();
    // Options in between do not count.
    let run = preflight(&[&targets[..2], &["--limit", "2"], &targets[2..]].concat());
    assert_eq!(run.code, Some(1), "{run:?}");
    for (number, (_, says)) in (1..).zip(bad) {
        run.has_line(&[&format!("target {number}: "), says]);
    }
    run.has_line(&["1 of 17 up, 16 failed"]);
}

#[test]
fn an_answer_that_is_no_status_is_an_error_of_its_own() {
    let long = [b"HTTP/1.1 200 ".as_slice(), &[b'x'; 10_000]].concat().leak();
    let interims = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(1000).leak();
    let answers: [(&[u8], &str); 8] = [
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200", "closed the connection before the end of the answer's status line"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", "closed the connection before the end"),
        (long, "no final status within the first 8 KiB of the answer"),
        (interims, "no final status within the first 8 KiB of the answer"),
        // Not even a line: that of a server which waits for the client to go on.
        (b"\x4a\0\0\0\x0a8.0.36\0", "answered what is not HTTP"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "answered 404 Not Found"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "answered 101"),
    ];
    for (answer, says) in answers {
        let target = format!("http://{}/", serve(answer));
        let run = preflight(&[&target]);
        assert_eq!(run.code, Some(1), "{run:?}");
        run.has_line(&[&target, says]);
    }
}

#[test]
fn a_password_is_never_shown() {
    let targets = [
        "http://user:xyzzy@h:80/",
        "http://user:xy/zzy@h:80/",
        "http://user:xy?z#zy@h/",
        "user:xyzzy@h:80",
        "user:xyzzy@h:80/path",
        "user:://xyzzy@h:80",
        "postgres://user:xyzzy@h/db",
        "http://user:xy@zzy@h/",
    ];
    let list = targets.join("\n");
    let run = preflight_in(Path::new("."), &[&targets[..], &["-"]].concat(), list.as_bytes());
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&[" http://…@h:80/ ", "target 1: a user or password in the address"]);
    run.has_line(&[" …@h:80 (standard input:4) ", "standard input:4: a user or password"]);
    run.has_line(&[" postgres://…@h/db ", "\"postgres://\" is no known kind of target"]);
    run.has_line(&["0 of 16 up, 16 failed"]);
    for part in ["user:", "xy", "zy"] {
        assert!(!run.out.contains(part), "{part} is in {run:?}");
    }
}

#[test]
fn a_colon_without_a_port_stands_for_the_default_as_in_any_url() {
    let run = preflight(&["http://127.0.0.1:/"]);
    // Whether or not somebody listens there.
    assert!(!run.out.contains("the port must be"), "{run:?}");
}

#[test]
fn only_the_status_line_of_the_final_answer_counts() {
    let headers = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"X: x\r\n".repeat(150), b"\r\n"].concat();
    let long = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; 10_000]].concat();
    let answers: [&[u8]; 7] = [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        headers.leak(),
        long.leak(),
        b"HTTP/1.1 200 OK\r\n<no header>: \0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\r\nHTTP/1.0 200 OK\n",
    ];
    let targets = answers.map(|answer| format!("http://{}/", serve(answer)));
    let run = preflight(&targets.each_ref().map(String::as_str));
    assert_eq!(run.code, Some(0), "{run:?}");
    run.has_line(&["7 of 7 up"]);
}

#[test]
fn the_time_of_a_target_counts_from_when_its_own_check_starts() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}/", silent.local_addr().unwrap());
    let up = serve(b"");
    // All time is over for the first when the second starts.
    let run = preflight(&["--limit", "1", "--timeout", "3s", &target, &up]);
    run.has_line(&[&target, "no answer within 3s"]);
    run.has_line(&[&up, "up", "connected"]);
}

#[test]
fn as_many_as_the_limit_are_checked_at_once() {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [first, second] =
        listeners.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
    let server = thread::spawn(move || {
        let mut client = listeners[0].accept()?.0;
        // The first has no answer until the second is being checked.
        listeners[1].accept()?;
        let _ = client.read(&mut [0; 1024])?;
        client.write_all(OK)
    });
    let run = preflight(&["--limit", "2", &format!("http://{first}/"), &second]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.has_line(&[&first, "up", "200 OK"]);
    server.join().unwrap().unwrap();
}

#[test]
fn the_first_error_leaves_the_rest_unchecked_and_says_why() {
    let up = serve(b"");
    let unchecked = TcpListener::bind("127.0.0.1:0").unwrap();
    unchecked.set_nonblocking(true).unwrap();
    let target = unchecked.local_addr().unwrap().to_string();

    let run = preflight(&["--first-error", "--limit", "1", &up, CLOSED, &target]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&[&up, "up"]);
    run.has_line(&[&target, "not checked", "stopped by #1 "]);
    run.has_line(&["1 of 3 up, 1 failed, 1 not checked: child #1", "cannot connect"]);
    assert_eq!(unchecked.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn where_nothing_was_left_to_check_the_first_error_leaves_nothing_unchecked() {
    let up = serve(b"");
    let run = preflight(&["--first-error", "--limit", "1", &up, CLOSED]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&["1 of 2 up, 1 failed ("]);
    assert!(!run.out.contains("not checked"), "{run:?}");
}

#[test]
fn targets_that_begin_alike_are_told_apart_with_their_places() {
    let url = |end| format!("http://{CLOSED}/{}/{end}", "long".repeat(10));
    let dir = Dir::new("alike");
    fs::write(dir.0.join("list.txt"), format!("{}\n{}\n", url("a"), url("b"))).unwrap();
    let run = preflight_in(&dir.0, &["file:list.txt"], b"");
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&[&url("a (list.txt:1)"), "cannot connect"]);
    run.has_line(&[&url("b (list.txt:2)"), "cannot connect"]);
}

#[test]
fn what_could_break_the_terminal_is_escaped_once_and_quotes_are_left_alone() {
    let page = serve(b"HTTP/1.1 200 It's \"OK\"\r\n\r\n");
    let run = preflight(&[&format!("http://{page}/#it's\x1b[2J"), "a\"b\n"]);
    run.has_line(&["/#it's\\u{1b}[2J ", "200 It's \"OK\" "]);
    run.has_line(&["#1 a\"b\\n "]);
}

#[test]
fn a_dash_reads_a_list_from_standard_input_once() {
    let up = serve(b"");
    let list = format!("{up}\nno-port\n");
    let run = preflight_in(Path::new("."), &["-", "-"], list.as_bytes());
    assert_eq!(run.code, Some(1), "{run:?}");
    run.has_line(&[&format!("{up} (standard input:1)"), "up"]);
    run.has_line(&["standard input:2: no port"]);
    run.has_line(&["target 2: standard input can be read only once"]);
    run.has_line(&["1 of 3 up, 2 failed"]);
}

#[test]
fn help_goes_to_standard_output_and_exits_0() {
    let run = preflight(&["--help"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    for told in ["HOST:PORT", "file:PATH", "--limit", "--timeout", "--first-error", "Exit status"] {
        run.has_line(&[told]);
    }
}

#[test]
fn a_wrong_option_exits_2_and_says_what_would_be_right() {
    for (arguments, says) in [
        (&["--limt", "3"][..], "invalid option '--limt'"),
        (&["--limit", "0"], "--limit must be at least 1"),
        (&["--limit", "many"], "--limit takes a whole number"),
        (&["--limit"], "missing argument for option '--limit'"),
        (&["--timeout", "x"], "--timeout takes a time such as 2, 0.5, 2s or 500ms"),
        (&["--timeout", "0"], "--timeout must be more than 0"),
        (&["--timeout=-1"], "--timeout must be more than 0"),
        (&["--timeout", "1e300"], "at most a day"),
        (&["--timeout", "NaN"], "--timeout must be more than 0"),
    ] {
        let run = preflight(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.err.contains(says), "{says:?} is not in {run:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_panic() {
    let mut child = Command::new(program())
        .args(["--timeout", "60s", CLOSED])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_no_success() {
    for argument in ["--help", &serve(b"")] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(program())
            .args(["--timeout", "60s", argument])
            .stdin(Stdio::null())
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(says.contains("preflight: cannot print: "), "{says}");
    }
}
