//! Which runs: the filter of a list in the service's words.
//!
//! Source of the members and operators: the API's specification. How the service reads a time has not been recorded; it is
//! written as OData writes one, without quotes.

use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

/// Which runs. What is not set lets every run through.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// Only this run.
    pub run_id: Option<&'a str>,
    /// Only those of this pool.
    pub agent_pool_name: Option<&'a str>,
    /// Only those in one of these states; empty for all.
    pub statuses: &'a [&'a str],
    /// Only those of this task.
    pub task_name: Option<&'a str>,
    /// Only those that put out this image: `repository@sha256:…` or a part of it.
    pub output_image: Option<&'a str>,
    /// Only those whose record and log are kept, or are not.
    pub is_archived: Option<bool>,
    /// Only those that were queued in this span.
    pub created: Span,
    /// Only those that ended in this span.
    pub finished: Span,
}

/// A span of time; open where a bound is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Option<OffsetDateTime>,
    /// The first instant after it.
    pub before: Option<OffsetDateTime>,
}

impl Filter<'_> {
    /// The filter in the service's words; `None` when everything passes.
    pub fn to_odata(&self) -> Option<String> {
        let equal = |name: &str, text: Option<&str>| text.map(|text| format!("{name} eq {}", quoted(text)));
        let image = self
            .output_image
            .map(|image| format!("contains(OutputImageManifests, {})", quoted(image)));
        let mut parts: Vec<String> = [
            equal("RunId", self.run_id),
            equal("AgentPoolName", self.agent_pool_name),
            equal("TaskName", self.task_name),
            image,
            self.is_archived.map(|it| format!("IsArchiveEnabled eq {it}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        parts.extend(self.created.to_odata("CreateTime"));
        parts.extend(self.finished.to_odata("FinishTime"));
        let states: Vec<String> = self
            .statuses
            .iter()
            .map(|status| format!("Status eq {}", quoted(status)))
            .collect();
        match states.len() {
            0 => {}
            1 => parts.extend(states),
            // Alone they need no parentheses, which is how the service's own clients write them.
            _ if parts.is_empty() => return Some(states.join(" or ")),
            _ => parts.push(format!("({})", states.join(" or "))),
        }
        (!parts.is_empty()).then(|| parts.join(" and "))
    }
}

impl Span {
    /// Whether an instant lies in it. An open span holds also what has no time.
    pub fn holds(&self, at: Option<OffsetDateTime>) -> bool {
        let Some(at) = at else {
            return *self == Self::default();
        };
        self.from.is_none_or(|from| at >= from) && self.before.is_none_or(|before| at < before)
    }

    fn to_odata(self, member: &str) -> impl Iterator<Item = String> {
        let bound = |operator: &str, at: Option<OffsetDateTime>| {
            let text = at?.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()?;
            Some(format!("{member} {operator} {text}"))
        };
        [bound("ge", self.from), bound("lt", self.before)].into_iter().flatten()
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn filters_in_the_services_words() {
        let all = Filter::default();
        let pool = Filter {
            agent_pool_name: Some("p'1"),
            ..all.clone()
        };
        let cases = [
            (all.clone(), None),
            (pool.clone(), Some("AgentPoolName eq 'p''1'")),
            (
                Filter {
                    statuses: &["Queued"],
                    ..all.clone()
                },
                Some("Status eq 'Queued'"),
            ),
            (
                Filter {
                    statuses: &["Queued", "Running"],
                    ..pool
                },
                Some("AgentPoolName eq 'p''1' and (Status eq 'Queued' or Status eq 'Running')"),
            ),
            (
                Filter {
                    statuses: &["Queued", "Running"],
                    ..all.clone()
                },
                Some("Status eq 'Queued' or Status eq 'Running'"),
            ),
            (
                Filter {
                    task_name: Some("nightly"),
                    statuses: &["Running"],
                    output_image: Some("app@sha256:00"),
                    ..all.clone()
                },
                Some(
                    "TaskName eq 'nightly' and contains(OutputImageManifests, 'app@sha256:00') and Status eq 'Running'",
                ),
            ),
            (
                Filter {
                    run_id: Some("cf1"),
                    is_archived: Some(false),
                    created: Span {
                        from: Some(datetime!(2026-11-02 09:00 +1)),
                        before: Some(datetime!(2026-11-03 00:00:00.5 UTC)),
                    },
                    finished: Span {
                        before: Some(datetime!(2026-11-04 00:00 UTC)),
                        ..Span::default()
                    },
                    ..all
                },
                Some(
                    "RunId eq 'cf1' and IsArchiveEnabled eq false and CreateTime ge 2026-11-02T08:00:00Z and CreateTime lt 2026-11-03T00:00:00.5Z and FinishTime lt 2026-11-04T00:00:00Z",
                ),
            ),
        ];
        for (filter, want) in cases {
            assert_eq!(filter.to_odata().as_deref(), want);
        }
    }

    #[test]
    fn a_span_holds_its_first_instant_and_not_its_end() {
        let (from, before) = (datetime!(2026-11-02 00:00 UTC), datetime!(2026-11-03 00:00 UTC));
        let span = Span {
            from: Some(from),
            before: Some(before),
        };
        for (at, inside) in [
            (Some(from), true),
            (Some(before), false),
            (Some(datetime!(2026-11-02 23:59 UTC)), true),
            (Some(datetime!(2026-11-01 23:59 UTC)), false),
            (None, false),
        ] {
            assert_eq!(span.holds(at), inside, "{at:?}");
        }
        assert!(Span::default().holds(None), "without bounds nothing is left out");
    }
}
