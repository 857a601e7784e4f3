//! What a person may write after the program's name. Terraform itself writes nothing.

use std::fmt;

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve a host; with `debug`, one that attaches by hand.
    Serve {
        /// Whether `--debug` was given.
        debug: bool,
    },
    /// Print the version and end.
    Version,
    /// Print the help text and end.
    Help,
}

/// An argument that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFlag(String);

impl fmt::Display for UnknownFlag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "The argument {:?} is not known; --help lists those that are.",
            self.0
        )
    }
}

impl std::error::Error for UnknownFlag {}

/// The help text, for a program called `name`.
pub fn help(name: &str) -> String {
    format!(
        "{name} is a Terraform provider. Terraform starts it by itself.

Usage: {name} [--debug | --version | --help]

  --debug    serve until Ctrl-C and print the environment variable with
             which Terraform attaches to this process
  --version  print the version
  --help     print this text"
    )
}

/// Reads the arguments, without the program's name. Each flag goes with one dash (as Go providers have it) or with two;
/// the first of `--help` and `--version` wins.
///
/// # Errors
/// The first argument that means nothing here.
pub fn parse<I: IntoIterator<Item = String>>(arguments: I) -> Result<Command, UnknownFlag> {
    let mut command = Command::Serve { debug: false };
    for argument in arguments {
        let flag = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'));
        let asked = match flag {
            Some("debug" | "debug=true") => Command::Serve { debug: true },
            Some("debug=false") => Command::Serve { debug: false },
            Some("version") => Command::Version,
            Some("help" | "h") => Command::Help,
            _ => return Err(UnknownFlag(argument)),
        };
        if matches!(command, Command::Serve { .. }) {
            command = asked;
        }
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let serve = |debug| Ok(Command::Serve { debug });
        let unknown = |flag: &str| Err(UnknownFlag(flag.to_owned()));
        let cases: [(&[&str], Result<Command, UnknownFlag>); 14] = [
            (&[], serve(false)),
            (&["--debug"], serve(true)),
            (&["-debug"], serve(true)),
            (&["-debug=true"], serve(true)),
            (&["--debug", "--debug=false"], serve(false)),
            (&["--version"], Ok(Command::Version)),
            (&["-version", "-h"], Ok(Command::Version)),
            (&["--debug", "--help"], Ok(Command::Help)),
            (&["-h"], Ok(Command::Help)),
            (&["---debug"], unknown("---debug")),
            (&["--debug", "--verbose"], unknown("--verbose")),
            (&["debug"], unknown("debug")),
            (&["-"], unknown("-")),
            (&[""], unknown("")),
        ];
        for (arguments, expected) in cases {
            assert_eq!(
                parse(arguments.iter().map(|text| (*text).to_owned())),
                expected,
                "{arguments:?}"
            );
        }
    }
}
