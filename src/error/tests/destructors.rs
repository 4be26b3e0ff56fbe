//! Errors and payloads with destructors that panic: all are dropped, and the first panic goes on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

use super::*;

/// The numbers of the bombs that were dropped, in order.
#[derive(Clone, Default)]
struct Gone(Arc<Mutex<Vec<u32>>>);

impl Gone {
    fn bomb(&self, number: u32) -> Bomb {
        Bomb { number, throws: None, gone: self.clone() }
    }

    /// A bomb that panics with a bomb.
    fn double_bomb(&self, number: u32, thrown: u32) -> Bomb {
        Bomb { number, throws: Some(thrown), gone: self.clone() }
    }

    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// What was dropped, sorted: every number once, if all is well.
    fn take_sorted(&self) -> Vec<u32> {
        let mut all = self.take();
        all.sort_unstable();
        all
    }
}

/// Panics with its number, or with another bomb, when it is dropped.
struct Bomb {
    number: u32,
    throws: Option<u32>,
    gone: Gone,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.gone.0.lock().unwrap().push(self.number);
        match self.throws {
            Some(number) => resume_unwind(Box::new(self.gone.bomb(number))),
            None => resume_unwind(Box::new(self.number)),
        }
    }
}

/// The number that `call` panics with.
fn thrown_by<R>(call: impl FnOnce() -> R) -> u32 {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(bombs) => {
            std::mem::forget(bombs);
            panic!("nothing was thrown")
        }
        Err(payload) => *payload.downcast().expect("a number"),
    }
}

fn error(gone: &Gone, number: u32) -> ChildError<Bomb> {
    failed(number.into(), "", gone.bomb(number))
}

fn payload(gone: &Gone, number: u32) -> ChildError<Bomb> {
    panicked(number.into(), gone.bomb(number))
}

/// Makes entries of two kinds.
type Makes = fn(&Gone, u32) -> ChildError<Bomb>;

/// Six bombs on three levels, numbered depth first.
fn three_levels(gone: &Gone, bomb: Makes) -> JoinedError<Bomb> {
    let inmost = joined(0, vec![bomb(gone, 2), bomb(gone, 3)]);
    let inner = joined(0, vec![bomb(gone, 1), group(8, "", inmost), bomb(gone, 4)]);
    joined(0, vec![bomb(gone, 0), group(9, "", inner), bomb(gone, 5)])
}

fn two(gone: &Gone, bomb: Makes) -> JoinedError<Bomb> {
    joined(0, vec![bomb(gone, 0), bomb(gone, 1)])
}

/// Two bombs in a group that is the only failure.
fn two_in_a_group(gone: &Gone, bomb: Makes) -> JoinedError<Bomb> {
    joined(0, vec![group(9, "", two(gone, bomb))])
}

