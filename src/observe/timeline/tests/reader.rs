//! Reads JSON back, strictly. `serde_json` would do, but with it in the crate `assert_eq!(list, [])`
//! does not compile: it compares numbers with its own values.

use std::collections::BTreeMap;
use std::ops::Index;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Number(number) => number.parse().unwrap(),
            other => panic!("no number: {other:?}"),
        }
    }

    /// Microseconds with three decimals as nanoseconds.
    pub(crate) fn nanos(&self) -> u64 {
        let Self::Number(number) = self else { panic!("no number: {self:?}") };
        let (whole, decimals) = number.split_once('.').unwrap();
        assert_eq!(decimals.len(), 3);
        whole.parse::<u64>().unwrap() * 1_000 + decimals.parse::<u64>().unwrap()
    }

    pub(crate) fn list(&self) -> &[Json] {
        match self {
            Self::List(list) => list,
            other => panic!("no list: {other:?}"),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Self::Object(object) => object.get(key),
            other => panic!("no object: {other:?}"),
        }
    }
}

impl Index<&str> for Json {
    type Output = Json;

    fn index(&self, key: &str) -> &Json {
        self.get(key).unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }
}

/// Panics if it is no JSON. Truth values and nothing are not written, so they are not read.
pub(crate) fn read(json: &str) -> Json {
    let mut rest = json;
    let value = value(&mut rest);
    assert_eq!(rest.trim_start_matches(SPACE), "");
    value
}

const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

fn value(rest: &mut &str) -> Json {
    match peek(rest) {
        '"' => Json::Text(text(rest)),
        '[' => Json::List(items(rest, '[', ']', value)),
        '{' => {
            let pairs = items(rest, '{', '}', |rest| {
                peek(rest);
                let key = text(rest);
                take(rest, ':');
                (key, value(rest))
            });
            let count = pairs.len();
            let object: BTreeMap<_, _> = pairs.into_iter().collect();
            assert_eq!(object.len(), count, "a key stands twice");
            Json::Object(object)
        }
        _ => {
            let end = rest.find(|c: char| !matches!(c, '0'..='9' | '.' | '-')).unwrap();
            let (number, after) = rest.split_at(end);
            assert!(number.parse::<f64>().is_ok(), "{number:?}");
            assert!(number.len() == 1 || !number.starts_with('0') || number.starts_with("0."));
            *rest = after;
            Json::Number(number.to_owned())
        }
    }
}

fn items<T>(rest: &mut &str, open: char, close: char, one: impl Fn(&mut &str) -> T) -> Vec<T> {
    take(rest, open);
    let mut items = Vec::new();
    while peek(rest) != close {
        if !items.is_empty() {
            take(rest, ',');
        }
        items.push(one(rest));
    }
    take(rest, close);
    items
}

fn text(rest: &mut &str) -> String {
    let mut text = String::new();
    let mut chars = rest.strip_prefix('"').expect("a text").chars();
    loop {
        let c = chars.next().expect("the end of a text");
        match c {
            '"' => break,
            '\\' => text.push(match chars.next().unwrap() {
                'n' => '\n',
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap()
                }
                c @ ('"' | '\\') => c,
                other => panic!("\\{other}"),
            }),
            c => {
                assert!(c >= ' ', "a control character");
                text.push(c);
            }
        }
    }
    *rest = chars.as_str();
    text
}

fn peek(rest: &mut &str) -> char {
    *rest = rest.trim_start_matches(SPACE);
    rest.chars().next().expect("more")
}

fn take(rest: &mut &str, c: char) {
    peek(rest);
    *rest = rest.strip_prefix(c).unwrap_or_else(|| panic!("{c} before {rest:.20}"));
}
