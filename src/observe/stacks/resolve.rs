//! From addresses to lines: looks up what they are, and leaves out what is not the user's code.
//!
//! A name tells the crate of a function, but an optimised program with line tables only has no paths
//! in its names. A file tells it too, but a program may have no files. So both are asked.

use std::ffi::c_void;

use super::line::AwaitLine;
use super::walk::{CLONE_MARK, POLL_MARK, Walk, learn_mark};

/// A function of the stack, or one that was inlined in it.
struct Symbol {
    name: Option<String>,
    /// With `/` on all systems.
    file: Option<String>,
    line: Option<u32>,
}

/// Where a function comes from. The first that a stack has is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    User,
    /// A package that cargo downloaded, or of unknown origin, as no file is known.
    Package,
    /// The standard library, or this crate: never shown.
    Hidden,
}

/// The lines of a stack, outermost first.
pub(super) fn resolve(walk: &Walk) -> Vec<AwaitLine> {
    let (symbols, own) = look_up(walk);
    let with_origin: Vec<_> =
        symbols.into_iter().map(|symbol| (origin(&symbol, own.as_deref()), symbol)).collect();
    let shown = with_origin.iter().map(|&(origin, _)| origin).min();
    let mut shown: Vec<_> = with_origin
        .into_iter()
        .rev()
        .filter(|&(origin, _)| Some(origin) == shown && origin != Origin::Hidden)
        .map(|(_, symbol)| symbol)
        .collect();
    // A macro that awaits has closures of its own, at the same place. What awaits itself there is
    // the same function again.
    shown.dedup_by(|inner, outer| inner.is_at(outer) && inner.name != outer.name);
    shown
        .into_iter()
        .map(|Symbol { name, file, line }| AwaitLine {
            function: name.as_deref().and_then(function),
            file,
            line,
        })
        .collect()
}

/// The functions between the marks, innermost first, and the folder of this package.
fn look_up(walk: &Walk) -> (Vec<Symbol>, Option<String>) {
    let mut symbols = Vec::new();
    let mut own = None;
    for &address in &walk.addresses {
        let mut is_end = false;
        backtrace::resolve(address as *mut c_void, |symbol| {
            let symbol = Symbol::new(symbol);
            if symbol.has_mark(CLONE_MARK) {
                own = symbol.file.as_deref().and_then(own_folder);
                symbols.clear();
            } else if symbol.has_mark(POLL_MARK) {
                is_end = true;
            } else {
                symbols.push(symbol);
            }
        });
        if is_end {
            if !walk.ends_at_mark {
                learn_mark(address);
            }
            break;
        }
    }
    (symbols, own)
}

impl Symbol {
    fn new(symbol: &backtrace::Symbol) -> Self {
        Self {
            // The short form, without the hash of legacy names and of crates.
            name: symbol.name().map(|name| format!("{name:#}")),
            file: symbol.filename().map(|file| file.to_string_lossy().replace('\\', "/")),
            line: symbol.lineno(),
        }
    }

    fn is_at(&self, other: &Self) -> bool {
        self.line.is_some() && self.line == other.line && self.file == other.file
    }

    fn has_mark(&self, mark: &str) -> bool {
        // The closures inside are not the mark itself.
        self.name.as_deref().is_some_and(|name| name.ends_with(mark))
    }
}

/// The folder of this package, with a slash at the end, by a file in it: as the debug information
/// has it, so that it is also known where paths are remapped.
fn own_folder(file: &str) -> Option<String> {
    file.strip_suffix("src/observe/stacks/walk.rs").map(str::to_owned)
}

fn origin(symbol: &Symbol, own: Option<&str>) -> Origin {
    let is_hidden = symbol.name.as_deref().is_some_and(is_hidden_name)
        || symbol.file.as_deref().is_some_and(|file| is_hidden_file(file, own));
    if is_hidden && !is_of_tests(symbol.file.as_deref()) {
        return Origin::Hidden;
    }
    match symbol.file.as_deref() {
        Some(file) if !is_downloaded(file) => Origin::User,
        _ => Origin::Package,
    }
}

/// What tests of this crate poll stands for a user's code. What polls it, in `mod.rs`, does not.
fn is_of_tests(file: Option<&str>) -> bool {
    cfg!(test)
        && file
            .and_then(|file| file.split_once("/observe/stacks/tests/"))
            .is_some_and(|(_, file)| file != "mod.rs")
}

/// Whether the path in a name begins in the standard library, or in this crate.
fn is_hidden_name(name: &str) -> bool {
    // `<core::pin::Pin<P> as core::future::future::Future>::poll`, `<&mut F as …`
    let path = name.trim_start_matches(['<', '&', '*', '[', '(']);
    let path = path.strip_prefix("mut ").or(path.strip_prefix("dyn ")).unwrap_or(path);
    let root = path.split_once("::").map_or("", |(root, _)| root);
    ["core", "std", "alloc", "nestling", "nestling_stacks"].contains(&root)
}

