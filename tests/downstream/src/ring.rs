//! The slots of a channel.

use std::mem::MaybeUninit;

/// A queue of a fixed capacity.
pub(crate) struct Ring<T> {
    /// Those from `head` on, `len` of them, hold values; the others hold nothing.
    slots: Box<[MaybeUninit<T>]>,
    head: usize,
    len: usize,
}

impl<T> Ring<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { slots: (0..capacity).map(|_| MaybeUninit::uninit()).collect(), head: 0, len: 0 }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.len < self.slots.len()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hands the value back if there is no room.
    pub(crate) fn push(&mut self, value: T) -> Result<(), T> {
        if !self.has_room() {
            return Err(value);
        }
        let tail = (self.head + self.len) % self.slots.len();
        self.slots[tail].write(value);
        self.len += 1;
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        // SAFETY: `len` is not 0, so that the slot at `head` holds a value. It holds none from here
        // on.
        let value = unsafe { self.slots[self.head].assume_init_read() };
        self.head = (self.head + 1) % self.slots.len();
        self.len -= 1;
        Some(value)
    }

    /// Takes out all values. With `forget_to_count`, which is a fault, the slots still count as
    /// full.
    pub(crate) fn take_all(&mut self, forget_to_count: bool) -> Vec<T> {
        let (head, len) = (self.head, self.len);
        let values = std::iter::from_fn(|| self.pop()).collect();
        if forget_to_count {
            (self.head, self.len) = (head, len);
        }
        values
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
