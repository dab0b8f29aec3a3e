//! What each command does, from start to end.

pub mod calibrate;
pub mod exit;
mod machine;
pub mod run;
pub mod up;
