//! imaginary's operations: the steps in which a transform is made, each with its parameters.
//!
//! imaginary turns a picture by its EXIF orientation in the first step and leaves the orientation in what it
//! writes, so that it would be turned again by the next step and by whoever shows it. It is gone with the
//! other metadata, which imaginary can keep out of JPEG and PNG, but not of WebP. INVARIANT: where WebP is asked
//! for, it is written by a step that did not read the original.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::background;
use super::super::turn::{Unturned, mirroring_after_turning, unturn};
use crate::options::OptionName;
use crate::options::value::{Colour, Trim, Value};
use crate::transform::{Fit, Format, Transform};

/// A step, as a pipeline has it.
#[derive(Serialize)]
pub(super) struct Operation {
    pub(super) operation: &'static str,
    pub(super) params: BTreeMap<&'static str, String>,
}

impl Operation {
    pub(super) fn new(operation: &'static str, params: &[(&'static str, &str)]) -> Operation {
        Operation {
            operation,
            params: params.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        }
    }

    fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Operation {
        self.params.extend(value.map(|value| (name, value.to_string())));
        self
    }
}

/// The steps: cut, resize, turn, and at the end the format. `None` for what imaginary lacks.
pub(super) fn of(transform: &Transform) -> Option<Vec<Operation>> {
    let unturned = unturn(transform)?;
    let mut operations = cut(transform)?;
    operations.extend(fitted(transform, &unturned)?);
    operations.extend(turned(transform));
    if transform.format == Some(Format::Webp) && operations.len() == 1 {
        operations.push(Operation::new("convert", &[]));
    }
    let last = operations.pop()?;
    let between = |step: Operation| match transform.format {
        Some(_) => step.with("type", Some("png")),
        // The format of the original has to be kept from step to step.
        None => step.with("quality", Some("100")),
    };
    let mut operations: Vec<Operation> = operations.into_iter().map(between).collect();
    operations.push(finished(transform, last));
    Some(operations.into_iter().map(|step| step.with("stripmeta", Some("true"))).collect())
}

fn cut(transform: &Transform) -> Option<Vec<Operation>> {
    match transform.option(OptionName::Trim) {
        None => Some(Vec::new()),
        Some(Value::Trim(Trim::Box([left, top, width, height]))) => {
            let step = Operation::new("extract", &[]).with("left", Some(left)).with("top", Some(top));
            Some(vec![step.with("areawidth", Some(width)).with("areaheight", Some(height))])
        }
        Some(_) => None,
    }
}

/// Resized and cropped or padded, blurred, and laid on its background.
fn fitted(transform: &Transform, unturned: &Unturned) -> Option<Vec<Operation>> {
    let one_side = unturned.width == 0 || unturned.height == 0;
    let side = |side: u32| Some(side).filter(|side| *side > 0);
    let step = |operation, params: &[(&'static str, &str)]| {
        Operation::new(operation, params)
            .with("width", side(unturned.width))
            .with("height", side(unturned.height))
            .with("background", background(transform).map(colour))
    };
    let resized = match transform.frame.fit() {
        Fit::ScaleDown if one_side => step("resize", &[]),
        // It would be padded to the box, but for this gravity, which crops what is larger than the box: nothing.
        Fit::ScaleDown => step("resize", &[("gravity", "smart")]),
        Fit::Contain if one_side => step("resize", &[("force", "true")]),
        Fit::Contain | Fit::Pad => step("enlarge", &[("nocrop", "true")]),
        Fit::Cover => step("enlarge", &[("gravity", gravity(unturned.gravity)?)]),
        Fit::Squeeze => step("resize", &[("force", "true")]),
        Fit::Crop | Fit::AspectCrop | Fit::ScaleUp => return None,
    };
    let mut steps = vec![resized.with("sigma", transform.option(OptionName::Blur))];
    if transform.frame.fit() == Fit::Pad {
        // Padded in one step with resizing, the background would shine through at the edges.
        steps.push(step("enlarge", &[("embed", "true"), ("extend", "background"), ("nocrop", "true")]));
    }
    Some(steps)
}

/// imaginary's name for a side to keep.
fn gravity(side: &str) -> Option<&'static str> {
    Some(match side {
        "center" => "centre",
        "left" => "west",
        "right" => "east",
        "top" => "north",
        "bottom" => "south",
        "auto" => "smart",
        _ => return None,
    })
}

/// A colour in decimal digits. Black would mean none.
fn colour(Colour([red, green, blue]): Colour) -> String {
    let blue = if (red, green, blue) == (0, 0, 0) { 1 } else { blue };
    format!("{red},{green},{blue}")
}

