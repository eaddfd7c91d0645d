//! Lets an adapter go at once: whatever else is being changed, and in whatever state the adapter, the policy or the store is.
//!
//! Changes try plugins out, which takes time, and only then write. So letting go takes the lock of the file, which is held
//! for the writing alone, and leaves a mark by which a change that was being tried sees that it came too late.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use uuid::Uuid;

use yinqiao_ca_worker::AdapterSlot;

use super::agreement::Agreement;
use super::edit::{EditError, Editor};
use super::entry::{AdapterName, Entry, State};
use super::libraries;
use super::lock::FileLock;
use super::site::{self, Site};
use crate::adapter::Authorities;

/// How long calls that are inside may take to finish.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);
/// How long the command waits until the adapter is out of the broker's lists. Nothing of it is called in any case.
const OUT_WITHIN: Duration = Duration::from_secs(1);

/// When each adapter was let go last, as a mark that is another one each time.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stops(BTreeMap<AdapterName, Uuid>);

impl Stops {
    /// As they are now. One that cannot be read counts as none: letting go must not depend on it.
    pub fn read(site: &Site) -> Self {
        let bytes = fs::read(site.stops()).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Whether `name` was let go since `self` was read.
    pub fn came_after(&self, site: &Site, name: &AdapterName) -> bool {
        Self::read(site).0.get(name) != self.0.get(name)
    }

    fn mark(site: &Site, name: &AdapterName) {
        let mut stops = Self::read(site);
        stops.0.insert(name.clone(), Uuid::new_v4());
        let written = serde_json::to_vec(&stops)
            .map_err(std::io::Error::from)
            .and_then(|bytes| site::write_whole(&site.stops(), bytes.as_slice(), 0o600));
        if let Err(reason) = written {
            warn!(adapter = %name, %reason, "a change that is being tried may not see that the adapter was let go");
        }
    }
}

/// Says at once that an adapter is not started any more, and ends it in the running broker.
///
/// # Errors
/// When there is none of this name, or the file cannot be written.
pub async fn disable(
    site: &Site,
    live: Option<&Arc<Authorities>>,
    name: &AdapterName,
) -> Result<(), EditError> {
    let lock = FileLock::take(site).await?;
    let mut editor = Editor::open(site, &lock)?;
    editor.set_state(name, State::Disabled)?;
    editor.save(false)?;
    Stops::mark(site, name);
    note(site, name, |agreement| agreement.note_state(name, State::Disabled));
    drop(lock);
    let_go(live, name).await;
    Ok(())
}

/// Takes an adapter out at once; gives how many routes went with it. Its own folder stays.
///
/// # Errors
/// When there is none of this name, or the file cannot be written.
pub async fn remove(
    site: &Site,
    live: Option<&Arc<Authorities>>,
    name: &AdapterName,
) -> Result<usize, EditError> {
    let lock = FileLock::take(site).await?;
    let mut editor = Editor::open(site, &lock)?;
    let routes = editor.remove(name)?;
    editor.save(false)?;
    Stops::mark(site, name);
    note(site, name, |agreement| agreement.forget(name));
    drop(lock);
    let_go(live, name).await;
    libraries::prune(site, name, &[]);
    Ok(routes)
}

/// Ends an adapter in the running broker. From now on nothing of it is called and its holders can't answer; it is taken
/// out of the list behind whatever change of the broker's adapters is under way.
pub(super) async fn let_go(live: Option<&Arc<Authorities>>, name: &AdapterName) {
    let Some(live) = live else { return };
    let Ok(authority) = live.get(name.as_str()) else {
        info!(adapter = %name, "nothing of the adapter ran");
        return;
    };
    let reason = "its adapter is disabled".to_owned();
    // Refused, so that the supervisor does not start it again in between.
    let entry = Entry::clone(&authority.entry());
    authority.set_entry(Entry { state: State::Disabled, refusal: Some(reason.clone()), ..entry });
    if let Ok(old) = authority.switch(Err(reason)) {
        let name = name.clone();
        tokio::spawn(async move {
            if let Err(in_use) = AdapterSlot::drain(old, DRAIN_WITHIN).await {
                warn!(adapter = %name, reason = %in_use, "the adapter is ended with calls inside");
                in_use.handle.shutdown().await;
            }
        });
    }
    authority.trust().forget();
    let (live, name) = (Arc::clone(live), name.clone());
    let out = tokio::spawn(async move {
        if let Err(reason) = live.stop(name.as_str()).await {
            info!(adapter = %name, %reason, "the adapter was taken out before");
        }
    });
    // It goes on by itself where it takes longer.
    let _in_time = tokio::time::timeout(OUT_WITHIN, out).await;
}

/// Notes it beside the agreed policy. The file is written already, and decides; a record that cannot be written asks for
/// one consent too many later, which is no reason to fail here.
fn note(site: &Site, name: &AdapterName, change: impl FnOnce(&mut Agreement)) {
    let noted = Agreement::read(site).and_then(|agreement| {
        let Some(mut agreement) = agreement else { return Ok(()) };
        change(&mut agreement);
        agreement.write(site)
    });
    if let Err(reason) = noted {
        warn!(adapter = %name, %reason, "it could not be noted with the agreed policy");
    }
}
