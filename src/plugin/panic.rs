//! What is written when the provider panics.
//!
//! Terraform watches a plugin's standard error for a line that begins `panic: `, collects what follows and shows it to the
//! user when the command fails, whether logging is on or not. The usual text of a Rust panic is not recognised.
//!
//! That report ends up in terminals and build logs, so it must hold no secret. A message that was put together while the
//! program ran may quote anything: the standard library itself quotes the text that it could not cut, the error that nobody
//! expected, the values that were not equal. Only fixed words of the source are shown; the place and the trace, which name
//! code and no values, tell the rest.

use std::{
    any::Any,
    backtrace::Backtrace,
    fmt::Display,
    io::{self, Write},
    panic::PanicHookInfo,
};

/// Stands for a message that may hold what is secret.
const WITHHELD: &str = "(the message is not shown, because it was put together at run time and may hold a secret)";

/// Makes every panic of the process write a report that Terraform recognises, instead of the usual text, with no value in it
/// that the program knew.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let location = info.location().map(ToString::to_string);
        let report = report(
            message(info.payload()),
            location.as_deref(),
            &Backtrace::force_capture(),
        );
        // One piece, so that no log line comes in between; nobody is left to hear of a failure to write.
        let _ = io::stderr().lock().write_all(report.as_bytes());
    }));
}

/// The report: the line that Terraform waits for, the place, the trace.
fn report(message: &str, location: Option<&str>, trace: &dyn Display) -> String {
    let location = location.unwrap_or("an unknown place");
    format!("panic: {message}\n\nat {location}\n{trace}\n")
}

/// The words given to `panic!` when they are fixed in the source. Words made at run time are a `String`, and any other payload
/// has none.
fn message(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or(WITHHELD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_begins_as_terraform_expects() {
        assert_eq!(
            report("out of ideas", Some("a.rs:1:2"), &"trace"),
            "panic: out of ideas\n\nat a.rs:1:2\ntrace\n"
        );
    }

    #[test]
    fn only_fixed_words_are_told() {
        let cases: [(Box<dyn Any + Send>, &str); 3] = [
            (Box::new("fixed"), "fixed"),
            (Box::new("made".to_owned()), WITHHELD),
            (Box::new(7), WITHHELD),
        ];
        for (payload, expected) in cases {
            assert_eq!(message(payload.as_ref()), expected);
        }
        let cut = std::panic::catch_unwind(|| "ß"[..1].len()).unwrap_err();
        assert_eq!(message(cut.as_ref()), WITHHELD);
        let empty: Vec<u8> = Vec::new();
        let nothing = std::panic::catch_unwind(|| *empty.iter().min().unwrap()).unwrap_err();
        assert!(message(nothing.as_ref()).contains("on a `None` value"));
    }
}
