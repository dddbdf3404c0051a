//! Answers, with what their calls hold until they are taken.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tonic::{Status, body::Body as TonicBody, codegen::http::HeaderMap};

/// When an answer ends that would go on.
type End = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of an answer.
pub(super) struct Answered<T> {
    body: TonicBody,
    _kept: T,
    end: Option<End>,
    is_over: bool,
}

impl<T> Answered<T> {
    pub(super) fn new(body: TonicBody, kept: T, end: Option<End>) -> Self {
        Self {
            body,
            _kept: kept,
            end,
            is_over: false,
        }
    }
}

impl<T: Unpin> Body for Answered<T> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Some(end) = &mut self.end
            && end.as_mut().poll(context).is_ready()
        {
            self.is_over = true;
            let mut trailers = HeaderMap::new();
            let status = Status::unavailable("the call has lasted for long enough; make another");
            status.add_header(&mut trailers)?;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
