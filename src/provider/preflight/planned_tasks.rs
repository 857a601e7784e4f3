//! Tasks that this process has planned: a run of one is judged by what the task will be, not by what it is, and so is whether
//! a pool is still needed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use crate::{
    acr::{TaskId, agent_pool::AgentPoolId},
    framework::Field,
};

/// The pools that planned tasks will name; `None` for a task that will be gone.
#[derive(Debug, Default)]
pub struct PlannedTasks(Mutex<HashMap<TaskId, Option<Field<String>>>>);

impl PlannedTasks {
    /// The task is planned to name this pool, or none.
    pub fn will_run_on(&self, task: &TaskId, pool: Field<String>) {
        self.set(task, Some(pool));
    }

    /// The task is planned to be destroyed.
    pub fn will_go(&self, task: &TaskId) {
        self.set(task, None);
    }

    /// The pool that the task will name, in the three states of a plan; `None` when this process has not planned the task.
    pub fn pool_of(&self, task: &TaskId) -> Option<Field<String>> {
        let planned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        planned.get(task).cloned().flatten()
    }

    /// Of the tasks that name the pool now, and of those that are planned to, the names of those that will. A pool that is
    /// not known yet counts as another one: a warning is for what is known.
    pub fn left_on(&self, pool: &AgentPoolId, now: &[String]) -> BTreeSet<String> {
        let planned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_registry = planned.iter().filter(|(task, _)| task.registry() == pool.registry());
        let mut left: BTreeSet<String> = now.iter().cloned().collect();
        for (task, on) in of_registry {
            left.retain(|name| !name.eq_ignore_ascii_case(task.name()));
            let on = on.as_ref().and_then(Field::text);
            if on.is_some_and(|on| on.eq_ignore_ascii_case(pool.name())) {
                left.insert(task.name().to_owned());
            }
        }
        left
    }

    fn set(&self, task: &TaskId, planned: Option<Field<String>>) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.insert(task.clone(), planned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/builds";

    #[test]
    fn tasks_that_a_plan_moves_or_destroys_do_not_stay_on_the_pool() {
        let id = |name: &str| format!("{REGISTRY}/tasks/{name}").parse::<TaskId>().unwrap();
        let pool: AgentPoolId = format!("{REGISTRY}/agentPools/Night").parse().unwrap();
        let named = |pool: &str| Field::Known(pool.to_owned());
        let planned = PlannedTasks::default();
        planned.will_go(&id("gone-1"));
        planned.will_run_on(&id("Moved"), named("day"));
        planned.will_run_on(&id("freed"), Field::Null);
        planned.will_run_on(&id("open-1"), Field::Unknown);
        planned.will_run_on(&id("stays"), named("night"));
        planned.will_run_on(&id("comes"), named("NIGHT"));
        let now = ["gone-1", "moved", "freed", "open-1", "stays", "others"].map(str::to_owned);
        let left: Vec<String> = planned.left_on(&pool, &now).into_iter().collect();
        assert_eq!(left, ["comes", "others", "stays"]);
        assert_eq!(
            (planned.pool_of(&id("gone-1")), planned.pool_of(&id("freed"))),
            (None, Some(Field::Null))
        );
    }
}
