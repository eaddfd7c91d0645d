//! Tags and lengths of a message that is too long to hold in memory.
//!
//! The `der` crate needs the whole message as one slice and counts in 32 bits. Here only the four
//! outer layers of an enveloped message are taken apart, everything inside them goes to `der`.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use super::Error;

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONSTRUCTED_0: u8 = 0xa0;
pub(super) const PRIMITIVE_0: u8 = 0x80;
const OCTET_STRING: u8 = 0x04;

/// The largest element read into memory: recipients of some thousand certificates fit in.
const MAX_ELEMENT: u64 = 1 << 20;

/// Tag and definite length.
pub(super) fn header(tag: u8, length: u64) -> Vec<u8> {
    if length < 0x80 {
        return vec![tag, length.to_le_bytes()[0]];
    }
    let length = length.to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    // At most eight octets.
    let mut header = vec![tag, 0x80 | significant.len() as u8];
    header.extend_from_slice(significant);
    header
}

/// `first` inside a new element `tag` that `following` bytes more will complete.
pub(super) fn prefix(tag: u8, first: &[u8], following: u64) -> Result<Vec<u8>, Error> {
    let length =
        (first.len() as u64).checked_add(following).ok_or(Error::TooLong { announced: following })?;
    Ok([header(tag, length), first.to_vec()].concat())
}

/// A message read front to back, with the ends of the elements it is inside of.
pub(super) struct Source<R> {
    inner: BufReader<R>,
    position: u64,
    open: Vec<End>,
}

/// Where an element ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    At(u64),
    /// BER's indefinite length: at two zero octets.
    Marked,
}

/// The encrypted content, of which `remaining` bytes of the present string are unread.
pub(super) struct Content {
    remaining: u64,
    /// `[0]` holds OCTET STRINGs instead of being one (BER).
    constructed: bool,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner: BufReader::with_capacity(1 << 16, inner), position: 0, open: Vec::new() }
    }

    /// Enters a constructed element of definite or indefinite length.
    pub(super) fn enter(&mut self, tag: u8) -> Result<(), Error> {
        if self.byte()? != tag {
            return Err(malformed("another element stands where its structure belongs"));
        }
        let end = match self.length()? {
            Some(length) => End::At(self.end_of(length)?),
            None => End::Marked,
        };
        self.open.push(end);
        Ok(())
    }

    /// Leaves the innermost element; it must have been read to its end.
    pub(super) fn leave(&mut self) -> Result<(), Error> {
        match self.open.pop() {
            Some(End::At(end)) if end == self.position => Ok(()),
            Some(End::Marked) if [self.byte()?, self.byte()?] == [0, 0] => Ok(()),
            _ => Err(malformed("an element that is not supported follows the encrypted content")),
        }
    }

    /// A whole element of definite length, for `der` to read.
    pub(super) fn element(&mut self) -> Result<Vec<u8>, Error> {
        let tag = self.byte()?;
        let length = self.length()?.ok_or(malformed("indefinite length inside its header"))?;
        self.end_of(length)?;
        if length > MAX_ELEMENT {
            return Err(malformed("an element of its header is larger than 1 MiB"));
        }
        let mut element = header(tag, length);
        // At most 1 MiB, and grown only by what really comes.
        let read = self.inner.by_ref().take(length).read_to_end(&mut element)?;
        self.position += read as u64;
        if (read as u64) < length {
            return Err(cut_short());
        }
        Ok(element)
    }

    /// Enters the encrypted content.
    pub(super) fn enter_content(&mut self) -> Result<Content, Error> {
        match self.byte()? {
            PRIMITIVE_0 => {
                let length = self.length()?.ok_or(malformed("indefinite length of a primitive string"))?;
                self.end_of(length)?;
                Ok(Content { remaining: length, constructed: false })
            }
            CONSTRUCTED_0 => {
                let end = match self.length()? {
                    Some(length) => End::At(self.end_of(length)?),
                    None => End::Marked,
                };
                self.open.push(end);
                Ok(Content { remaining: 0, constructed: true })
            }
            _ => Err(malformed("it has no encrypted content")),
        }
    }

    /// The next bytes of the encrypted content; none at its end, which is left then.
    pub(super) fn read_content(&mut self, content: &mut Content, buffer: &mut [u8]) -> Result<usize, Error> {
        while content.remaining == 0 {
            if !content.constructed {
                return Ok(0);
            }
            let ended = match self.open.last() {
                Some(End::At(end)) => *end == self.position,
                _ => self.peek()? == 0,
            };
            if ended {
                self.leave()?;
                content.constructed = false;
                return Ok(0);
            }
            if self.byte()? != OCTET_STRING {
                return Err(malformed("its encrypted content is not made of OCTET STRINGs"));
            }
            let length = self.length()?.ok_or(malformed("its encrypted content is nested too deeply"))?;
            self.end_of(length)?;
            content.remaining = length;
        }
        let wanted =
            usize::try_from(content.remaining).map_or(buffer.len(), |remaining| buffer.len().min(remaining));
        let read = read_some(&mut self.inner, &mut buffer[..wanted])?;
        if read == 0 {
            return Err(cut_short());
        }
        content.remaining -= read as u64;
        self.position += read as u64;
        Ok(read)
    }

    /// The message is over; so must the input be.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        if read_some(&mut self.inner, &mut [0])? != 0 {
            return Err(malformed("bytes follow its end"));
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.end_of(1)?;
        let mut byte = [0];
        if read_some(&mut self.inner, &mut byte)? == 0 {
            return Err(cut_short());
        }
        self.position += 1;
        Ok(byte[0])
    }

    fn peek(&mut self) -> Result<u8, Error> {
        loop {
            match self.inner.fill_buf() {
                Ok(buffered) => return buffered.first().copied().ok_or_else(cut_short),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A length in its shortest form; `None` if indefinite.
    fn length(&mut self) -> Result<Option<u64>, Error> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(Some(u64::from(first)));
        }
        if first == 0x80 {
            return Ok(None);
        }
        let octets = first & 0x7f;
        if octets > 8 {
            return Err(malformed("a length of more than eight octets"));
        }
        let mut length = 0;
        for index in 0..octets {
            let byte = self.byte()?;
            if index == 0 && byte == 0 {
                return Err(malformed("a length that is not in its shortest form"));
            }
            length = length << 8 | u64::from(byte);
        }
        if length < 0x80 {
            return Err(malformed("a length that is not in its shortest form"));
        }
        Ok(Some(length))
    }

    /// Where `length` bytes from here end; within the enclosing element.
    fn end_of(&self, length: u64) -> Result<u64, Error> {
        let enclosing = self.open.iter().rev().find_map(|end| match end {
            End::At(end) => Some(*end),
            End::Marked => None,
        });
        self.position
            .checked_add(length)
            .filter(|end| enclosing.is_none_or(|enclosing| *end <= enclosing))
            .ok_or(malformed("an element is longer than the one around it"))
    }
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn malformed(reason: &'static str) -> Error {
    Error::Malformed { what: "EnvelopedData", reason }
}

fn cut_short() -> Error {
    malformed("it is cut short")
}
