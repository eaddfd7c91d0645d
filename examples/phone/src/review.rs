//! What the holder reads before signing: taken out of the very bytes that are signed, after these were checked to say
//! what was announced. Pure.

use serde::Serialize;

use yinqiao_gm::seal::SesSeal;
use yinqiao_protocol::holder::Holder;
use yinqiao_protocol::phone::{Claimed, ItemDigest};
use yinqiao_protocol::statement::{ItemToSign, ItemToSignError, SignedText, SignedTextError};
use yinqiao_protocol::task::{MessageArc, Purpose, TaskError, is_showable};
use yinqiao_protocol::{ItemId, Sm3Hex, Statement, Task, Timestamp};

/// Seconds by which the clocks of phone and broker may differ.
const CLOCKS_DIFFER_SECONDS: i64 = 600;

/// Why the phone does not show or sign bytes.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// Not a statement.
    #[error("the bytes are no statement: {0}")]
    Statement(#[from] SignedTextError),
    /// The statement says something else than what was announced.
    #[error("the statement names another {0} than was announced")]
    Differs(&'static str),
    /// Purpose or items break a rule.
    #[error("the statement's task breaks a rule: {0}")]
    Task(#[from] TaskError),
    /// A text would not show as it is.
    #[error("the {0} has characters that cannot be shown, or is too long")]
    NotShowable(&'static str),
    /// Dated ahead or back.
    #[error("the statement is dated {stated_at}, but it was asked for between {claimed_at} and {now}")]
    Date {
        /// The statement's date.
        stated_at: Timestamp,
        /// When the phone claimed the session, by its own clock.
        claimed_at: Timestamp,
        /// The phone's time.
        now: Timestamp,
    },
    /// The items' bytes cannot be made.
    #[error("what is to be signed for the items cannot be made: {0}")]
    Items(#[from] ItemToSignError),
    /// The seal cannot be read.
    #[error("the seal cannot be read: {0}")]
    Seal(String),
    /// The broker expects other bytes to be signed.
    #[error("the broker expects other bytes to be signed for the items than those that the statement says")]
    OtherBytes,
}

/// What a statement is held against.
#[derive(Clone, Copy, Debug)]
pub struct Announced<'a> {
    /// The claim's answer.
    pub claimed: &'a Claimed,
    /// SM3 of the signing certificate.
    pub certificate_sm3: Sm3Hex,
    /// Whom that certificate names.
    pub holder: &'a Holder,
    /// When the session was claimed, by the phone's clock.
    pub claimed_at: Timestamp,
}

/// A statement that says what was announced.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its content.
    pub statement: Statement,
    /// The bytes to sign for the items.
    pub items: Vec<ItemToSign>,
    /// The seal, in `seal` sessions.
    seal_name: Option<String>,
}

/// Reads and checks a statement: that it has one spelling, names the same session, bid system, purpose, texts, match
/// code, holder and certificate as the claim's answer, is dated now, and that the broker expects exactly the bytes to be
/// signed that follow from it.
///
/// # Errors
/// The first thing that does not fit.
pub fn check(
    statement: &[u8],
    seal: Option<&[u8]>,
    to_be_signed: &[ItemDigest],
    announced: &Announced<'_>,
    now: Timestamp,
) -> Result<Checked, ReviewError> {
    let statement = Statement::from_bytes(statement)?;
    check_names(&statement, announced)?;
    check_texts(&statement)?;
    statement.task.validate(false)?;
    check_date(&statement, announced.claimed_at, now)?;
    let seal_name = check_seal(&statement, seal)?;
    let items = statement.items_to_sign(seal)?;
    let ours = items.iter().map(|item| ItemDigest { id: item.id.clone(), sm3: Sm3Hex::of(&item.bytes) });
    if !ours.eq(to_be_signed.iter().cloned()) {
        return Err(ReviewError::OtherBytes);
    }
    Ok(Checked { statement, items, seal_name })
}

fn check_names(statement: &Statement, announced: &Announced<'_>) -> Result<(), ReviewError> {
    let claimed = announced.claimed;
    let same = [
        ("session", statement.session == claimed.session),
        ("bid system", statement.relying_party == claimed.relying_party),
        ("purpose", statement.task.purpose() == claimed.purpose),
        ("text to read", statement.display == claimed.display),
        ("match code", statement.match_code == claimed.match_code),
        ("holder", statement.holder == *announced.holder),
        ("certificate", statement.certificate_sm3 == announced.certificate_sm3),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(ReviewError::Differs(what)),
        None => Ok(()),
    }
}

fn check_texts(statement: &Statement) -> Result<(), ReviewError> {
    let or_empty = |text: &str, most| text.is_empty() || is_showable(text, most);
    let display = &statement.display;
    let of_text =
        display.text.chars().count() <= 1000 && display.text.split('\n').all(|line| or_empty(line, 1000));
    let holder = &statement.holder;
    let enterprise = holder.enterprise.as_ref();
    let shown = [
        ("bid system's name", is_showable(&statement.relying_party.name, 255)),
        ("bid system's domain", is_showable(&statement.relying_party.domain, 255)),
        ("title", or_empty(&display.title, 100)),
        ("text", of_text),
        ("match code", is_showable(&statement.match_code, 16)),
        ("holder's name", is_showable(&holder.name, 255)),
        ("company's name", enterprise.is_none_or(|enterprise| is_showable(&enterprise.name, 255))),
        ("seal's name", statement.seal.as_ref().is_none_or(|seal| is_showable(&seal.name, 255))),
    ];
    match shown.into_iter().find(|(_, shown)| !shown) {
        Some((what, _)) => Err(ReviewError::NotShowable(what)),
        None => Ok(()),
    }
}

fn check_date(statement: &Statement, claimed_at: Timestamp, now: Timestamp) -> Result<(), ReviewError> {
    let stated_at = statement.stated_at;
    let earliest = claimed_at.seconds() - CLOCKS_DIFFER_SECONDS;
    let latest = now.seconds() + CLOCKS_DIFFER_SECONDS;
    if (earliest..=latest).contains(&stated_at.seconds()) && statement.opened_at <= stated_at.plus_seconds(1)
    {
        Ok(())
    } else {
        Err(ReviewError::Date { stated_at, claimed_at, now })
    }
}

/// The seal's own name, which is signed too.
fn check_seal(statement: &Statement, seal: Option<&[u8]>) -> Result<Option<String>, ReviewError> {
    match (&statement.task, &statement.seal, seal) {
        (Task::Seal { .. }, Some(_), Some(der)) => {
            let seal = SesSeal::from_der(der).map_err(|error| ReviewError::Seal(error.to_string()))?;
            if !is_showable(seal.name(), 255) {
                return Err(ReviewError::NotShowable("seal's name"));
            }
            Ok(Some(seal.name().to_owned()))
        }
        (Task::Seal { .. }, ..) => Err(ReviewError::Items(ItemToSignError::SealMissing)),
        (_, None, None) => Ok(None),
        _ => Err(ReviewError::Differs("purpose")),
    }
}

/// What the holder reads.
#[derive(Clone, Debug, Serialize)]
pub struct Review {
    /// What for.
    pub purpose: Purpose,
    /// The bid system's name.
    pub relying_party: String,
    /// Its verified domain.
    pub domain: String,
    /// Must be the one on the bid system's page.
    pub match_code: String,
    /// Of the bid system's text; may be empty.
    pub title: String,
    /// May be empty; may have line feeds.
    pub text: String,
    /// Who signs.
    pub holder: String,
    /// For which company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
    /// The seal's name, as in the seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// The time that signatures will carry.
    pub stated_at: Timestamp,
    /// What is signed, sealed, encrypted or opened.
    pub items: Vec<ReviewItem>,
}

/// One item as the holder reads it.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewItem {
    /// Its id.
    pub id: ItemId,
    /// Usually a file's name.
    pub name: String,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SM3 of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sm3: Option<Sm3Hex>,
    /// What else belongs to it, one fact a line.
    pub details: Vec<String>,
}

impl Checked {
    /// What the holder reads, all of it out of what will be signed.
    pub fn review(&self) -> Review {
        let statement = &self.statement;
        Review {
            purpose: statement.task.purpose(),
            relying_party: statement.relying_party.name.clone(),
            domain: statement.relying_party.domain.clone(),
            match_code: statement.match_code.clone(),
            title: statement.display.title.clone(),
            text: statement.display.text.clone(),
            holder: statement.holder.name.clone(),
            enterprise: statement.holder.enterprise.as_ref().map(|enterprise| enterprise.name.clone()),
            seal: self.seal_name.clone(),
            stated_at: statement.stated_at,
            items: review_items(&statement.task),
        }
    }
}

fn review_items(task: &Task) -> Vec<ReviewItem> {
    let item = |id: &ItemId, name: &str, size: Option<u64>, sm3: Option<Sm3Hex>, details: Vec<String>| {
        ReviewItem { id: id.clone(), name: name.to_owned(), size, sm3, details }
    };
    match task {
        Task::Login {} => Vec::new(),
        Task::Sign { items, arc } => items
            .iter()
            .map(|one| {
                item(&one.id, &one.name, Some(one.size), Some(one.sm3), vec![arc_text(*arc).to_owned()])
            })
            .collect(),
        Task::Encrypt { items } => items
            .iter()
            .map(|one| item(&one.id, &one.name, Some(one.size), Some(one.sm3), Vec::new()))
            .collect(),
        Task::Seal { items, .. } => items
            .iter()
            .map(|one| {
                let position = one.position.map(|at| {
                    let (x, y) = (f64::from(at.x) / 10.0, f64::from(at.y) / 10.0);
                    format!("page {}, {x} mm from the left, {y} mm from the top", at.page)
                });
                let path = format!("property: {}", one.property_info);
                let details = position.into_iter().chain([path]).collect();
                item(&one.id, &one.name, Some(one.size), Some(one.sm3), details)
            })
            .collect(),
        Task::Unseal { items } => items
            .iter()
            .map(|one| {
                let details =
                    vec![format!("withdraws the seal signature with SM3 {}", one.seal_signature_sm3)];
                item(&one.id, &one.name, None, Some(one.sm3), details)
            })
            .collect(),
        Task::Decrypt { items, .. } => items
            .iter()
            .map(|one| {
                let details = vec![format!("encrypted for certificate {}", one.certificate_serial)];
                item(&one.id, &one.name, Some(one.size), None, details)
            })
            .collect(),
    }
}

fn arc_text(arc: MessageArc) -> &'static str {
    match arc {
        MessageArc::Gmt0010 => "as GM/T 0010 message",
        MessageArc::Rfc5652 => "as RFC 5652 message",
    }
}

#[cfg(test)]
mod tests;
