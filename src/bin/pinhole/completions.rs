//! `pinhole completions`: scripts by which shells complete what is typed.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Outcome;
use crate::screen::pour;

/// Print the script by which a shell completes the arguments of pinhole.
///
/// bash: `pinhole completions bash > ~/.local/share/bash-completion/completions/pinhole`.
///
/// zsh: `pinhole completions zsh > DIRECTORY/_pinhole`, with a directory of `$fpath`.
///
/// fish: `pinhole completions fish > ~/.config/fish/completions/pinhole.fish`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "pinhole", &mut script);
    pour(&script);
    Outcome::Good
}
