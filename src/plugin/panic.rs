//! What is written when the provider panics.
//!
//! Terraform watches a plugin's standard error for a line that begins `panic: `, collects what follows and shows it to the
//! user when the command fails, whether logging is on or not. The usual text of a Rust panic is not recognised.

use std::{
    any::Any,
    backtrace::Backtrace,
    fmt::Display,
    io::{self, Write},
    panic::PanicHookInfo,
};

/// Makes every panic of the process write a report that Terraform recognises, instead of the usual text.
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

/// The words given to `panic!`; any other payload has none.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
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
    fn messages_of_each_kind_of_payload() {
        let cases: [(Box<dyn Any + Send>, &str); 3] = [
            (Box::new("fixed"), "fixed"),
            (Box::new("made".to_owned()), "made"),
            (Box::new(7), "(no message)"),
        ];
        for (payload, expected) in cases {
            assert_eq!(message(payload.as_ref()), expected);
        }
    }
}
