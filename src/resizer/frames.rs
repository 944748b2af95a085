//! Animations, for resizers that lay the frames of one below each other and work on that strip as if it
//! were one picture, as libvips does.
//!
//! Does not belong here: how a resizer is told to keep the frames. INVARIANT: frames are kept only in a
//! format that can show them one after another; in any other, a visitor would get the strip itself.

use crate::options::OptionName;
use crate::options::value::Value;
use crate::transform::{Format, Transform};

/// Whether all frames are to be kept. `None` where that is asked for together with something that comes
/// out wrong.
pub fn are_kept(transform: &Transform) -> Option<bool> {
    let asked = transform.option(OptionName::Anim) == Some(&Value::Word("true"));
    if !asked || !matches!(transform.format, None | Some(Format::Webp)) {
        return Some(false);
    }
    let is_harmless = |(option, value): (OptionName, &Value)| match option {
        // A strip that is turned, or mirrored from top to bottom, plays backwards.
        OptionName::Rotate => false,
        OptionName::Flip => *value == Value::Word("h"),
        // A border, or what catches the eye, is looked for in all frames at once.
        OptionName::Trim => false,
        OptionName::Gravity => *value != Value::Word("auto"),
        _ => true,
    };
    transform.options().all(is_harmless).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resizer::tests::transform;

    #[test]
    fn frames_are_kept_where_the_format_shows_them_and_nothing_mixes_them_up() {
        for (options, want) in [
            ("width=3", Some(false)),
            ("width=3,anim=false,flip=v", Some(false)),
            ("width=3,anim=true", Some(true)),
            ("width=3,anim=true,format=webp", Some(true)),
            ("width=3,anim=true,format=jpeg,flip=v", Some(false)),
            ("width=3,anim=true,format=avif", Some(false)),
            ("width=3,anim=true,flip=h", Some(true)),
            ("width=3,anim=true,flip=hv", None),
            ("width=3,anim=true,rotate=180", None),
            ("width=3,anim=true,trim=border", None),
            ("width=3,height=2,fit=cover,anim=true,gravity=auto", None),
            ("width=3,height=2,fit=cover,anim=true,gravity=left", Some(true)),
        ] {
            assert_eq!(are_kept(&transform(options)), want, "{options}");
        }
    }
}
