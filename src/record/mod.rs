//! Records: who they are, what they hold, and the events of their life.
//!
//! A record's content is a pure function of its stream and its sequence number, so nothing that was sent
//! has to be remembered: the reader makes it again and compares.

mod content;
mod event;
mod expected;
mod feed;
mod identity;

pub use content::{Catalogue, Content, Format, Identified, IdentityPlace, Stream, StreamError};
pub use event::{
    Answer, AnswerView, Answers, Class, End, Landed, NEVER, PartitionRead, RecordAnswer, RequestId, Sent,
    TopicPartition, UNANSWERED,
};
pub use expected::{Expected, Validity, expectation};
pub use feed::{Feed, FeedError};
pub use identity::{RecordId, RunId, RunIdError};
