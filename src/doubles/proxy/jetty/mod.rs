//! HTTP/1.1 as Jetty speaks it under the real proxy: what its parser refuses and in which words, how it ends bodies and
//! connections, which headers its answers have and in which order. hyper is more lenient and answers otherwise.

mod answer;
mod body;
mod connection;
mod fields;
mod head;
mod page;
mod server;
mod target;
mod token;

pub(super) use body::Body;
pub(super) use head::Request;
pub(super) use page::refused_by_servlet;
pub(super) use server::{Terms, listen};
