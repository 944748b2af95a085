//! The table of invariants in `tests/README.md` is complete: I1 to I52, each with tests that exist and have its number in
//! their names, and none of those left out.

use std::collections::BTreeSet;

use regex::Regex;

use crate::page::{self, file, quoted};
use crate::references::sources;

/// How many invariants there are.
const COUNT: usize = 52;

/// The rows, each as the names in it.
fn rows() -> Vec<Vec<String>> {
    let page = page::page("tests/README.md");
    let tables = page.tables(&["invariant", "what", "shown by"]);
    let [table] = tables.as_slice() else { panic!("{} tables of invariants", tables.len()) };
    assert_eq!(table.rows().len(), COUNT);
    let row = |(index, row): (usize, &Vec<String>)| {
        assert_eq!(row[0], format!("I{}", index + 1));
        quoted(&row[2]).into_iter().map(str::to_owned).collect()
    };
    table.rows().iter().enumerate().map(row).collect()
}

#[test]
fn every_invariant_has_tests_that_exist_and_have_its_number_in_their_names() {
    let sources = sources();
    for (index, names) in rows().iter().enumerate() {
        let number = format!("i{:02}_", index + 1);
        assert!(names.iter().any(|name| name.contains(&number)), "no test of I{}", index + 1);
        for name in names {
            if name.contains('/') {
                assert!(file("tests/README.md", name).is_some(), "I{}: there is no file {name}", index + 1);
                continue;
            }
            assert!(name.contains(&number), "I{}: {name} has another number", index + 1);
            let is_there =
                [format!("fn {name}("), format!("def {name}(")].iter().any(|text| sources.contains(text));
            assert!(is_there, "I{}: there is no test {name}", index + 1);
        }
    }
}

#[test]
fn every_test_with_the_number_of_an_invariant_is_in_its_row() {
    let rows: Vec<BTreeSet<String>> = rows().into_iter().map(BTreeSet::from_iter).collect();
    let sources = sources();
    let named = Regex::new(r"(?m)^\s*fn ((?:i[0-9]{2}_)+[a-z0-9_]+)\(").unwrap();
    let mut count = 0;
    for name in named.captures_iter(&sources).map(|found| found.get(1).unwrap().as_str()) {
        for number in name.split('_').map_while(|part| part.strip_prefix('i')?.parse::<usize>().ok()) {
            assert!((1..=COUNT).contains(&number), "{name}: there is no I{number}");
            assert!(rows[number - 1].contains(name), "{name} is not in the row of I{number}");
            count += 1;
        }
    }
    assert!(count > 80, "only {count} tests");
}
