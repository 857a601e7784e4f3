//! Faults at every request of a life: a pool is created, scaled and destroyed; a task is created, changed and destroyed.
//! Whatever fails, and wherever, the life ends the same: one pool while there should be one, none afterwards - or with one
//! clear error, after which the next apply or destroy mends it.

mod life;
mod lost_answers;
mod planning;
mod positions;
mod real_terraform;
mod tasks;
