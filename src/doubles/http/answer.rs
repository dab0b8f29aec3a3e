//! What handlers answer with: whole, piece by piece, or not at all.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// A response as most doubles make it: complete before it is sent.
pub type Answer = Response<Full<Bytes>>;

/// A response's body, whole or in the making.
pub trait AnswerBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static {}

impl<B> AnswerBody for B where B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static {}

/// A body that is sent piece by piece as it is made; it ends when the sender has gone.
///
/// http-body-util's `Channel` is not used: in 0.1.5 it looks for pieces and then for the sender's end, and loses what
/// was sent in between.
#[derive(Debug)]
pub struct Pieces(mpsc::Receiver<Bytes>);

impl Pieces {
    /// A body and where its pieces go; `waiting` of them may wait for the client.
    #[must_use]
    pub fn new(waiting: usize) -> (mpsc::Sender<Bytes>, Self) {
        let (sender, receiver) = mpsc::channel(waiting);
        (sender, Self(receiver))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// How a request ends that gets no answer: an extension of the response that is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The connection is closed.
    BreakOff,
    /// Nothing more happens until the client gives up.
    Silence,
}

/// Any error.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
