//! A run as users see it, and the type of it. What ARM leaves out is null.

use time::OffsetDateTime;

use crate::{
    acr::{
        diagnosis::instant,
        registry::RegistryId,
        run::{self, Run, RunId},
    },
    framework::{Field, Type},
    model,
};

model! {
    /// An image that a run has pushed, or that has started one.
    pub struct ImageModel {
        /// `sha256:…`.
        pub digest: String,
        /// Login server.
        pub registry: String,
        /// Repository.
        pub repository: String,
        /// Tag.
        pub tag: String,
    }
}

model! {
    /// What a run runs on.
    pub struct PlatformModel {
        /// Processor architecture.
        pub architecture: String,
        /// Operating system.
        pub os: String,
        /// Variant of the architecture.
        pub variant: String,
    }
}

model! {
    /// The schedule that has started a run.
    pub struct TimerModel {
        /// Its name within the task.
        pub name: String,
        /// When it was due.
        pub occurrence: String,
    }
}

model! {
    /// The commit or pull request that has started a run. The repository's URL stays away: it may hold a token.
    pub struct SourceModel {
        /// The branch.
        pub branch: String,
        /// The commit.
        pub commit_id: String,
        /// `commit` or `pullrequest`.
        pub event: String,
        /// The pull request.
        pub pull_request_id: String,
    }
}

model! {
    /// The update of base images that has started a run.
    pub struct BaseImageModel {
        /// The images.
        pub images: Vec<ImageModel>,
        /// When they were updated.
        pub updated_at: String,
    }
}

model! {
    /// One run.
    pub struct RunModel {
        /// The pool, if it ran on one.
        pub agent_pool_name: String,
        /// The base images whose update started it.
        pub base_image_trigger: BaseImageModel,
        /// When it was queued.
        pub created_at: String,
        /// From start to end.
        pub duration_seconds: i64,
        /// Why it failed.
        pub error_message: String,
        /// When it ended.
        pub finished_at: String,
        /// ARM id.
        pub id: String,
        /// Whether record and log are kept.
        pub is_archived: bool,
        /// What it pushed.
        pub output_images: Vec<ImageModel>,
        /// What it runs on.
        pub platform: PlatformModel,
        /// From being queued to start.
        pub queued_seconds: i64,
        /// `cf1` and the like.
        pub run_id: String,
        /// ARM's word for its kind.
        pub run_type: String,
        /// The commit or pull request that started it.
        pub source_trigger: SourceModel,
        /// When it began.
        pub started_at: String,
        /// ARM's status.
        pub status: String,
        /// The task's name.
        pub task_name: String,
        /// The schedule that started it.
        pub timer_trigger: TimerModel,
    }
}

/// The type of a [`RunModel`].
pub fn run_type() -> Type {
    let image = || object(&["digest", "registry", "repository", "tag"]);
    let mut members = members(&[
        "agent_pool_name",
        "created_at",
        "error_message",
        "finished_at",
        "id",
        "run_id",
        "run_type",
        "started_at",
        "status",
        "task_name",
    ]);
    members.extend([
        (
            "base_image_trigger".to_owned(),
            Type::Object(
                [
                    ("images".to_owned(), Type::list(image())),
                    ("updated_at".to_owned(), Type::String),
                ]
                .into(),
            ),
        ),
        ("duration_seconds".to_owned(), Type::Number),
        ("is_archived".to_owned(), Type::Bool),
        ("output_images".to_owned(), Type::list(image())),
        ("platform".to_owned(), object(&["architecture", "os", "variant"])),
        ("queued_seconds".to_owned(), Type::Number),
        (
            "source_trigger".to_owned(),
            object(&["branch", "commit_id", "event", "pull_request_id"]),
        ),
        ("timer_trigger".to_owned(), object(&["name", "occurrence"])),
    ]);
    Type::Object(members.into_iter().collect())
}

fn members(names: &[&str]) -> Vec<(String, Type)> {
    names.iter().map(|name| ((*name).to_owned(), Type::String)).collect()
}

fn object(texts: &[&str]) -> Type {
    Type::Object(members(texts).into_iter().collect())
}

