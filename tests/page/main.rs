//! The report as a page: what its charts say, what hostile text can do to it, and what a browser makes of it.

mod browser;
mod charts;
mod comparison;
mod harness;
mod hostile;
mod shapes;
