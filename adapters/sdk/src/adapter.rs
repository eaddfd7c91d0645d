//! What a plugin implements.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use yinqiao_ca_abi::{capability, threading};

use crate::host::{Call, Host};
use crate::messages::{
    AdapterError, Cancellation, ErrorClass, ListPage, ListQuery, LookupQuery, LookupReply, Pending, Reply,
    Request,
};

/// A plugin: what it is, and how it connects to its CA.
pub trait Adapter: 'static {
    /// Who made it, 1 to 128 bytes.
    const VENDOR: &'static str;
    /// What it is, 1 to 128 bytes.
    const NAME: &'static str;
    /// Which one it is, 1 to 128 bytes.
    const VERSION: &'static str;
    /// Names this build in the vendor's archive; may be empty.
    const BUILD_ID: &'static str = "";
    /// Bits: operations ([`crate::Operation::capability`]), functions and promises ([`Capability::bit`]).
    const CAPABILITIES: u64;
    /// How it may be called.
    const THREADING: Threading;
    /// One connection to a CA.
    type Instance: Instance;

    /// Configuration, secrets and products; works without network, configuration and secrets.
    fn describe() -> Description;

    /// Opens one instance with a configuration that fits the description.
    ///
    /// # Errors
    /// When the configuration or a secret is wrong. A CA that cannot be reached is no reason; health says it.
    fn open(configuration: &Value, host: &Host<'_>) -> Result<Self::Instance, AdapterError>;
}

/// What a plugin offers beside operations.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Capability {
    /// [`Instance::poll`]: operations may be pending.
    Poll,
    /// [`Instance::lookup`].
    Lookup,
    /// [`Instance::cancel`].
    Cancel,
    /// [`Instance::list`].
    List,
    /// The promise that the same idempotency key with the same request never acts twice at the CA.
    Deduplicate,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Poll, Self::Lookup, Self::Cancel, Self::List, Self::Deduplicate];

    /// The header's `CA_CAN_...`, for [`Adapter::CAPABILITIES`].
    #[must_use]
    pub const fn bit(self) -> u64 {
        match self {
            Self::Poll => capability::CA_CAN_POLL,
            Self::Lookup => capability::CA_CAN_LOOKUP,
            Self::Cancel => capability::CA_CAN_CANCEL,
            Self::List => capability::CA_CAN_LIST,
            Self::Deduplicate => capability::CA_CAN_DEDUPLICATE,
        }
    }
}

/// One connection to a CA. Dropping it closes it; it must be consistent after a kill at any instant.
///
/// A function that panics is answered as [`ErrorClass::UnknownOutcome`] when the operation changes something, as
/// [`ErrorClass::Unhealthy`] otherwise; the instance is called again.
pub trait Instance: Send + Sync + 'static {
    /// Asks the CA whether it works; a text for operators.
    ///
    /// # Errors
    /// The class says what is wrong.
    fn health(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError>;

    /// Runs one operation.
    ///
    /// # Errors
    /// With a class that is true: every class but unknown outcome promises that nothing was done.
    fn submit(&self, call: &Call<'_>, request: Request) -> Result<Outcome, AdapterError>;

    /// What became of a pending operation (with `CA_CAN_POLL`).
    ///
    /// # Errors
    /// As [`Self::submit`]; permanent for a token that nobody knows.
    fn poll(&self, _call: &Call<'_>, _token: &str) -> Result<Outcome, AdapterError> {
        Err(not_offered("poll"))
    }

    /// What the CA knows (with `CA_CAN_LOOKUP`).
    ///
    /// # Errors
    /// When it is not certain.
    fn lookup(&self, _call: &Call<'_>, _query: &LookupQuery) -> Result<LookupReply, AdapterError> {
        Err(not_offered("lookup"))
    }

    /// Withdraws a pending operation (with `CA_CAN_CANCEL`).
    ///
    /// # Errors
    /// As [`Self::poll`].
    fn cancel(&self, _call: &Call<'_>, _token: &str) -> Result<Cancellation, AdapterError> {
        Err(not_offered("cancel"))
    }

    /// What was issued, page by page (with `CA_CAN_LIST`).
    ///
    /// # Errors
    /// When the CA cannot tell.
    fn list(&self, _call: &Call<'_>, _query: &ListQuery) -> Result<ListPage, AdapterError> {
        Err(not_offered("list"))
    }
}

fn not_offered(function: &str) -> AdapterError {
    AdapterError::new(ErrorClass::NotSupported, format!("this adapter does not offer {function}"))
}

/// What an operation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Finished.
    Done(Reply),
    /// Accepted, not finished.
    Pending(Pending),
}

/// How a plugin may be called.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threading {
    /// Each instance on a thread of its own.
    PerInstance,
    /// Any function on any thread at any time.
    Reentrant,
    /// All functions on one thread.
    Serial,
}

impl Threading {
    /// The header's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::PerInstance => threading::CA_THREADING_PER_INSTANCE,
            Self::Reentrant => threading::CA_THREADING_REENTRANT,
            Self::Serial => threading::CA_THREADING_SERIAL,
        }
    }

    /// The mode with the header's number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            threading::CA_THREADING_PER_INSTANCE => Self::PerInstance,
            threading::CA_THREADING_REENTRANT => Self::Reentrant,
            threading::CA_THREADING_SERIAL => Self::Serial,
            _ => return None,
        })
    }
}

/// What a plugin needs and offers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Description {
    /// JSON Schema of the configuration. No credential is part of it.
    pub configuration: Value,
    /// Credentials that the plugin asks the host for.
    #[serde(default)]
    pub secrets: Vec<SecretDescription>,
    /// Kinds of certificates.
    #[serde(default)]
    pub products: Vec<Product>,
}

/// A credential that the plugin asks the host for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SecretDescription {
    /// Its name.
    pub name: String,
    /// Whether the plugin works without.
    pub required: bool,
    /// What it is, for operators.
    pub text: String,
}

/// A kind of certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Product {
    /// What an issue request names.
    pub name: String,
    /// What it is, for operators.
    pub text: String,
}
