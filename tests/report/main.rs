//! `landfall report`, and the reports of `landfall run`: each format is read back by something else than what wrote it.

mod formats;
mod harness;
mod inputs;
mod places;
mod readers;
