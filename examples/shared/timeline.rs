//! `--timeline FILE`: a recording of the run, as a picture or as a trace.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use nestling::observe::Timeline;

/// Makes the file, if there is to be one. It is for the beginning: nothing is run for a file that
/// cannot be there.
pub(crate) fn create(target: Option<&Target>) -> Result<Option<Recording>, Problem> {
    let Some(target) = target else { return Ok(None) };
    let cannot = |error| Problem { what: "create", path: target.path.clone(), error };
    let file = File::create(&target.path).map_err(cannot)?;
    Ok(Some(Recording { timeline: Timeline::new(), file, target: target.clone() }))
}

/// What is to be written, and where.
#[derive(Clone)]
pub(crate) struct Target {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy)]
enum Format {
    Svg,
    Json,
}

impl Target {
    /// The value of the option. Its ending says what is written.
    pub(crate) fn of(value: OsString) -> Result<Self, String> {
        let path = PathBuf::from(value);
        let ending = path.extension().unwrap_or_default();
        let format = match ending {
            ending if ending.eq_ignore_ascii_case("svg") => Format::Svg,
            ending if ending.eq_ignore_ascii_case("json") => Format::Json,
            _ => {
                let right = "has to end in .svg for a picture, or in .json for a trace";
                return Err(format!("--timeline {}: the name {right}", path.display()));
            }
        };
        Ok(Self { path, format })
    }
}

/// A run that is recorded.
pub(crate) struct Recording {
    timeline: Timeline,
    file: File,
    target: Target,
}

impl Recording {
    /// What is to observe the run.
    pub(crate) fn timeline(&self) -> Timeline {
        self.timeline.clone()
    }
}

/// Sums the run up on standard error, and writes the file, if the run is recorded. It is for the
/// end, after all else is printed: nothing of that is lost where this fails.
pub(crate) fn finish(recording: Option<Recording>) -> Result<(), Problem> {
    let Some(Recording { timeline, file, target: Target { path, format } }) = recording else {
        return Ok(());
    };
    _ = writeln!(io::stderr(), "\n{}", timeline.summary().to_string().trim_end());
    let mut file = BufWriter::new(file);
    let written = match format {
        Format::Svg => timeline.write_svg(&mut file),
        Format::Json => timeline.write_json(&mut file),
    };
    written.and_then(|()| file.flush()).map_err(|error| Problem { what: "write", path, error })
}

/// Why there is no file, or not all of it.
#[derive(Debug, thiserror::Error)]
#[error("--timeline: cannot {what} {}: {error}", path.display())]
pub(crate) struct Problem {
    what: &'static str,
    path: PathBuf,
    error: io::Error,
}
