//! The least pace at which a body has to come.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// Time in which [`LEAST`] bytes of a body must come.
const WINDOW: Duration = Duration::from_secs(5);

/// See [`WINDOW`]: less than the slowest mobile networks do.
const LEAST: usize = 5 << 10;

/// Whether a body comes fast enough. Time in which nobody asks for it does not count.
#[derive(Debug)]
pub struct Paced {
    /// The end of the window, while a piece is waited for.
    end: Pin<Box<Sleep>>,
    waits: bool,
    came: usize,
}

impl Default for Paced {
    fn default() -> Self {
        Self {
            end: Box::pin(sleep(WINDOW)),
            waits: false,
            came: 0,
        }
    }
}

impl Paced {
    /// A piece is waited for. Ready, with what is wrong, when that takes too long.
    pub fn wait(&mut self, context: &mut Context<'_>) -> Poll<String> {
        if !self.waits {
            (self.waits, self.came) = (true, 0);
            self.end.as_mut().reset(Instant::now() + WINDOW);
        }
        self.end.as_mut().poll(context).map(|()| {
            let window = WINDOW.as_secs();
            format!("fewer than {LEAST} bytes of the body came in {window} s")
        })
    }

    /// A piece of so many bytes came.
    pub fn came(&mut self, bytes: usize) {
        self.came += bytes;
        self.waits &= self.came < LEAST;
    }
}
