//! The threads that call the plugin, as many as it allows.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use yinqiao_ca_abi::status;
use yinqiao_ca_sdk::Threading;

use super::plugin::{OpenInstance, Plugin};
use super::state::State;
use crate::message::{Load, Refused, Stage, ToHost};
use crate::sandbox::Isolation;

/// Room for a vendor's library that keeps large arrays on the stack; only what is touched is used.
const STACK: usize = 8 << 20;

/// Starts the first calling thread: it loads and opens the plugin and starts the others.
pub(super) fn start(
    state: &'static State,
    library: OwnedFd,
    load: Load,
    isolation: Isolation,
) -> io::Result<()> {
    spawn(0, move || match load_and_serve(state, library, &load, isolation) {
        Ok(()) => super::end(),
        Err(refused) => {
            state.send(0, &ToHost::Refused(refused));
            super::end();
        }
    })
    .map(drop)
}

fn load_and_serve(
    state: &'static State,
    library: OwnedFd,
    load: &Load,
    isolation: Isolation,
) -> Result<(), Refused> {
    state.set_reply_limit(load.reply_limit);
    let configuration = load.configuration.to_string().into_bytes();
    let (plugin, mut info) = Plugin::load(state, library, isolation)?;
    let instance = plugin.open(&configuration)?;

    info.concurrency = match plugin.threading {
        Threading::Serial => 1,
        Threading::PerInstance | Threading::Reentrant => load.threads.max(1),
    };
    let mut others = Vec::new();
    for number in 1..info.concurrency {
        others.push(match plugin.threading {
            Threading::PerInstance => start_with_own_instance(state, plugin, &configuration, number)?,
            Threading::Reentrant | Threading::Serial => {
                spawn(number, move || serve(state, plugin, instance)).map_err(|error| no_thread(&error))?
            }
        });
    }
    state.send(0, &ToHost::Loaded(Box::new(info)));

    serve(state, plugin, instance);
    for other in others {
        // A panic in it has aborted the process.
        let _ = other.join();
    }
    plugin.close(instance);
    Ok(())
}

/// A thread that opens, calls and closes its own instance; returns when it has opened it.
fn start_with_own_instance(
    state: &'static State,
    plugin: Plugin,
    configuration: &[u8],
    number: u32,
) -> Result<JoinHandle<()>, Refused> {
    let (sender, opened) = mpsc::channel();
    let configuration = configuration.to_vec();
    let thread = spawn(number, move || match plugin.open(&configuration) {
        Ok(instance) => {
            drop(sender);
            serve(state, plugin, instance);
            plugin.close(instance);
        }
        Err(refused) => {
            // The receiver waits for it.
            let _ = sender.send(refused);
        }
    })
    .map_err(|error| no_thread(&error))?;
    match opened.recv() {
        Ok(refused) => Err(refused),
        Err(mpsc::RecvError) => Ok(thread),
    }
}

fn serve(state: &State, plugin: Plugin, instance: OpenInstance) {
    while let Some(job) = state.next_job() {
        let (status, document) = plugin.call(instance, job.id, &job.call);
        state.finish(job.id, status, &document);
    }
}

fn spawn(number: u32, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(format!("adapter-{number}")).stack_size(STACK).spawn(body)
}

fn no_thread(error: &io::Error) -> Refused {
    let text = format!("a thread cannot be started: {error}");
    Refused { stage: Stage::Open, status: status::CA_UNHEALTHY, vendor_code: None, text }
}
