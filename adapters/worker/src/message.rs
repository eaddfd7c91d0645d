//! What the frames say.
//!
//! A payload is a sequence of fields without names: integers big-endian, octets with a u32 length before them. Nothing
//! may follow the last field.

use std::fmt;

use serde::{Deserialize, Serialize};
use yinqiao_ca_sdk::{Description, Threading};
use zeroize::Zeroizing;

use crate::frame::{FRAME_LIMIT, Frame, FrameError};
use crate::nesting::{DEPTH_LIMIT, nesting_is_within};
use crate::sandbox::{Isolation, Sandbox};

/// From the broker to the worker.
#[derive(PartialEq)]
pub enum ToWorker {
    /// First of all: load the library and open it. Payload: [`Load`] as JSON.
    Load(Load),
    /// Call a function of the adapter; the frame's id is the call's.
    Call(Call),
    /// Nobody waits for the call any more.
    Cancel,
    /// The answer to a request for a secret: present or not.
    Secret(Option<Zeroizing<Vec<u8>>>),
    /// Finish, close, end.
    Close,
}

/// From the worker to the broker.
#[derive(Debug, PartialEq)]
pub enum ToHost {
    /// The library is loaded and opened. Payload: [`AdapterInfo`] as JSON.
    Loaded(Box<AdapterInfo>),
    /// The library cannot be used. Payload: [`Refused`] as JSON.
    Refused(Refused),
    /// A function returned; the frame's id is the call's.
    Reply {
        /// What it returned.
        status: i32,
        /// What it wrote.
        document: Vec<u8>,
    },
    /// The adapter logged something.
    Log {
        /// The header's level.
        level: u32,
        /// The adapter's numbering.
        event_id: u32,
        /// A JSON object, if the adapter keeps its word.
        fields: Vec<u8>,
    },
    /// The adapter wants a secret; the frame's id names the request.
    SecretRequest {
        /// Its name.
        name: String,
    },
}

/// How to load and open.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Load {
    /// The configuration document.
    pub configuration: serde_json::Value,
    /// Threads for calls, where the adapter allows more than one.
    pub threads: u32,
    /// The longest reply in octets.
    pub reply_limit: u64,
    /// The most address space in octets.
    pub address_space: Option<u64>,
    /// The most data (heap, private memory, stacks) in octets.
    pub data_memory: Option<u64>,
    /// The most open descriptors.
    pub open_files: u64,
    /// The largest file that the plugin may write, in octets.
    pub file_octets: u64,
    /// What the plugin may reach.
    pub sandbox: Sandbox,
}

/// What a loaded adapter says of itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AdapterInfo {
    /// Who made it.
    pub vendor: String,
    /// What it is.
    pub name: String,
    /// Which one it is.
    pub version: String,
    /// Names this build in the vendor's archive.
    pub build_id: String,
    /// Major version of the contract.
    pub abi_major: u16,
    /// Minor version of the contract.
    pub abi_minor: u16,
    /// Bits of `yinqiao_ca_abi::capability`.
    pub capabilities: u64,
    /// How it may be called.
    pub threading: Threading,
    /// Calls that can be inside at once in this process.
    pub concurrency: u32,
    /// Configuration, secrets and products.
    pub description: Description,
    /// What the kernel enforces in its process.
    pub isolation: Isolation,
}

/// Reads what an adapter's `describe` wrote.
///
/// # Errors
/// In words, when it is nested too deep, no JSON, or not the contract's document.
pub fn parse_description(document: &[u8]) -> Result<Description, String> {
    if !nesting_is_within(document, DEPTH_LIMIT) {
        return Err(format!("the description is nested deeper than {DEPTH_LIMIT}"));
    }
    serde_json::from_slice(document).map_err(|error| format!("the description is not valid: {error}"))
}

/// Why a library cannot be used.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refused {
    /// How far it came.
    pub stage: Stage,
    /// The status of the contract, as the adapter or the worker gives it.
    pub status: i32,
    /// The CA's own code.
    pub vendor_code: Option<String>,
    /// What is wrong.
    pub text: String,
}

