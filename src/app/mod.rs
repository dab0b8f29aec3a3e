//! What each command does, from start to end.

pub mod exit;
pub mod run;
pub mod up;
