//! Messages as they are received: counted into the memory that all requests share, and given up
//! where they come too slowly or too late.

use std::{
    error::Error,
    io::Read,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::read::{GzDecoder, ZlibDecoder};
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use crate::{inference::memory::Held, proto::status::status, transport::Paced};

/// Bytes in front of each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Bytes that are unpacked at a time.
const PIECE: usize = 64 << 10;

/// How messages that say so are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    /// With the frame of zlib.
    Deflate,
}

impl Encoding {
    /// Out of the header `grpc-encoding`.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            _ => None,
        }
    }
}

/// What a call may send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most bytes of a message, unpacked.
    pub(super) bytes: usize,
    /// When the message must be there, where there is only one.
    pub(super) time: Option<Duration>,
}

/// Where a body is in its messages.
#[derive(Debug, Default)]
struct Messages {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are there.
    begun: usize,
    /// Bytes that are left of the message.
    left: usize,
    /// Bytes that came of it.
    came: usize,
}

/// A part of a message that came.
enum Part<'a> {
    /// Its beginning, with its length.
    Begin(usize),
    Data(&'a [u8]),
}

/// The body of a call. Compressed messages are unpacked, as far as there is memory for them: tonic
/// would unpack them whole.
#[derive(Debug)]
pub(super) struct Received<B> {
    body: Pin<Box<B>>,
    encoding: Option<Encoding>,
    held: Held,
    messages: Messages,
    /// What came of a message that is compressed.
    packed: BytesMut,
    most: usize,
    paced: Paced,
    late: Option<Pin<Box<Sleep>>>,
}

impl<B> Received<B> {
    pub(super) fn new(body: B, encoding: Option<Encoding>, held: Held, limits: Limits) -> Self {
        Self {
            body: Box::pin(body),
            encoding,
            held,
            messages: Messages::default(),
            packed: BytesMut::new(),
            most: limits.bytes,
            paced: Paced::default(),
            late: limits.time.map(|time| Box::pin(sleep(time))),
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

    /// What comes of a piece of the body: itself, but for messages that are compressed.
    fn take(&mut self, piece: Bytes) -> Result<Bytes, Status> {
        self.paced.came(piece.len());
        let (mut data, mut read) = (&piece[..], BytesMut::new());
        let may_be_packed = self.encoding.is_some();
        while let Some(part) = self.messages.next(&mut data) {
            match part {
                Part::Begin(length) => {
                    self.held.release();
                    if self.most < length {
                        return Err(too_long(self.most));
                    }
                    if may_be_packed && !self.is_packed() {
                        read.extend_from_slice(&self.messages.prefix);
                    }
                }
                Part::Data(part) => {
                    self.cover(self.messages.came)?;
                    if self.is_packed() {
                        self.packed.extend_from_slice(part);
                    } else if may_be_packed {
                        read.extend_from_slice(part);
                    }
                }
            }
            if self.is_packed() && self.messages.left == 0 {
                let message = self.unpack()?;
                read.put_u8(0);
                read.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
                read.extend_from_slice(&message);
            }
        }
        // What nobody says is compressed goes on as it came.
        Ok(if may_be_packed { read.freeze() } else { piece })
    }

    /// Whether the message is to be unpacked.
    const fn is_packed(&self) -> bool {
        let [packed, ..] = self.messages.prefix;
        self.encoding.is_some() && packed != 0
    }

    fn unpack(&mut self) -> Result<Vec<u8>, Status> {
        let packed = self.packed.split();
        let source: &mut dyn Read = match self.encoding {
            Some(Encoding::Deflate) => &mut ZlibDecoder::new(&packed[..]),
            Some(Encoding::Gzip) | None => &mut GzDecoder::new(&packed[..]),
        };
        let (mut message, mut piece) = (Vec::new(), vec![0; PIECE]);
        loop {
            let count = source.read(&mut piece).map_err(|error| {
                Status::invalid_argument(format!("a message cannot be unpacked: {error}"))
            })?;
            if count == 0 {
                return Ok(message);
            }
            if self.most < message.len() + count {
                return Err(too_long(self.most));
            }
            self.cover(packed.len() + message.len() + count)?;
            message.extend_from_slice(piece.get(..count).unwrap_or_default());
        }
    }

    fn cover(&self, bytes: usize) -> Result<(), Status> {
        let covered = self.held.cover(bytes as u64);
        covered.map_err(|problem| status(&problem))
    }
}

fn too_long(most: usize) -> Status {
    Status::resource_exhausted(format!("a message has more than {most} bytes"))
}

impl Messages {
    const fn is_under_way(&self) -> bool {
        0 < self.begun || 0 < self.left
    }

    /// Takes a prefix, or what is there of a message. `None` when there is no more.
    fn next<'a>(&mut self, data: &mut &'a [u8]) -> Option<Part<'a>> {
        if 0 < self.left {
            let (taken, rest) = data.split_at_checked(self.left).unwrap_or((*data, &[]));
            *data = rest;
            self.left -= taken.len();
            self.came += taken.len();
            return (!taken.is_empty()).then_some(Part::Data(taken));
        }
        while self.begun < PREFIX {
            let (first, rest) = data.split_first()?;
            *data = rest;
            if let Some(byte) = self.prefix.get_mut(self.begun) {
                *byte = *first;
            }
            self.begun += 1;
        }
        let [_, length @ ..] = self.prefix;
        (self.begun, self.came) = (0, 0);
        self.left = u32::from_be_bytes(length) as usize;
        Some(Part::Begin(self.left))
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
        loop {
            let frame = match self.body.as_mut().poll_frame(context) {
                Poll::Pending => return self.wait(context).map(|late| Some(Err(late))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(Status::from_error(error.into()))));
                }
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            match frame.into_data().map(|piece| self.take(piece)) {
                // A message that is compressed is not all there.
                Ok(Ok(read)) if read.is_empty() => (),
                Ok(read) => return Poll::Ready(Some(read.map(Frame::data))),
                Err(other) => return Poll::Ready(Some(Ok(other))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
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
        let limits = Limits { bytes: 8192, time };
        let body = StreamBody::new(pieces);
        let received = Received::new(body, Some(Encoding::Gzip), held, limits);
        let read = received.collect().await;
        read.map(|read| read.to_bytes().len())
            .map_err(|status| status.code())
    }

    /// A message that unpacks to so many bytes.
    fn packed(bytes: usize) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&vec![0; bytes]).expect("to memory");
        let packed = packer.finish().expect("to memory");
        let mut message = vec![1];
        message.put_u32(u32::try_from(packed.len()).expect("is short"));
        [message, packed].concat()
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
        check(&[b"\x01\0\0\0\x01a"], 4096, Err(Code::InvalidArgument)).await;
        check(&[b"\0\0\0\x20\x01a"], 65536, Err(Code::ResourceExhausted)).await;
    }

    #[tokio::test]
    async fn what_is_compressed_is_unpacked_within_its_limits() {
        let check = async |bytes: usize, budget: u64, expected: Result<usize, Code>| {
            let message = packed(bytes);
            let (first, rest) = message.split_at(message.len() / 2);
            let read = read(pieces(&[first, rest]), budget, None).await;
            assert_eq!(read, expected, "{bytes} bytes");
        };
        check(4000, 8192, Ok(4005)).await;
        check(0, 8192, Ok(5)).await;
        check(8000, 16384, Ok(8005)).await;
        check(8000, 4096, Err(Code::ResourceExhausted)).await;
        check(1 << 20, 1 << 22, Err(Code::ResourceExhausted)).await;
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
