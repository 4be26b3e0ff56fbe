//! What is to be done: the files of a list, and those under folders.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::hash::Hash;
use super::problem::Problem;
use super::sums;

/// A file, and its hash if that is known; or what was wrong before there was one.
pub(crate) type Item = Result<(PathBuf, Option<Hash>), Problem>;

/// The files under the folders, in the order of their names, with what the list says of each; then
/// those of the list that were not there. The folders are walked as items are asked for.
pub(crate) fn items<'a>(
    folders: &'a [PathBuf],
    directory: &'a Path,
    list: Option<(&'a Path, &[u8])>,
) -> impl Iterator<Item = Item> + use<'a> {
    let checks = list.is_some();
    // A list does not list itself.
    let own = list.and_then(|(name, _)| fs::canonicalize(name).ok());
    let is_list = move |entry: &DirEntry| {
        let same_name = own.as_ref().is_some_and(|own| own.file_name() == Some(entry.file_name()));
        same_name && fs::canonicalize(entry.path()).ok() == own
    };
    let mut broken = Vec::new();
    let mut listed = Vec::new();
    if let Some((name, list)) = list {
        for line in sums::parse(list) {
            match line {
                Ok(line) => listed.push((line.name, line.hash)),
                Err(line) => broken.push(Err(Problem::Line { list: name.to_owned(), line })),
            }
        }
        if listed.is_empty() && broken.is_empty() {
            broken.push(Err(Problem::NoLines(name.to_owned())));
        }
    }
    // Where a name is listed twice, both are checked: one here, and the other at the end.
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    for (at, (name, _)) in listed.iter().enumerate() {
        places.entry(plain(name)).or_insert(at);
    }
    let mut rest: Vec<_> = listed.into_iter().map(Some).collect();
    let mut folders = folders.iter();
    let mut walk: Option<walkdir::IntoIter> = None;
    let mut last = None;
    let files = std::iter::from_fn(move || {
        loop {
            if let Some(rest) = &mut last {
                return Iterator::next(rest);
            }
            let Some(entries) = &mut walk else {
                match folders.next() {
                    Some(folder) => {
                        let folder = directory.join(folder);
                        walk = Some(WalkDir::new(folder).sort_by_file_name().into_iter());
                    }
                    None => last = Some(std::mem::take(&mut rest).into_iter().flatten().map(known)),
                }
                continue;
            };
            match entries.next() {
                None => walk = None,
                Some(Err(error)) => return Some(Err(Problem::Folder(error))),
                Some(Ok(entry)) if is_folder(&entry) || is_list(&entry) => {}
                Some(Ok(entry)) => {
                    let name = match entry.path().strip_prefix(directory) {
                        Ok(name) => name.to_owned(),
                        Err(_) => entry.into_path(),
                    };
                    let place = places.get(&plain(&name));
                    return Some(match place.and_then(|at| rest[*at].take()) {
                        Some((_, hash)) => Ok((name, Some(hash))),
                        None if checks => Err(Problem::NotListed(name)),
                        None => Ok((name, None)),
                    });
                }
            }
        }
    });
    broken.into_iter().chain(files)
}

fn known((name, hash): (PathBuf, Hash)) -> Item {
    Ok((name, Some(hash)))
}

/// Whether it is a folder, or a link to one, which is not followed.
fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_dir() || (entry.path_is_symlink() && entry.path().is_dir())
}

/// The name without what changes nothing, such as a `./` at the beginning.
fn plain(name: &Path) -> PathBuf {
    name.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}
