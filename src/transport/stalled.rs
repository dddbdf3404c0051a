//! Writes that a client does not take.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::asked::Asked;

/// Time in which a client must take [`LEAST`] bytes of what is written to it.
const WINDOW: Duration = Duration::from_secs(5);

/// See [`WINDOW`].
const LEAST: usize = 8 << 10;

/// A stream whose writes fail when its other end takes them too slowly.
#[derive(Debug)]
pub(super) struct Stalled<S> {
    stream: S,
    /// The end of the window, while a write waits.
    end: Pin<Box<Sleep>>,
    waits: bool,
    taken: usize,
    asked: Arc<Asked>,
}

impl<S> Stalled<S> {
    /// A stream that tells `asked` what its other end takes.
    pub(super) fn new(stream: S, asked: Arc<Asked>) -> Self {
        Self {
            stream,
            end: Box::pin(sleep(WINDOW)),
            waits: false,
            taken: 0,
            asked,
        }
    }

    /// Holds a write's outcome against the window.
    fn mind(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                if !self.waits {
                    (self.waits, self.taken) = (true, 0);
                    self.end.as_mut().reset(Instant::now() + WINDOW);
                }
                match self.end.as_mut().poll(context) {
                    Poll::Ready(()) => {
                        let words = "the client takes its answer too slowly";
                        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, words)))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(Ok(bytes)) => {
                self.taken += bytes;
                self.asked.take(bytes);
                self.waits &= self.taken < LEAST;
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalled<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalled<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.mind(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.mind(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn an_answer_that_is_taken_is_written_whole() {
        let (near, mut far) = duplex(1024);
        let mut near = Stalled::new(near, Arc::default());
        let reads = tokio::spawn(async move {
            let mut read = Vec::new();
            far.read_to_end(&mut read).await.map(|_| read.len())
        });
        near.write_all(&[1; 100_000]).await.expect("taken");
        drop(near);
        assert_eq!(reads.await.expect("ends").expect("reads"), 100_000);
    }

    #[tokio::test]
    async fn what_nobody_takes_is_given_up() {
        let (near, _far) = duplex(1024);
        let mut near = Stalled::new(near, Arc::default());
        let begun = Instant::now();
        let error = near.write_all(&[1; 4096]).await.expect_err("stalls");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(WINDOW <= begun.elapsed());
    }
}