/// Calls `check` with each tree of bombs and the number of bombs in it.
fn for_each_tree(check: impl Fn(&Gone, JoinedError<Bomb>, u32)) {
    for bomb in [error as Makes, payload] {
        let gone = Gone::default();
        check(&gone, two(&gone, bomb), 2);
        check(&gone, two_in_a_group(&gone, bomb), 2);
        check(&gone, three_levels(&gone, bomb), 6);
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<u32> {
    range.collect()
}

#[test]
fn dropping_an_error_drops_each_failure_in_the_order_of_the_leaves() {
    for_each_tree(|gone, error, bombs| {
        assert_eq!(thrown_by(|| drop(error)), 0);
        assert_eq!(gone.take(), numbers(0..bombs));
    });
}

#[test]
fn an_error_that_is_dropped_by_a_panic_leaves_that_panic_alone() {
    for_each_tree(|gone, error, bombs| {
        let thrown = thrown_by(|| {
            let _error = error;
            resume_unwind(Box::new(77_u32));
        });
        assert_eq!((thrown, gone.take()), (77, numbers(0..bombs)));
    });
}

#[test]
fn one_error_that_is_dropped_by_a_panic_leaves_that_panic_alone() {
    let gone = Gone::default();
    for entry in [error(&gone, 0), payload(&gone, 0)] {
        let thrown = thrown_by(|| {
            let _error = joined(0, vec![entry]);
            resume_unwind(Box::new(77_u32));
        });
        assert_eq!((thrown, gone.take()), (77, vec![0]));
    }
}

#[test]
fn one_error_alone_panics_plainly() {
    let gone = Gone::default();
    for entry in [error(&gone, 0), payload(&gone, 0)] {
        assert_eq!(thrown_by(|| drop(joined(0, vec![entry]))), 0);
        assert_eq!(gone.take(), [0]);
    }
}

#[test]
fn errors_without_destructors_beside_payloads_that_panic_are_dropped() {
    let gone = Gone::default();
    let entries = || {
        vec![
            failed(0, "", 7),
            panicked(1, gone.bomb(1)),
            failed(2, "", 8),
            panicked(3, gone.bomb(3)),
        ]
    };
    assert_eq!(thrown_by(|| drop(joined(0, entries()))), 1);
    assert_eq!(gone.take(), [1, 3]);
    assert_eq!(thrown_by(|| drop(joined(0, vec![group(0, "", joined(0, entries()))]))), 1);
    assert_eq!(gone.take(), [1, 3]);
}

#[test]
fn what_a_bomb_throws_may_panic_too() {
    let gone = Gone::default();
    let double = |number| failed(0, "", gone.double_bomb(number, number + 10));
    let inner = joined(0, vec![double(1), double(2)]);
    let error =
        joined(0, vec![double(0), group(1, "", inner), panicked(2, gone.double_bomb(3, 13))]);
    let thrown = catch_unwind(AssertUnwindSafe(|| drop(error))).unwrap_err();
    assert_eq!(gone.take(), [0, 1, 11, 2, 12, 3, 13]);
    assert_eq!(thrown_by(|| drop(thrown)), 10);
}

#[test]
fn into_first_drops_all_others_and_the_first_too_if_they_panic() {
    for_each_tree(|gone, error, bombs| {
        let others = error.len() > 1;
        if others {
            let thrown = thrown_by(|| error.into_first());
            assert_eq!((thrown, gone.take_sorted()), (1, numbers(0..bombs)));
        } else {
            let first = error.into_first();
            assert_eq!(gone.take(), []);
            assert_eq!((thrown_by(|| drop(first)), gone.take()), (0, numbers(0..bombs)));
        }
    });
}

#[test]
fn retain_drops_all_others_and_what_it_keeps_too_if_they_panic() {
    for_each_tree(|gone, error, bombs| {
        let thrown = thrown_by(|| error.filter(|leaf| leaf.child().id().number() % 2 == 0));
        assert_eq!((thrown, gone.take_sorted()), (1, numbers(0..bombs)));
    });
    for_each_tree(|gone, error, bombs| {
        assert_eq!(thrown_by(|| error.filter(|_| false)), 0);
        assert_eq!(gone.take(), numbers(0..bombs));
    });
}

#[test]
fn each_part_of_a_split_drops_all_that_it_has() {
    for_each_tree(|gone, error, bombs| {
        let (even, odd) = error.split(|leaf| leaf.child().id().number() % 2 == 0);
        assert_eq!(gone.take(), []);
        let drop_both = thrown_by(|| {
            let _odd = odd;
            drop(even);
        });
        assert_eq!((drop_both, gone.take_sorted()), (0, numbers(0..bombs)));
    });
}

#[test]
fn a_split_whose_question_panics_drops_all() {
    for_each_tree(|gone, error, bombs| {
        let thrown = thrown_by(|| {
            error.split(|leaf| {
                let number = leaf.child().id().number();
                if number == u64::from(bombs) - 1 {
                    resume_unwind(Box::new(77_u32));
                }
                number % 2 == 0
            })
        });
        assert_eq!((thrown, gone.take_sorted()), (77, numbers(0..bombs)));
    });
}

#[test]
fn a_map_that_panics_drops_what_was_changed_and_what_was_not() {
    let gone = Gone::default();
    for wrong in 0..6 {
        let thrown = thrown_by(|| {
            three_levels(&gone, error).map(|bomb| {
                if bomb.number == wrong {
                    std::mem::forget(bomb);
                    resume_unwind(Box::new(77_u32));
                }
                bomb
            })
        });
        let others = numbers(0..6).into_iter().filter(|number| *number != wrong);
        assert_eq!((thrown, gone.take_sorted()), (77, others.collect()));
    }
}

#[test]
fn flattened_errors_are_all_dropped() {
    for_each_tree(|gone, error, bombs| {
        let flat = error.flatten();
        assert_eq!(gone.take(), []);
        assert_eq!((thrown_by(|| drop(flat)), gone.take()), (0, numbers(0..bombs)));
    });
}

#[test]
fn an_iterator_that_is_dropped_midway_drops_what_is_left() {
    for_each_tree(|gone, error, bombs| {
        let entries = error.len();
        for taken in 0..entries {
            let tree = if entries == 1 {
                two_in_a_group
            } else if bombs == 2 {
                two
            } else {
                three_levels
            };
            let mut left = tree(gone, self::error).into_iter();
            std::mem::forget(left.by_ref().take(taken).collect::<Vec<_>>());
            thrown_by(|| drop(left));
            let gone = gone.take();
            assert_eq!(gone.last(), Some(&(bombs - 1)));
            assert_eq!(gone, numbers(gone[0]..bombs));
        }
        assert_eq!((thrown_by(|| drop(error.into_iter())), gone.take()), (0, numbers(0..bombs)));
    });
}

#[test]
fn an_iterator_goes_on_after_a_panic_of_what_it_skipped() {
    for_each_tree(|gone, error, bombs| {
        let mut entries = error.into_iter();
        while entries.len() > 0 {
            thrown_by(|| drop(entries.next()));
        }
        drop(entries);
        assert_eq!(gone.take(), numbers(0..bombs));
    });
}

#[test]
fn leaves_by_value_that_are_dropped_midway_are_all_dropped() {
    for_each_tree(|gone, error, bombs| {
        let mut leaves = error.into_leaves();
        for taken in 0..bombs / 2 {
            let leaf = leaves.next();
            assert_eq!((thrown_by(|| drop(leaf)), gone.take()), (taken, vec![taken]));
        }
        thrown_by(|| drop(leaves));
        assert_eq!(gone.take_sorted(), numbers(bombs / 2..bombs));
    });
}

#[test]
fn a_panic_is_resumed_although_the_other_failures_panic() {
    let gone = Gone::default();
    for depth in 0..3 {
        let mut error = joined(0, vec![error(&gone, 0), panicked(1, 77_u32), payload(&gone, 2)]);
        for level in 0..depth {
            let before = self::error(&gone, 10 + level);
            error = joined(0, vec![before, group(5, "", error), self::error(&gone, 20 + level)]);
        }
        assert_eq!(thrown_by(|| error.resume_panic()), 77);
        assert_eq!(gone.take().len() as u32, 2 + 2 * depth);
    }
}

#[test]
fn a_payload_that_is_resumed_is_dropped_by_its_receiver() {
    let gone = Gone::default();
    let error = three_levels(&gone, payload);
    let thrown = catch_unwind(AssertUnwindSafe(|| error.resume_panic())).err().unwrap();
    assert_eq!(gone.take(), numbers(1..6));
    assert_eq!(thrown_by(|| drop(thrown)), 0);
}

#[test]
fn a_deep_error_of_bombs_is_dropped() {
    const DEPTH: u32 = 10_000;
    let deep = || {
        let gone = Gone::default();
        let inmost = joined(0, vec![error(&gone, DEPTH)]);
        let chain = (0..DEPTH)
            .rev()
            .fold(inmost, |inner, level| joined(0, vec![error(&gone, level), group(1, "", inner)]));
        (gone, chain)
    };
    let all = || numbers(0..DEPTH + 1);
    super::deep::on_small_stack(move || {
        let (gone, chain) = deep();
        assert_eq!((thrown_by(|| drop(chain)), gone.take()), (0, all()));
        let (gone, chain) = deep();
        assert_eq!((thrown_by(|| chain.into_first()), gone.take_sorted()), (1, all()));
        let (gone, chain) = deep();
        thrown_by(|| chain.filter(|leaf| leaf.failure().error().unwrap().number % 3 == 0));
        assert_eq!(gone.take_sorted(), all());
        let (gone, chain) = deep();
        let thrown = thrown_by(|| {
            chain.map(|bomb| {
                if bomb.number == DEPTH {
                    drop(bomb);
                    unreachable!("it panics");
                }
                bomb
            })
        });
        assert_eq!((thrown, gone.take_sorted()), (DEPTH, all()));
    });
}