/// The step that turns and then mirrors, if there is anything to do: `flip` is horizontal, `flop` vertical.
fn turned(transform: &Transform) -> Option<Operation> {
    let rotate = transform.option(OptionName::Rotate);
    let (flip, flop) = mirroring_after_turning(transform);
    let operation = match (rotate, flip, flop) {
        (Some(_), _, _) => "rotate",
        (None, true, _) => "flip",
        (None, false, true) => "flop",
        (None, false, false) => return None,
    };
    let is = |mirrored: bool| mirrored.then_some("true");
    Some(Operation::new(operation, &[]).with("rotate", rotate).with("flip", is(flip)).with("flop", is(flop)))
}

/// The last step, which writes what is asked for.
fn finished(transform: &Transform, step: Operation) -> Operation {
    let (kind, progressive) = match transform.format {
        Some(Format::Jpeg) => (Some("jpeg"), Some("true")),
        Some(Format::BaselineJpeg) => (Some("jpeg"), None),
        format => (format.map(Format::name), None),
    };
    let quality = transform.option(OptionName::Quality);
    step.with("type", kind).with("interlace", progressive).with("quality", quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_name() {
        for (side, name) in [
            ("left", "west"),
            ("right", "east"),
            ("top", "north"),
            ("bottom", "south"),
            ("center", "centre"),
            ("auto", "smart"),
        ] {
            assert_eq!(gravity(side), Some(name));
        }
        assert_eq!(gravity("face"), None);
    }

    /// Compares the steps, each as its name and its parameters without the one that all have.
    #[track_caller]
    fn check(options: &str, want: Option<&str>) {
        let step = |step: Operation| {
            let params = step.params.iter().filter(|(name, _)| **name != "stripmeta");
            let params: Vec<String> = params.map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", step.operation, params.join(" "))
        };
        let steps = of(&crate::resizer::tests::transform(options));
        let steps = steps.map(|steps| steps.into_iter().map(step).collect::<Vec<_>>().join(" | "));
        assert_eq!(steps.as_deref(), want, "{options}");
    }

    #[test]
    fn every_fit_has_its_spelling() {
        for (fit, want) in [
            ("scale-down", Some("resize gravity=smart height=2 width=3")),
            ("contain", Some("enlarge height=2 nocrop=true width=3")),
            ("cover", Some("enlarge gravity=centre height=2 width=3")),
            (
                "pad",
                Some(concat!(
                    "enlarge background=255,255,255 height=2 nocrop=true quality=100 width=3 | ",
                    "enlarge background=255,255,255 embed=true extend=background height=2 nocrop=true width=3",
                )),
            ),
            ("squeeze", Some("resize force=true height=2 width=3")),
            ("crop", None),
            ("aspect-crop", None),
            ("scale-up", None),
        ] {
            check(&format!("width=3,height=2,fit={fit}"), want);
        }
        check("height=2", Some("resize height=2"));
        check("width=3,fit=contain", Some("resize force=true width=3"));
    }

    #[test]
    fn every_option_has_its_spelling() {
        for (options, want) in [
            ("width=3,height=2,fit=cover,gravity=left", "enlarge gravity=west height=2 width=3"),
            ("width=3,height=2,fit=cover,gravity=auto", "enlarge gravity=smart height=2 width=3"),
            (
                "width=3,trim=box:1;2;30;40,format=png",
                "extract areaheight=40 areawidth=30 left=1 top=2 type=png | resize type=png width=3",
            ),
            ("width=3,rotate=180", "resize quality=100 width=3 | rotate rotate=180"),
            ("width=3,rotate=90,flip=h", "resize height=3 quality=100 | rotate flop=true rotate=90"),
            ("width=3,flip=h", "resize quality=100 width=3 | flip flip=true"),
            ("width=3,flip=v", "resize quality=100 width=3 | flop flop=true"),
            ("width=3,flip=hv", "resize quality=100 width=3 | flip flip=true flop=true"),
            (
                "width=3,height=2,fit=cover,gravity=top,rotate=90,format=webp",
                "enlarge gravity=west height=3 type=png width=2 | rotate rotate=90 type=webp",
            ),
            ("width=3,background=#ff8800", "resize background=255,136,0 width=3"),
            ("width=3,background=black", "resize background=0,0,1 width=3"),
            ("width=3,blur=20,anim=false,metadata=none", "resize sigma=20 width=3"),
            ("width=3,quality=80", "resize quality=80 width=3"),
            ("width=3,format=png", "resize type=png width=3"),
            ("width=3,format=jpeg", "resize background=255,255,255 interlace=true type=jpeg width=3"),
            ("width=3,format=baseline-jpeg", "resize background=255,255,255 type=jpeg width=3"),
        ] {
            check(options, Some(want));
        }
        for options in ["trim=border", "trim=1;2;3;4", "fit=cover,height=2,gravity=0.1x0.2"] {
            check(&format!("width=3,{options}"), None);
        }
    }
}
