//! Azure Resource Manager, any service, over azure_core and azure_identity.
//!
//! * [`cloud`]: which Azure: endpoint, authority, audience.
//! * [`credential`]: how a token is obtained; what Entra ID says when it refuses.
//! * [`blob`]: blobs behind signed URLs: read in ranges, written from a file; no token goes there.
//! * [`call`]: the frame of one operation: correlation id, cancellation, deadline.
//! * [`client`]: one request and its answer; tokens go to the configured origin and nowhere else.
//! * [`exchange`]: one request sent until it is answered: attempts, waits, fresh tokens.
//! * [`offer`]: which API versions and regions this cloud serves, from its own metadata.
//! * [`response`]: the answer, and the headers that matter.
//! * [`retry`]: whether an attempt is repeated and when: one pure function.
//! * [`throttle`]: slowing down before the service says 429: pure, with one shared table.
//! * [`pace`]: how long is waited when the service asks for nothing.
//! * [`operation`]: long-running operations: a pure step machine and a short driver.
//! * [`resource_id`]: ARM ids, parsed and printed.
//! * [`mask`]: what is taken out of logs and messages.
//! * [`poll`]: how often an operation is looked at: one pure function.
//! * [`subnet_id`]: ids of subnets.
//! * [`transport`]: the wire beneath the client.
//! * [`error`]: what went wrong, in words, without secrets.

pub mod blob;
pub mod call;
pub mod client;
pub mod cloud;
pub mod credential;
mod envelope;
pub mod error;
pub mod exchange;
#[cfg(test)]
pub(crate) mod fake;
pub mod mask;
pub mod offer;
pub mod operation;
pub mod pace;
pub mod poll;
pub mod resource_id;
pub mod response;
pub mod retry;
pub mod subnet_id;
pub mod throttle;
pub mod transport;

pub use call::Call;
pub use client::{Client, Settings, Wire};
pub use cloud::Cloud;
pub use credential::CredentialSource;
pub use error::{ArmError, Error};
pub use offer::{Family, Offer};
pub use pace::Pace;
pub use resource_id::{InvalidId, ResourceId};
pub use response::Response;
pub use subnet_id::SubnetId;
pub use throttle::Throttle;
pub use transport::http_client;
