//! The table that `ca_adapter_get` fills.

use yinqiao_ca_abi::{abi, capability, status, threading};
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_worker::probe::{
    Offer, SLICE_FUNCTIONS, Slice, Step, TableAnswer, TableView, VERSION_1_0_SIZE,
};

use crate::bench::{Bench, CALL, offer, status_name, table};
use crate::verdict::{HOLDS, Stop, Verdict, While as _, ensure, failed, holds};

/// The longest of vendor, name, version and build in octets.
const NAME_LIMIT: u64 = 128;
/// How many functions are required: describe, open, close, health, submit.
const REQUIRED: usize = 5;

pub(crate) async fn entry(bench: &Bench) -> Verdict {
    match &bench.survey().table {
        Err(why) => Err(failed(why.clone())),
        Ok(table) => {
            ensure(table.abi_major == abi::CA_ABI_MAJOR, || {
                format!("its abi_major is {}, the host's {}", table.abi_major, abi::CA_ABI_MAJOR)
            })?;
            holds(format!("version {}.{} of the contract", table.abi_major, table.abi_minor))
        }
    }
}

pub(crate) async fn size_matrix(bench: &Bench) -> Verdict {
    let full = offer().room;
    let mut rooms = vec![0, 4, 8, VERSION_1_0_SIZE / 2, VERSION_1_0_SIZE - 1, VERSION_1_0_SIZE, full];
    rooms.extend([full + 8, full + 64, full + 248]);
    for room in rooms {
        let answer = ask(bench, Offer { room, ..offer() }, &format!("with room for {room} octets")).await?;
        if let Some(at) = answer.overflow_at {
            return Err(failed(format!(
                "with room for {room} octets it wrote to octet {at}; a host with a smaller table is overwritten"
            )));
        }
        ensure(answer.struct_size <= room, || {
            format!("with room for {room} octets it set struct_size to {}", answer.struct_size)
        })?;
        if room >= VERSION_1_0_SIZE {
            ensure(answer.status == status::CA_OK, || {
                format!("with room for {room} octets it returned {}", status_name(answer.status))
            })?;
            ensure(answer.struct_size >= VERSION_1_0_SIZE, || {
                format!(
                    "with room for {room} octets it filled {} (struct_size); version 1.0 has {VERSION_1_0_SIZE}",
                    answer.struct_size
                )
            })?;
        }
    }
    HOLDS
}

pub(crate) async fn host_minor(bench: &Bench) -> Verdict {
    let present = bench.table()?;
    for (minor, host_size) in
        [(0, offer().host_size), (abi::CA_ABI_MINOR + 1, offer().host_size + 64), (999, 4096)]
    {
        let offer = Offer { host_minor: minor, host_size, ..offer() };
        let answer =
            ask(bench, offer, &format!("from a host of version {}.{minor}", abi::CA_ABI_MAJOR)).await?;
        ensure(answer.status == status::CA_OK, || {
            format!("it returns {} to a host of minor version {minor}", status_name(answer.status))
        })?;
        ensure(answer.table.as_ref().is_some_and(|table| same_plugin(table, present)), || {
            format!("its table for a host of minor version {minor} is another plugin's")
        })?;
    }
    HOLDS
}

pub(crate) async fn host_major(bench: &Bench) -> Verdict {
    for major in [0, abi::CA_ABI_MAJOR + 1, u16::MAX] {
        let answer =
            ask(bench, Offer { host_major: major, ..offer() }, &format!("from a host of version {major}"))
                .await?;
        ensure(answer.status == status::CA_NOT_SUPPORTED, || {
            format!("it returns {} to a host of major version {major}", status_name(answer.status))
        })?;
        ensure(!answer.touched && answer.overflow_at.is_none(), || {
            format!("it wrote to the table of a host of major version {major}, whose layout it cannot know")
        })?;
    }
    HOLDS
}

