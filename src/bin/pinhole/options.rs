//! `pinhole options`: which options there are, and what each resizer has of them.

use pinhole::config::error::ConfigError;
use pinhole::options::kind::Kind;
use pinhole::options::value::{Number, Trim, Value};
use pinhole::options::{OptionName, SPECS, Spec};
use pinhole::resizer::{BY_PINHOLE, DIALECTS, Dialect, Support};

use crate::Outcome;

/// Print the options of pictures, and which of them each resizer has.
///
/// Without a resizer: a table of all options and all resizers. With one: its options, with their
/// short names (for requests; policies use the long ones), values and notes. Needs no policy.
#[derive(clap::Args)]
pub struct Arguments {
    /// The name of a resizer, as in a policy.
    resizer: Option<String>,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let Some(name) = &arguments.resizer else {
        print_table();
        return Outcome::Good;
    };
    let Some(dialect) = DIALECTS.iter().find(|dialect| dialect.name == *name) else {
        let known = DIALECTS.map(|dialect| dialect.name);
        let wanted = known.map(|name| format!("`{name}`")).join(", ");
        eprintln!("pinhole: RESIZER: found {}; wanted one of {wanted}", ConfigError::word(name, &known));
        return Outcome::Failure;
    };
    print_dialect(dialect);
    Outcome::Good
}

fn print_table() {
    let mut rows = vec![["option", "short"].map(str::to_owned).to_vec()];
    rows.iter_mut().for_each(|head| head.extend(DIALECTS.iter().map(|dialect| dialect.name.to_owned())));
    rows.extend(SPECS.iter().map(|spec| {
        let mut row = vec![spec.name.to_owned(), spec.aliases.join(", ")];
        row.extend(DIALECTS.iter().map(|dialect| offered(dialect, spec)));
        row
    }));
    aligned(&rows).iter().for_each(|line| println!("{line}"));
    println!("\n`pinhole options RESIZER` tells the values and notes of one of them.");
}

fn print_dialect(dialect: &Dialect) {
    let (has, lacks): (Vec<&Spec>, Vec<&Spec>) = SPECS.iter().partition(|spec| dialect.has(spec.option));
    let rows: Vec<Vec<String>> = has.iter().flat_map(|spec| about(dialect, spec)).collect();
    aligned(&rows).iter().for_each(|line| println!("{line}"));
    let lacks: Vec<&str> = lacks.iter().map(|spec| spec.name).collect();
    println!("\n{} has no {}.", dialect.name, lacks.join(", "));
}

/// The lines about one option of a resizer: what it does, its values, its note.
fn about(dialect: &Dialect, spec: &Spec) -> Vec<Vec<String>> {
    let names = [spec.name].iter().chain(spec.aliases).copied().collect::<Vec<_>>().join(", ");
    let entry = dialect.options.iter().find(|(option, _, _)| *option == spec.option);
    let values = match entry {
        _ if BY_PINHOLE.contains(&spec.option) => format!("{}; done by pinhole", spec.kind),
        Some((_, Support::UpTo(most), _)) => format!("{}; here at most {most}", spec.kind),
        _ => dialect.wanted(spec.option),
    };
    let note = entry.map(|(_, _, note)| *note).filter(|note| !note.is_empty());
    let below = [values].into_iter().chain(note.map(|note| format!("note: {note}")));
    let mut rows = vec![vec![names, spec.about.to_owned()]];
    rows.extend(below.map(|line| vec![String::new(), line]));
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

/// Rows as lines whose columns begin below each other.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
