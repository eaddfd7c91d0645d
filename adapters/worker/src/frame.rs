//! What runs over the socket between broker and worker.
//!
//! ```text
//! u32  length    big-endian, octets that follow, 9 to FRAME_LIMIT
//! u8   kind
//! u64  id        big-endian: the call or the request for a secret that the frame belongs to, 0 for none
//!      payload
//! ```
//!
//! The length is checked before anything is allocated for it. Either side treats a bad frame as the end of the
//! connection: the other side is not what it should be.

use std::io::{self, Read};

/// The longest frame, in octets after the length.
pub const FRAME_LIMIT: usize = 16 << 20;

const LENGTH: usize = 4;
const HEAD: usize = 1 + 8;
/// Memory that a decoder keeps after a long frame, in octets.
const KEPT: usize = 64 << 10;

/// One frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// What the payload is.
    pub kind: u8,
    /// What it belongs to.
    pub id: u64,
    /// Its content.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The octets of the frame.
    ///
    /// # Errors
    /// When the payload is too long.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let length = HEAD + self.payload.len();
        if length > FRAME_LIMIT {
            return Err(FrameError::Length(length));
        }
        let mut octets = Vec::with_capacity(LENGTH + length);
        octets.extend_from_slice(&(length as u32).to_be_bytes());
        octets.push(self.kind);
        octets.extend_from_slice(&self.id.to_be_bytes());
        octets.extend_from_slice(&self.payload);
        Ok(octets)
    }
}

/// Cuts a stream of octets into frames.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the next frame begins.
    start: usize,
    /// The longest frame of a kind.
    limit: fn(u8) -> usize,
}

impl Default for Decoder {
    /// Takes frames of any kind up to [`FRAME_LIMIT`].
    fn default() -> Self {
        Self::with_limits(|_| FRAME_LIMIT)
    }
}

impl Decoder {
    /// Takes frames of each kind up to what `limit` says, in octets after the length.
    #[must_use]
    pub fn with_limits(limit: fn(u8) -> usize) -> Self {
        Self { buffer: Vec::new(), start: 0, limit }
    }