fn is_hidden_file(file: &str, own: Option<&str>) -> bool {
    let of_library =
        ["core", "std", "alloc"].iter().any(|name| file.contains(&format!("/library/{name}/src/")));
    let of_own = own.and_then(|own| file.strip_prefix(own)).is_some_and(|file| {
        // Not the examples and tests, which are beside it in the repository.
        file.starts_with("src/") || file.starts_with("stacks/src/")
    });
    of_library || of_own || file.contains("/nestling-stacks-")
}

/// Whether a file is where cargo puts what it downloads:
/// `…/registry/src/index.crates.io-1949cf8c6b5b557f/…` or `…/git/checkouts/name-1949cf8c6b5b557f/…`.
fn is_downloaded(file: &str) -> bool {
    ["/registry/src/", "/git/checkouts/"].iter().any(|folder| {
        file.split_once(folder)
            .and_then(|(_, below)| below.split_once('/'))
            .and_then(|(source, _)| source.rsplit_once('-'))
            // A user's folder may be called so too, but has no hash in it.
            .is_some_and(|(_, hash)| {
                hash.len() == 16 && hash.chars().all(|digit| digit.is_ascii_hexdigit())
            })
    })
}

/// The path of a function, without the closures and `async` blocks in which it goes on. `None` if
/// nothing else is known of it.
fn function(name: &str) -> Option<String> {
    let mut path = name;
    loop {
        let (outer, last) = path.rsplit_once("::").unwrap_or(("", path));
        if !is_nameless(last) {
            return Some(path.to_owned());
        }
        if outer.is_empty() {
            return None;
        }
        path = outer;
    }
}

/// Whether a part of a name is of a closure or an `async` block: `{{closure}}`, `{closure#0}`,
/// `{async_fn_env#0}<T>`, or `async_block$0` in the debug information of Windows.
fn is_nameless(part: &str) -> bool {
    let in_braces = part.starts_with('{')
        && part.split_once('}').is_some_and(|(_, rest)| {
            let rest = rest.trim_start_matches('}');
            rest.is_empty() || rest.starts_with('<')
        });
    let word = part.split('$').next().unwrap_or_default();
    in_braces
        || part.contains('$')
            && ["closure", "async_fn", "async_block", "async_closure"]
                .iter()
                .any(|kind| word == *kind || word.strip_suffix("_env") == Some(kind))
}

#[cfg(all(test, not(nestling_loom)))]
mod tests {
    use super::*;

    #[test]
    fn closures_are_left_out_of_names() {
        for (name, expected) in [
            ("app::fetch::{{closure}}", Some("app::fetch")),
            ("app::fetch::{{closure}}::{{closure}}", Some("app::fetch")),
            ("app::fetch::{closure#0}", Some("app::fetch")),
            ("app::fetch::<u8>::{closure#0}", Some("app::fetch::<u8>")),
            ("<app::Db as app::Store>::load::{{closure}}", Some("<app::Db as app::Store>::load")),
            ("app::fetch::async_fn$0", Some("app::fetch")),
            ("app::fetch::async_block_env$1", Some("app::fetch")),
            ("poll<app::fetch::{async_fn_env#0}>", Some("poll<app::fetch::{async_fn_env#0}>")),
            ("main", Some("main")),
            ("{async_fn#0}", None),
            ("{async_fn#0}<()>", None),
            ("{{closure}}", None),
        ] {
            assert_eq!(function(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn names_and_files_tell_where_a_function_is_from() {
        let own = Some("/home/me/nestling/");
        for (name, file, expected) in [
            ("app::fetch::{{closure}}", "/home/me/app/src/main.rs", Origin::User),
            ("{async_fn#0}", "/home/me/app/src/main.rs", Origin::User),
            ("{async_fn#0}", "/home/me/registry/src/app/main.rs", Origin::User),
            ("{closure#0}", "/home/me/nestling/examples/server/main.rs", Origin::User),
            ("app::fetch::{{closure}}", "", Origin::Package),
            (
                "poll<()>",
                "/x/registry/src/index.crates.io-1949cf8c6b5b557f/a-1.0.0/src/lib.rs",
                Origin::Package,
            ),
            ("poll<()>", "/x/git/checkouts/a-1949cf8c6b5b557f/abcdef0/src/lib.rs", Origin::Package),
            ("poll<()>", "/rustc/59807616e1fa/library/core/src/future/future.rs", Origin::Hidden),
            ("poll<()>", "/home/me/nestling/src/nursery/join.rs", Origin::Hidden),
            ("clone", "/x/nestling-stacks-0.1.0/src/lib.rs", Origin::Hidden),
            ("<core::pin::Pin<P> as core::future::future::Future>::poll", "", Origin::Hidden),
            ("<&mut core::pin::Pin<P> as core::future::future::Future>::poll", "", Origin::Hidden),
            ("nestling::nursery::join::{{closure}}", "", Origin::Hidden),
            (
                "<app::Mine as core::future::future::Future>::poll",
                "/home/me/app/a.rs",
                Origin::User,
            ),
        ] {
            let symbol = Symbol {
                name: Some(name.to_owned()),
                file: Some(file.to_owned()).filter(|file| !file.is_empty()),
                line: None,
            };
            assert!(origin(&symbol, own) == expected, "{name} {file}");
        }
    }
}
