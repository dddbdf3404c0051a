//! prost's codec, for messages that come from callers: what is no message is a fault of theirs.

use prost::{Message, Name};
use tonic::{
    Code, Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::ProstCodec;

/// See the module.
#[derive(Clone, Debug)]
pub struct GuardedCodec<T, U>(ProstCodec<T, U>);

impl<T, U> Default for GuardedCodec<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T, U> Codec for GuardedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = GuardedDecoder<<ProstCodec<T, U> as Codec>::Decoder>;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        GuardedDecoder {
            inner: self.0.decoder(),
            // Answers come from a core, which is one's own.
            from_caller: U::NAME.ends_with("Request"),
        }
    }
}

/// See [`GuardedCodec`].
#[derive(Debug)]
pub struct GuardedDecoder<D> {
    inner: D,
    from_caller: bool,
}

impl<D: Decoder<Error = Status>> Decoder for GuardedDecoder<D> {
    type Item = D::Item;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D::Item>, Status> {
        // prost's word for what is no such message is one for a fault of the server's.
        self.inner.decode(buffer).map_err(|status| {
            if self.from_caller && status.code() == Code::Internal {
                return Status::invalid_argument(status.message());
            }
            status
        })
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.inner.buffer_settings()
    }
}
