//! Changes the catalogue's file and leaves the operator's comments, order and spelling alone.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike};

use super::entry::{AdapterName, Entry, State};
use super::file::{Catalogue, CatalogueError};
use super::lock::{FileLock, LockError};
use super::policy::Policy;
use super::site::{self, Site};
use crate::adapter::routing::Route;

/// What a file begins with that a command makes.
const HEADER: &str = "# The adapters of this broker: docs/adapters.md. `yinqiao adapter` changes this file and keeps comments.\n\n";

/// Why the catalogue was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The system refuses.
    #[error("the catalogue {path} cannot be changed: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Others hold it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It is not TOML.
    #[error("the catalogue {path} is not TOML: {reason}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        reason: Box<toml_edit::TomlError>,
    },
    /// It has no such adapter.
    #[error("no adapter is called \"{0}\": `yinqiao adapter list` shows those that are")]
    Unknown(AdapterName),
    /// What is to be written cannot be.
    #[error("the catalogue cannot be written: {0}")]
    Write(Box<toml_edit::ser::Error>),
    /// What would be written could not be read again.
    #[error(transparent)]
    Unreadable(#[from] CatalogueError),
}

/// The file's text with its comments.
#[derive(Debug)]
pub struct Editor {
    site: Site,
    document: DocumentMut,
}

impl Editor {
    /// Opens the file; where there is none, begins one with the software CA that comes with the program. What the adapters
    /// in it say is not looked at, so that one that is wrong can be taken out.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn open(site: &Site, _lock: &FileLock) -> Result<Self, EditError> {
        let path = || site.catalogue().to_owned();
        match fs::read_to_string(site.catalogue()) {
            Ok(text) => {
                let document = text
                    .parse()
                    .map_err(|reason| EditError::Toml { path: path(), reason: Box::new(reason) })?;
                Ok(Self { site: site.clone(), document })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut editor = Self { site: site.clone(), document: DocumentMut::new() };
                editor.document.decor_mut().set_prefix(HEADER);
                for entry in Catalogue::read(site)?.entries {
                    editor.put(&entry)?;
                }
                Ok(editor)
            }
            Err(reason) => Err(EditError::Io { path: path(), reason }),
        }
    }

    /// Puts an adapter in, or in the place of the one of its name.
    ///
    /// # Errors
    /// [`EditError::Write`].
    pub fn put(&mut self, entry: &Entry) -> Result<(), EditError> {
        let default_folder = self.site.adapter_data(&entry.name);
        let mut table = to_table(entry)?;
        let adapters = self.adapters();
        let present = adapters.iter_mut().find(|table| is_named(table, &entry.name));
        let says_folder = present.as_ref().is_some_and(|table| table.contains_key("data_directory"));
        if !says_folder && entry.data_directory == Some(default_folder) {
            table.remove("data_directory");
        }
        match present {
            Some(present) => {
                let before = in_own_spelling::<Entry>(present)?;
                merge(present, before.as_ref(), table);
            }
            None => adapters.push(table),
        }
        Ok(())
    }

    /// Says whether an adapter is started.
    ///
    /// # Errors
    /// [`EditError::Unknown`].
    pub fn set_state(&mut self, name: &AdapterName, state: State) -> Result<(), EditError> {
        let found = self.adapters().iter_mut().find(|table| is_named(table, name));
        let table = found.ok_or_else(|| EditError::Unknown(name.clone()))?;
        let word = match state {
            State::Enabled => "enabled",
            State::Disabled => "disabled",
        };
        table.insert("state", toml_edit::value(word));
        Ok(())
    }

    /// Takes an adapter out, and out of all routes; a route that led to it alone goes too. Gives how many did.
    ///
    /// # Errors
    /// [`EditError::Unknown`].
    pub fn remove(&mut self, name: &AdapterName) -> Result<usize, EditError> {
        let adapters = self.adapters();
        let before = adapters.len();
        adapters.retain(|table| !is_named(table, name));
        if adapters.len() == before {
            return Err(EditError::Unknown(name.clone()));
        }
        let Some(routes) = self.document.get_mut("route").and_then(Item::as_array_of_tables_mut) else {
            return Ok(0);
        };
        let before = routes.len();
        for route in routes.iter_mut() {
            if let Some(adapters) = route.get_mut("adapters").and_then(Item::as_array_mut) {
                adapters.retain(|adapter| adapter.as_str() != Some(name.as_str()));
            }
        }
        routes.retain(|route| {
            route.get("adapters").and_then(Item::as_array).is_none_or(|adapters| !adapters.is_empty())
        });
        Ok(before - routes.len())
    }

    /// Sets the routes. Those that stay keep their comments and spelling.
    ///
    /// # Errors
    /// [`EditError::Write`].
    pub fn set_routes(&mut self, routes: &[Route]) -> Result<(), EditError> {
        let item = self.document.entry("route").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        let mut present: Vec<Table> = std::mem::take(item)
            .into_array_of_tables()
            .map(|tables| tables.into_iter().collect())
            .unwrap_or_default();
        let says =
            |table: &Table| toml::from_str::<Route>(&DocumentMut::from(table.clone()).to_string()).ok();
        let mut tables = ArrayOfTables::new();
        for route in routes {
            let place = present.iter().position(|table| says(table).as_ref() == Some(route));
            tables.push(match place {
                Some(place) => present.remove(place),
                None => to_table(route)?,
            });
        }
        if routes.is_empty() {
            self.document.remove("route");
        } else {
            self.document.insert("route", Item::ArrayOfTables(tables));
        }
        Ok(())
    }

    /// Sets who may change the catalogue.
    ///
    /// # Errors
    /// [`EditError::Write`].
    pub fn set_policy(&mut self, policy: &Policy) -> Result<(), EditError> {
        let table = to_table(policy)?;
        match self.document.get_mut("policy").and_then(Item::as_table_mut) {
            Some(present) => {
                let before = in_own_spelling::<Policy>(present)?;
                merge(present, before.as_ref(), table);
            }
            None => {
                self.document.insert("policy", Item::Table(table));
            }
        }
        Ok(())
    }

    /// Writes the file, whole or not at all, for its owner only. `strict`: only when it could be read again; what takes
    /// something out writes in any case.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn save(&self, strict: bool) -> Result<(), EditError> {
        let text = self.document.to_string();
        if strict {
            Catalogue::parse(&self.site, &text)?;
        }
        let path = self.site.catalogue();
        site::write_whole(path, text.as_bytes(), 0o600)
            .map_err(|reason| EditError::Io { path: path.to_owned(), reason })
    }

    fn adapters(&mut self) -> &mut ArrayOfTables {
        let item = self.document.entry("adapter").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        if !item.is_array_of_tables() {
            *item = Item::ArrayOfTables(item.clone().into_array_of_tables().unwrap_or_default());
        }
        match item {
            Item::ArrayOfTables(adapters) => adapters,
            _ => unreachable!("it was made one above"),
        }
    }
}

