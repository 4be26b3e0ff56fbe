//! A small tree in which some things are wrong.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use tempfile::TempDir;

use super::hash::hash;

/// It is gone when this is dropped.
pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn sums(&self) -> PathBuf {
        self.path().join("SHA256SUMS")
    }
}

/// Two files that are as they should be, one with a wrong sum, one that cannot be read, and a link
/// to nowhere.
pub(crate) fn plant() -> io::Result<Tree> {
    let tree = Tree(tempfile::tempdir()?);
    let at = |name: &str| tree.path().join(name);
    fs::create_dir(at("photos"))?;
    fs::write(at("letter.txt"), "Dear reader,\n")?;
    fs::write(at("photos/sea.raw"), vec![7; 1 << 20])?;
    fs::write(at("changed.txt"), "as it was\n")?;
    fs::write(at("secret.txt"), "for nobody\n")?;
    let mut sums = String::new();
    for name in ["changed.txt", "letter.txt", "photos/sea.raw", "secret.txt"] {
        let hash = block_on(hash(&at(name), Path::new(name))).map_err(io::Error::other)?;
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        sums += &format!("{digits}  {name}\n");
    }
    sums += &format!("{}  link.txt\n", "0".repeat(64));
    fs::write(tree.sums(), sums)?;
    fs::write(at("changed.txt"), "as it is\n")?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", at("link.txt"))?;
    forbid(&at("secret.txt"))?;
    Ok(tree)
}

/// Lets no user read it. For one that may read everything, it is a link to itself.
#[cfg(unix)]
fn forbid(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o000))?;
    if fs::File::open(path).is_ok() {
        fs::remove_file(path)?;
        std::os::unix::fs::symlink(path, path)?;
    }
    Ok(())
}

/// Where there are no such permissions, it is just not there.
#[cfg(not(unix))]
fn forbid(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}
