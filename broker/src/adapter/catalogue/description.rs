//! What a plugin says of itself before it is configured: asked in a process of its own, without configuration, secrets
//! and network, as the contract promises that it works.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use yinqiao_ca_abi::{abi, ca_host, capability, status};
use yinqiao_ca_sdk::{Description, Operation};
use yinqiao_ca_worker::message::parse_description;
use yinqiao_ca_worker::probe::{
    Called, Offer, Probe, ProbeEnd, Result as Came, Slice, Step, VERSION_1_0_SIZE,
};
use yinqiao_ca_worker::{Digests, Enforcement, Isolation, Library, LibraryError, Sandbox, WorkerProgram};

use super::version::Loaded;

/// How long each step may take.
const STEP_WITHIN: Duration = Duration::from_secs(15);
/// What a plugin may promise beside operations.
const PROMISES: [(u64, &str); 5] = [
    (capability::CA_CAN_POLL, "poll"),
    (capability::CA_CAN_LOOKUP, "lookup"),
    (capability::CA_CAN_CANCEL, "cancel"),
    (capability::CA_CAN_LIST, "list"),
    (capability::CA_CAN_DEDUPLICATE, "deduplicate"),
];

/// What a plugin says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    /// Vendor, name, version and contract.
    pub plugin: Loaded,
    /// What the kernel enforced in the process that it was asked in.
    pub isolation: Isolation,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// SM3 of the file, in hexadecimal digits.
    pub sm3: String,
    /// Operations that it offers.
    pub operations: Vec<&'static str>,
    /// Further functions and promises that it offers.
    pub further: Vec<&'static str>,
    /// Its configuration's schema, its secrets and its products.
    pub description: Description,
}

/// Why a plugin says nothing.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// The file is not suitable.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// No process.
    #[error("the process for the plugin cannot be started: {0}")]
    Process(#[from] std::io::Error),
    /// It ended, or took too long.
    #[error("the plugin does not get as far as its description: {0}")]
    Ended(#[from] ProbeEnd),
    /// The sandbox that was asked for is not to be had.
    #[error("the plugin is not loaded: {0}")]
    Sandbox(String),
    /// It breaks the contract.
    #[error("the plugin breaks the contract of ca_adapter.h: {0}; `yinqiao adapter check` says more")]
    Contract(String),
}

/// Asks the plugin in the file `library`. `probe` is a program that plays the probe's role; `demand` says what of the sandbox the file
/// with these digests must not be loaded without.
///
/// # Errors
/// See [`DescribeError`].
pub async fn describe(
    library: &Path,
    probe: &WorkerProgram,
    demand: impl FnOnce(&Digests) -> Enforcement,
) -> Result<Described, DescribeError> {
    let library = Library::open(library, None)?;
    let mut probe = Probe::start(probe, &library)?;
    // Nobody has agreed to this plugin yet, and a description needs nothing.
    let sandbox = Sandbox { enforcement: demand(library.digests()), ..Sandbox::default() };
    let isolation = match probe.step(&Step::Isolate { sandbox }, STEP_WITHIN).await?.result {
        Came::Isolated(isolation) => isolation,
        Came::Impossible { reason } => return Err(DescribeError::Sandbox(reason)),
        _ => return Err(another()),
    };
    step(&mut probe, Step::Load).await?;
    let offer = Offer {
        room: VERSION_1_0_SIZE,
        host_major: abi::CA_ABI_MAJOR,
        host_minor: abi::CA_ABI_MINOR,
        host_size: size_of::<ca_host>() as u32,
    };
    let Came::Table(table) = step(&mut probe, Step::Table(offer)).await? else { return Err(another()) };
    let view = match table.table {
        Some(view) if table.status == status::CA_OK => view,
        _ => return Err(DescribeError::Contract(format!("ca_adapter_get returned {}", table.status))),
    };
    let described = match step(&mut probe, Step::Describe).await? {
        Came::Called(Called { status: status::CA_OK, document, .. }) => document,
        Came::Called(called) => {
            return Err(DescribeError::Contract(format!("describe returned {}", called.status)));
        }
        _ => return Err(another()),
    };
    let offers = |bit: u64| view.capabilities & bit != 0;
    let operations = Operation::ALL.iter().filter(|operation| offers(operation.capability()));
    let digests = library.digests();
    Ok(Described {
        plugin: Loaded {
            vendor: text(&view.vendor),
            name: text(&view.name),
            version: text(&view.version),
            abi: format!("{}.{}", view.abi_major, view.abi_minor),
        },
        isolation,
        sha256: hex::encode(digests.sha256),
        sm3: hex::encode(digests.sm3),
        operations: operations.map(|operation| operation.name()).collect(),
        further: PROMISES.iter().filter(|(bit, _)| offers(*bit)).map(|(_, name)| *name).collect(),
        description: parse_description(&described.0).map_err(DescribeError::Contract)?,
    })
}

async fn step(probe: &mut Probe, step: Step) -> Result<Came, DescribeError> {
    match probe.step(&step, STEP_WITHIN).await?.result {
        Came::Impossible { reason } => Err(DescribeError::Contract(reason)),
        came => Ok(came),
    }
}

fn another() -> DescribeError {
    DescribeError::Contract("the answer is to another question".to_owned())
}

fn text(slice: &Slice) -> String {
    slice.octets.as_ref().map(|octets| octets.to_text()).unwrap_or_default()
}
