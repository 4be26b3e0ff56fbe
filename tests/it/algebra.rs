//! What is done with a joined error that a nursery returned.

use std::error::Error;
use std::fmt;
use std::io;

use nestling::JoinedError;

use crate::support::yields;

behaviour!(
    split_gives_disjoint_halves_that_hold_every_entry_once_and_keep_nesting_and_names,
    async {
        let mut outer = nursery().name("outer");
        outer.child().name("inner").group().spawn(async {
            let mut inner = nursery::<(), u32>().name("uploads");
            for n in 0..4 {
                inner.child().name(format!("upload {n}")).spawn(async move { Err(n) });
            }
            inner.join().await.map(drop)
        });
        outer.spawn(async { Err(4) });
        outer.spawn(async { Err(5) });
        let error: JoinedError<u32> = outer.join().await.unwrap_err();
        let numbers = |error: &JoinedError<u32>| -> Vec<_> {
            error.leaves().map(|leaf| *leaf.failure().error().unwrap()).collect()
        };
        let (even, odd) = error.split(|leaf| leaf.failure().error().unwrap() % 2 == 0);
        let (even, odd) = (even.unwrap(), odd.unwrap());
        for part in [&even, &odd] {
            assert_eq!((part.name(), part.len()), (Some("outer"), 2));
            let group = part.iter().find_map(|e| e.failure().group()).unwrap();
            assert_eq!((group.name(), group.len()), (Some("uploads"), 2));
            assert!(group.iter().all(|e| e.child().name().unwrap().starts_with("upload ")));
        }
        let mut all = [numbers(&even), numbers(&odd)].concat();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
    }
);

behaviour!(split_without_a_match_and_with_a_full_match_gives_none_on_one_side, async {
    for all in [true, false] {
        let mut nursery = nursery::<(), &str>();
        nursery.spawn(async { Err("one") });
        nursery.spawn(async { Err("two") });
        let (matching, others) = nursery.join().await.unwrap_err().split(|_| all);
        assert_eq!((matching.is_some(), others.is_some()), (all, !all));
        assert_eq!(matching.or(others).unwrap().len(), 2);
    }
});

behaviour!(retain_drops_inner_groups_that_it_emptied, async {
    let mut outer = nursery();
    outer.spawn_group(async {
        let mut inner = nursery::<(), &str>();
        inner.spawn(async { Err("drop me") });
        inner.join().await.map(drop)
    });
    outer.spawn(async { Err("keep me") });
    let error = outer.join().await.unwrap_err();
    let kept = error.filter(|leaf| leaf.failure().error() == Some(&"keep me")).unwrap();
    assert_eq!((kept.len(), kept.first().failure().error()), (1, Some(&"keep me")));
});

behaviour!(flatten_merges_nested_groups_and_leaves_a_plain_error_as_it_is, async {
    let mut outer = nursery();
    outer.child().name("middle").group().spawn(async {
        let mut middle = nursery();
        middle.child().name("inner").group().spawn(async {
            let mut inner = nursery::<(), &str>();
            inner.spawn(async { Err("deep") });
            inner.join().await.map(drop)
        });
        middle.spawn(async { Err("less deep") });
        middle.join().await.map(drop)
    });
    outer.spawn(async {
        yields(20).await;
        Err("plain")
    });
    let flat = outer.join().await.unwrap_err().flatten();
    let seen: Vec<_> = flat
        .iter()
        .map(|e| {
            (*e.failure().error().unwrap(), e.ancestors().map(|a| a.name().unwrap()).collect())
        })
        .collect();
    let expected: [(_, Vec<_>); 3] =
        [("less deep", vec!["middle"]), ("deep", vec!["inner", "middle"]), ("plain", vec![])];
    let mut sorted = seen.clone();
    sorted.sort_by_key(|(text, _)| *text);
    let mut expected = expected.to_vec();
    expected.sort_by_key(|(text, _)| *text);
    assert_eq!(sorted, expected);
    let text = flat.to_string();
    assert_eq!(flat.flatten().to_string(), text);
});

behaviour!(find_sees_every_member_at_every_depth_and_through_source_chains, async {
    #[derive(Debug)]
    struct Wrapped(Option<Box<dyn Error + Send + Sync>>);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self.0.as_deref()?)
        }
    }

    let mut outer = nursery();
    outer.spawn(async { Err(Wrapped(None)) });
    outer.spawn_group(async {
        let mut inner = nursery::<(), Wrapped>();
        inner.spawn(async { Err(Wrapped(None)) });
        inner.spawn(async {
            let cause = io::Error::from(io::ErrorKind::NotFound);
            Err(Wrapped(Some(Box::new(Wrapped(Some(Box::new(cause)))))))
        });
        inner.spawn(async { std::panic::panic_any("7x".parse::<u32>().unwrap_err()) });
        inner.join().await.map(drop)
    });
    let error = outer.join().await.unwrap_err();
    assert_eq!(error.find::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);
    assert!(error.find::<std::num::ParseIntError>().is_some());
    assert!(error.find::<fmt::Error>().is_none());
});

behaviour!(messages_of_any_kind_do_not_break_the_tree, async {
    let mut nursery = nursery::<(), String>();
    let messages = [
        "two\nlines\r\n".to_owned(),
        "\u{1b}[2Jcleared".to_owned(),
        "right \u{202e}to left".to_owned(),
        "x".repeat(1 << 20),
        String::new(),
    ];
    for message in messages {
        nursery.child().name("evil\nname").spawn(async { Err(message) });
    }
    let error = nursery.join().await.unwrap_err();
    let tree = format!("{error:#}");
    // One of the messages has two lines.
    assert_eq!(tree.lines().count(), 1 + 5 + 1, "{tree}");
    assert!(tree.len() < 5_000 && error.to_string().len() < 5_000);
    assert!(tree.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{tree}");
    assert!(error.to_string().chars().all(|c| !c.is_control() && c != '\u{202e}'), "{error}");
});

behaviour!(errors_need_no_bound_to_be_collected, async {
    struct Opaque(u32);

    let mut nursery = nursery::<(), Opaque>();
    nursery.spawn(async { Err(Opaque(7)) });
    match nursery.join().await {
        Err(error) => assert!(error.into_first().into_failure().error().is_some_and(|e| e.0 == 7)),
        Ok(_) => panic!("the child failed"),
    }
});