/// How far loading came.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The process cannot be restricted as the sandbox says; nothing of the library has run.
    Isolation,
    /// The loader of the system refused the file.
    Load,
    /// The symbol is missing, or its function refused.
    Entry,
    /// The table is not what the contract says.
    Table,
    /// The description is not what the contract says.
    Describe,
    /// Opening failed.
    Open,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Isolation => "closing its sandbox",
            Self::Load => "loading the library",
            Self::Entry => "asking it for its table",
            Self::Table => "checking its table",
            Self::Describe => "reading its description",
            Self::Open => "opening it",
        })
    }
}

/// One call of a function.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// Which function.
    pub function: Function,
    /// Which operation, for [`Function::Submit`]; else 0.
    pub operation: u32,
    /// What is left, in milliseconds.
    pub timeout_ms: u64,
    /// Empty for other functions than submit.
    pub idempotency_key: String,
    /// For the log.
    pub trace_id: String,
    /// Request, token or query.
    pub document: Vec<u8>,
}

/// A function of the adapter's table that takes an instance.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[repr(u8)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `health`.
    Health = 1,
    /// `submit`.
    Submit = 2,
    /// `poll`.
    Poll = 3,
    /// `lookup`.
    Lookup = 4,
    /// `cancel`.
    Cancel = 5,
    /// `list`.
    List = 6,
}

impl Function {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Health, Self::Submit, Self::Poll, Self::Lookup, Self::Cancel, Self::List]
            .into_iter()
            .find(|function| *function as u8 == number)
    }
}

const LOAD: u8 = 1;
const CALL: u8 = 2;
const CANCEL: u8 = 3;
const SECRET: u8 = 4;
const CLOSE: u8 = 5;
const LOADED: u8 = 17;
const REFUSED: u8 = 18;
const REPLY: u8 = 19;
const LOG: u8 = 20;
const SECRET_REQUEST: u8 = 21;

/// The longest log event in octets; a worker cuts longer ones.
pub(crate) const LOG_LIMIT: usize = 8 << 10;
/// The longest name of a secret in octets.
pub(crate) const SECRET_NAME_LIMIT: usize = 128;
/// Both with room for the fields beside them.
const LOG_FRAME_LIMIT: usize = LOG_LIMIT + 64;
const SECRET_REQUEST_FRAME_LIMIT: usize = SECRET_NAME_LIMIT + 64;

impl ToWorker {
    /// The octets of the message's frame.
    ///
    /// # Errors
    /// When it is too long.
    pub fn encode(&self, id: u64) -> Result<Vec<u8>, FrameError> {
        let (kind, fields) = match self {
            Self::Load(load) => (LOAD, Fields(json(LOAD, load)?)),
            Self::Call(call) => {
                let fields =
                    Fields::default().u8(call.function as u8).u32(call.operation).u64(call.timeout_ms);
                let fields = fields.octets(call.idempotency_key.as_bytes()).octets(call.trace_id.as_bytes());
                (CALL, fields.octets(&call.document))
            }
            Self::Cancel => (CANCEL, Fields::default()),
            Self::Secret(None) => (SECRET, Fields::default().u8(0).octets(b"")),
            Self::Secret(Some(value)) => (SECRET, Fields::default().u8(1).octets(value)),
            Self::Close => (CLOSE, Fields::default()),
        };
        Frame { kind, id, payload: fields.0 }.encode()
    }

    /// The message of a frame.
    ///
    /// # Errors
    /// When the kind is not one for the worker, or the payload is malformed.
    pub fn decode(frame: &Frame) -> Result<Self, FrameError> {
        let mut fields = Reader { kind: frame.kind, rest: &frame.payload };
        let message = match frame.kind {
            LOAD => return parse(frame).map(Self::Load),
            CALL => Self::Call(Call {
                function: Function::from_number(fields.u8()?).ok_or(FrameError::Payload(CALL))?,
                operation: fields.u32()?,
                timeout_ms: fields.u64()?,
                idempotency_key: fields.text()?,
                trace_id: fields.text()?,
                document: fields.octets()?.to_vec(),
            }),
            CANCEL => Self::Cancel,
            SECRET => {
                let present = fields.u8()?;
                let value = Zeroizing::new(fields.octets()?.to_vec());
                match present {
                    0 if value.is_empty() => Self::Secret(None),
                    1 => Self::Secret(Some(value)),
                    _ => return Err(FrameError::Payload(SECRET)),
                }
            }
            CLOSE => Self::Close,
            kind => return Err(FrameError::Kind(kind)),
        };
        fields.end()?;
        Ok(message)
    }
}

