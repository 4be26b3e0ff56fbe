//! What the nursery reports, beside what its children say of themselves.

use nestling::{ChildError, Completion, Failure, JoinedError, Outcome, Report};

use super::program::Ledger;
use super::script::End;

/// What the nursery says of its children.
#[derive(Default)]
pub(super) struct Seen {
    ends: Vec<(usize, End)>,
    groups: usize,
    cancelled: usize,
    /// The numbers of those that come in completion order.
    in_order: Vec<usize>,
}

impl Seen {
    fn add(&mut self, completion: Completion<usize, usize>) {
        match completion.into_outcome() {
            Outcome::Completed(number) => self.ends.push((number, End::Ok)),
            Outcome::Failed(error) => self.fail(&error),
            Outcome::Cancelled(_) => self.cancelled += 1,
            _ => unreachable!("there is no other outcome"),
        }
    }

    /// A completion that `next` has handed out.
    pub(super) fn next(&mut self, completion: Completion<usize, usize>) {
        self.add(completion);
        self.in_order = self.ends.iter().map(|(number, _)| *number).collect();
    }

    fn fail(&mut self, error: &ChildError<usize>) {
        match error.failure() {
            Failure::Error(number) => self.ends.push((*number, End::Err)),
            Failure::Panic(panic) => {
                let number = panic.downcast_ref::<usize>();
                self.ends.push((*number.expect("only children panic"), End::Panic));
            }
            _ => self.groups += 1,
        }
    }

    pub(super) fn report(&mut self, report: Report<usize, usize>) -> Option<JoinedError<usize>> {
        let counts = report.counts();
        let spawned = report.outputs().iter().map(|(child, _)| child.id());
        assert!(spawned.is_sorted(), "outputs come in spawn order");
        let outputs: Vec<_> =
            report.outputs().iter().map(|(_, number)| (*number, End::Ok)).collect();
        self.cancelled += report.cancelled().len();
        let error = report.into_result().err();
        error.iter().flat_map(JoinedError::iter).for_each(|error| self.fail(error));
        self.in_order = self.ends.iter().map(|(number, _)| *number).collect();
        self.ends.extend(outputs);
        let failed = error.as_ref().map_or(0, |error| error.len() as u64);
        assert_eq!(counts.failed(), failed);
        assert_eq!(counts.cancelled(), self.cancelled as u64);
        error
    }

    pub(super) fn compare(mut self, ledger: &Ledger) {
        let mut order = ledger.order.lock().unwrap().clone();
        order.retain(|number| self.in_order.contains(number));
        assert_eq!(self.in_order, order, "they come in completion order");
        let ends = ledger.ends.lock().unwrap();
        let failed_with_a_number = |number: usize| self.ends.contains(&(number, End::Err));
        let said = ends.iter().enumerate().filter_map(|(number, end)| Some((number, (*end)?)));
        // A child that failed with the nursery in it is seen as a group, which has no number.
        let (groups, said): (Vec<_>, Vec<_>) =
            said.partition(|&(number, end)| end == End::Err && !failed_with_a_number(number));
        assert_eq!(groups.len(), self.groups, "failures of nested nurseries");
        self.ends.sort_by_key(|(number, _)| *number);
        assert_eq!(self.ends, said, "what was reported, and what children said");
        let all = self.ends.len() + self.groups + self.cancelled;
        assert_eq!(all, ledger.accepted.get(), "every child has an end");
        assert_eq!(ledger.running.get(), 0);
    }
}