pub(crate) async fn capabilities(bench: &Bench) -> Verdict {
    let table = bench.table()?;
    for (name, there) in SLICE_FUNCTIONS.iter().zip(table.functions).take(REQUIRED) {
        ensure(there, || format!("the required function {name} is NULL"))?;
    }
    let bits = [
        capability::CA_CAN_POLL,
        capability::CA_CAN_LOOKUP,
        capability::CA_CAN_CANCEL,
        capability::CA_CAN_LIST,
    ];
    for ((name, there), bit) in SLICE_FUNCTIONS.iter().zip(table.functions).skip(REQUIRED).zip(bits) {
        let said = table.capabilities & bit != 0;
        ensure(said == there, || match there {
            true => format!("{name} is there, and its capability bit is not set"),
            false => format!("the capability bit of {name} is set, and the function is NULL"),
        })?;
    }
    let known = Operation::ALL
        .iter()
        .fold(bits.iter().fold(capability::CA_CAN_DEDUPLICATE, |all, bit| all | bit), |all, operation| {
            all | operation.capability()
        });
    let unknown = table.capabilities & !known;
    ensure(unknown == 0 || table.abi_minor > abi::CA_ABI_MINOR, || {
        format!("it sets capability bits that version 1.{} does not have: {unknown:#x}", table.abi_minor)
    })?;
    holds(format!("offers {}", offered(bench)))
}

pub(crate) async fn names(bench: &Bench) -> Verdict {
    let table = bench.table()?;
    for (what, slice, least) in [
        ("vendor", &table.vendor, 1),
        ("name", &table.name, 1),
        ("version", &table.version, 1),
        ("build_id", &table.build_id, 0),
    ] {
        is_name(what, slice, least)?;
    }
    HOLDS
}

pub(crate) async fn threading(bench: &Bench) -> Verdict {
    let table = bench.table()?;
    let name = match table.threading {
        threading::CA_THREADING_SERIAL => "serial",
        threading::CA_THREADING_PER_INSTANCE => "per instance",
        threading::CA_THREADING_REENTRANT => "reentrant",
        other => return Err(failed(format!("its threading is {other}; the contract has 1 to 3"))),
    };
    ensure(table.flags == 0, || format!("its flags are {:#x}; in this version they are 0", table.flags))?;
    holds(name)
}

pub(crate) async fn no_host_calls(bench: &Bench) -> Verdict {
    let mut probe = bench.loaded().await?;
    let answer = probe.step(&Step::Table(offer()), CALL).await.during("ca_adapter_get")?;
    ensure(answer.host.calls == 0, || {
        format!(
            "ca_adapter_get called {} host functions: {}",
            answer.host.calls,
            answer.host.misuse.join("; ")
        )
    })?;
    HOLDS
}

/// Each offer gets a process of its own: what the one before did must not show.
async fn ask(bench: &Bench, offer: Offer, what: &str) -> Result<TableAnswer, Stop> {
    let mut probe = bench.loaded().await?;
    table(&mut probe, offer).await.map_err(|stop| match stop {
        Stop::Failed(why) => failed(format!("{what}: {why}")),
        stop => stop,
    })
}

fn same_plugin(one: &TableView, other: &TableView) -> bool {
    let of = |table: &TableView| {
        (table.vendor.clone(), table.name.clone(), table.version.clone(), table.threading)
    };
    of(one) == of(other)
}

fn is_name(what: &str, slice: &Slice, least: u64) -> Result<(), Stop> {
    ensure((least..=NAME_LIMIT).contains(&slice.len), || {
        format!("{what} has {} octets; {least} to {NAME_LIMIT} are allowed", slice.len)
    })?;
    let octets =
        slice.octets.as_ref().ok_or_else(|| failed(format!("{what} is a NULL pointer with a length")))?;
    ensure(str::from_utf8(&octets.0).is_ok(), || format!("{what} is not UTF-8"))
}

fn offered(bench: &Bench) -> String {
    let names: Vec<&str> = bench.operations().iter().map(|operation| operation.name()).collect();
    if names.is_empty() { "no operation".to_owned() } else { names.join(", ") }
}
