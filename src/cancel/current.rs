//! Which child this thread polls.
//!
//! So a nursery that is driven there finds the child that it is in, however deep in a library it
//! was made. What the child has handed to another thread or to another task is not inside it.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::{Control, Nest};

/// What this thread is doing.
enum Current {
    /// It polls no child.
    Nothing,
    /// It polls a child in which no nursery was driven so far.
    Child,
    /// The same; the nest is the control block's to make.
    WithControl(Arc<Control>),
    /// It polls a child that has these nurseries inside.
    Nest(Arc<Nest>),
}

thread_local! {
    /// Without a destructor, so that it can be used for as long as the thread is there. Each poll
    /// puts back what was there before.
    static CURRENT: Cell<ManuallyDrop<Current>> =
        const { Cell::new(ManuallyDrop::new(Current::Nothing)) };
}

#[inline]
fn replace(current: Current) -> Current {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(current)))
}

/// A child that is being polled. Until it is [left](Self::leave), nurseries that are driven on this
/// thread are inside it.
pub(crate) struct Inside {
    around: Current,
}

impl Inside {
    /// Enters a child that has this control block.
    #[inline]
    pub(crate) fn enter(control: Option<&Arc<Control>>) -> Self {
        let current = match control {
            None => Current::Child,
            Some(control) => match control.nest() {
                Some(nest) => Current::Nest(nest),
                // A nursery that comes after a cancel is to know that.
                None if control.has_context() || control.is_cancelled() => {
                    Current::WithControl(Arc::clone(control))
                }
                None => Current::Child,
            },
        };
        Self { around: replace(current) }
    }

    /// Enters what is no child: nothing that is driven there is inside one.
    pub(crate) fn enter_nothing() -> Self {
        Self { around: replace(Current::Nothing) }
    }

    /// Enters what has a nest and no control block.
    #[inline]
    pub(crate) fn enter_nest(nest: Option<Arc<Nest>>) -> Self {
        Self { around: replace(nest.map_or(Current::Child, Current::Nest)) }
    }

    /// Leaves the child. Returns the nest if there is one by now.
    #[inline]
    pub(crate) fn leave(self) -> Option<Arc<Nest>> {
        match replace(self.around) {
            Current::Nest(nest) => Some(nest),
            Current::Nothing | Current::Child | Current::WithControl(_) => None,
        }
    }
}

/// Whether this thread polls a child.
#[inline]
pub(crate) fn is_inside() -> bool {
    let current = replace(Current::Nothing);
    let inside = !matches!(current, Current::Nothing);
    drop(replace(current));
    inside
}

/// The nest of the child that this thread polls, which is made if need be.
#[inline]
pub(crate) fn nest() -> Option<Arc<Nest>> {
    if is_inside() { make_nest() } else { None }
}

fn make_nest() -> Option<Arc<Nest>> {
    let nest = match replace(Current::Nothing) {
        Current::Nothing => return None,
        Current::Child => Nest::new(),
        Current::WithControl(control) => control.make_nest(),
        Current::Nest(nest) => nest,
    };
    replace(Current::Nest(Arc::clone(&nest)));
    Some(nest)
}
