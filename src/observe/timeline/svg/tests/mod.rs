//! Pictures of recordings that are made by hand.

mod lanes;
mod pictures;
mod rows;
mod words;

use super::svg;
use crate::observe::timeline::recording::Recording;

fn draw(recording: &Recording) -> String {
    let mut picture = String::new();
    svg(recording, &mut picture).expect("a string takes it");
    picture
}

/// Where a child is drawn, in pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Place {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// The numbers of the children in a picture, with their places.
fn places(picture: &str) -> Vec<(u64, Place)> {
    let elements = picture.split("<g data-child=\"").skip(1);
    let places = elements.map(|element| {
        let number = element.split('"').next().expect("it has a number");
        let rect = element.split("<rect ").nth(1).expect("it has a box");
        let value = |name: &str| -> f64 {
            let from = rect.find(&format!("{name}=\"")).expect("the box has it") + name.len() + 2;
            rect[from..].split('"').next().expect("it ends").parse().expect("it is a number")
        };
        let (left, top) = (value("x"), value("y"));
        let (right, bottom) = (left + value("width"), top + value("height"));
        (number.parse().expect("it is a number"), Place { left, right, top, bottom })
    });
    places.collect()
}

/// The text and the place of each `<text>`.
fn texts(picture: &str) -> Vec<(String, f64, f64)> {
    let elements = picture.split("<text ").skip(1);
    let texts = elements.map(|element| {
        let (attributes, rest) = element.split_once('>').expect("the element ends");
        let text = rest.split('<').next().expect("there is a text");
        let value = |index| attributes.split('"').nth(index).expect("it has a place");
        let place: [f64; 2] = [1, 3].map(|index| value(index).parse().expect("it is a number"));
        (text.to_owned(), place[0], place[1])
    });
    texts.collect()
}
