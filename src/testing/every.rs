//! All ways that a run can go, one after the other, depth first.

/// A way: what is chosen at each choice, and of how many.
#[derive(Default)]
pub(super) struct Path {
    steps: Vec<(u32, u32)>,
    at: usize,
    /// The run has asked for another choice than before.
    strayed: bool,
}

impl Path {
    /// The next choice: the one that is set, or the first of a new one.
    pub(super) fn choose(&mut self, n: usize) -> usize {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        match self.steps.get(self.at) {
            Some(&(_, of)) => self.strayed |= of != n,
            None => self.steps.push((0, n)),
        }
        let chosen = self.steps[self.at].0;
        self.at += 1;
        (chosen as usize).min(n as usize - 1)
    }

    /// Whether the run that was made on it has asked for other choices than the one before.
    pub(super) fn has_strayed(&self) -> bool {
        self.strayed || self.at < self.steps.len()
    }

    /// The next way; `None` if this was the last one.
    pub(super) fn next(mut self) -> Option<Self> {
        while let Some((chosen, of)) = self.steps.pop() {
            if chosen + 1 < of {
                self.steps.push((chosen + 1, of));
                return Some(Self { at: 0, ..self });
            }
        }
        None
    }
}
