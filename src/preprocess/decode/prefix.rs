//! Prefix codes of a lossless WebP, and the bits that they are read from (RFC 9649, 3.7).

/// Bits of a code that are looked up in a table; longer ones have nodes.
const TABLE_BITS: usize = 10;

const ENTRY: u64 = 4;
const NODE: u64 = 16;

/// Longest code.
const LONGEST: usize = 15;

/// Order of the lengths of the code for code lengths (3.7.2.1.2).
const ORDER: [usize; 19] = [
    17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];

pub(super) const BROKEN: &str = "its lossless stream is cut off or wrong";

/// What a walk found wrong.
pub(super) type Walked<T> = Result<T, &'static str>;

/// A prefix code.
pub(super) enum Code {
    /// A symbol that takes no bits.
    One(u32),
    /// Two symbols of a bit each.
    Two([u32; 2]),
    /// The length of each symbol's code, 0 where it has none.
    Lengths(Vec<u8>),
}

impl Code {
    /// How many symbols have a code of each length; their number.
    fn counts(lengths: &[u8]) -> ([u32; LONGEST + 1], u32) {
        let mut counts = [0; LONGEST + 1];
        for length in lengths.iter().filter(|length| 0 < **length) {
            if let Some(count) = counts.get_mut(usize::from(*length)) {
                *count += 1;
            }
        }
        (counts, counts.iter().sum())
    }

    /// Bytes that the decoder's table takes; an error where the code is not complete.
    pub(super) fn bytes(&self) -> Walked<u64> {
        let lengths = match self {
            Self::One(_) => return Ok(0),
            Self::Two(_) => return Ok(2 * ENTRY + 3 * NODE),
            Self::Lengths(lengths) => lengths,
        };
        let (counts, symbols) = Self::counts(lengths);
        if symbols == 1 {
            return Ok(0);
        }
        let longest = complete(&counts)?;
        let long: u32 = counts.iter().skip(TABLE_BITS + 1).sum();
        Ok((ENTRY << longest.min(TABLE_BITS)) + 2 * NODE * u64::from(long))
    }

    /// Symbols by the bits that come next.
    pub(super) fn symbols(&self) -> Walked<Symbols> {
        let lengths = match self {
            Self::One(symbol) => return Ok(Symbols::of(&[(*symbol, 0)])),
            Self::Two([zero, one]) => return Ok(Symbols::of(&[(*zero, 1), (*one, 1)])),
            Self::Lengths(lengths) => lengths,
        };
        let (counts, symbols) = Self::counts(lengths);
        let coded = (0_u32..).zip(lengths).filter(|(_, length)| 0 < **length);
        if symbols == 1 {
            let only: Vec<_> = coded.map(|(symbol, _)| (symbol, 0)).collect();
            return Ok(Symbols::of(&only));
        }
        let size = 1_usize << complete(&counts)?;
        // Codes of one length follow each other, after those that are shorter.
        let mut next = [0_u32; LONGEST + 1];
        let mut code = 0;
        for (next, count) in next.iter_mut().zip(counts) {
            *next = code;
            code = (code + count) << 1;
        }
        let mut entries = vec![(0, 0); size];
        for (symbol, length) in coded {
            let bits = u32::from(*length);
            let Some(code) = next.get_mut(usize::from(*length)) else {
                return Err(BROKEN);
            };
            let first = code.reverse_bits().unbounded_shr(u32::BITS - bits) as usize;
            *code += 1;
            for entry in entries.iter_mut().skip(first).step_by(1 << bits) {
                *entry = (symbol, bits);
            }
        }
        Ok(Symbols { entries })
    }
}

/// The longest length, where codes of these lengths are all that bits can say.
fn complete(counts: &[u32; LONGEST + 1]) -> Walked<usize> {
    let said: u64 = (0..)
        .zip(counts)
        .map(|(length, count)| u64::from(*count) << (LONGEST - length))
        .sum();
    let longest = counts.iter().rposition(|count| 0 < *count);
    longest.filter(|_| said == 1 << LONGEST).ok_or(BROKEN)
}

/// Symbols with the lengths of their codes, by the bits that come next: a power of two of them.
pub(super) struct Symbols {
    entries: Vec<(u32, u32)>,
}