fn is_named(table: &Table, name: &AdapterName) -> bool {
    table.get("name").and_then(Item::as_str) == Some(name.as_str())
}

/// What a table says, as the program would write it; `None` where the program cannot read it.
fn in_own_spelling<T: DeserializeOwned + Serialize>(table: &Table) -> Result<Option<Table>, EditError> {
    let read = toml::from_str::<T>(&DocumentMut::from(table.clone()).to_string());
    read.ok().map(|value| to_table(&value)).transpose()
}

fn to_table(value: &impl Serialize) -> Result<Table, EditError> {
    let document = toml_edit::ser::to_document(value).map_err(|reason| EditError::Write(Box::new(reason)))?;
    let mut table = document.as_table().clone();
    expand(&mut table, 0);
    Ok(table)
}

/// Gives objects tables of their own where a person would: two levels deep. What lies deeper stays in one line.
fn expand(table: &mut Table, depth: usize) {
    for (_, item) in table.iter_mut() {
        let is_list_of_tables = item
            .as_array()
            .is_some_and(|list| !list.is_empty() && list.iter().all(toml_edit::Value::is_inline_table));
        if item.is_inline_table() && depth < 2 {
            *item = std::mem::take(item).into_table().map_or_else(|item| item, Item::Table);
        } else if is_list_of_tables && depth < 1 {
            *item = std::mem::take(item).into_array_of_tables().map_or_else(|item| item, Item::ArrayOfTables);
        }
        match item {
            Item::Table(inner) => expand(inner, depth + 1),
            Item::ArrayOfTables(list) => list.iter_mut().for_each(|inner| expand(inner, depth + 1)),
            Item::None | Item::Value(_) => {}
        }
    }
}

/// Makes `present` say what `wanted` says. What `before`, the same as `present` in the program's spelling, says already is
/// left in the operator's spelling; without it all is written anew.
fn merge(present: &mut dyn TableLike, before: Option<&Table>, wanted: Table) {
    let said = |key: &str| before.and_then(|before| before.get(key));
    let is_gone = |key: &&str| !wanted.contains_key(key) && (before.is_none() || said(key).is_some());
    let gone: Vec<String> = present.iter().map(|(key, _)| key).filter(is_gone).map(str::to_owned).collect();
    for key in gone {
        present.remove(&key);
    }
    for (key, item) in wanted {
        let key = key.as_str();
        if said(key).is_some_and(|said| says_the_same(said, &item)) {
            continue;
        }
        let present_item = present.get_mut(key);
        match (present_item, item) {
            (Some(Item::Value(present)), Item::Value(mut wanted)) => {
                *wanted.decor_mut() = present.decor().clone();
                *present = wanted;
            }
            (Some(present), Item::Table(wanted)) if present.is_table_like() => {
                if let Some(present) = present.as_table_like_mut() {
                    merge(present, said(key).and_then(Item::as_table), wanted);
                }
            }
            (_, item) => {
                present.insert(key, item);
            }
        }
    }
}

fn says_the_same(one: &Item, other: &Item) -> bool {
    let plain = |item: &Item| {
        let mut document = DocumentMut::new();
        document.insert("value", item.clone());
        toml::from_str::<toml::Table>(&document.to_string()).ok()
    };
    plain(one).is_some_and(|one| plain(other) == Some(one))
}

#[cfg(test)]
mod tests;