/// A run of a registry.
pub fn run(registry: &RegistryId, run: &Run) -> RunModel {
    let at = |text: &Option<String>| text.as_deref().and_then(instant);
    let (created, started, finished) = (at(&run.create_time), at(&run.start_time), at(&run.finish_time));
    let images = |images: &Option<Vec<run::Image>>| images.iter().flatten().map(image).collect();
    RunModel {
        agent_pool_name: run.agent_pool_name.clone().filter(|name| !name.is_empty()).into(),
        base_image_trigger: Field::from(run.image_update_trigger.as_ref()).map(|trigger| BaseImageModel {
            images: Field::Known(images(&trigger.images)),
            updated_at: trigger.timestamp.clone().into(),
        }),
        created_at: run.create_time.clone().into(),
        duration_seconds: seconds(started, finished),
        error_message: run.run_error_message.clone().into(),
        finished_at: run.finish_time.clone().into(),
        id: Field::Known(RunId::new(registry.clone(), &run.run_id).to_string()),
        is_archived: run.is_archive_enabled.into(),
        output_images: Field::Known(images(&run.output_images)),
        platform: Field::from(run.platform.as_ref()).map(|platform| PlatformModel {
            architecture: platform.architecture.clone().into(),
            os: Field::Known(platform.os.clone()),
            variant: platform.variant.clone().into(),
        }),
        queued_seconds: seconds(created, started),
        run_id: Field::Known(run.run_id.clone()),
        run_type: run.run_type.clone().into(),
        source_trigger: Field::from(run.source_trigger.as_ref()).map(|trigger| SourceModel {
            branch: trigger.branch_name.clone().into(),
            commit_id: trigger.commit_id.clone().into(),
            event: trigger.event_type.clone().into(),
            pull_request_id: trigger.pull_request_id.clone().into(),
        }),
        started_at: run.start_time.clone().into(),
        status: Field::Known(run.status.clone()),
        task_name: run.task.clone().into(),
        timer_trigger: Field::from(run.timer_trigger.as_ref()).map(|trigger| TimerModel {
            name: trigger.timer_trigger_name.clone().into(),
            occurrence: trigger.schedule_occurrence.clone().into(),
        }),
    }
}

fn image(image: &run::Image) -> ImageModel {
    ImageModel {
        digest: image.digest.clone().into(),
        registry: image.registry.clone().into(),
        repository: image.repository.clone().into(),
        tag: image.tag.clone().into(),
    }
}

/// Whole seconds between two times; null unless both are known.
fn seconds(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> Field<i64> {
    let both = from.zip(to);
    both.map(|(from, to)| (to - from).whole_seconds().max(0)).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::framework::{Model, Value};

    fn registry() -> RegistryId {
        "/subscriptions/5f0a2c6e-9d4b-4b8e-8f3a-0c1d2e3f4a5b/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/builds"
            .parse()
            .unwrap()
    }

    fn read(body: serde_json::Value) -> RunModel {
        run(&registry(), &serde_json::from_value(body).unwrap())
    }

    /// Every object has the members that its type promises, at any depth.
    fn fits(ty: &Type, value: &Value) {
        match (ty, value) {
            (_, Value::Null) => {}
            (Type::Object(types), Value::Map(members)) => {
                assert_eq!(types.keys().collect::<Vec<_>>(), members.keys().collect::<Vec<_>>());
                types.iter().for_each(|(name, ty)| fits(ty, &members[name]));
            }
            (Type::List(element), Value::List(elements)) => elements.iter().for_each(|it| fits(element, it)),
            (Type::String, Value::String(_)) | (Type::Number, Value::Number(_)) | (Type::Bool, Value::Bool(_)) => {}
            (ty, value) => panic!("{value:?} is no {ty:?}"),
        }
    }

    #[test]
    fn a_run_with_everything_is_of_its_type() {
        let image = json!({"registry": "b.example", "repository": "app", "tag": "1", "digest": "sha256:00"});
        let whole = read(
            json!({"runId": "cf1", "status": "Succeeded", "runType": "QuickRun", "agentPoolName": "p01", "task": "nightly",
            "createTime": "2026-11-02T08:00:00.1234567+00:00", "startTime": "2026-11-02T08:00:04.2+00:00",
            "finishTime": "2026-11-02T08:01:09.9+00:00", "outputImages": [image], "runErrorMessage": "no", "isArchiveEnabled": true,
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
            "timerTrigger": {"timerTriggerName": "t1", "scheduleOccurrence": "2026-11-02T08:00:00Z"},
            "sourceTrigger": {"eventType": "commit", "commitId": "c0ffee", "branchName": "main", "pullRequestId": "7",
                "repositoryUrl": "https://token@git.example/app"},
            "imageUpdateTrigger": {"id": "x", "timestamp": "2026-11-02T07:59:00Z", "images": [image]}}),
        );
        fits(&run_type(), &whole.to_value());
        assert_eq!(
            (&whole.queued_seconds, &whole.duration_seconds),
            (&Field::Known(4), &Field::Known(65))
        );
        assert!(
            !format!("{whole:?}").contains("token@"),
            "a repository's URL may hold a token"
        );
        let base = whole.base_image_trigger.known().unwrap();
        assert_eq!(base.images, whole.output_images);
    }

    #[test]
    fn a_run_that_waits_has_little_to_tell() {
        let waiting = read(
            json!({"runId": "cf2", "status": "Queued", "createTime": "2026-11-02T08:00:00Z", "agentPoolName": ""}),
        );
        fits(&run_type(), &waiting.to_value());
        assert_eq!(
            (
                &waiting.queued_seconds,
                &waiting.agent_pool_name,
                &waiting.timer_trigger
            ),
            (&Field::Null, &Field::Null, &Field::Null)
        );
        assert_eq!(waiting.output_images, Field::Known(Vec::new()));
    }
}
