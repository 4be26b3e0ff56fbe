//! Which lines are found.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::channel::oneshot::{Receiver, Sender, channel};
use futures::stream::{FuturesUnordered, StreamExt};

use super::super::MAX_STACKS;
use super::super::walk::MAX_FRAMES;
use super::{assert_lines, capture_poll, tree_of};

type Wait = Receiver<()>;

/// Receivers that wait, and what they wait for.
fn waits<const N: usize>() -> ([Sender<()>; N], [Wait; N]) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..N).map(|_| channel()).unzip();
    (senders.try_into().unwrap(), receivers.try_into().unwrap())
}

const LEAF: u32 = line!() + 2;
async fn leaf(wait: Wait) {
    let _ = wait.await;
}

// The line of the `.await`, and not of the call.
const MIDDLE: u32 = line!() + 6;
async fn middle(wait: Wait) {
    let call = || leaf(wait);
    #[rustfmt::skip]
    call(
    )
    .await;
}

const OUTER: u32 = line!() + 2;
async fn outer(wait: Wait) {
    middle(wait).await;
}

#[test]
fn nested_functions_are_told_outermost_first() {
    let (_senders, [wait]) = waits();
    let tree = tree_of(outer(wait));
    let [stack] = tree.stacks() else { panic!("{tree}") };
    let expected = [("outer", OUTER), ("middle", MIDDLE), ("leaf", LEAF)];
    assert_lines(stack, file!(), &expected);
    assert!(!stack.is_cut());
    assert_eq!(tree.left_off(), 0);
}

#[test]
fn the_first_poll_of_a_future_tells_its_lines_too() {
    let (_senders, [wait]) = waits();
    let future = std::pin::pin!(outer(wait));
    let (_, tree) = capture_poll(future, std::task::Waker::noop());
    let expected = [("outer", OUTER), ("middle", MIDDLE), ("leaf", LEAF)];
    assert_lines(&tree.stacks()[0], file!(), &expected);
}

const BOTH: u32 = line!() + 2;
async fn both(one: Wait, other: Wait) {
    futures::join!(leaf(one), middle(other));
}

#[test]
fn both_arms_of_a_join_are_told() {
    let (_senders, [one, other]) = waits();
    let tree = tree_of(both(one, other));
    let [first, second] = tree.stacks() else { panic!("{tree}") };
    assert_lines(first, file!(), &[("both", BOTH), ("leaf", LEAF)]);
    assert_lines(second, file!(), &[("both", BOTH), ("middle", MIDDLE), ("leaf", LEAF)]);
}

const ALL: u32 = line!() + 2;
async fn all(one: Wait, other: Wait) {
    futures::future::join_all([one, other]).await;
}

#[test]
fn futures_of_other_packages_are_left_out() {
    let (_senders, [one, other]) = waits();
    let tree = tree_of(all(one, other));
    let [first, second] = tree.stacks() else { panic!("{tree}") };
    assert_lines(first, file!(), &[("all", ALL)]);
    assert_lines(second, file!(), &[("all", ALL)]);
    assert_eq!(tree.to_string().lines().count(), 1);
}

const EITHER: u32 = line!() + 4;
async fn either(one: Wait, other: Wait) {
    let mut one = one;
    let other = std::pin::pin!(futures::FutureExt::fuse(leaf(other)));
    futures::select_biased! {
        _ = one => (),
        () = { other } => (),
    }
}

const TOKIO_EITHER: u32 = line!() + 2;
async fn tokio_either(one: Wait, other: Wait) {
    tokio::select! {
        _ = one => (),
        () = leaf(other) => (),
    }
}

#[test]
fn the_branches_of_a_select_are_told() {
    let (_senders, [one, other]) = waits();
    let tree = tree_of(either(one, other));
    let [first, second] = tree.stacks() else { panic!("{tree}") };
    assert_lines(first, file!(), &[("either", EITHER)]);
    assert_lines(second, file!(), &[("either", EITHER), ("leaf", LEAF)]);

    let (_senders, [one, other]) = waits();
    let tree = tree_of(tokio_either(one, other));
    let [first, second] = tree.stacks() else { panic!("{tree}") };
    // They are polled in a random order.
    let [first, second] = if first.lines().len() == 1 { [first, second] } else { [second, first] };
    assert_lines(first, file!(), &[("tokio_either", TOKIO_EITHER)]);
    assert_lines(second, file!(), &[("tokio_either", TOKIO_EITHER), ("leaf", LEAF)]);
}

const BOXED: u32 = line!() + 3;
async fn boxed(wait: Wait) {
    let future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(middle(wait));
    future.await;
}

