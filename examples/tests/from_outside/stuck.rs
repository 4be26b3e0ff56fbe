//! `examples/stuck.rs`: what is said of each program that hangs. Times are left out.

use super::program::{Ended, run};

/// Runs one, which ends by itself.
fn hangs(program: &str) -> Ended {
    let run = run("stuck", &[program]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    run.has_line(&[&format!("{program}: ")]);
    run
}

#[test]
fn of_a_lock_it_says_that_its_holder_is_not_polled() {
    let run = hangs("lock");
    run.has_line(&[
        "  #0 pages in \"load\" was woken ",
        "and is not polled, at load (log locked): ",
    ]);
    run.has_line(&["what drives its nursery awaits something else (", "lock.rs:"]);
    run.has_line(&["nursery \"load\": 1 run, 1 has ended (woken, not polled)"]);
    run.has_line(&["└─ #0 pages  woken at load (log locked) ", "lock.rs:"]);
}

#[test]
fn of_a_backlog_it_says_which_child_has_the_slot_and_waits_for_which() {
    let run = hangs("backlog");
    run.has_line(&["  #0 page ", "in \"fetch\" has the only slot, and waits for child #1 image"]);
    run.has_line(&["nursery \"fetch\": 1 of 1 run, 1 queued"]);
    run.has_line(&["├─ #0 page   waiting at its image ", "backlog.rs:"]);
    run.has_line(&["└─ #1 image  queued ", "backlog.rs:"]);
}

#[test]
fn of_a_forgotten_sender_it_shows_the_receiver_beside_producers_that_have_ended() {
    let run = hangs("sender");
    run.has_line(&[
        "  #0 writer in \"copy\" has waited ",
        ", at receive: only other children have ever",
    ]);
    run.has_line(&["the last, #1 producer 1, has ended. A sender may be forgotten, or a lock"]);
    run.has_line(&["nursery \"copy\": 1 run, 2 have ended"]);
    run.has_line(&["└─ #0 writer  waiting at receive ", "sender.rs:"]);
}

#[test]
fn of_a_full_channel_it_shows_that_all_children_wait_to_send() {
    let run = hangs("full");
    run.has_line(&["  nursery \"export\" has 2 children that all wait, for "]);
    run.has_line(&["they may wait for each other, or for what drives the nursery"]);
    run.has_line(&["nursery \"export\": 2 run"]);
    run.has_line(&["├─ #0 users   waiting at send ", "full.rs:"]);
    run.has_line(&["└─ #1 orders  waiting at send ", "full.rs:"]);
}

#[test]
fn of_a_blocking_call_it_says_which_child_is_in_it_and_where() {
    let run = hangs("blocking");
    run.has_line(&[
        "  #0 server ",
        "in \"start\" does not yield: ",
        ", at its settings, while 1 other child could run",
    ]);
    run.has_line(&["nursery \"start\": 1 run, 1 queued (polled now)"]);
    run.has_line(&["├─ #0 server    polled at its settings ", "blocking.rs:"]);
    run.has_line(&["└─ #1 settings  queued ", "blocking.rs:"]);
}

#[test]
fn without_a_name_all_programs_are_run_in_turn() {
    // Long before all that hangs would be told, but each does hang.
    let run = run("stuck", &["--after", "10ms"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    let titles = run.out.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
    let names = ["lock", "backlog", "sender", "full", "blocking"];
    let titles: Vec<_> = titles.filter(|title| names.contains(title)).collect();
    assert_eq!(titles, names, "{run:?}");
}

#[test]
fn a_wrong_argument_exits_2_and_says_what_would_be_right() {
    for (arguments, says) in [
        (&["look"][..], "the programs are lock, backlog, sender, full, blocking"),
        (&["--after", "0"], "--after must be more than 0"),
        (&["--after", "soon"], "write a time such as 2, 0.5, 2s or 500ms"),
        (&["--all"], "invalid option '--all'"),
    ] {
        let run = run("stuck", arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.err.contains(says), "{says:?} is not in {run:?}");
    }
}
