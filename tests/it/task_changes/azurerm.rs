//! What is known to go wrong with `azurerm_container_registry_task`, as its users reported it or as its sources show, and
//! the test that shows it does not go wrong here.

use std::{fs, path::Path};

/// The defect, and the tests: file below `tests/it` and name.
const DEFECTS: [(&str, &[(&str, &str)]); 21] = [
    (
        "a removed agent_pool_name stays in Azure, and every plan wants to remove it again",
        &[TABLE, DRIFT],
    ),
    ("so does a removed log_template", &[TABLE, DRIFT]),
    (
        "an unrelated update writes the step back as it was read, without its token and its secret arguments",
        &[PLAIN, WRITE_ONLY],
    ),
    ("it loses the endpoint of the base image trigger", &[PLAIN, WRITE_ONLY]),
    (
        "it lost the tokens of source triggers, until that was mended",
        &[PLAIN, WRITE_ONLY],
    ),
    (
        "it lost the credentials of other registries, until that was mended",
        &[PLAIN, WRITE_ONLY],
    ),
    (
        "tokens are given back to source triggers by position, so that another order pairs them wrongly",
        &[("task_changes/pairing.rs", "every_secret_stays_with_what_it_belongs_to")],
    ),
    (
        "there is no identity for the task's own registry, which registries in ABAC mode need",
        &[
            TABLE,
            (
                "task_changes/pairing.rs",
                "an_identity_for_the_own_registry_is_refused_where_it_would_be_lost",
            ),
        ],
    ),
    (
        "it crashed on a task to which the Azure CLI had given that identity",
        &[
            DRIFT,
            (
                "task_changes/odd_answers.rs",
                "a_task_that_the_azure_cli_gave_an_identity",
            ),
        ],
    ),
    (
        "it may crash on a task or trigger without a status",
        &[("task_changes/odd_answers.rs", "triggers_without_anything_optional")],
    ),
    (
        "the token of a Docker step's context is demanded for public repositories too",
        &[TABLE],
    ),
    (
        "an ephemeral token is refused, because it is part of a block",
        &[
            WRITE_ONLY,
            (
                "task_changes/write_only.rs",
                "a_write_only_value_is_sent_when_its_version_changes_or_anything_else_does",
            ),
        ],
    ),
    (
        "processors are sent together with a pool, which Azure may refuse",
        &[
            ("task_changes/pairing.rs", "no_processors_are_sent_with_a_pool"),
            REFUSED,
        ],
    ),
    ("the length of a name is not checked", &[REFUSED]),
    ("schedules are not checked", &[REFUSED]),
    (
        "the identity of another registry's credential is a client id, and an ARM id is taken without a word",
        &[REFUSED],
    ),
    (
        "a password was shown in plans; now whole credentials are hidden",
        &[(
            "task_changes/refusals.rs",
            "plans_show_what_is_no_secret_and_nothing_else",
        )],
    ),
    ("whether GitHub Enterprise can be a source is not said", &[TABLE]),
    (
        "an import recovers no secret, and does not say which are missing",
        &[(
            "task/lifecycle.rs",
            "import_in_any_casing_and_with_a_list_of_what_is_missing",
        )],
    ),
    (
        "that a closed registry refuses tasks by default shows only in the log of a run",
        &[(
            "task_changes/refusals.rs",
            "a_registry_that_would_refuse_the_task_is_told_at_plan",
        )],
    ),
    (
        "a GitHub token needs admin:repo_hook for its trigger, and nothing says so",
        &[("task_changes/refusals.rs", "the_scopes_of_a_token_are_documented")],
    ),
];

const TABLE: (&str, &str) = (
    "task_changes/table.rs",
    "every_argument_and_block_is_set_changed_and_removed",
);
const DRIFT: (&str, &str) = (
    "task_changes/drift.rs",
    "what_was_changed_elsewhere_is_shown_and_put_right",
);
const PLAIN: (&str, &str) = (
    "task_changes/secrets.rs",
    "plain_secrets_survive_every_unrelated_update",
);
const WRITE_ONLY: (&str, &str) = (
    "task_changes/secrets.rs",
    "write_only_secrets_survive_every_unrelated_update_and_are_stored_nowhere",
);
const REFUSED: (&str, &str) = (
    "task_changes/refusals.rs",
    "what_azure_would_refuse_or_never_run_is_refused_before",
);

#[test]
fn every_defect_has_its_test() {
    for (defect, tests) in DEFECTS {
        assert!(!tests.is_empty(), "{defect}");
        for (file, test) in tests {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file);
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let marked = format!("#[test]\nfn {test}()");
            assert!(text.contains(&marked), "{defect}: {file} has no test {test}");
        }
    }
}
