//! What each command does, from start to end.

pub mod calibrate;
pub mod clean;
pub mod conform;
pub mod doctor;
pub mod exit;
pub mod export;
pub mod golden;
mod journal;
mod machine;
pub mod published_keys;
pub mod recover;
pub mod report;
pub mod rest;
pub mod run;
pub mod selftest;
pub mod token;
pub mod up;
mod whole_file;
