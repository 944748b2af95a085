//! Every `pinhole …` and `cargo run -- …` of the documents runs, and prints what is shown below it.
//!
//! In a `console` block a line that begins with `$ ` is a command, and what follows is its output, in which `…`
//! stands for anything: alone on a line for any lines. In a `sh` block all lines are one script. Where the language
//! is followed by `with Envoy`, `tests/live/test_pages.py` runs it beside a running stack; `in a cluster`, nobody does.
//! INVARIANT: on the strict pages there is no command that is neither run nor listed here.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::page::{self, Block, Page, STRICT};
use crate::policies::{named, secret};

/// What of the strict pages is not run here: each block by its page, its mark and its first line.
const ELSEWHERE: [(&str, &str, &str); 3] = [
    (
        "envoy/migration.md",
        "with Envoy",
        "for path in /images/small/landscape.jpg /images/huge/landscape.jpg; do",
    ),
    ("envoy/operations.md", "with Envoy", "envoy --mode validate -c envoy/envoy.yaml"),
    ("envoy/operations.md", "with Envoy", "curl -s http://127.0.0.1:9901/ready"),
];

const VARIABLES: [&str; 5] =
    ["PHOTOS_TOKEN", "PINHOLE_SEAL_KEY", "IMGPROXY_KEY", "IMGPROXY_SALT", "SIGNING_KEY"];

/// A directory with the policies that a page names, and those that are shipped; the project's own beside them.
fn directory(page: &Page) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents").join(page.name.replace('/', "-"));
    std::fs::create_dir_all(&path).unwrap();
    for shipped in ["policy.json", "policy-imgproxy.json"] {
        std::fs::copy(page::root().join("envoy").join(shipped), path.join(shipped)).unwrap();
    }
    for beside in ["envoy", "tests"] {
        // Left over from the run before.
        let _ = std::os::unix::fs::symlink(page::root().join(beside), path.join(beside));
    }
    for (name, policy) in named(page) {
        std::fs::write(path.join(name), policy.to_string()).unwrap();
    }
    path
}

/// What a script prints, errors last, and its status.
fn run(script: &str, directory: &Path) -> (String, i32) {
    let programs = Path::new(env!("CARGO_BIN_EXE_pinhole")).parent().unwrap().to_str().unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-euc", script]).current_dir(directory).env_clear();
    command.env("PATH", format!("{programs}:/usr/bin:/bin")).env("THUMBOR_KEY", secret("THUMBOR_KEY"));
    command.envs(VARIABLES.map(|name| (name, secret(name))));
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8(printed).unwrap(), output.status.code().expect("an end of its own"))
}

/// The status that goes with what is printed. `replay` tells of requests that would be refused by 2 as well.
fn status_of(command: &str, printed: &str) -> &'static [i32] {
    match () {
        () if command.starts_with("pinhole replay ") => &[0, 2],
        () if printed.starts_with("refused") => &[2],
        () if printed.starts_with("error: ") => &[3],
        () => &[0],
    }
}

/// The commands of a `console` block, each with its output.
fn console(block: &Block) -> Vec<(String, Vec<&str>)> {
    let mut commands: Vec<(String, Vec<&str>)> = Vec::new();
    for line in block.text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None => commands.last_mut().expect("a command before its output").1.push(line),
        }
    }
    commands
}

/// The command as it is run: what stands for pinhole from a checkout is pinhole.
fn ours(command: &str) -> Option<String> {
    let rest = command.strip_prefix("cargo run -- ").or_else(|| command.strip_prefix("pinhole "))?;
    Some(format!("pinhole {rest}"))
}

fn fits(wanted: &str, line: &str) -> bool {
    let mut pieces = wanted.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut last = None;
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        (rest, last) = (after, Some(piece));
    }
    // What is open at its end takes the rest.
    rest.is_empty() || last.is_some_and(|piece| piece.is_empty() || rest.ends_with(piece))
}

fn all_fit(wanted: &[&str], lines: &[&str]) -> bool {
    match wanted.split_first() {
        None => lines.is_empty(),
        Some((&"…", more)) => (0..=lines.len()).any(|skipped| all_fit(more, &lines[skipped..])),
        Some((first, more)) => {
            lines.split_first().is_some_and(|(line, lines)| fits(first, line) && all_fit(more, lines))
        }
    }
}

#[test]
fn every_command_prints_what_is_shown() {
    let (mut ran, mut compared) = (0_u32, 0_u32);
    for page in page::pages() {
        let directory = directory(&page);
        for block in page.blocks().iter().filter(|block| block.about.is_empty()) {
            if block.language == "console" {
                for (shown, output) in console(block) {
                    let Some(command) = ours(&shown) else { continue };
                    let (printed, status) = run(&command, &directory);
                    assert!(status_of(&command, &printed).contains(&status), "{shown}: {status}\n{printed}");
                    let lines: Vec<&str> = printed.lines().collect();
                    assert!(
                        output.is_empty() || all_fit(&output, &lines),
                        "{}: {shown}\nprints\n{printed}",
                        page.name
                    );
                    (ran, compared) = (ran + 1, compared + u32::from(!output.is_empty()));
                }
            }
            if block.language == "sh" {
                for command in block.text.lines().filter_map(ours) {
                    let (printed, status) = run(&command, &directory);
                    assert!(
                        status_of(&command, &printed).contains(&status),
                        "{command}: {status}\n{printed}"
                    );
                    ran += 1;
                }
            }
        }
    }
    assert!(ran >= 7 && compared >= 7, "{ran} commands, {compared} outputs");
}

#[test]
fn no_command_of_the_strict_pages_is_neither_run_nor_listed() {
    let mut elsewhere = Vec::new();
    for name in STRICT {
        for block in page::page(name).blocks() {
            let lines: Vec<String> = match block.language.as_str() {
                "console" => console(&block).into_iter().map(|(command, _)| command).collect(),
                "sh" => block.text.lines().map(str::to_owned).collect(),
                _ => continue,
            };
            let first = lines.first().expect("a command").clone();
            if block.about.is_empty() {
                for line in lines.iter().filter(|line| !line.is_empty()) {
                    assert!(ours(line).is_some(), "{name}: `{line}` is run by nobody: mark its block");
                }
            } else {
                assert!(
                    ["with Envoy", "in a cluster"].contains(&block.about.as_str()),
                    "{name}: {}",
                    block.about
                );
                elsewhere.push((name, block.about, first));
            }
        }
    }
    let told: Vec<_> =
        elsewhere.iter().map(|(name, mark, first)| (*name, mark.as_str(), first.as_str())).collect();
    assert_eq!(told, ELSEWHERE, "what is not run here, and what is listed");
}

#[test]
fn an_output_is_compared_line_by_line() {
    for (wanted, line, fit) in [
        ("a: b", "a: b", true),
        ("a: b", "a: b ", false),
        ("a: …", "a: anything", true),
        ("exp=…&kid=k", "exp=12&kid=k", true),
        ("exp=…&kid=k", "exp=12&kid=kk", false),
        ("…jpg", "a.jpg.jpg", true),
    ] {
        assert_eq!(fits(wanted, line), fit, "{wanted} {line}");
    }
    assert!(all_fit(&["a", "…", "z"], &["a", "b", "c", "z"]));
    assert!(!all_fit(&["a", "z"], &["a", "b", "z"]) && !all_fit(&["a"], &["a", "b"]));
}
