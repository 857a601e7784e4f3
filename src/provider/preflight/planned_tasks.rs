//! Tasks that this process has planned: a run of one is judged by what the task will be, not by what it is.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{acr::TaskId, framework::Field};

/// The pools that planned tasks will name.
#[derive(Debug, Default)]
pub struct PlannedTasks(Mutex<HashMap<TaskId, Field<String>>>);

impl PlannedTasks {
    /// The task is planned to name this pool, or none.
    pub fn will_run_on(&self, task: &TaskId, pool: Field<String>) {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pools.insert(task.clone(), pool);
    }

    /// The pool that the task will name, in the three states of a plan; `None` when this process has not planned the task.
    pub fn pool_of(&self, task: &TaskId) -> Option<Field<String>> {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pools.get(task).cloned()
    }
}
