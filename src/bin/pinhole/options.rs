//! `pinhole options`: which options there are, and what each resizer has of them.

use std::collections::BTreeMap;

use anstyle::Style;
use pinhole::config::error::ConfigError;
use pinhole::options::kind::Kind;
use pinhole::options::value::{Number, Trim, Value};
use pinhole::options::{OptionName, SPECS, Spec};
use pinhole::resizer::{BY_PINHOLE, DIALECTS, Dialect, Support};

use serde_json::{Value as Json, json};

use crate::Outcome;
use crate::screen::{Cell, FAINT, GOOD, HEAD, aligned, failed, say, text};

/// Print the options of pictures, and which of them each resizer has.
///
/// Without a resizer: a table of all options and all resizers. With one: its options, with their
/// short names (for requests; policies use the long ones), values and notes. Needs no policy.
#[derive(clap::Args)]
pub struct Arguments {
    /// The name of a resizer, as in a policy.
    resizer: Option<String>,
    /// Print all that is known of the options as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let chosen = match &arguments.resizer {
        None => None,
        Some(name) => match DIALECTS.iter().find(|dialect| dialect.name == *name) {
            Some(dialect) => Some(*dialect),
            None => {
                let known = DIALECTS.map(|dialect| dialect.name);
                let wanted = known.map(|name| format!("`{name}`")).join(", ");
                let found = ConfigError::word(name, &known);
                failed(format_args!("RESIZER: found {found}; wanted one of {wanted}"));
                return Outcome::Failure;
            }
        },
    };
    match (chosen, arguments.json) {
        (None, false) => print_table(),
        (Some(dialect), false) => print_dialect(dialect),
        (None, true) => say(format_args!("{:#}", json_of_all(&DIALECTS))),
        (Some(dialect), true) => say(format_args!("{:#}", json_of_all(&[dialect]))),
    }
    Outcome::Good
}

fn print_table() {
    let names = ["option", "short"].into_iter().chain(DIALECTS.iter().map(|dialect| dialect.name));
    let mut rows: Vec<Vec<Cell>> = vec![names.map(|name| text(name).styled(HEAD)).collect()];
    rows.extend(SPECS.iter().map(|spec| {
        let mut row = vec![text(spec.name), text(spec.aliases.join(", "))];
        row.extend(DIALECTS.iter().map(|dialect| {
            let offered = offered(dialect, spec);
            let style = match offered.as_str() {
                "all" => GOOD,
                "no" => FAINT,
                _ => Style::new(),
            };
            text(offered).styled(style)
        }));
        row
    }));
    aligned(&rows).iter().for_each(say);
    say("\n`pinhole options RESIZER` tells the values and notes of one of them.");
}

fn print_dialect(dialect: &Dialect) {
    let (has, lacks): (Vec<&Spec>, Vec<&Spec>) = SPECS.iter().partition(|spec| dialect.has(spec.option));
    let rows: Vec<Vec<Cell>> = has.iter().flat_map(|spec| about(dialect, spec)).collect();
    aligned(&rows).iter().for_each(say);
    let lacks: Vec<&str> = lacks.iter().map(|spec| spec.name).collect();
    say(format_args!("\n{} has no {}.", dialect.name, lacks.join(", ")));
}

/// The lines about one option of a resizer: what it does, its values, its note.
fn about(dialect: &Dialect, spec: &Spec) -> Vec<Vec<Cell>> {
    let names = [spec.name].iter().chain(spec.aliases).copied().collect::<Vec<_>>().join(", ");
    let entry = dialect.options.iter().find(|(option, _, _)| *option == spec.option);
    let values = match entry {
        _ if BY_PINHOLE.contains(&spec.option) => format!("{}; done by pinhole", spec.kind),
        Some((_, Support::UpTo(most), _)) => format!("{}; here at most {most}", spec.kind),
        _ => dialect.wanted(spec.option),
    };
    let note = entry.map(|(_, _, note)| *note).filter(|note| !note.is_empty());
    let below = [values].into_iter().chain(note.map(|note| format!("note: {note}")));
    let mut rows = vec![vec![text(names).styled(HEAD), text(spec.about)]];
    rows.extend(below.map(|line| vec![text(""), text(line)]));
    rows
}

/// What a resizer has of an option, in a few words.
fn offered(dialect: &Dialect, spec: &Spec) -> String {
    if BY_PINHOLE.contains(&spec.option) {
        return "done by pinhole".to_owned();
    }
    if !dialect.has(spec.option) {
        return "no".to_owned();
    }
    if let Some(Support::UpTo(most)) = dialect.support(spec.option) {
        return format!("up to {most}");
    }
    let has = |(_, value): &(&str, Value)| dialect.has_value(spec.option, value);
    let (has, lacks): (Vec<_>, Vec<_>) = forms(spec).into_iter().partition(has);
    let names =
        |forms: &[(&'static str, Value)]| forms.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match (has.len(), lacks.len()) {
        (_, 0) => "all".to_owned(),
        (few, many) if few <= many => format!("only {}", names(&has)),
        _ => format!("all but {}", names(&lacks)),
    }
}

/// The values of an option that a resizer may have or lack, each by its word or by that of its form.
fn forms(spec: &Spec) -> Vec<(&'static str, Value)> {
    let words = spec.kind.words();
    let words = words.into_iter().filter(|_| spec.kind != Kind::Trim).map(|word| (word, Value::Word(word)));
    let shapes = match spec.option {
        OptionName::Gravity => vec![("points", Value::Point(Number::ZERO, Number::ZERO))],
        OptionName::Trim => vec![
            ("border", Value::Trim(Trim::Border)),
            ("edges", Value::Trim(Trim::Edges([0; 4]))),
            ("boxes", Value::Trim(Trim::Box([0, 0, 1, 1]))),
        ],
        _ => Vec::new(),
    };
    words.chain(shapes).collect()
}

/// Everything that is known of all options: values and, for each resizer, what it has and notes.
fn json_of_all(dialects: &[&Dialect]) -> Json {
    let options = SPECS.iter().map(|spec| {
        let resizers: BTreeMap<&str, Json> =
            dialects.iter().map(|dialect| (dialect.name, json_of(dialect, spec))).collect();
        json!({
            "name": spec.name,
            "short": spec.aliases,
            "about": spec.about,
            "values": spec.kind.to_string(),
            "resizers": resizers,
        })
    });
    options.collect()
}

fn json_of(dialect: &Dialect, spec: &Spec) -> Json {
    let note = dialect.options.iter().find(|(option, _, _)| *option == spec.option).map(|(_, _, note)| *note);
    json!({
        "has": dialect.has(spec.option),
        "values": offered(dialect, spec),
        "note": note.filter(|note| !note.is_empty()),
    })
}
