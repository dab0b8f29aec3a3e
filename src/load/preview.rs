//! What a stream would send, without sending it.

use super::StreamPlan;
use super::message::Message;
use super::request::Request;
use crate::record::{Catalogue, RunId};
use crate::secret::Secret;

/// Composes the first attempts of a stream's requests, in their order, as they would leave.
#[derive(Debug)]
pub struct Preview {
    message: Message,
    index: u64,
    first_sequence: u64,
    head: Vec<u8>,
}

impl Preview {
    /// Of the stream with the number `producer`.
    #[must_use]
    pub fn new(producer: u16, plan: &StreamPlan, run: &RunId) -> Self {
        let message = Message::new(producer, plan, run);
        Self { message, index: 0, first_sequence: 0, head: Vec::new() }
    }

    /// The next request as HTTP/1.1 would have it, head and body, with this for its token.
    pub fn next(&mut self, plan: &StreamPlan, catalogue: &Catalogue, token: Option<&Secret>) -> &[u8] {
        let records = plan.sizes.at(plan.seed, self.index);
        let (index, first_sequence) = (self.index, self.first_sequence);
        let request = Request {
            index,
            first_sequence,
            records,
            phase: 0,
            due: 0,
            counts: true,
            attempt: 1,
            attempt_due: 0,
        };
        self.index += 1;
        self.first_sequence += u64::from(records);
        self.message.compose(catalogue, &request, token, &mut self.head);
        &self.head
    }
}
