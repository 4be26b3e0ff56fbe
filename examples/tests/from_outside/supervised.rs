//! `examples/supervised.rs`, with its own server, which is killed.

use super::program::run;

#[test]
fn workers_come_back_when_their_server_does() {
    let run = run("supervised", &["--workers", "4"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    for line in ["the server listens on 127.0.0.1:", "4 workers are up", "the server was killed"] {
        run.has_line(&[line]);
    }
    run.has_line(&["4 workers are up again"]);
    for worker in 0..4 {
        run.has_line(&[&format!("│ worker {worker} ")]);
    }
}

#[test]
fn a_supervisor_that_gives_up_prints_the_whole_history() {
    let run = run("supervised", &["--give-up"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""), "{run:?}");
    run.has_line(&[
        "supervisor \"workers\" gave up on #",
        ": more than 5 restarts of it within 10s",
    ]);
    run.has_line(&["├─ #0 worker 0 ", "child failed: "]);
    run.has_line(&["│  ├─ #1 "]);
    run.has_line(&["#6 ", "cannot connect: "]);
}

#[test]
fn a_timeline_shows_each_incarnation() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("supervised.json");
    let run = run("supervised", &["--workers", "1", "--timeline", file.to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let trace: serde_json::Value = serde_json::from_str(&trace).unwrap();
    let mut incarnations: Vec<_> = trace["traceEvents"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["name"].as_str().filter(|name| name.contains("worker 0")))
        .collect();
    incarnations.sort_unstable();
    incarnations.dedup();
    assert!(incarnations.len() >= 3, "{incarnations:?}");
}

#[test]
fn a_wrong_argument_exits_2_and_says_what_would_be_right() {
    for (arguments, says) in [
        (&["--workers", "0"][..], "the number of workers is from 1 to 100"),
        (&["--timeline", "run.png"], "has to end in .svg"),
        (&["now"], "unexpected argument \"now\""),
    ] {
        let run = run("supervised", arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
        assert!(run.err.contains(says), "{says:?} is not in {run:?}");
    }
}
