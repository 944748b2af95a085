//! Bounds of the picture itself, whoever asked for its size: a preset, a request or a client hint.
//!
//! INVARIANT: a box that comes out of [`Bounds::apply`] is inside of every bound, even if only one of
//! its sides was asked for: then the other side is bounded as well, so that a panorama cannot make a
//! narrow picture endlessly high.

use crate::config::raw::Over;
use crate::policy::rejection::Rejection;
use crate::transform::Frame;

/// What a route allows at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The largest width in device pixels.
    pub(crate) width: Option<u32>,
    /// The largest height in device pixels.
    pub(crate) height: Option<u32>,
    /// The largest product of both.
    pub(crate) area: Option<u32>,
    /// What happens to a larger box.
    pub(crate) over: Over,
    /// The only proportions, width to height; all of them where empty.
    pub(crate) ratios: Vec<(u32, u32)>,
}

impl Bounds {
    /// The box to use where `frame` is asked for.
    pub fn apply(&self, frame: Frame) -> Result<Frame, Rejection> {
        let asked = (frame.width(), frame.height());
        let both = asked.0 > 0 && asked.1 > 0;
        if both && !self.ratios.is_empty() && !self.ratios.iter().any(|ratio| is_ratio(asked, *ratio)) {
            return Err(Rejection::AspectNotAllowed);
        }
        let (width, height) = self.within(asked);
        if (width, height) != asked && self.over == Over::Reject {
            return Err(Rejection::OverLimit);
        }
        Ok(self.bound_open_side(frame.resized(width, height)))
    }

    /// The largest box of the same proportions inside the bounds; a side of 0 stays one. All divisions
    /// round down, so that no side is a pixel too long.
    fn within(&self, (mut width, mut height): (u32, u32)) -> (u32, u32) {
        let scaled = |side: u32, by: u32, of: u32| {
            let product = u64::from(side).saturating_mul(u64::from(by)).checked_div(u64::from(of));
            product.and_then(|side| u32::try_from(side).ok()).unwrap_or(side)
        };
        // A side that is there is at least a pixel, so alone it may be as long as the area.
        let most_width = [self.width, self.area].into_iter().flatten().min().unwrap_or(u32::MAX);
        let most_height = [self.height, self.area].into_iter().flatten().min().unwrap_or(u32::MAX);
        if width > most_width {
            height = scaled(height, most_width, width).max(height.min(1));
            width = most_width;
        }
        if height > most_height {
            width = scaled(width, most_height, height).max(width.min(1));
            height = most_height;
        }
        let area = u64::from(self.area.unwrap_or(u32::MAX));
        if u64::from(width).saturating_mul(u64::from(height)) > area {
            // The width for which width times height, in the same proportions, is the area.
            let square = area.saturating_mul(u64::from(width)).checked_div(u64::from(height)).unwrap_or(area);
            let narrow = u32::try_from(square.isqrt()).unwrap_or(width).clamp(1, width);
            height = scaled(height, narrow, width).max(1);
            width = narrow;
        }
        (width, height)
    }

    /// Bounds the side that was not asked for: it is as long as the bounds allow, and no longer.
    fn bound_open_side(&self, frame: Frame) -> Frame {
        let beside = |side: u32, most: Option<u32>| {
            let by_area = self.area.and_then(|area| area.checked_div(side));
            [most, by_area].into_iter().flatten().min()
        };
        match (frame.width(), frame.height()) {
            (0, height) => frame.with_width(beside(height, self.width)),
            (width, 0) => frame.with_height(beside(width, self.height)),
            _ => frame,
        }
    }
}

/// Whether a box has these proportions, to within a pixel.
fn is_ratio((width, height): (u32, u32), (across, down): (u32, u32)) -> bool {
    let scaled_width = u64::from(width).saturating_mul(u64::from(down));
    let scaled_height = u64::from(height).saturating_mul(u64::from(across));
    scaled_width.abs_diff(scaled_height) < u64::from(across.max(down))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::Fit;

    fn frame(width: u32, height: u32) -> Frame {
        let side = |pixels| (pixels > 0).then_some(pixels);
        Frame::new(side(width), side(height), Fit::ScaleDown).unwrap()
    }

    #[track_caller]
    fn check(bounds: &Bounds, asked: (u32, u32), want: Result<(u32, u32), Rejection>) {
        let got = bounds.apply(frame(asked.0, asked.1)).map(|frame| (frame.width(), frame.height()));
        assert_eq!(got, want, "{asked:?}");
        if let Ok((width, height)) = got {
            assert_eq!(
                bounds.apply(frame(width, height)).map(|f| (f.width(), f.height())),
                got,
                "idempotent"
            );
        }
    }

    #[test]
    fn larger_boxes_are_refused_or_shrunk_in_proportion() {
        let bounds = |over| Bounds { width: Some(1000), height: Some(500), over, ..Bounds::default() };
        check(&bounds(Over::Reject), (1000, 500), Ok((1000, 500)));
        check(&bounds(Over::Reject), (1001, 1), Err(Rejection::OverLimit));
        check(&bounds(Over::Clamp), (2000, 2000), Ok((500, 500)));
        check(&bounds(Over::Clamp), (4000, 100), Ok((1000, 25)));
    }

    #[test]
    fn a_side_that_nobody_asked_for_is_bounded_too() {
        let bounds = Bounds { height: Some(500), ..Bounds::default() };
        check(&bounds, (300, 0), Ok((300, 500)));
        let area = Bounds { area: Some(90_000), over: Over::Clamp, ..Bounds::default() };
        check(&area, (300, 0), Ok((300, 300)));
        check(&area, (0, 100), Ok((900, 100)));
        check(&area, (600, 600), Ok((300, 300)));
    }

    #[test]
    fn no_box_is_larger_than_its_bounds_and_none_smaller_than_it_must_be() {
        let wide = Bounds { width: Some(1000), over: Over::Clamp, ..Bounds::default() };
        for width in 1001..=12_000 {
            check(&wide, (width, 0), Ok((1000, 0)));
        }
        let area = |over| Bounds { area: Some(10_000), over, ..Bounds::default() };
        check(&area(Over::Clamp), (12_000, 1), Ok((10_000, 1)));
        check(&area(Over::Clamp), (12_000, 0), Ok((10_000, 1)));
        check(&area(Over::Reject), (12_000, 0), Err(Rejection::OverLimit));
        for (width, height) in
            [(1, 12_000), (37, 12_000), (101, 100), (12_000, 12_000), (9_999, 2), (3, 3_334)]
        {
            let clamped = area(Over::Clamp).apply(frame(width, height)).unwrap();
            assert!(clamped.width() * clamped.height() <= 10_000, "{width}x{height}: {clamped:?}");
        }
    }

    #[test]
    fn only_the_listed_proportions_are_let_through() {
        let bounds = Bounds { ratios: vec![(3, 2), (1, 1)], ..Bounds::default() };
        check(&bounds, (300, 200), Ok((300, 200)));
        check(&bounds, (301, 201), Ok((301, 201)));
        check(&bounds, (301, 200), Ok((301, 200)));
        check(&bounds, (310, 200), Err(Rejection::AspectNotAllowed));
        check(&bounds, (310, 0), Ok((310, 0)));
        check(&bounds, (0, 310), Ok((0, 310)));
    }
}
