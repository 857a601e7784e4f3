//! What the models of runs have in common: the user's options, and what a run leaves in the state.

use crate::{
    acr::{
        diagnosis::instant,
        run::{Image, Run},
    },
    framework::{Field, Model},
    model,
};

use super::Record;

/// How many of the log's last lines a failure shows when the user says nothing.
pub const LOG_TAIL_LINES: i64 = 50;

model! {
    /// An image that a run has pushed.
    pub struct ImageModel {
        /// `sha256:` and 64 hexadecimal digits.
        pub digest: String,
        /// The login server.
        pub registry: String,
        /// The repository.
        pub repository: String,
        /// The tag.
        pub tag: String,
    }
}

model! {
    /// The `scale` block.
    pub struct ScaleModel {
        /// Machines that the pool has at least while the run is on it.
        pub instances: i64,
        /// Whether the pool is put back afterwards.
        pub restore: bool,
    }
}

/// What the user wants of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether somebody waits for its end.
    pub wait: bool,
    /// The statuses that are failures.
    pub fail_on: Vec<String>,
    /// Whether it is cancelled when nobody waits any more.
    pub cancel_on_interrupt: bool,
    /// How many of its log's last lines are kept.
    pub log_tail_lines: usize,
    /// Machines for it.
    pub scale: Option<Scale>,
}

/// Machines for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// How many the pool has at least.
    pub instances: i64,
    /// Whether the pool is put back afterwards.
    pub restore: bool,
}

/// A model with the fields of a run. [`crate::run_model!`] writes the implementation.
pub trait RunModel: Model {
    /// The options, defaults where the user or the plan says nothing.
    fn options(&self) -> Options;

    /// Takes in what a run has left. The log's last lines only with `store_log_tail`.
    fn record(&mut self, record: &Record);

    /// Takes in a later look at the run; its log stays what it was.
    fn refresh(&mut self, run: &Run);

    /// What of the run is known at plan: all that has been, where `prior` is changed in place, and no log where none is to be
    /// stored.
    fn predict(&mut self, prior: Option<&Self>);
}

/// Writes [`RunModel`] for a [`crate::model!`] struct with the fields of [`super::schema`].
#[macro_export]
macro_rules! run_model {
    ($model:ty) => {
        impl $crate::provider::running::RunModel for $model {
            fn options(&self) -> $crate::provider::running::Options {
                $crate::provider::running::model::options(
                    &self.wait,
                    &self.fail_on,
                    &self.cancel_on_interrupt,
                    &self.log_tail_lines,
                    &self.scale,
                )
            }

            fn record(&mut self, record: &$crate::provider::running::Record) {
                self.id = $crate::framework::Field::Known(record.id.to_string());
                self.run_id = $crate::framework::Field::Known(record.id.run_id().to_owned());
                $crate::provider::running::RunModel::refresh(self, &record.run);
                self.log_tail = $crate::provider::running::model::log_tail(&self.store_log_tail, &record.log.tail);
            }

            fn refresh(&mut self, run: &$crate::acr::run::Run) {
                self.status = $crate::framework::Field::Known(run.status.clone());
                self.error_message = run.run_error_message.clone().into();
                self.created_at = run.create_time.clone().into();
                self.started_at = run.start_time.clone().into();
                self.finished_at = run.finish_time.clone().into();
                self.duration_seconds = $crate::provider::running::model::duration_seconds(run);
                self.output_images = $crate::provider::running::model::images(run);
            }

            fn predict(&mut self, prior: Option<&Self>) {
                if let Some(prior) = prior {
                    // What is changed in place is Terraform's own: it changes nothing of a run that has been.
                    self.id = prior.id.clone();
                    self.run_id = prior.run_id.clone();
                    self.status = prior.status.clone();
                    self.error_message = prior.error_message.clone();
                    self.created_at = prior.created_at.clone();
                    self.started_at = prior.started_at.clone();
                    self.finished_at = prior.finished_at.clone();
                    self.duration_seconds = prior.duration_seconds.clone();
                    self.output_images = prior.output_images.clone();
                }
                let prior = prior.map(|prior| &prior.log_tail);
                self.log_tail = $crate::provider::running::model::planned_log(&self.store_log_tail, prior);
            }
        }
    };
}

/// See [`RunModel::options`].
#[must_use]
pub fn options(
    wait: &Field<bool>,
    fail_on: &Field<Vec<Field<String>>>,
    cancel_on_interrupt: &Field<bool>,
    log_tail_lines: &Field<i64>,
    scale: &Field<ScaleModel>,
) -> Options {
    let listed = |given: &Vec<Field<String>>| given.iter().filter_map(Field::text).map(str::to_owned).collect();
    let all = || super::schema::FAIL_ON.map(str::to_owned).to_vec();
    let lines = log_tail_lines.known().copied().unwrap_or(LOG_TAIL_LINES);
    let scale = scale.known().and_then(|scale| {
        Some(Scale {
            instances: *scale.instances.known()?,
            restore: scale.restore != Field::Known(false),
        })
    });
    Options {
        wait: *wait != Field::Known(false),
        fail_on: fail_on.known().map_or_else(all, listed),
        cancel_on_interrupt: *cancel_on_interrupt != Field::Known(false),
        log_tail_lines: usize::try_from(lines).unwrap_or_default(),
        scale,
    }
}

/// The stored log.
#[must_use]
pub fn log_tail(store: &Field<bool>, lines: &[String]) -> Field<String> {
    if *store == Field::Known(true) {
        Field::Known(lines.join("\n"))
    } else {
        Field::Null
    }
}

/// The log at plan: none where none is stored, what there is where nothing runs anew.
#[must_use]
pub fn planned_log(store: &Field<bool>, prior: Option<&Field<String>>) -> Field<String> {
    match (store, prior) {
        (Field::Unknown, None | Some(Field::Known(_))) => Field::Unknown,
        (Field::Known(true), None) => Field::Unknown,
        // A log that was not stored when the run ended is not read later.
        (Field::Known(true) | Field::Unknown, Some(prior)) => prior.clone(),
        _ => Field::Null,
    }
}

/// From start to end; null before, and for a run that never started.
#[must_use]
pub fn duration_seconds(run: &Run) -> Field<i64> {
    let at = |time: &Option<String>| time.as_deref().and_then(instant);
    let taken = at(&run.start_time).zip(at(&run.finish_time));
    taken
        .map(|(start, finish)| (finish - start).whole_seconds().max(0))
        .into()
}

/// What was pushed; none before the end.
#[must_use]
pub fn images(run: &Run) -> Field<Vec<ImageModel>> {
    let images = run.output_images.iter().flatten();
    Field::Known(images.map(image).collect())
}

fn image(image: &Image) -> ImageModel {
    ImageModel {
        digest: image.digest.clone().into(),
        registry: image.registry.clone().into(),
        repository: image.repository.clone().into(),
        tag: image.tag.clone().into(),
    }
}
