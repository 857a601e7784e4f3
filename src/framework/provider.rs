//! What a provider implements: its own block, and the list of everything it offers.

use super::{
    Diagnostics, Value,
    data_source::DynDataSource,
    function::Function,
    resource::{BoxFuture, DynResource},
    schema::Schema,
};

/// A provider.
pub trait Provider: Send + Sync + 'static {
    /// The schema of the provider block.
    fn schema(&self) -> Schema;

    /// Everything that `resource` blocks may name.
    fn resources(&self) -> &[Box<dyn DynResource>];

    /// Everything that `data` blocks may name.
    fn data_sources(&self) -> &[Box<dyn DynDataSource>];

    /// Everything that `provider::…` expressions may name. They work in a provider that nobody configured.
    fn functions(&self) -> &[Box<dyn Function>] {
        &[]
    }

    /// Checks of the provider block that concern several arguments at once. Values may be unknown.
    fn validate(&self, config: &Value) -> Diagnostics;

    /// Takes the provider block. Called again in long-lived processes, where it replaces what was configured before.
    /// Values may be unknown during a plan and never count as empty.
    fn configure<'a>(&'a self, config: Value, host: Host) -> BoxFuture<'a, Diagnostics>;
}

/// Who calls.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The version of Terraform or OpenTofu, as it tells.
    pub version: String,
}
