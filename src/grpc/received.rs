//! Messages as they are received: counted into the memory that all requests share, and given up
//! where they come too slowly or too late.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use crate::{inference::memory::Held, proto::status::status, transport::Paced};

/// Bytes in front of each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Where a body is in its messages.
#[derive(Debug, Default)]
struct Messages {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are there.
    begun: usize,
    /// Bytes that are left of the message.
    left: usize,
    /// Bytes that the message holds.
    held: u64,
}

/// The body of a call.
#[derive(Debug)]
pub(super) struct Received<B> {
    body: Pin<Box<B>>,
    held: Held,
    messages: Messages,
    /// Most bytes of a message, which one that is compressed is counted as.
    most: usize,
    paced: Paced,
    /// When the message must be there, where there is only one.
    late: Option<Pin<Box<Sleep>>>,
}

impl<B> Received<B> {
    /// A body whose messages have so many bytes at most. Where the call has a single one, it must be
    /// there in time.
    pub(super) fn new(body: B, held: Held, most: usize, time: Option<Duration>) -> Self {
        Self {
            body: Box::pin(body),
            held,
            messages: Messages::default(),
            most,
            paced: Paced::default(),
            late: time.map(|time| Box::pin(sleep(time))),
        }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        if let Some(late) = &mut self.late
            && late.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Status::deadline_exceeded("the message came too late"));
        }
        // Between messages, a caller may take its time.
        if self.messages.is_under_way() || self.late.is_some() {
            return self.paced.wait(context).map(Status::deadline_exceeded);
        }
        Poll::Pending
    }

    fn count(&mut self, data: &[u8]) -> Result<(), Status> {
        self.paced.came(data.len());
        let mut data = data;
        while let Some(part) = self.messages.next(&mut data, self.most) {
            if part.is_new {
                self.held.release();
            }
            if self.most < part.length {
                let most = self.most;
                let words = format!(
                    "a message has {} bytes, at most {most} are read",
                    part.length
                );
                return Err(Status::resource_exhausted(words));
            }
            let covered = self.held.cover(self.messages.held);
            covered.map_err(|problem| status(&problem))?;
        }
        Ok(())
    }
}

/// A part of a message that came.
struct Part {
    is_new: bool,
    /// Bytes of the message.
    length: usize,
}

impl Messages {
    const fn is_under_way(&self) -> bool {
        0 < self.begun || 0 < self.left
    }

    /// Takes a prefix, or what is there of a message. `None` when there is no more.
    fn next(&mut self, data: &mut &[u8], most: usize) -> Option<Part> {
        if 0 < self.left {
            let taken = self.left.min(data.len());
            *data = data.get(taken..).unwrap_or_default();
            self.left -= taken;
            self.held += taken as u64;
            let length = 0;
            return (0 < taken).then_some(Part {
                is_new: false,
                length,
            });
        }
        while self.begun < PREFIX {
            let (first, rest) = data.split_first()?;
            *data = rest;
            if let Some(byte) = self.prefix.get_mut(self.begun) {
                *byte = *first;
            }
            self.begun += 1;
        }
        let [compressed, length @ ..] = self.prefix;
        let length = u32::from_be_bytes(length) as usize;
        (self.begun, self.left) = (0, length);
        self.held = if compressed == 0 { 0 } else { most as u64 };
        Some(Part {
            is_new: true,
            length,
        })
    }
}

impl<B> Body for Received<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.body.as_mut().poll_frame(context) {
            Poll::Pending => self.wait(context).map(|late| Some(Err(late))),
            Poll::Ready(Some(Ok(frame))) => {
                let counted = frame.data_ref().map_or(Ok(()), |data| self.count(data));
                Poll::Ready(Some(counted.map(|()| frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                Poll::Ready(Some(Err(Status::from_error(error.into()))))
            }
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{Stream, StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;
    use crate::inference::memory::MemoryBudget;

    type Piece = Result<Frame<Bytes>, std::io::Error>;

    fn pieces(pieces: &[&[u8]]) -> impl Stream<Item = Piece> + Send + use<> {
        let pieces = pieces
            .iter()
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))));
        stream::iter(pieces.collect::<Vec<_>>())
    }

    async fn read(
        pieces: impl Stream<Item = Piece> + Send + 'static,
        budget: u64,
        time: Option<Duration>,
    ) -> Result<usize, Code> {
        let held = Held::new(MemoryBudget::new(budget));
        let received = Received::new(StreamBody::new(pieces), held, 8192, time);
        let read = received.collect().await;
        read.map(|read| read.to_bytes().len())
            .map_err(|status| status.code())
    }

    #[tokio::test]
    async fn messages_are_told_apart_and_counted_one_by_one() {
        let check = async |parts: &[&[u8]], budget: u64, expected: Result<usize, Code>| {
            let read = read(pieces(parts), budget, None).await;
            assert_eq!(read, expected, "{} parts", parts.len());
        };
        check(&[b"\0\0\0\0\x02ab", b"\0\0\0", b"\0\x01c"], 4096, Ok(13)).await;
        check(&[b"\0\0\0\0\0", b"\0\0\0\0\0"], 4096, Ok(10)).await;
        let large = [b"\0\0\0\x1f\x40".as_slice(), &[0; 8000]].concat();
        check(&[&large], 8192, Ok(8005)).await;
        check(&[&large, &large], 8192, Ok(16010)).await;
        check(&[&large], 4096, Err(Code::ResourceExhausted)).await;
        check(&[b"\x01\0\0\0\x01a"], 4096, Err(Code::ResourceExhausted)).await;
        check(&[b"\0\0\0\x20\x01a"], 65536, Err(Code::ResourceExhausted)).await;
    }

    #[tokio::test]
    async fn a_call_must_be_there_in_time_and_a_stream_may_pause() {
        let paused = || pieces(&[b"\0\0\0\0\x01a"]).chain(stream::pending());
        let time = Duration::from_millis(20);
        let late = read(paused(), 8192, Some(time)).await;
        assert_eq!(late, Err(Code::DeadlineExceeded));
        let waits = tokio::time::timeout(10 * time, read(paused(), 8192, None)).await;
        assert!(waits.is_err(), "it may send more");
    }
}
