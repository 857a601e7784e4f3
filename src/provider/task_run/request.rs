//! From a model to the request for a run. Pure.

use std::collections::BTreeMap;

use crate::{
    acr::{
        TaskId,
        run::{
            RunRequest, Secret as Hidden, Work,
            request::{Argument, Overrides, TaskRun},
        },
    },
    framework::{Diagnostic, Diagnostics, Field, Path, model::Secret},
};

use super::TaskRunModel;

type Named<T> = Field<BTreeMap<String, Field<T>>>;

/// The request. The pool is not named in it: it is the task's, and Azure has been seen to refuse another.
pub fn request(task: &TaskId, model: &TaskRunModel) -> RunRequest {
    let text = |field: &Field<String>| field.text().map(str::to_owned);
    RunRequest::new(Work::Task(TaskRun {
        task_id: task.to_string(),
        overrides: Overrides {
            context_path: model.context_path.text().map(Hidden::new),
            file: text(&model.file),
            arguments: settings(&model.arguments, &model.secret_arguments_wo),
            target: text(&model.target),
            values: settings(&model.values, &model.secret_values_wo),
            update_trigger_token: None,
        },
    }))
}

/// Plain and secret settings, each by name. Those without a value are left out.
fn settings(plain: &Named<String>, secret: &Named<Secret>) -> Vec<Argument> {
    let plain = plain.known().into_iter().flatten();
    let plain = plain.filter_map(|(name, value)| Some((name, value.known()?.as_str(), false)));
    let secret = secret.known().into_iter().flatten();
    let secret = secret.filter_map(|(name, value)| Some((name, value.known()?.0.as_str(), true)));
    let argument = |(name, value, is_secret): (&String, &str, bool)| Argument {
        name: name.clone(),
        value: Hidden::new(value),
        is_secret,
    };
    plain.chain(secret).map(argument).collect()
}

/// Names that are given as plain and as secret: Azure would take one of the two.
pub fn given_twice(name: &str, plain: &Named<String>, secret: &Named<Secret>) -> Diagnostics {
    let (Some(plain), Some(secret)) = (plain.known(), secret.known()) else {
        return Diagnostics::new();
    };
    let both = plain.keys().filter(|key| secret.contains_key(*key));
    let error = |key: &String| {
        let detail = format!("\"{key}\" is in {name} and in secret_{name}_wo. Leave one of the two out.");
        Diagnostic::error("Given twice", detail).at(Path::attribute(name).key(key))
    };
    Diagnostics(both.map(error).collect())
}
