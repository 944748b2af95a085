//! Resizers that crop first, then mirror, then turn: what they do in words about what is seen at the end.

use super::reading::{Reading, flip};

/// What such a resizer does.
pub struct Turned<'t> {
    /// Width before it is turned; `0` for none.
    pub width: &'t str,
    /// Height before it is turned; `0` for none.
    pub height: &'t str,
    /// The side that it keeps, or `auto`.
    pub side: Option<&'t str>,
    /// Whether it mirrors horizontally.
    pub mirrored: bool,
    /// Whether it mirrors vertically.
    pub upside_down: bool,
    /// How far it turns, clockwise.
    pub degrees: u32,
}

/// The sides of a picture, clockwise.
const SIDES: [&str; 4] = ["top", "right", "bottom", "left"];

impl Turned<'_> {
    /// Notes width, height, rotation, flip and gravity.
    pub fn note(&self, reading: &mut Reading) -> Option<()> {
        let (quarters, width, height) = match self.degrees {
            0 => (0, self.width, self.height),
            90 => (1, self.height, self.width),
            180 => (2, self.width, self.height),
            270 => (3, self.height, self.width),
            _ => return None,
        };
        reading.set_sides(width, height)?;
        if quarters > 0 {
            reading.set("rotate", self.degrees)?;
        }
        if let Some(flip) = flip(self.mirrored, self.upside_down) {
            reading.set("flip", flip)?;
        }
        match self.side {
            None => Some(()),
            Some("auto") => reading.set("gravity", "auto"),
            Some(side) => {
                let mirrored = self.mirror(side);
                let mut clockwise = SIDES.iter().cycle().take(7).skip_while(|other| **other != mirrored);
                reading.set("gravity", clockwise.nth(quarters)?)
            }
        }
    }

    /// Where a side is once the picture is mirrored.
    fn mirror<'s>(&self, side: &'s str) -> &'s str {
        match side {
            "left" if self.mirrored => "right",
            "right" if self.mirrored => "left",
            "top" if self.upside_down => "bottom",
            "bottom" if self.upside_down => "top",
            side => side,
        }
    }
}

#[test]
fn a_side_is_where_it_is_seen() {
    for (side, mirrored, upside_down, degrees, want) in [
        ("left", false, false, 0, "left"),
        ("left", true, false, 0, "right"),
        ("left", false, true, 0, "left"),
        ("left", false, false, 90, "top"),
        ("top", false, true, 90, "left"),
        ("right", true, true, 270, "bottom"),
        ("auto", true, false, 90, "auto"),
    ] {
        let turned = Turned { width: "30", height: "20", side: Some(side), mirrored, upside_down, degrees };
        let mut reading = Reading::default();
        turned.note(&mut reading).unwrap();
        assert_eq!(reading.options.get("gravity").unwrap(), want, "{side}, then turned by {degrees}");
        let width = if matches!(degrees, 90 | 270) { "20" } else { "30" };
        assert_eq!(reading.options.get("width").unwrap(), width);
    }
}
