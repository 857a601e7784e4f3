//! How a handler that failed answers: responses say what happened in diagnostics, functions in an error of their own.

use super::{encode, wire};
use crate::framework::{Diagnostic, function::FunctionError};

/// A response message.
pub(super) trait Reply: Send + 'static {
    /// The reply that says nothing but this.
    fn refuse(diagnostic: &Diagnostic) -> Self;
}

macro_rules! reply {
    ($($message:ident),* $(,)?) => {
        $(impl Reply for wire::$message::Response {
            fn refuse(diagnostic: &Diagnostic) -> Self {
                let mut reply = Self::default();
                reply.diagnostics.push(encode::diagnostic(diagnostic));
                reply
            }
        })*
    };
}

reply!(
    get_metadata,
    get_provider_schema,
    get_functions,
    prepare_provider_config,
    validate_resource_type_config,
    validate_data_source_config,
    upgrade_resource_state,
    configure,
    read_resource,
    plan_resource_change,
    apply_resource_change,
    import_resource_state,
    read_data_source,
    move_resource_state,
    generate_resource_config,
    upgrade_resource_identity,
);

impl Reply for wire::call_function::Response {
    fn refuse(diagnostic: &Diagnostic) -> Self {
        let Diagnostic { summary, detail, .. } = diagnostic;
        encode::function_result(Err(FunctionError::new(format!("{summary}: {detail}"))))
    }
}

/// How a handler's panic is told. Its message may quote whatever was at hand, secrets included, unless it is fixed in the
/// source: then it is shown. The place is in the report on standard error, which Terraform shows as well.
pub(super) fn panicked(rpc: &str, error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(payload) => match payload.downcast_ref::<&'static str>() {
            Some(words) => format!("{rpc} panicked: {words}."),
            None => format!(
                "{rpc} panicked. What it said is not shown, because it was put together at run time and may hold a secret; the report that begins with \"panic:\", in Terraform's output and log, has the place."
            ),
        },
        Err(error) => format!("{rpc} ended early: {error}."),
    }
}
