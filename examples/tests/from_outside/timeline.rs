//! `--timeline FILE` of the examples that have it.

use std::fs;
use std::path::Path;

use super::example::Dir;
use super::program::run;

/// Whether the file is what its ending says.
#[track_caller]
fn is_whole(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    match path.extension().unwrap().to_str().unwrap() {
        "json" => {
            assert!(text.starts_with('{') && text.trim_end().ends_with('}'), "{text}");
            assert!(text.contains("\"traceEvents\""), "{text}");
        }
        _ => assert!(text.contains("<svg") && text.trim_end().ends_with("</svg>"), "{text}"),
    }
}

#[test]
fn a_run_that_fails_is_recorded_and_summed_up_after_its_report() {
    let dir = Dir::new("timeline-failed");
    for (program, name) in [
        ("checksum", "sums.svg"),
        ("checksum", "sums.json"),
        ("preflight", "checks.SVG"),
        ("preflight", "checks.json"),
    ] {
        let path = dir.0.join(name);
        // What was there before is gone.
        fs::write(&path, "x".repeat(1 << 20)).unwrap();
        let run = run(program, &["--timeline", path.to_str().unwrap()]);
        assert_eq!(run.code, Some(1), "{run:?}");
        is_whole(&path);
        let (_, summary) = run.err.rsplit_once("\n\n").expect("it stands apart");
        assert!(summary.contains("children"), "{run:?}");
    }
}

#[test]
fn a_file_of_another_kind_or_in_no_folder_is_told_before_anything_runs() {
    for program in ["checksum", "preflight", "server"] {
        for name in ["run.png", "run", ".svg", "run.svg.gz"] {
            let run = run(program, &["--timeline", name]);
            assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
            let says = format!("{program}: --timeline {name}: the name has to end in .svg for");
            assert!(run.err.contains(&says), "{run:?}");
        }
        let run = run(program, &["--timeline", "/nowhere/run.svg"]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
        assert!(run.err.contains("--timeline: cannot create /nowhere/run.svg: "), "{run:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_loses_nothing_of_the_report_and_is_no_success() {
    let dir = Dir::new("timeline-full");
    let (full, file) = (dir.0.join("full.svg"), dir.0.join("file"));
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    fs::write(&file, "text").unwrap();
    let file = file.to_str().unwrap();
    let plain = run("checksum", &[file]);
    let run = run("checksum", &["--timeline", full.to_str().unwrap(), file]);
    assert_eq!((plain.code, run.code), (Some(0), Some(1)), "{run:?}");
    assert_eq!(run.out, plain.out);
    assert!(run.err.contains("1 files: 0 failed\n"), "{run:?}");
    let last = run.err.lines().last().unwrap();
    assert!(last.starts_with("checksum: --timeline: cannot write "), "{run:?}");
}

#[cfg(unix)]
mod interrupted {
    use std::fs::File;
    use std::net::TcpListener;

    use rustix::process::Signal;

    use super::{Dir, is_whole};
    use crate::program::Program;

    #[test]
    fn checks_that_are_cut_short_are_reported_and_recorded() {
        let dir = Dir::new("timeline-checks");
        let picture = dir.0.join("checks.svg");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = format!("http://{}/", listener.local_addr().unwrap());
        let option = ["--timeline", picture.to_str().unwrap()];
        let arguments = ["--timeout", "86400s", &silent];
        let program = Program::start("preflight", &[&option[..], &arguments].concat());
        // It has asked, and gets no answer.
        let _client = listener.accept().unwrap();
        program.signal(Signal::INT);
        let run = program.end();
        assert_eq!(run.code, Some(1), "{run:?}");
        run.has_line(&[&silent, "not checked", "requested: Ctrl-C"]);
        run.has_line(&["0 of 1 up, 0 failed, 1 not checked: requested: Ctrl-C"]);
        is_whole(&picture);
    }

    #[test]
    fn sums_that_are_cut_short_are_reported_and_recorded() {
        let dir = Dir::new("timeline-sums");
        let picture = dir.0.join("sums.json");
        // More than is read in any time, and no block of it is on the disk.
        let endless = dir.0.join("endless");
        File::create(&endless).unwrap().set_len(1 << 42).unwrap();
        let arguments = ["--timeline", picture.to_str().unwrap(), endless.to_str().unwrap()];
        let mut program = Program::start("checksum", &arguments);
        program.wait_for_told("recording; Ctrl-C ends the run with a report");
        program.signal(Signal::TERM);
        let run = program.end();
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
        assert!(run.err.contains("checksum: SIGTERM: 0 of 1 were done\n"), "{run:?}");
        is_whole(&picture);
    }

    #[test]
    fn a_server_is_recorded_until_it_is_stopped() {
        let dir = Dir::new("timeline-server");
        let picture = dir.0.join("server.svg");
        let mut program = Program::start("server", &["--timeline", picture.to_str().unwrap()]);
        program.wait_for("listening on ");
        program.signal(Signal::TERM);
        let run = program.end();
        assert_eq!(run.code, Some(0), "{run:?}");
        run.has_line(&["2 children: 2 completed, 0 failed"]);
        assert!(run.err.contains("children"), "{run:?}");
        is_whole(&picture);
    }
}
