//! The hash of a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use smol::future::yield_now;

use super::problem::Problem;

pub(crate) type Hash = [u8; 32];

/// How often a file is read from between two yields: in each of them a run that is cancelled ends.
const READS: usize = 64;

/// Reads a file to its end; blocks meanwhile. `name` is what it is called.
pub(crate) async fn hash(path: &Path, name: &Path) -> Result<Hash, Problem> {
    let unreadable = |error| Problem::Unreadable(name.to_owned(), error);
    // To open a pipe would be to wait until something is written to it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Problem::NoFile(name.to_owned()));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        for _ in 0..READS {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finalize().into()),
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        yield_now().await;
    }
}