impl ToHost {
    /// The longest frame of a kind, in octets: small for what a worker sends without being asked.
    #[must_use]
    pub fn limit(kind: u8) -> usize {
        match kind {
            LOG => LOG_FRAME_LIMIT,
            SECRET_REQUEST => SECRET_REQUEST_FRAME_LIMIT,
            _ => FRAME_LIMIT,
        }
    }

    /// Whether a worker sends frames of that kind whenever it likes.
    #[must_use]
    pub fn is_unasked(kind: u8) -> bool {
        matches!(kind, LOG | SECRET_REQUEST)
    }

    /// The octets of the message's frame.
    ///
    /// # Errors
    /// When it is too long.
    pub fn encode(&self, id: u64) -> Result<Vec<u8>, FrameError> {
        let (kind, fields) = match self {
            Self::Loaded(info) => (LOADED, Fields(json(LOADED, info)?)),
            Self::Refused(refused) => (REFUSED, Fields(json(REFUSED, refused)?)),
            Self::Reply { status, document } => {
                (REPLY, Fields::default().u32(status.cast_unsigned()).octets(document))
            }
            Self::Log { level, event_id, fields } => {
                (LOG, Fields::default().u32(*level).u32(*event_id).octets(fields))
            }
            Self::SecretRequest { name } => (SECRET_REQUEST, Fields::default().octets(name.as_bytes())),
        };
        Frame { kind, id, payload: fields.0 }.encode()
    }

    /// The message of a frame.
    ///
    /// # Errors
    /// When the kind is not one for the broker, or the payload is malformed.
    pub fn decode(frame: &Frame) -> Result<Self, FrameError> {
        let mut fields = Reader { kind: frame.kind, rest: &frame.payload };
        let message = match frame.kind {
            LOADED => return parse(frame).map(Self::Loaded),
            REFUSED => return parse(frame).map(Self::Refused),
            REPLY => Self::Reply { status: fields.u32()?.cast_signed(), document: fields.octets()?.to_vec() },
            LOG => {
                Self::Log { level: fields.u32()?, event_id: fields.u32()?, fields: fields.octets()?.to_vec() }
            }
            SECRET_REQUEST => Self::SecretRequest { name: fields.text()? },
            kind => return Err(FrameError::Kind(kind)),
        };
        fields.end()?;
        Ok(message)
    }
}

fn json(kind: u8, value: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    serde_json::to_vec(value).map_err(|_| FrameError::Payload(kind))
}

fn parse<T: for<'de> Deserialize<'de>>(frame: &Frame) -> Result<T, FrameError> {
    serde_json::from_slice(&frame.payload).map_err(|_| FrameError::Payload(frame.kind))
}

#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A field beyond u32 makes a frame beyond its limit, which `Frame::encode` refuses.
    fn octets(self, value: &[u8]) -> Self {
        let mut fields = self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        fields.0.extend_from_slice(value);
        fields
    }
}

