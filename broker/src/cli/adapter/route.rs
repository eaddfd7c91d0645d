//! `yinqiao adapter route`

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use yinqiao_protocol::holder::HolderKind;

use super::{list, send, table};
use crate::adapter::catalogue::proposal::Proposal;
use crate::adapter::catalogue::{AdapterName, Catalogue, Site};
use crate::adapter::routing::{Route, RouteKeys};
use crate::cli::say;
use crate::config::Config;

/// Which CA an enrolment goes to: the first route that fits decides. Routes count from the next enrolment on.
#[derive(Subcommand)]
pub enum Command {
    /// List the routes that are in force, in order.
    List(List),
    /// Add a route; it fits what meets each condition that it names.
    Add(Add),
    /// Take a route out.
    Remove(Remove),
}

/// Options of `list`.
#[derive(Args)]
pub struct List {
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

/// Options of `add`.
#[derive(Args)]
pub struct Add {
    /// Adapters, the one to ask first comes first, with commas between them.
    #[arg(long, required = true, value_delimiter = ',', value_name = "NAMES")]
    adapters: Vec<AdapterName>,
    /// Administrative divisions (GB/T 2260) of the companies that it is for: 2, 4 or 6 digits.
    #[arg(long, value_delimiter = ',', value_name = "DIGITS")]
    regions: Vec<String>,
    /// Unified social credit codes of the companies that it is for.
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    enterprises: Vec<String>,
    /// Products of the CA or certificate policies that it is for.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    products: Vec<String>,
    /// The kind of user that it is for.
    #[arg(long, value_enum)]
    holder: Option<Holder>,
    /// Its number, the first is 1; behind all others where none is named.
    #[arg(long, value_name = "NUMBER")]
    position: Option<usize>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Options of `remove`.
#[derive(Args)]
pub struct Remove {
    /// Its number, as `list` shows it.
    number: usize,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Holder {
    #[value(name = "person")]
    Person,
    #[value(name = "legal_person", alias = "legal-person")]
    LegalPerson,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => show(config, &arguments),
        Command::Add(add) => {
            let json = add.json;
            let holder = add.holder.map(|holder| match holder {
                Holder::Person => HolderKind::Person,
                Holder::LegalPerson => HolderKind::LegalPerson,
            });
            let route = Route::try_from(RouteKeys {
                enterprises: add.enterprises,
                regions: add.regions,
                products: add.products,
                holder,
                adapters: add.adapters,
            })?;
            send::propose(config, Proposal::AddRoute { route, position: add.position }, json)
        }
        Command::Remove(remove) => {
            send::propose(config, Proposal::RemoveRoute { number: remove.number }, remove.json)
        }
    }
}

fn show(config: Config, arguments: &List) -> anyhow::Result<()> {
    let catalogue = Catalogue::read(&Site::of(&config.complete()?))?;
    if arguments.json {
        let changed = catalogue.routes_changed_by_hand;
        let document = json!({ "routes": catalogue.routes, "routes_changed_by_hand": changed });
        say(&serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    list::warn(&catalogue);
    let mut rows = Vec::new();
    for (index, route) in catalogue.routes.iter().enumerate() {
        let keys = route.keys();
        let any = |values: &[String]| if values.is_empty() { "any".to_owned() } else { values.join(", ") };
        let adapters: Vec<&str> = keys.adapters.iter().map(AdapterName::as_str).collect();
        rows.push(vec![
            (index + 1).to_string(),
            adapters.join(", "),
            any(&keys.regions),
            any(&keys.enterprises),
            any(&keys.products),
            match keys.holder {
                None => "any",
                Some(HolderKind::Person) => "person",
                Some(HolderKind::LegalPerson) => "legal_person",
            }
            .to_owned(),
        ]);
    }
    table::print(&["ROUTE", "ADAPTERS", "REGIONS", "ENTERPRISES", "PRODUCTS", "HOLDER"], rows);
    Ok(())
}