const IN_BLOCK: u32 = line!() + 2;
fn in_block(wait: Wait) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async { boxed(wait).await })
}

#[test]
fn boxed_futures_and_blocks_are_told_as_their_function() {
    let (_senders, [wait]) = waits();
    let tree = tree_of(in_block(wait));
    let expected = [("in_block", IN_BLOCK), ("boxed", BOXED), ("middle", MIDDLE), ("leaf", LEAF)];
    assert_lines(&tree.stacks()[0], file!(), &expected);
}

#[test]
fn a_future_without_lines_of_the_user_tells_those_of_its_package() {
    let (_senders, [wait]) = waits::<1>();
    let tree = tree_of(wait);
    let [stack] = tree.stacks() else { panic!("{tree}") };
    let innermost = stack.lines().last().unwrap();
    assert!(innermost.file().unwrap().ends_with("/src/oneshot.rs"), "{innermost}");
}

#[test]
fn a_leaf_that_does_not_clone_its_waker_has_no_stack() {
    let tree = tree_of(async { pending::<()>().await });
    assert!(tree.is_empty());
    assert_eq!(tree.to_string(), "");
}

const SET: u32 = line!() + 2;
async fn set(mut waits: FuturesUnordered<Wait>) {
    waits.next().await;
}

#[test]
fn a_set_that_polls_only_what_was_woken_is_the_innermost() {
    let (_senders, waits) = waits::<3>();
    let tree = tree_of(set(waits.into_iter().collect()));
    let [stack] = tree.stacks() else { panic!("{tree}") };
    assert_lines(stack, file!(), &[("set", SET)]);
}

/// A future of the user, which is no `async` function.
struct ByHand {
    wait: Wait,
}

impl Future for ByHand {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.wait).poll(cx).map(drop)
    }
}

const BY_HAND: u32 = line!() - 4;

#[test]
fn a_future_by_hand_is_told_at_its_inner_poll() {
    let (_senders, [wait]) = waits();
    let tree = tree_of(ByHand { wait });
    let [stack] = tree.stacks() else { panic!("{tree}") };
    let [line] = stack.lines().collect::<Vec<_>>()[..] else { panic!("{tree}") };
    assert_eq!(line.line(), Some(BY_HAND));
}

const NURSERY: u32 = line!() + 7;
async fn nursery(wait: Wait) {
    let mut nursery = crate::LocalNursery::<(), ()>::local();
    nursery.spawn(async {
        leaf(wait).await;
        Ok(())
    });
    nursery.join().await.unwrap();
}

#[test]
fn a_nursery_inside_is_told_at_its_join() {
    let (_senders, [wait]) = waits();
    let tree = tree_of(nursery(wait));
    let [stack] = tree.stacks() else { panic!("{tree}") };
    assert_lines(stack, file!(), &[("nursery", NURSERY)]);
}

#[test]
fn stacks_beyond_the_bound_are_counted() {
    let (_senders, waits) = waits::<70>();
    let tree = tree_of(futures::future::join_all(waits.map(leaf)));
    // `join_all` of more than 30 is a set that polls each with a waker of its own.
    assert_eq!((tree.stacks().len(), tree.left_off()), (1, 0));

    let many = || {
        poll_fn::<(), _>(|cx| {
            (0..MAX_STACKS + 6).for_each(|_| drop(cx.waker().clone()));
            Poll::Pending
        })
    };
    let tree = tree_of(async move { many().await });
    assert_eq!((tree.stacks().len(), tree.left_off()), (MAX_STACKS, 6));
    assert!(tree.to_string().ends_with("\n… and 6 more"), "{tree}");
}

const DEEP: u32 = line!() + 4;
fn deep(depth: usize, wait: Wait) -> Pin<Box<dyn Future<Output = ()>>> {
    match depth {
        0 => Box::pin(leaf(wait)),
        _ => Box::pin(async move { deep(depth - 1, wait).await }),
    }
}

#[test]
fn what_awaits_itself_is_told_each_time_and_cut_when_too_deep() {
    let (_senders, [wait]) = waits();
    let tree = tree_of(deep(MAX_FRAMES, wait));
    let [stack] = tree.stacks() else { panic!("{tree}") };
    assert!(stack.is_cut());
    let lines = stack.lines().len();
    let mut expected = vec![("deep", DEEP); lines - 1];
    expected.push(("leaf", LEAF));
    assert_lines(stack, file!(), &expected);
    assert!(tree.to_string().starts_with("…\n"), "{tree}");

    let (_senders, [wait]) = waits();
    let tree = tree_of(deep(100, wait));
    assert!(!tree.stacks()[0].is_cut());
    assert_eq!(tree.stacks()[0].lines().len(), 101);
}
