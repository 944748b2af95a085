//! The command line as a shell meets it: colours, completions, manual pages.
//!
//! What a machine lacks (`script`, `man`, `groff`) is named on stderr and skipped.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PINHOLE: &str = env!("CARGO_BIN_EXE_pinhole");

fn pinhole(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(PINHOLE)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// Whether a tool is there; says what is skipped where it is not.
fn has(tool: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap().status.success();
    if !found {
        // Not `println!`, which cargo shows of failing tests only.
        let _ = writeln!(std::io::stderr(), "SKIPPED a part of the shell tests: {tool} is not on PATH");
    }
    found
}

fn in_tmp(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn colours_are_for_terminals_and_for_who_asks_for_them() {
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let Output { stdout, stderr, .. } = pinhole(arguments, variables);
        [stdout, stderr].concat().contains(&0x1b)
    };
    let (verb, bad) = (["options"], ["check", "tests/config/bad/empty.json"]);
    assert!(!coloured(&verb, &[]) && !coloured(&bad, &[]), "a pipe");
    assert!(!coloured(&["--color", "never", "options"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["options", "--color=auto"], &[]));
    for always in
        [&["options", "--color", "always"][..], &["--color=always", "options"], &["--color=always", "--help"]]
    {
        assert!(coloured(always, &[]) && coloured(always, &[("NO_COLOR", "1")]), "{always:?}");
    }
    assert!(coloured(&["--color", "always", "check", "tests/config/bad/empty.json"], &[]));
    assert!(coloured(&["--color", "always", "nonsense"], &[]), "clap's own errors");
    // A document is read by programs.
    assert!(!coloured(&["--color", "always", "options", "--json"], &[]));

    if has("script") {
        let on_terminal = |variables: &str| {
            let command = format!("env -i TERM=xterm {variables} {PINHOLE} options");
            let output = Command::new("script").args(["-qec", &command, "/dev/null"]).output().unwrap();
            assert!(!output.stdout.is_empty(), "{output:?}");
            output.stdout.contains(&0x1b)
        };
        assert!(on_terminal("A=1"));
        assert!(!on_terminal("NO_COLOR=1"));
    }
}

/// What bash offers after these words, of which the last is being typed.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let (last, before) = (words.len().saturating_sub(1), words.len().saturating_sub(2));
    let program = format!(
        "source '{}' && complete -p pinhole >/dev/null && COMP_WORDS=({}) COMP_CWORD={last} && \
         _pinhole pinhole \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{before}]}}\" && \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        quoted.join(" "),
    );
    let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
    assert_eq!(output.stderr, b"", "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_completes_verbs_options_and_their_values() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = pinhole(&["completions", shell], &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let script = String::from_utf8(output.stdout).unwrap();
        for verb in ["replay", "completions", "man", "explain"] {
            assert!(script.contains(verb), "{shell}: {verb}");
        }
    }
    assert_eq!(pinhole(&["completions", "bsh"], &[]).status.code(), Some(1));
    if !has("bash") {
        return;
    }
    let script = in_tmp("pinhole.bash");
    std::fs::write(&script, pinhole(&["completions", "bash"], &[]).stdout).unwrap();
    assert_eq!(offered(&script, &["pinhole", "rep"]), ["replay"]);
    assert_eq!(offered(&script, &["pinhole", "ch"]), ["check"]);
    assert_eq!(offered(&script, &["pinhole", "replay", "--fo"]), ["--format"]);
    assert_eq!(offered(&script, &["pinhole", "replay", "--format", "c"]), ["combined", "cloudfront"]);
    assert_eq!(offered(&script, &["pinhole", "options", "--color", "al"]), ["always"]);
    assert_eq!(offered(&script, &["pinhole", "nothing-of-ours-begins-like-this"]), [""; 0]);
}

#[test]
fn there_is_a_manual_page_for_every_verb_and_it_renders() {
    let directory = in_tmp("man1");
    let _ = std::fs::remove_dir_all(&directory);
    let output = pinhole(&["man", "--dir", &directory.display().to_string()], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let help = String::from_utf8(pinhole(&["--help"], &[]).stdout).unwrap();
    let verbs =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs = verbs.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: Vec<&str> =
        verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help").collect();
    assert!(verbs.len() >= 10, "{verbs:?}");
    let mut pages: Vec<String> = verbs.iter().map(|verb| format!("pinhole-{verb}.1")).collect();
    pages.push("pinhole.1".to_owned());
    pages.sort();
    let mut written: Vec<String> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, pages);

    let alone = pinhole(&["man", "replay"], &[]);
    let written = std::fs::read_to_string(directory.join("pinhole-replay.1")).unwrap();
    assert_eq!(String::from_utf8(alone.stdout).unwrap(), written);
    let near = pinhole(&["man", "repaly"], &[]);
    assert_eq!(near.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&near.stderr).contains("did you mean `replay`?"), "{near:?}");

    let (groff, mandoc, man) = (has("groff"), has("mandoc"), has("man"));
    for page in &pages {
        let page = directory.join(page).display().to_string();
        if groff {
            let lint = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z", &page]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&lint.stderr), "", "{page}");
            assert!(lint.status.success(), "{page}");
        }
        if mandoc {
            let lint = Command::new("mandoc").args(["-Tlint", "-Werror", &page]).output().unwrap();
            assert!(lint.status.success(), "{lint:?}");
        }
        if man {
            let shown = Command::new("man")
                .args(["-l", &page])
                .env("MANPAGER", "cat")
                .env("LC_ALL", "C.UTF-8")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&shown.stdout);
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION"] {
                assert!(text.contains(section), "{page}: {shown:?}");
            }
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let program = format!("{PINHOLE} schema | head -1; echo \"${{PIPESTATUS[0]}}\"");
    if has("bash") {
        let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "{\n0\n");
        assert_eq!(output.stderr, b"", "{output:?}");
    }
}

#[test]
fn a_mistyped_verb_option_or_value_is_told_the_one_that_is_meant() {
    for (arguments, meant) in [
        (&["relpay"][..], "'replay'"),
        (&["check", "--jsno", "a"], "'--json'"),
        (&["replay", "a", "b", "--format", "cloudfrnt"], "'cloudfront'"),
        (&["--color", "alwys", "options"], "'always'"),
    ] {
        let output = pinhole(arguments, &[]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("tip:") && told.contains(meant), "{arguments:?}: {told}");
    }
}
