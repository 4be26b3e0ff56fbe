//! The README's picture of a tree in colour, which is that of a real joined error. It is made anew by
//!
//!     NESTLING_PICTURE=write cargo test --test picture

use std::future::pending;
use std::{env, fs, io};

use futures::executor::block_on;
use nestling::failure::Part;
use nestling::{JoinedError, Nursery};

#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error("cannot fetch the index")]
    Fetch(#[source] io::Error),
    #[error("disk full")]
    Full,
}

async fn fetch() -> Result<(), SyncError> {
    Err(SyncError::Fetch(io::Error::other("connection refused")))
}

async fn put(name: &str) -> Result<(), SyncError> {
    if name == "b.tar" { Err(SyncError::Full) } else { Ok(()) }
}

async fn upload(names: [&str; 3]) -> Result<(), JoinedError<SyncError>> {
    let mut uploads = Nursery::new().name("uploads");
    for name in names {
        uploads.child().name(name).spawn(put(name));
    }
    uploads.child().name("d.tar").timeout(|| async {}).spawn(pending());
    uploads.join().await.map(drop)
}

fn sync() -> JoinedError<SyncError> {
    let mut sync: Nursery<'_, (), SyncError> = Nursery::new().name("sync").sources();
    sync.child().name("fetch").spawn(fetch());
    sync.child().name("uploads").group().spawn(upload(["a.tar", "b.tar", "c.tar"]));
    sync.child().name("log").spawn(async { Ok(()) });
    sync.child().name("index").spawn(async { panic!("index out of bounds: the length is 3") });
    block_on(sync.join()).unwrap_err()
}

/// What a terminal is told before each part of the tree.
const COLOURS: [(&str, &str); 4] =
    [("\x1b[1m", "title"), ("\x1b[36m", "child"), ("\x1b[2m", "place"), ("\x1b[31m", "message")];
const PLAIN: &str = "\x1b[0m";

fn in_colour(error: &JoinedError<SyncError>) -> String {
    let marks = |part: Part| match part {
        Part::Title => (COLOURS[0].0, PLAIN),
        Part::Child => (COLOURS[1].0, PLAIN),
        Part::Location => (COLOURS[2].0, PLAIN),
        _ => (COLOURS[3].0, PLAIN),
    };
    error.tree().marked(marks).to_string()
}

/// Of a character and a line, in pixels.
const CHAR: f64 = 8.4;
const LINE: usize = 17;
/// Around the text.
const MARGIN: usize = 16;

/// The colours are those of the scheme that the reader has, on a ground of their own.
const STYLE: &str = "\
rect{fill:#f6f8fa;stroke:#d0d7de}\
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
fill:#57606a;white-space:pre}\
.title{fill:#1f2328;font-weight:bold}.child{fill:#0550ae}.place{fill:#57606a}\
.message{fill:#a40e26}\
@media(prefers-color-scheme:dark){rect{fill:#161b22;stroke:#30363d}text{fill:#8b949e}\
.title{fill:#e6edf3}.child{fill:#79c0ff}.place{fill:#8b949e}.message{fill:#ff7b72}}";

/// What a terminal shows, as a picture: each run of one colour stands at its column.
fn picture(text: &str) -> String {
    let plain =
        COLOURS.iter().fold(text.replace(PLAIN, ""), |text, (code, _)| text.replace(code, ""));
    let columns = plain.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let width = (columns as f64 * CHAR).ceil() as usize + 2 * MARGIN;
    let height = text.lines().count() * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>The tree of a joined error</title>\n\
         <style>{STYLE}</style>\n<rect x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n",
        width - 1,
        height - 1,
    );
    for (at, line) in text.lines().enumerate() {
        let y = MARGIN + at * LINE + 14;
        let mut column = 0;
        for run in line.split(PLAIN) {
            // What stands before the colour has none.
            let (before, rest) = run.split_at(run.find('\x1b').unwrap_or(run.len()));
            let coloured = COLOURS.iter().find_map(|(code, class)| {
                Some((rest.strip_prefix(code)?, format!(" class=\"{class}\"")))
            });
            let (text, class) = coloured.unwrap_or_default();
            for (text, class) in [(before, ""), (text, class.as_str())] {
                let chars = text.chars().count();
                if !text.trim().is_empty() {
                    svg += &run_of(text, class, column, y);
                }
                column += chars;
            }
        }
    }
    svg + "</svg>\n"
}

/// A run as wide as it is in a terminal, whatever the reader's font is.
fn run_of(text: &str, class: &str, column: usize, y: usize) -> String {
    let blank = text.chars().take_while(|c| *c == ' ').count();
    let text = text.trim();
    let x = MARGIN as f64 + (column + blank) as f64 * CHAR;
    let length = text.chars().count() as f64 * CHAR;
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text{class} x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\">{text}</text>\n")
}

#[test]
fn the_readme_has_the_tree_in_colour_as_it_is() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tree.svg");
    let picture = picture(&in_colour(&sync()));
    if env::var_os("NESTLING_PICTURE").is_some_and(|what| what == "write") {
        fs::write(file, &picture).unwrap();
    }
    let committed = fs::read_to_string(file).unwrap();
    assert!(committed == picture, "make it anew: NESTLING_PICTURE=write cargo test --test picture");
}
