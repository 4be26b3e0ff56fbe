//! What is known of a child: its number, its name and the line that spawned it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::text::{MAX_MESSAGE, Name, place};

/// A child's spawn number: the first child of a nursery is `#0`, and no number is used twice.
///
/// Returned by [`Nursery::spawn`](crate::Nursery::spawn). Numbers are unique within one nursery
/// only. They order children by when they were spawned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(u64);

/// As its text, `"#7"`: of the body and of the nursery itself a number would say nothing.
#[cfg(feature = "serde")]
impl serde::Serialize for ChildId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl ChildId {
    /// Stands for the body of [`Nursery::run`](crate::Nursery::run), which is not a child.
    const BODY: Self = Self(u64::MAX);
    /// Stands for the nursery itself: its deadline, its grace or its policy may panic.
    const NURSERY: Self = Self(u64::MAX - 1);

    #[inline]
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The spawn number itself, counted from zero.
    ///
    /// The body of [`Nursery::run`](crate::Nursery::run) has none; it answers [`u64::MAX`]. Neither
    /// has the nursery itself, which answers one less.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BODY => f.pad("body"),
            Self::NURSERY => f.pad("nursery"),
            Self(number) => f.pad(&format!("#{number}")),
        }
    }
}

impl fmt::Debug for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known of a child besides its work: id, name and spawn location. Cheap to clone.
///
/// Given by the `child` of a failure, a completion, a handle or a cause.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChildInfo {
    id: ChildId,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
}

impl ChildInfo {
    pub(crate) fn new(
        id: ChildId,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
    ) -> Self {
        Self { id, name, location }
    }

    pub(crate) fn body(location: &'static Location<'static>) -> Self {
        Self::new(ChildId::BODY, None, location)
    }

    /// Stands where something failed that belongs to no child.
    pub(crate) fn nursery(location: &'static Location<'static>) -> Self {
        Self::new(ChildId::NURSERY, None, location)
    }

    /// `#7 fetch`: how the child is called beside what is said of it, without the line that spawned
    /// it.
    pub fn label(&self) -> impl fmt::Display {
        Label(self)
    }

    pub(crate) fn named(self, name: Arc<str>) -> Self {
        Self { name: Some(name), ..self }
    }

    pub(crate) fn renumber(&mut self, id: ChildId) {
        self.id = id;
    }

    /// The child's spawn number.
    #[must_use]
    #[inline]
    pub fn id(&self) -> ChildId {
        self.id
    }

    /// The name given with [`child().name(..)`](crate::spawn::ChildBuilder::name), if one was
    /// given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name, to be shared; empty if none was given.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone().unwrap_or_default()
    }

    /// The line of the caller's code that spawned the child.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Whether this is the nursery itself and not a child: its deadline or its grace
    /// panicked, or the destructor of its policy.
    #[must_use]
    pub fn is_nursery(&self) -> bool {
        self.id == ChildId::NURSERY
    }

    /// Whether this is the body of [`Nursery::run`](crate::Nursery::run) and not a child.
    #[must_use]
    pub fn is_body(&self) -> bool {
        self.id == ChildId::BODY
    }
}

/// `#2 uploads src/main.rs:15`: the id, the name where there is one, and the line that spawned the
/// child. Control characters are escaped, and what is long is cut. [`label`](ChildInfo::label) is
/// the same without the line.
impl fmt::Display for ChildInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.label(), place(self.location.file(), self.location.line()))
    }
}

/// `#7 fetch` with the name that is given; number and name are cut together, and a number alone is
/// not cut. Without `numbers` a name stands alone.
pub(crate) struct Called<'a> {
    pub(crate) id: ChildId,
    pub(crate) name: Option<&'a str>,
    pub(crate) chars: usize,
    pub(crate) numbers: bool,
}

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, chars) = (self.id, self.chars);
        match self.name {
            Some(text) if !self.numbers => Name { text, chars }.fmt(f),
            Some(name) => Name { text: format_args!("{id} {name}"), chars }.fmt(f),
            None => id.fmt(f),
        }
    }
}

/// `id`, `name`, `file` and `line`.
#[cfg(feature = "serde")]
impl serde::Serialize for ChildInfo {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut all = to.serialize_struct("ChildInfo", 4)?;
        all.serialize_field("id", &self.id)?;
        all.serialize_field("name", &self.name)?;
        all.serialize_field("file", self.location.file())?;
        all.serialize_field("line", &self.location.line())?;
        all.end()
    }
}

struct Label<'a>(&'a ChildInfo);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.id)?;
        match self.0.name() {
            Some(text) => write!(f, " {}", Name { text, chars: MAX_MESSAGE }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ChildInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildInfo")
            .field("id", &self.id)
            .field("name", &self.name())
            .field("location", &format_args!("{}:{}", self.location.file(), self.location.line()))
            .finish()
    }
}

/// What children belong to, for the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Nursery,
    Pool,
    Retry,
    Supervisor,
    /// A child of a supervisor, with its incarnations.
    Supervised,
}

impl Owner {
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Nursery => "nursery",
            Self::Pool => "pool",
            Self::Retry => "retry",
            Self::Supervisor => "supervisor",
            Self::Supervised => "child",
        }
    }

    /// So many of them.
    pub(crate) fn nouns(self, count: u64) -> &'static str {
        match self {
            _ if count == 1 => self.noun(),
            Self::Nursery => "nurseries",
            Self::Pool => "pools",
            Self::Retry => "retries",
            Self::Supervisor => "supervisors",
            Self::Supervised => "children",
        }
    }

    /// What is in one.
    pub(crate) fn part(self) -> &'static str {
        match self {
            Self::Nursery | Self::Supervisor => "child",
            Self::Pool => "item",
            Self::Retry => "attempt",
            Self::Supervised => "incarnation",
        }
    }

    /// So many of what is in one.
    pub(crate) fn parts(self, count: u64) -> &'static str {
        match self {
            _ if count == 1 => self.part(),
            Self::Nursery | Self::Supervisor => "children",
            Self::Pool => "items",
            Self::Retry => "attempts",
            Self::Supervised => "incarnations",
        }
    }

    /// The number of the first that is in one.
    pub(crate) fn first_number(self) -> u64 {
        match self {
            Self::Nursery | Self::Pool | Self::Supervisor => 0,
            Self::Retry | Self::Supervised => 1,
        }
    }
}
