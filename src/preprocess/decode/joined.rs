//! Pieces read as one file, without a copy of them.

use std::io::{BufRead, Error, ErrorKind, Read, Result, Seek, SeekFrom};

pub(super) struct Joined<'a> {
    pieces: Vec<&'a [u8]>,
    /// What is left of the piece that is read.
    current: &'a [u8],
    /// The piece after it.
    next: usize,
    position: u64,
}

impl<'a> Joined<'a> {
    pub(super) fn of(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self {
            pieces: pieces.into_iter().collect(),
            current: &[],
            next: 0,
            position: 0,
        }
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let count = self.fill_buf()?.read(to)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Joined<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        while self.current.is_empty()
            && let Some(piece) = self.pieces.get(self.next)
        {
            self.current = piece;
            self.next += 1;
        }
        Ok(self.current)
    }

    fn consume(&mut self, count: usize) {
        self.current = self.current.get(count..).unwrap_or_default();
        self.position += count as u64;
    }
}

impl Seek for Joined<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let length: u64 = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => length.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        (self.current, self.next) = (&[], 0);
        let mut left = usize::try_from(self.position).unwrap_or(usize::MAX);
        for piece in &self.pieces {
            self.next += 1;
            if let Some(rest) = piece.get(left..) {
                self.current = rest;
                break;
            }
            left -= piece.len();
        }
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_read_as_if_they_were_one(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..5),
            steps in prop::collection::vec((0_u64..25, -9_i64..9, 0_usize..9), 0..9),
        ) {
            let mut joined = Joined::of(pieces.iter().map(Vec::as_slice));
            let mut whole = Cursor::new(pieces.concat());
            for (start, by, count) in steps {
                prop_assert_eq!(joined.seek(SeekFrom::Start(start)).ok(), whole.seek(SeekFrom::Start(start)).ok());
                if let Ok(at) = whole.seek(SeekFrom::Current(by)) {
                    prop_assert_eq!(joined.seek(SeekFrom::Current(by)).ok(), Some(at));
                }
                let (mut here, mut there) = (vec![0; count], vec![0; count]);
                let read = whole.read_exact(&mut there).is_ok();
                prop_assert_eq!(joined.read_exact(&mut here).is_ok(), read);
                if read {
                    prop_assert_eq!(here, there);
                    prop_assert_eq!(joined.stream_position().ok(), whole.stream_position().ok());
                }
                joined.seek(SeekFrom::End(0)).expect("an end");
                prop_assert_eq!(joined.position, pieces.concat().len() as u64);
                prop_assert!(joined.fill_buf().expect("nothing").is_empty());
            }
        }
    }
}