impl Symbols {
    fn of(entries: &[(u32, u32)]) -> Self {
        Self {
            entries: entries.to_vec(),
        }
    }

    /// The symbol that takes no bits.
    pub(super) fn only(&self) -> Option<u32> {
        match *self.entries {
            [(symbol, 0)] => Some(symbol),
            _ => None,
        }
    }
}

/// Bits, the lowest of each byte first.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    held: u64,
    /// Bits that are held.
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            held: 0,
            count: 0,
        }
    }

    fn byte(&mut self, bits: u32) -> Walked<u8> {
        u8::try_from(self.read(bits)?).map_err(|_| BROKEN)
    }

    /// The next bits, at most 32.
    #[expect(clippy::cast_possible_truncation, reason = "at most 32 bits are left")]
    pub(super) fn read(&mut self, bits: u32) -> Walked<u32> {
        self.fill();
        let value = self.held & ((1 << bits) - 1);
        self.skip(bits)?;
        Ok(value as u32)
    }

    fn skip(&mut self, bits: u32) -> Walked<()> {
        self.count = self.count.checked_sub(bits).ok_or(BROKEN)?;
        self.held >>= bits;
        Ok(())
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some((byte, rest)) = self.bytes.split_first() else {
                return;
            };
            self.held |= u64::from(*byte) << self.count;
            self.count += 8;
            self.bytes = rest;
        }
    }

    pub(super) fn symbol(&mut self, symbols: &Symbols) -> Walked<u32> {
        self.fill();
        // Their number is a power of two.
        let index = self.held & (symbols.entries.len() as u64).wrapping_sub(1);
        let entry = usize::try_from(index)
            .ok()
            .and_then(|index| symbols.entries.get(index));
        let (symbol, bits) = *entry.ok_or(BROKEN)?;
        self.skip(bits)?;
        Ok(symbol)
    }

    /// A length or a distance by its prefix (3.6.2.2).
    pub(super) fn number(&mut self, prefix: u32) -> Walked<u64> {
        if prefix < 4 {
            return Ok(u64::from(prefix) + 1);
        }
        let bits = (prefix - 2) >> 1;
        let more = self.read(bits)?;
        Ok(u64::from((2 + (prefix & 1)) << bits) + u64::from(more) + 1)
    }

    /// A prefix code (3.7.2.1).
    pub(super) fn code(&mut self, alphabet: u32) -> Walked<Code> {
        let known = |symbol| {
            if symbol < alphabet {
                Ok(symbol)
            } else {
                Err(BROKEN)
            }
        };
        if self.read(1)? == 1 {
            let second = self.read(1)? == 1;
            let bits = if self.read(1)? == 1 { 8 } else { 1 };
            let zero = known(self.read(bits)?)?;
            return Ok(if second {
                Code::Two([zero, known(self.read(8)?)?])
            } else {
                Code::One(zero)
            });
        }
        let mut lengths = vec![0; ORDER.len()];
        let count = self.read(4)? as usize + 4;
        for at in ORDER.iter().take(count) {
            let length = self.byte(3)?;
            if let Some(to) = lengths.get_mut(*at) {
                *to = length;
            }
        }
        let of_lengths = Code::Lengths(lengths).symbols()?;
        let mut left = alphabet;
        if self.read(1)? == 1 {
            let bits = 2 + 2 * self.read(3)?;
            left = self.read(bits)? + 2;
            if alphabet < left {
                return Err(BROKEN);
            }
        }
        let mut lengths = Vec::new();
        let mut previous = 8;
        while lengths.len() < alphabet as usize && 0 < left {
            left -= 1;
            let (times, length) = match self.symbol(&of_lengths)? {
                16 => (3 + self.read(2)?, previous),
                17 => (3 + self.read(3)?, 0),
                18 => (11 + self.read(7)?, 0),
                length => (1, u8::try_from(length).map_err(|_| BROKEN)?),
            };
            if 0 < length {
                previous = length;
            }
            lengths.resize(lengths.len() + times as usize, length);
        }
        if lengths.len() > alphabet as usize {
            return Err(BROKEN);
        }
        Ok(Code::Lengths(lengths))
    }
}