    /// Takes octets in, however the stream cut them.
    pub fn extend(&mut self, octets: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
            if self.buffer.capacity() > KEPT && self.buffer.len() < KEPT {
                self.buffer.shrink_to(KEPT);
            }
        }
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole frame; `None` when more octets are needed.
    ///
    /// # Errors
    /// When the length is out of its bounds. The stream is of no use afterwards.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = &self.buffer[self.start..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if !(HEAD..=FRAME_LIMIT).contains(&length) {
            return Err(FrameError::Length(length));
        }
        let Some(kind) = rest.first() else { return Ok(None) };
        let limit = (self.limit)(*kind);
        if length > limit {
            return Err(FrameError::TooLong { kind: *kind, length, limit });
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        let Some(((kind, id), payload)) = split_head(frame) else { return Err(FrameError::Length(length)) };
        let frame = Frame { kind, id, payload: payload.to_vec() };
        self.start += LENGTH + length;
        Ok(Some(frame))
    }

    /// Reads until there is a whole frame; `None` at the end of the stream between two frames.
    ///
    /// # Errors
    /// When reading fails, a frame is bad, or the stream ends inside one.
    pub fn read_from(&mut self, stream: &mut impl Read) -> io::Result<Option<Frame>> {
        let mut chunk = [0; 16 << 10];
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(Some(frame));
            }
            match stream.read(&mut chunk) {
                Ok(0) if self.start == self.buffer.len() => return Ok(None),
                Ok(0) => return Err(FrameError::Truncated.into()),
                Ok(count) => self.extend(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn split_head(frame: &[u8]) -> Option<((u8, u64), &[u8])> {
    let (kind, rest) = frame.split_first()?;
    let (id, payload) = rest.split_first_chunk()?;
    Some(((*kind, u64::from_be_bytes(*id)), payload))
}

/// A frame is not what it should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than its head or longer than allowed.
    #[error("a frame of {0} octets; 9 to {FRAME_LIMIT} are allowed")]
    Length(usize),
    /// Longer than a frame of its kind may be.
    #[error("a frame of the kind {kind} with {length} octets, of which {limit} are allowed")]
    TooLong {
        /// Its kind.
        kind: u8,
        /// How long it says that it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
    /// A kind that this side does not expect.
    #[error("a frame of the unexpected kind {0}")]
    Kind(u8),
    /// The payload does not have the form of its kind.
    #[error("the payload of a frame of the kind {0} is malformed")]
    Payload(u8),
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(payload: &[u8]) -> Frame {
        Frame { kind: 7, id: 42, payload: payload.to_vec() }
    }

    #[test]
    fn a_frame_has_the_layout_that_is_written_down() {
        assert_eq!(frame(b"ab").encode().unwrap(), b"\0\0\0\x0b\x07\0\0\0\0\0\0\0\x2aab");
    }

    #[test]
    fn a_length_out_of_bounds_is_refused_before_its_octets_come() {
        for length in [0_u32, 8, FRAME_LIMIT as u32 + 1, u32::MAX] {
            let mut decoder = Decoder::default();
            decoder.extend(&length.to_be_bytes());
            assert_eq!(decoder.next_frame(), Err(FrameError::Length(length as usize)));
        }
    }

    #[test]
    fn a_frame_that_is_too_long_for_its_kind_is_refused_as_soon_as_its_kind_is_known() {
        let mut decoder = Decoder::with_limits(|kind| if kind == 7 { 100 } else { FRAME_LIMIT });
        decoder.extend(&frame(&[0; 91]).encode().unwrap());
        assert!(decoder.next_frame().unwrap().is_some());
        decoder.extend(&101_u32.to_be_bytes());
        assert_eq!(decoder.next_frame(), Ok(None));
        decoder.extend(&[7]);
        assert_eq!(decoder.next_frame(), Err(FrameError::TooLong { kind: 7, length: 101, limit: 100 }));
    }

    #[test]
    fn a_long_frame_leaves_no_memory_behind() {
        let mut decoder = Decoder::default();
        decoder.extend(&frame(&vec![0; 4 << 20]).encode().unwrap());
        assert!(decoder.next_frame().unwrap().is_some());
        decoder.extend(b"\0");
        assert!(decoder.buffer.capacity() <= KEPT);
    }

    #[test]
    fn a_payload_beyond_the_limit_is_not_sent() {
        assert!(frame(&vec![0; FRAME_LIMIT - HEAD]).encode().is_ok());
        assert_eq!(
            frame(&vec![0; FRAME_LIMIT - HEAD + 1]).encode(),
            Err(FrameError::Length(FRAME_LIMIT + 1))
        );
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_an_error_and_between_two_is_not() {
        let octets = frame(b"abc").encode().unwrap();
        for cut in 1..octets.len() {
            assert!(Decoder::default().read_from(&mut &octets[..cut]).is_err(), "cut at {cut}");
        }
        let (mut decoder, mut stream) = (Decoder::default(), &octets[..]);
        assert_eq!(decoder.read_from(&mut stream).unwrap(), Some(frame(b"abc")));
        assert_eq!(decoder.read_from(&mut stream).unwrap(), None);
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..8),
            step in 1_usize..40,
        ) {
            let octets: Vec<u8> = payloads.iter().flat_map(|payload| frame(payload).encode().unwrap()).collect();
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for piece in octets.chunks(step) {
                decoder.extend(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    seen.push(frame.payload);
                }
            }
            prop_assert_eq!(seen, payloads);
        }

        #[test]
        fn no_input_panics(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            decoder.extend(&octets);
            while let Ok(Some(frame)) = decoder.next_frame() {
                let _ = crate::message::ToHost::decode(&frame);
                let _ = crate::message::ToWorker::decode(&frame);
            }
        }
    }
}
