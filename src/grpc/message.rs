//! One message of a call: gathered as it comes, then unpacked and weighed before anybody reads it.

use std::{
    collections::VecDeque,
    future::ready,
    io::{self, Read},
    mem,
    pin::Pin,
    sync::Arc,
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use flate2::read::{GzDecoder, ZlibDecoder};
use tokio::{sync::Semaphore, task::spawn_blocking};
use tonic::Status;
use tracing::error;

use crate::{
    inference::memory::Held,
    proto::{status::status, weight::Shape},
};

/// Bytes in front of each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Bytes that are kept, and unpacked, in one piece.
const PIECE: usize = 64 << 10;

/// Most bytes of a message, and of one that is compressed, that are read where they hold up others.
const BRIEF: (usize, usize) = (PIECE, 1 << 10);

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

/// How the messages of a call are read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) encoding: Option<Encoding>,
    /// What the messages consist of, where they are of this API.
    pub(super) shape: Option<Shape>,
    /// Most bytes of a message, unpacked.
    pub(super) most: usize,
    /// What a message, and what becomes of it, is counted into.
    pub(super) held: Held,
    /// How many are read at a time, of those that would hold up others.
    pub(super) readers: Arc<Semaphore>,
}

/// A message as its reader gets it, in pieces, the prefix first.
pub(super) type Frames = VecDeque<Bytes>;

/// A message that is being read.
pub(super) type BeingRead = Pin<Box<dyn Future<Output = Result<Frames, Status>> + Send>>;

/// A message, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Message {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are there.
    begun: usize,
    /// Bytes that are to come.
    left: usize,
    pieces: Pieces,
}

impl Message {
    /// Whether some of it has come.
    pub(super) const fn is_under_way(&self) -> bool {
        0 < self.begun
    }

    /// Takes what belongs to it. Gives whether it is all there.
    pub(super) fn take(&mut self, data: &mut Bytes, reading: &Reading) -> Result<bool, Status> {
        while self.begun < PREFIX {
            if !data.has_remaining() {
                return Ok(false);
            }
            let byte = data.get_u8();
            if let Some(place) = self.prefix.get_mut(self.begun) {
                *place = byte;
            }
            self.begun += 1;
            if self.begun == PREFIX {
                self.left = self.length(reading)?;
            }
        }
        let came = data.split_to(self.left.min(data.len()));
        reading.cover(self.pieces.length + came.len())?;
        self.left -= came.len();
        self.pieces.push(&came, self.left);
        Ok(self.left == 0)
    }

    /// How long it is to be, by its prefix.
    fn length(&self, reading: &Reading) -> Result<usize, Status> {
        let [packed, length @ ..] = self.prefix;
        let length = u32::from_be_bytes(length) as usize;
        if reading.most < length {
            return Err(too_long(reading.most));
        }
        if packed != 0 && reading.encoding.is_none() {
            let words = "a message is said to be compressed, but not how (grpc-encoding)";
            return Err(Status::invalid_argument(words));
        }
        Ok(length)
    }

    /// Reads it, and begins anew: at once, or where that takes long beside what else is done.
    pub(super) fn read(&mut self, reading: &Reading) -> BeingRead {
        let Self { prefix, pieces, .. } = mem::take(self);
        let is_packed = prefix.first().is_some_and(|packed| *packed != 0);
        let brief = if is_packed { BRIEF.1 } else { BRIEF.0 };
        if pieces.length <= brief {
            return Box::pin(ready(reading.frames(pieces, is_packed)));
        }
        let reading = reading.clone();
        Box::pin(async move {
            let place = Arc::clone(&reading.readers).acquire_owned().await;
            // The memory is held for as long as this runs, also where nobody waits for it any more.
            let read = spawn_blocking(move || {
                let _place = place;
                reading.frames(pieces, is_packed)
            });
            read.await.unwrap_or_else(|cause| {
                error!(%cause, "a reader of a message was lost");
                Err(Status::internal("the server's log has the cause"))
            })
        })
    }
}

impl Reading {
    fn frames(&self, pieces: Pieces, is_packed: bool) -> Result<Frames, Status> {
        let pieces = if is_packed {
            self.unpacked(pieces)?
        } else {
            pieces
        };
        let length = pieces.length;
        let mut frames = pieces.all();
        if let Some(shape) = &self.shape {
            let weight = shape.weigh(&frames);
            let weight = weight.map_err(|none| Status::invalid_argument(none.to_string()))?;
            self.cover(length.saturating_add(weight))?;
        }
        let mut prefix = BytesMut::with_capacity(PREFIX);
        prefix.put_u8(0);
        prefix.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        frames.push_front(prefix.freeze());
        Ok(frames)
    }

    fn unpacked(&self, packed: Pieces) -> Result<Pieces, Status> {
        let length = packed.length;
        let source = Source(packed.all());
        let mut source: Box<dyn Read> = match self.encoding {
            Some(Encoding::Deflate) => Box::new(ZlibDecoder::new(source)),
            Some(Encoding::Gzip) | None => Box::new(GzDecoder::new(source)),
        };
        let (mut message, mut piece) = (Pieces::default(), vec![0; PIECE]);
        loop {
            let count = source.read(&mut piece).map_err(|error| {
                Status::invalid_argument(format!("a message cannot be unpacked: {error}"))
            })?;
            if count == 0 {
                return Ok(message);
            }
            let more = message.length + count;
            if self.most < more {
                return Err(too_long(self.most));
            }
            self.cover(length + more)?;
            message.push(piece.get(..count).unwrap_or_default(), PIECE);
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

/// Bytes in pieces of [`PIECE`], so that they need not be moved as they become more.
#[derive(Debug, Default)]
struct Pieces {
    full: VecDeque<Bytes>,
    last: Vec<u8>,
    length: usize,
}

impl Pieces {
    /// Takes bytes, behind which so many more are expected.
    fn push(&mut self, mut bytes: &[u8], expected: usize) {
        self.length += bytes.len();
        while !bytes.is_empty() {
            if self.last.is_empty() {
                self.last.reserve_exact((bytes.len() + expected).min(PIECE));
            }
            let fits = bytes.len().min(PIECE - self.last.len());
            let (now, rest) = bytes.split_at(fits);
            self.last.extend_from_slice(now);
            bytes = rest;
            if self.last.len() == PIECE {
                self.full.push_back(mem::take(&mut self.last).into());
            }
        }
    }

    fn all(mut self) -> VecDeque<Bytes> {
        if !self.last.is_empty() {
            self.full.push_back(self.last.into());
        }
        self.full
    }
}

/// Pieces as something to read from, each given up once it is read.
struct Source(VecDeque<Bytes>);

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.front_mut() else {
            return Ok(0);
        };
        let count = piece.len().min(into.len());
        let (now, _) = into.split_at_mut(count);
        piece.copy_to_slice(now);
        if piece.is_empty() {
            self.0.pop_front();
        }
        Ok(count)
    }
}
