//! What each command does, from start to end.

pub mod run;
pub mod up;
