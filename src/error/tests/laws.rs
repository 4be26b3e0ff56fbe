//! Laws that hold for every tree.

use proptest::prelude::*;

use super::escapes::escaped;
use super::*;

/// A tree as plain data: its leaves and groups, each of another child.
#[derive(Clone, Debug)]
enum Shape {
    Leaf(bool),
    Group(Vec<Shape>),
}

fn shape() -> impl Strategy<Value = Vec<Shape>> {
    let leaf = any::<bool>().prop_map(Shape::Leaf);
    let shape = leaf.prop_recursive(6, 48, 5, |inner| {
        prop::collection::vec(inner, 1..5).prop_map(Shape::Group)
    });
    prop::collection::vec(shape, 1..6)
}

/// Numbers the leaves in the order in which they are walked; with whether they match.
type Numbered = (u32, bool);

fn build(shapes: &[Shape]) -> JoinedError<Numbered> {
    build_from(shapes, &mut 0)
}

fn build_from(shapes: &[Shape], next: &mut u32) -> JoinedError<Numbered> {
    let entries = shapes.iter().zip(0..).map(|(shape, number)| match shape {
        Shape::Leaf(matches) => {
            *next += 1;
            failed(number, "", (*next, *matches))
        }
        Shape::Group(inner) => group(number, "", build_from(inner, next)),
    });
    let entries = entries.collect();
    named(&format!("n{}", shapes.len()), 1, entries)
}

fn matches(entry: &ChildError<Numbered>) -> bool {
    entry.failure().error().is_some_and(|(_, matches)| *matches)
}

fn leaves(part: &Option<JoinedError<Numbered>>) -> Vec<Numbered> {
    part.as_ref().map(errors).unwrap_or_default()
}

fn shown<E: std::fmt::Debug>(error: &Option<JoinedError<E>>) -> String {
    format!("{error:#?}")
}

/// The children that each leaf is inside of, with the names of their nurseries, outermost first.
fn paths(error: &JoinedError<Numbered>) -> Vec<(Vec<u64>, Option<String>, Numbered)> {
    fn walk(
        error: &JoinedError<Numbered>,
        around: &[u64],
        all: &mut Vec<(Vec<u64>, Option<String>, Numbered)>,
    ) {
        for entry in error {
            match entry.failure() {
                Failure::Group(group) => {
                    walk(group, &[around, &[entry.child().id().number()]].concat(), all);
                }
                failure => {
                    let error_name = error.name().map(str::to_owned);
                    all.push((around.to_vec(), error_name, *failure.error().unwrap()));
                }
            }
        }
    }
    let mut all = Vec::new();
    walk(error, &[], &mut all);
    all
}

proptest! {
    #[test]
    fn split_puts_every_leaf_in_one_half_at_its_place(shapes in shape()) {
        let whole = paths(&build(&shapes));
        let (yes, no) = build(&shapes).split(matches);
        prop_assert!(leaves(&yes).iter().all(|leaf| leaf.1));
        prop_assert!(leaves(&no).iter().all(|leaf| !leaf.1));
        let mut both: Vec<_> = yes.iter().chain(&no).flat_map(paths).collect();
        both.sort_by_key(|(_, _, (number, _))| *number);
        prop_assert_eq!(both, whole);
    }

    #[test]
    fn split_is_retain_and_retain_of_the_opposite(shapes in shape()) {
        let (yes, no) = build(&shapes).split(matches);
        prop_assert_eq!(shown(&yes), shown(&build(&shapes).filter(matches)));
        prop_assert_eq!(shown(&no), shown(&build(&shapes).filter(|entry| !matches(entry))));
    }

    #[test]
    fn no_part_of_a_split_has_an_empty_group_or_loses_a_child(shapes in shape()) {
        let total = build(&shapes).counts().total();
        let (yes, no) = build(&shapes).split(matches);
        for part in yes.iter().chain(&no) {
            prop_assert_eq!(part.counts().total(), total);
            let mut groups = vec![part];
            while let Some(group) = groups.pop() {
                prop_assert!(group.len() > 0);
                prop_assert_eq!(group.counts().failed(), group.len() as u64);
                groups.extend(group.iter().filter_map(|entry| entry.failure().group()));
            }
        }
    }

    #[test]
    fn flatten_keeps_the_leaves_in_order_with_their_paths(shapes in shape()) {
        let whole = paths(&build(&shapes));
        let flat = build(&shapes).flatten();
        prop_assert_eq!(flat.len(), whole.len());
        prop_assert_eq!(flat.counts().failed(), whole.len() as u64);
        for (entry, (path, _, leaf)) in flat.iter().zip(&whole) {
            let mut ancestors: Vec<_> = entry.ancestors().map(|a| a.id().number()).collect();
            ancestors.reverse();
            prop_assert_eq!(&ancestors, path);
            prop_assert_eq!(entry.failure().error(), Some(leaf));
        }
    }

    #[test]
    fn to_split_and_flatten_is_to_flatten_and_split(shapes in shape()) {
        let (yes, no) = build(&shapes).split(matches);
        let (flat_yes, flat_no) = build(&shapes).flatten().split(matches);
        prop_assert_eq!(leaves(&yes.map(JoinedError::flatten)), leaves(&flat_yes));
        prop_assert_eq!(leaves(&no.map(JoinedError::flatten)), leaves(&flat_no));
    }

    #[test]
    fn to_map_by_nothing_changes_nothing(shapes in shape()) {
        let error = build(&shapes);
        let text = format!("{error:#?}");
        prop_assert_eq!(format!("{:#?}", error.map(|error| error)), text);
    }

    #[test]
    fn text_is_one_line_whatever_it_says(text in any::<String>()) {
        let shown = escaped(&text);
        prop_assert!(shown.chars().count() <= 301);
        let breaks = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}');
        let broken = shown.contains(breaks);
        prop_assert!(!broken);
        prop_assert_eq!(escaped(&shown), shown);
    }
}