struct Reader<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(FrameError::Payload(self.kind))?;
        self.rest = rest;
        Ok(*chunk)
    }

    fn u8(&mut self) -> Result<u8, FrameError> {
        self.chunk().map(|[octet]| octet)
    }

    fn u32(&mut self) -> Result<u32, FrameError> {
        self.chunk().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, FrameError> {
        self.chunk().map(u64::from_be_bytes)
    }

    fn octets(&mut self) -> Result<&'a [u8], FrameError> {
        let length = self.u32()? as usize;
        let (octets, rest) = self.rest.split_at_checked(length).ok_or(FrameError::Payload(self.kind))?;
        self.rest = rest;
        Ok(octets)
    }

    fn text(&mut self) -> Result<String, FrameError> {
        let octets = self.octets()?.to_vec();
        String::from_utf8(octets).map_err(|_| FrameError::Payload(self.kind))
    }

    fn end(&self) -> Result<(), FrameError> {
        if self.rest.is_empty() { Ok(()) } else { Err(FrameError::Payload(self.kind)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yinqiao_ca_sdk::{Operation, Reply, Request};

    use super::*;
    use crate::frame::Decoder;

    fn through(octets: &[u8]) -> Frame {
        let mut decoder = Decoder::default();
        decoder.extend(octets);
        decoder.next_frame().unwrap().unwrap()
    }

    #[test]
    fn a_payload_with_something_behind_its_last_field_is_refused() {
        let mut frame = through(&ToHost::SecretRequest { name: "n".into() }.encode(1).unwrap());
        frame.payload.push(0);
        assert_eq!(ToHost::decode(&frame), Err(FrameError::Payload(SECRET_REQUEST)));
    }

    #[test]
    fn the_longest_log_event_and_name_of_a_secret_fit_their_frames() {
        let log = ToHost::Log { level: u32::MAX, event_id: u32::MAX, fields: vec![b'x'; LOG_LIMIT] };
        for message in [log, ToHost::SecretRequest { name: "n".repeat(SECRET_NAME_LIMIT) }] {
            let mut decoder = Decoder::with_limits(ToHost::limit);
            decoder.extend(&message.encode(u64::MAX).unwrap());
            let frame = decoder.next_frame().unwrap().unwrap();
            assert!(ToHost::is_unasked(frame.kind));
            assert_eq!(ToHost::decode(&frame), Ok(message));
        }
    }

    #[test]
    fn a_message_for_the_other_side_is_refused() {
        let frame = through(&ToWorker::Close.encode(0).unwrap());
        assert_eq!(ToHost::decode(&frame), Err(FrameError::Kind(CLOSE)));
    }

    proptest! {
        #[test]
        fn a_call_survives_its_frame(
            operation in any::<u32>(), timeout_ms in any::<u64>(), id in any::<u64>(),
            key in "[!-~]{0,40}", document in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let call = Call {
                function: Function::Submit, operation, timeout_ms, idempotency_key: key, trace_id: "t".into(), document,
            };
            let message = ToWorker::Call(call);
            let frame = through(&message.encode(id).unwrap());
            prop_assert_eq!(frame.id, id);
            prop_assert!(ToWorker::decode(&frame) == Ok(message));
        }

        #[test]
        fn a_reply_survives_its_frame(status in any::<i32>(), document in proptest::collection::vec(any::<u8>(), 0..100)) {
            let message = ToHost::Reply { status, document };
            prop_assert_eq!(ToHost::decode(&through(&message.encode(3).unwrap())), Ok(message));
        }

        #[test]
        fn no_description_panics(document in proptest::collection::vec(any::<u8>(), 0..120), depth in 0_usize..4000) {
            let _ = parse_description(&document);
            let _ = parse_description("{\"configuration\": ".repeat(depth).as_bytes());
        }

        #[test]
        fn no_reply_and_no_request_panics(
            number in 0_u32..20, text in "\\PC{0,40}", octets in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let Some(operation) = Operation::from_number(number) else { return Ok(()) };
            let members = ["serial", "crl", "signing_certificate", "certificates", "response", "csr", "state", "seal"];
            let like_one = members.map(|member| format!("\"{member}\": {text:?}")).join(", ");
            for document in [octets.as_slice(), format!("{{{like_one}}}").as_bytes()] {
                let _ = (Reply::parse(operation, document), Request::parse(operation, document));
            }
        }

        #[test]
        fn no_payload_panics(kind in 0_u8..32, payload in proptest::collection::vec(any::<u8>(), 0..120)) {
            let frame = Frame { kind, id: 0, payload };
            let _ = (ToHost::decode(&frame), ToWorker::decode(&frame).is_ok());
        }
    }
}
