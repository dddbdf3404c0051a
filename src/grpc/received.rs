//! Messages as they are received: one at a time, whole, counted into the memory that all requests
//! share, and given up where they come too slowly or too late.

use std::{
    error::Error,
    future::pending,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::{
    sync::watch,
    time::{Sleep, sleep},
};
use tonic::Status;

use crate::transport::Paced;

use super::message::{BeingRead, Frames, Message, Reading};

/// Which messages a call may have.
#[derive(Clone, Debug)]
pub(super) enum Messages {
    /// One, which must be there in time.
    One(Duration),
    /// As many as the caller likes, in their own time, until the server is stopped.
    Many(watch::Receiver<bool>),
}

/// Where a body is.
enum Step {
    /// A message comes.
    Gathering,
    /// A message is there, and unpacked and weighed.
    Reading(BeingRead),
    /// It goes to who asked for it.
    Handing(Frames),
}

/// The body of a call. A message is handed on once it is there, and its memory is reckoned: tonic
/// would make room for as many bytes as its prefix says, and unpack and read it whatever it becomes.
pub(super) struct Received<B> {
    body: Pin<Box<B>>,
    reading: Reading,
    /// What came behind the message that is under way.
    rest: Bytes,
    message: Message,
    step: Step,
    /// Whether a message was handed on.
    handed: bool,
    end: End,
    paced: Paced,
}

/// When a body ends by itself.
enum End {
    /// With an error.
    Late(Pin<Box<Sleep>>),
    /// Between two messages.
    Stopped(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl<B> Received<B> {
    pub(super) fn new(body: B, reading: Reading, messages: Messages) -> Self {
        let end = match messages {
            Messages::One(time) => End::Late(Box::pin(sleep(time))),
            Messages::Many(mut stopped) => End::Stopped(Box::pin(async move {
                if stopped.wait_for(|stopped| *stopped).await.is_err() {
                    // Nobody is there to stop it.
                    pending().await
                }
            })),
        };
        Self {
            body: Box::pin(body),
            reading,
            rest: Bytes::new(),
            message: Message::default(),
            step: Step::Gathering,
            handed: false,
            end,
            paced: Paced::default(),
        }
    }

    const fn is_stream(&self) -> bool {
        matches!(self.end, End::Stopped(_))
    }

    /// Waits for more of the body: `None` where there is none any more.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Status>> {
        let is_idle = !self.message.is_under_way();
        match &mut self.end {
            End::Late(late) => {
                if late.as_mut().poll(context).is_ready() {
                    let late = Status::deadline_exceeded("the message came too late");
                    return Poll::Ready(Some(late));
                }
            }
            // Between messages, a caller may take its time.
            End::Stopped(stopped) if is_idle => {
                return stopped.as_mut().poll(context).map(|()| None);
            }
            End::Stopped(_) => (),
        }
        let slow = ready!(self.paced.wait(context));
        Poll::Ready(Some(Status::deadline_exceeded(slow)))
    }

    /// Takes of what came what belongs to the message.
    fn gather(&mut self) -> Result<(), Status> {
        if self.handed && !self.is_stream() && !self.rest.is_empty() {
            let words = "a call of this method has a single message";
            return Err(Status::invalid_argument(words));
        }
        if self.message.take(&mut self.rest, &self.reading)? {
            self.step = Step::Reading(self.message.read(&self.reading));
        }
        Ok(())
    }
}

impl<B> Body for Received<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let failed = |status| Poll::Ready(Some(Err(status)));
        loop {
            match &mut this.step {
                Step::Handing(frames) => {
                    if let Some(frame) = frames.pop_front() {
                        return Poll::Ready(Some(Ok(Frame::data(frame))));
                    }
                    // Who asks for more of a stream is done with what it had.
                    if this.is_stream() {
                        this.reading.held.release();
                    }
                    (this.step, this.handed) = (Step::Gathering, true);
                }
                Step::Reading(read) => match ready!(read.as_mut().poll(context)) {
                    Ok(frames) => this.step = Step::Handing(frames),
                    Err(status) => return failed(status),
                },
                Step::Gathering if !this.rest.is_empty() => {
                    if let Err(status) = this.gather() {
                        return failed(status);
                    }
                }
                Step::Gathering => match this.body.as_mut().poll_frame(context) {
                    Poll::Pending => return this.wait(context).map(|end| end.map(Err)),
                    Poll::Ready(None) if this.message.is_under_way() => {
                        let words = "the call ended before its message was whole";
                        return failed(Status::invalid_argument(words));
                    }
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some(Err(error))) => {
                        return failed(Status::from_error(error.into()));
                    }
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => {
                            this.paced.came(data.len());
                            this.rest = data;
                        }
                        Err(other) => return Poll::Ready(Some(Ok(other))),
                    },
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, sync::Arc};

    use bytes::BufMut as _;
    use flate2::{Compression, write::GzEncoder};
    use futures_util::{Stream, StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::sync::Semaphore;
    use tonic::Code;

    use super::*;
    use crate::{
        grpc::message::Encoding,
        inference::memory::{Held, MemoryBudget},
        proto::weight::Shape,
    };

    const MOST: usize = 200_000;

    type Piece = Result<Frame<Bytes>, std::io::Error>;

    fn pieces(pieces: &[&[u8]]) -> impl Stream<Item = Piece> + Send + use<> {
        let pieces = pieces
            .iter()
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))));
        stream::iter(pieces.collect::<Vec<_>>())
    }

    fn received<S>(pieces: S, budget: u64, messages: Messages) -> Received<StreamBody<S>> {
        let reading = Reading {
            encoding: Some(Encoding::Gzip),
            shape: None,
            most: MOST,
            held: Held::new(MemoryBudget::new("limits.upload_bytes", budget)),
            readers: Arc::new(Semaphore::new(1)),
        };
        Received::new(StreamBody::new(pieces), reading, messages)
    }

    fn many() -> Messages {
        Messages::Many(watch::Sender::new(false).subscribe())
    }

    async fn read(
        pieces: impl Stream<Item = Piece> + Send + 'static,
        budget: u64,
        messages: Messages,
    ) -> Result<usize, Code> {
        let read = received(pieces, budget, messages).collect().await;
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
            let read = read(pieces(parts), budget, many()).await;
            assert_eq!(read, expected, "{} parts", parts.len());
        };
        check(&[b"\0\0\0\0\x02ab", b"\0\0\0", b"\0\x01c"], 4096, Ok(13)).await;
        check(&[b"\0\0\0\0\0", b"\0\0\0\0\0"], 4096, Ok(10)).await;
        let large = [b"\0\0\0\x1f\x40".as_slice(), &[0; 8000]].concat();
        check(&[&large], 8192, Ok(8005)).await;
        check(&[&large, &large], 8192, Ok(16010)).await;
        check(&[&large], 4096, Err(Code::ResourceExhausted)).await;
        check(&[b"\x01\0\0\0\x01a"], 4096, Err(Code::InvalidArgument)).await;
        let too_long = [b"\0\0\x10\0\0", b"a".as_slice()].concat();
        check(&[&too_long], 65536, Err(Code::ResourceExhausted)).await;
        check(&[b"\0\0\0\0\x02a"], 65536, Err(Code::InvalidArgument)).await;
        // Two in one piece, the second of which is more than there is memory for beside the first.
        let both = [large.as_slice(), &large].concat();
        check(&[&both], 8192, Ok(16010)).await;
    }

    #[tokio::test]
    async fn what_is_compressed_is_unpacked_within_its_limits() {
        let check = async |bytes: usize, budget: u64, expected: Result<usize, Code>| {
            let message = packed(bytes);
            let (first, rest) = message.split_at(message.len() / 2);
            let read = read(pieces(&[first, rest]), budget, many()).await;
            assert_eq!(read, expected, "{bytes} bytes");
        };
        check(4000, 8192, Ok(4005)).await;
        check(0, 8192, Ok(5)).await;
        check(8000, 16384, Ok(8005)).await;
        check(8000, 4096, Err(Code::ResourceExhausted)).await;
        check(1 << 20, 1 << 22, Err(Code::ResourceExhausted)).await;
    }

    #[tokio::test]
    async fn a_large_message_is_unpacked_elsewhere_and_handed_on_in_pieces() {
        let message = packed(150_000);
        let mut received = received(pieces(&[&message]), 1 << 20, many());
        let mut lengths = Vec::new();
        while let Some(frame) = received.frame().await {
            let frame = frame.expect("fits").into_data().expect("is data");
            lengths.push(frame.len());
        }
        assert_eq!(lengths, [5, 65536, 65536, 18928]);
    }

    #[tokio::test]
    async fn what_a_message_becomes_is_counted_before_it_is_read() {
        // Two hundred empty inputs.
        let message = [&[0, 0, 0, 1, 144], [0x2a, 0].repeat(200).as_slice()].concat();
        let check = async |budget: u64, expected: Result<usize, Code>| {
            let mut received = received(pieces(&[&message]), budget, many());
            received.reading.shape = Shape::of_method("/inference.GRPCInferenceService/ModelInfer");
            let read = received.collect().await;
            let read = read.map(|read| read.to_bytes().len());
            assert_eq!(read.map_err(|status| status.code()), expected);
        };
        check(132 << 10, Ok(405)).await;
        check(64 << 10, Err(Code::ResourceExhausted)).await;
    }

    #[tokio::test]
    async fn memory_is_given_back_once_another_message_is_asked_for() {
        let budget = MemoryBudget::new("limits.upload_bytes", 4096);
        let first = pieces(&[b"\0\0\0\0\x01a"]);
        let mut received = received(first.chain(stream::pending()), 0, many());
        received.reading.held = Held::new(budget.clone());
        let (mut one, mut other) = (received.frame().await, None);
        while one.is_some_and(|frame| {
            frame
                .expect("is read")
                .data_ref()
                .is_some_and(|data| data.len() != 1)
        }) {
            one = received.frame().await;
        }
        assert!(budget.cover(&mut other, 1).is_err(), "it is worked on");
        let time = Duration::from_millis(20);
        assert!(tokio::time::timeout(time, received.frame()).await.is_err());
        assert!(budget.cover(&mut other, 1).is_ok());
    }

    #[tokio::test]
    async fn a_call_must_be_there_in_time_and_a_stream_may_pause_until_the_end() {
        let paused = || pieces(&[b"\0\0\0\0\x01a"]).chain(stream::pending());
        let time = Duration::from_millis(20);
        let late = read(paused(), 8192, Messages::One(time)).await;
        assert_eq!(late, Err(Code::DeadlineExceeded));
        let stopped = watch::Sender::new(false);
        let messages = Messages::Many(stopped.subscribe());
        let mut waits = Box::pin(read(paused(), 8192, messages));
        let waited = tokio::time::timeout(10 * time, &mut waits).await;
        assert!(waited.is_err(), "it may send more");
        stopped.send_replace(true);
        assert_eq!(waits.await, Ok(6));
    }

    #[tokio::test]
    async fn a_call_of_one_message_has_no_second() {
        let twice = pieces(&[b"\0\0\0\0\x01a\0\0\0\0\x01b"]);
        let read = read(twice, 8192, Messages::One(Duration::from_secs(60))).await;
        assert_eq!(read, Err(Code::InvalidArgument));
    }
}
