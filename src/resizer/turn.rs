//! Turning and mirroring for resizers that do it after cropping, where Cloudflare does it before.
//!
//! Cloudflare's order is trim, flip, rotate, resize: width, height and gravity mean the picture as it
//! is seen. A resizer that turns the picture at the end has to be asked for the turned box, and for
//! the side of the original that ends up where the gravity says.

use crate::options::OptionName;
use crate::options::value::Value;
use crate::transform::Transform;

/// What a resizer that turns last is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Unturned {
    /// Width before turning; 0 where it is not bounded.
    pub width: u32,
    /// Height before turning; 0 where it is not bounded.
    pub height: u32,
    /// The side to keep before mirroring and turning; `point` for a point of it.
    pub gravity: &'static str,
    /// Whether it is mirrored horizontally, before turning.
    pub mirrored: bool,
    /// Whether it is mirrored vertically, before turning.
    pub upside_down: bool,
    /// Degrees clockwise, at the end.
    pub degrees: u32,
}

/// Whether the picture is turned or mirrored at all.
pub fn is_turned(transform: &Transform) -> bool {
    [OptionName::Rotate, OptionName::Flip].iter().any(|option| transform.option(*option).is_some())
}

/// Whether width becomes height.
pub fn is_quarter_turn(transform: &Transform) -> bool {
    matches!(transform.option(OptionName::Rotate), Some(Value::Word("90" | "270")))
}

/// How a resizer that mirrors after turning has to mirror, horizontally and vertically: a quarter turn
/// swaps the axes.
pub fn mirroring_after_turning(transform: &Transform) -> (bool, bool) {
    let flip = match transform.option(OptionName::Flip) {
        Some(Value::Word(flip)) => flip,
        _ => "",
    };
    let (horizontal, vertical) = (flip.contains('h'), flip.contains('v'));
    if is_quarter_turn(transform) { (vertical, horizontal) } else { (horizontal, vertical) }
}

/// The sides of a picture, clockwise.
const SIDES: [&str; 4] = ["top", "right", "bottom", "left"];

/// Takes the turning out of a transform. `None` for a point of a picture that is turned.
pub fn unturn(transform: &Transform) -> Option<Unturned> {
    let word = |option| match transform.option(option) {
        Some(Value::Word(word)) => Some(*word),
        _ => None,
    };
    let degrees: u32 = word(OptionName::Rotate).unwrap_or("0").parse().ok()?;
    let flip = word(OptionName::Flip).unwrap_or_default();
    let (mirrored, upside_down) = (flip.contains('h'), flip.contains('v'));
    let gravity = match transform.option(OptionName::Gravity) {
        None => "center",
        Some(Value::Word(word)) => word,
        Some(_) if degrees == 0 && flip.is_empty() => "point",
        Some(_) => return None,
    };
    let frame = transform.frame;
    let (width, height) = match degrees {
        90 | 270 => (frame.height(), frame.width()),
        _ => (frame.width(), frame.height()),
    };
    let gravity = match SIDES.iter().position(|side| *side == gravity) {
        None => gravity,
        Some(seen) => {
            // Turned clockwise by a quarter, the left side of the original is at the top.
            let quarters = usize::try_from(degrees / 90).ok()?;
            let before = seen.checked_add(SIDES.len())?.checked_sub(quarters)?;
            match (*SIDES.iter().cycle().nth(before)?, mirrored, upside_down) {
                ("left", true, _) => "right",
                ("right", true, _) => "left",
                ("top", _, true) => "bottom",
                ("bottom", _, true) => "top",
                (side, _, _) => side,
            }
        }
    };
    Some(Unturned { width, height, gravity, mirrored, upside_down, degrees })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn check(rotate: &str, flip: Option<&str>, gravity: &str, want: &str) {
        let mut options = Options::default();
        let all =
            [("width", "300"), ("height", "200"), ("fit", "crop"), ("rotate", rotate), ("gravity", gravity)];
        for (name, value) in all.into_iter().chain(flip.map(|flip| ("flip", flip))) {
            let option = OptionName::named(name).unwrap();
            options.set(option, option.spec().kind.parse(value).unwrap());
        }
        let unturned = unturn(&Transform::new(options, None).unwrap()).unwrap();
        assert_eq!(unturned.gravity, want, "rotate={rotate},flip={flip:?},gravity={gravity}");
        let turned = rotate == "90" || rotate == "270";
        assert_eq!((unturned.width, unturned.height), if turned { (200, 300) } else { (300, 200) });
    }

    #[test]
    fn the_side_that_is_kept_is_the_one_that_is_seen_there() {
        check("0", None, "left", "left");
        check("90", None, "top", "left");
        check("90", None, "left", "bottom");
        check("180", None, "left", "right");
        check("270", None, "top", "right");
        check("0", Some("h"), "left", "right");
        check("90", Some("h"), "top", "right");
        check("180", Some("v"), "top", "top");
        check("90", Some("hv"), "auto", "auto");
    }
}
