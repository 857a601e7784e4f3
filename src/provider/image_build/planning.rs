//! What a plan of a build can tell: the hash of a local source, whether it is built anew, and whether that will work.
//!
//! Terraform plans again before it applies: files that were edited in between give another hash, which Terraform calls an
//! inconsistent final plan.

use tokio_util::sync::CancellationToken;

use crate::{
    acr::RegistryId,
    azure::{Call, Client},
    framework::{
        Diagnostic, Diagnostics, Field, Path,
        resource::{PlanRequest, RefinedPlan},
    },
    provider::{
        blocks,
        preflight::Preflight,
        registry_credential::{self, CALLER},
        running::{Order, RunModel},
    },
};

use super::{
    ImageBuildModel,
    context::{self, Place},
    resource::what,
};

/// The computed attribute whose change builds again.
const SOURCE_HASH: &str = "source_hash";

/// What planning has at hand. `azure` is missing while the provider cannot be configured; then less is checked.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    /// Client and frame for reads.
    pub azure: Option<&'a (Client, Call)>,
    /// The checks before something runs.
    pub preflight: &'a Preflight,
    /// Tripped when the user interrupts.
    pub cancel: &'a CancellationToken,
}

impl Planner<'_> {
    /// Refines the framework's plan.
    pub async fn refine(self, request: PlanRequest<ImageBuildModel>) -> RefinedPlan<ImageBuildModel> {
        let prior = request.prior.clone();
        let mut plan = request.unchanged();
        let (hash, warnings) = match context::place(&plan.planned.context, &plan.planned.dockerfile) {
            Place::Local { root, dockerfile } => match context::look(root.clone(), dockerfile, self.cancel).await {
                Ok(hashed) => (Field::Known(hashed.hash), context::warnings(&hashed.source)),
                Err(error) => match kept(&plan, prior.as_ref(), &root) {
                    Some(hash) if !self.cancel.is_cancelled() => {
                        plan.diagnostics.push(context::gone(&root));
                        (hash, Diagnostics::new())
                    }
                    _ => {
                        plan.diagnostics.push(error);
                        return plan;
                    }
                },
            },
            Place::Remote => (Field::Null, Diagnostics::new()),
            Place::Unknown => (Field::Unknown, Diagnostics::new()),
        };
        let builds = settle(&mut plan, prior.as_ref(), hash);
        if builds {
            plan.diagnostics.extend(warnings);
            let checked = self.check(&plan.planned).await;
            plan.diagnostics.extend(checked);
        }
        plan
    }

    /// Whether the build will find a machine, and whether the registry lets it in.
    async fn check(self, planned: &ImageBuildModel) -> Diagnostics {
        let (Some((client, call)), Some(subject)) = (self.azure, planned.subject()) else {
            return Diagnostics::new();
        };
        let (options, what) = (planned.options(), what(planned));
        let order = Order {
            what: &what,
            subject: &subject,
            options: &options,
            attribute: None,
        };
        let mut found = order.at_plan(client, call, self.preflight).await;
        let registry = &subject.registry;
        if self.preflight.is_without_registry(client, call, registry).await {
            found.push(no_such_registry(registry));
        }
        let identity = planned
            .credential()
            .and_then(|block| block.own_identity(subject.registry.name()));
        if identity.is_none() && is_settled(planned) {
            let attribute = registry_credential::BLOCK;
            let told = self
                .preflight
                .runs_without_identity(client, call, registry, attribute, CALLER);
            found.extend(told.await);
        }
        found
    }
}

/// The stored hash, for a build that is not planned to change and whose context is not there at all any more. Destroying begins
/// with a plan of what is configured, which must not fail for want of a folder that is needed no longer. It makes no apply
/// untrue: nothing is built from a kept hash, and what is built reads the context.
fn kept(
    plan: &RefinedPlan<ImageBuildModel>,
    prior: Option<&ImageBuildModel>,
    root: &std::path::Path,
) -> Option<Field<String>> {
    let prior = prior.filter(|_| plan.requires_replace.is_empty())?;
    let same = prior.context.known()?.path == plan.planned.context.known()?.path;
    let is_gone = root.try_exists().is_ok_and(|exists| !exists);
    (same && is_gone && prior.source_hash.known().is_some()).then(|| prior.source_hash.clone())
}

fn no_such_registry(registry: &RegistryId) -> Diagnostic {
    let detail = format!(
        "Azure has no {}, so that the build will be refused. Correct registry_id; if the same configuration creates the registry, take the id from that resource, so that Terraform knows the order.",
        registry.human()
    );
    Diagnostic::warning("The registry does not exist", detail).at_attribute("registry_id")
}

/// Whether nothing of the registry's credential is still to come.
fn is_settled(planned: &ImageBuildModel) -> bool {
    let open = |block: &registry_credential::RegistryCredential| {
        let source = blocks::one(&block.source).is_some_and(|source| source.identity.is_unknown());
        let custom = blocks::all(&block.custom).iter();
        source
            || block.source.is_unknown()
            || block.custom.is_unknown()
            || custom.into_iter().any(|one| one.identity.is_unknown())
    };
    !planned.registry_credential.is_unknown() && !planned.credential().is_some_and(open)
}

/// Puts the hash into the plan; whether that comes to a build. One whose hash is not known yet may turn out another one,
/// and Terraform takes no late change of mind: it is planned to be replaced.
fn settle(plan: &mut RefinedPlan<ImageBuildModel>, prior: Option<&ImageBuildModel>, hash: Field<String>) -> bool {
    let path = Path::attribute(SOURCE_HASH);
    if prior.is_some_and(|prior| prior.source_hash != hash) && !plan.requires_replace.contains(&path) {
        plan.requires_replace.push(path);
    }
    plan.planned.source_hash = hash;
    let Some(prior) = prior.filter(|_| plan.requires_replace.is_empty()) else {
        plan.planned.predict(None);
        return true;
    };
    plan.planned.predict(Some(prior));
    plan.planned.image_digests = prior.image_digests.clone();
    plan.planned.source_hash = prior.source_hash.clone();
    // The same files in another folder are no change.
    if let (Field::Known(planned), Field::Known(before)) = (&plan.planned.context, &prior.context) {
        let mut elsewhere = plan.planned.clone();
        elsewhere.context = Field::Known(context::ContextModel {
            path: before.path.clone(),
            ..planned.clone()
        });
        if elsewhere == *prior {
            plan.planned = elsewhere;
        }
    }
    false
}
