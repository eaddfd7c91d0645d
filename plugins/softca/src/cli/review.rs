//! `review`: what waits for operators.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::State as CertificateState;
use yinqiao_ca_sdk::{Operation, Request};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::consent::OperatorName;

use super::decide::{Approve, Reject};
use super::input::{now_ms, write_new};
use super::{CliError, Directory, Shown};
use crate::record::{DecisionRecord, OperationRecord, ReviewOutcome, ReviewRecord};
use crate::review::{Matter, Verdict, decision_name, judge, matter};
use crate::roster::{self, Roster};
use crate::store::Folder;

#[derive(Debug, Subcommand)]
pub(super) enum Review {
    /// List what waits.
    List(List),
    /// Show everything about one of them.
    Show(Show),
    /// Consent, with an operator's key.
    Approve(Approve),
    /// Refuse, with an operator's key; it ends the matter.
    Reject(Reject),
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Also what is decided.
    #[arg(long)]
    all: bool,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    /// The token, or its beginning where only one has it.
    token: String,
    /// Write a seal's picture to a new file.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// One review, as an operator sees it.
pub(super) struct Reviewed {
    pub(super) token: String,
    pub(super) review: ReviewRecord,
    pub(super) matter: Matter,
    pub(super) roster: Roster,
    pub(super) verdict: Verdict,
    pub(super) state: State,
    needed: u32,
    /// Of the certificate that the request names, now: it may change, so it is shown and not signed.
    certificate_state: Option<String>,
}

/// How far it is.
pub(super) enum State {
    Waiting,
    /// Enough consents; the plugin does it when it is next asked.
    Consented,
    /// Refused or too late; the plugin says so when it is next asked.
    Refused(String),
    Expired,
    /// Done with these operators' consent.
    Done(Vec<OperatorName>),
    /// Not done.
    Ended(String),
}

impl Review {
    pub(super) fn run(self, directory: &Directory) -> Result<Shown, CliError> {
        match self {
            Self::List(list) => list.run(directory),
            Self::Show(show) => show.run(directory),
            Self::Approve(approve) => approve.run(directory),
            Self::Reject(reject) => reject.run(directory),
        }
    }
}

impl List {
    fn run(self, directory: &Directory) -> Result<Shown, CliError> {
        let (mut text, mut json) = (String::new(), Vec::new());
        for token in directory.store.names(Folder::Reviews)? {
            let Some(reviewed) = Reviewed::read(directory, token)? else { continue };
            if !self.all && !reviewed.state.is_open() {
                continue;
            }
            let _ = writeln!(
                text,
                "{}  {}  {} \"{}\"  {}",
                reviewed.token,
                time(reviewed.review.submitted_at_ms),
                reviewed.matter.text.action,
                reviewed.matter.text.subject,
                reviewed.state_text()
            );
            json.push(reviewed.to_json());
        }
        if text.is_empty() {
            text.push_str("nothing waits\n");
        }
        Ok((text, Value::Array(json)))
    }
}

impl Show {
    fn run(self, directory: &Directory) -> Result<Shown, CliError> {
        let reviewed = Reviewed::find(directory, &self.token)?;
        if let Some(path) = &self.picture {
            let request = Request::parse(reviewed.review.operation, reviewed.review.request.get().as_bytes());
            let Ok(Request::SealIssue(request)) = request else {
                return Err(CliError::Input("only the review of a seal has a picture".to_owned()));
            };
            write_new(path, request.picture.data.as_bytes())?;
        }
        Ok((reviewed.to_text(), reviewed.to_json()))
    }
}

impl Reviewed {
    /// The one whose token begins so.
    pub(super) fn find(directory: &Directory, beginning: &str) -> Result<Self, CliError> {
        let names = directory.store.names(Folder::Reviews)?;
        let mut fitting = names.into_iter().filter(|name| name.starts_with(beginning));
        let absent = || CliError::Absent(format!("no review has a token that begins with {beginning:?}"));
        let token = fitting.next().filter(|_| !beginning.is_empty()).ok_or_else(absent)?;
        if fitting.next().is_some() {
            let text = format!("several tokens begin with {beginning:?}; give more of the token");
            return Err(CliError::Input(text));
        }
        Self::read(directory, token)?.ok_or_else(absent)
    }

    /// None: nothing was ever answered with that token.
    pub(super) fn read(directory: &Directory, token: String) -> Result<Option<Self>, CliError> {
        let store = &directory.store;
        let review: Option<ReviewRecord> = store.read(Folder::Reviews, &token)?;
        let record: Option<OperationRecord> = store.read(Folder::Operations, &token)?;
        let (Some(review), Some(record)) = (review, record) else { return Ok(None) };
        let Some(outcome) = record.review else { return Ok(None) };
        let roster = roster::read(store)?;
        let matter = matter(store, &directory.name, &token, &review)?;
        let mut decisions = Vec::new();
        for operator in &roster.operators {
            let name = decision_name(&token, &operator.name);
            decisions.extend(store.read::<DecisionRecord>(Folder::Decisions, &name)?);
        }
        let verdict = judge(&roster.operators, &matter, &decisions);
        let needed = match review.operation {
            Operation::RecoverKey => roster.recovery_consents,
            _ => 1,
        };
        let state = match outcome {
            ReviewOutcome::Approved { consents } => {
                State::Done(consents.into_iter().map(|consent| consent.operator).collect())
            }
            ReviewOutcome::Ended { text, .. } => State::Ended(text),
            ReviewOutcome::Pending => match &verdict.rejection {
                Some((operator, reason)) => State::Refused(format!("refused by {operator}: {reason}")),
                None if now_ms() >= review.expires_at_ms => State::Expired,
                None if verdict.consents.len() >= needed as usize => State::Consented,
                None => State::Waiting,
            },
        };
        let certificate_state = certificate_state(directory, &review)?;
        Ok(Some(Self { token, review, matter, roster, verdict, state, needed, certificate_state }))
    }

    fn consenting(&self) -> Vec<&str> {
        self.verdict.consents.iter().map(|consent| consent.operator.as_str()).collect()
    }

    fn state_text(&self) -> String {
        match &self.state {
            State::Waiting => format!("waiting, {} of {} consents", self.verdict.consents.len(), self.needed),
            State::Consented => "consented, to be done when the plugin is next asked".to_owned(),
            State::Refused(text) | State::Ended(text) => format!("ended: {text}"),
            State::Expired => "ended: the time to decide is over".to_owned(),
            State::Done(names) => {
                let names: Vec<&str> = names.iter().map(OperatorName::as_str).collect();
                format!("done, with the consent of {}", names.join(", "))
            }
        }
    }

    /// Everything an operator must see.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.lines() {
            let _ = writeln!(text, "{name:<26} {value}");
        }
        text
    }

    fn lines(&self) -> Vec<(&str, String)> {
        let of = &self.matter.text;
        let mut lines = vec![
            ("token", self.token.clone()),
            ("state", self.state_text()),
            ("action", of.action.clone()),
            ("subject", of.subject.clone()),
        ];
        lines.extend(of.summary.iter().map(|(name, value)| (name.as_str(), value.clone())));
        lines.extend(self.certificate_state.iter().map(|state| ("certificate_state", state.clone())));
        lines.extend([
            ("request_sm3", of.content_sm3.to_string()),
            ("idempotency_key", self.review.idempotency_key.to_string()),
            ("submitted_at", time(self.review.submitted_at_ms)),
            ("expires_at", of.expires_at.to_string()),
        ]);
        lines.extend(self.consenting().into_iter().map(|name| ("consent_of", name.to_owned())));
        lines
    }

    pub(super) fn to_json(&self) -> Value {
        let of = &self.matter.text;
        let summary: BTreeMap<_, _> = of.summary.iter().collect();
        let state = match self.state {
            State::Waiting => "waiting",
            State::Consented => "consented",
            State::Refused(_) | State::Expired | State::Ended(_) => "ended",
            State::Done(_) => "done",
        };
        json!({
            "token": self.token,
            "state": state,
            "state_text": self.state_text(),
            "action": of.action,
            "subject": of.subject,
            "summary": summary,
            "certificate_state": self.certificate_state,
            "request_sm3": of.content_sm3,
            "idempotency_key": self.review.idempotency_key,
            "submitted_at": time(self.review.submitted_at_ms),
            "expires_at": of.expires_at,
            "consents": self.consenting(),
            "consents_needed": self.needed,
        })
    }
}

impl State {
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Waiting | Self::Consented)
    }
}

fn certificate_state(directory: &Directory, review: &ReviewRecord) -> Result<Option<String>, CliError> {
    let request = Request::parse(review.operation, review.request.get().as_bytes());
    let serial = match &request {
        Ok(Request::RecoverKey(request)) => &request.serial,
        Ok(Request::Rekey(request)) => &request.serial,
        _ => return Ok(None),
    };
    Ok(Some(match directory.store.state(serial)?.state {
        CertificateState::Good => "good".to_owned(),
        CertificateState::Held => "held".to_owned(),
        CertificateState::Revoked => "revoked".to_owned(),
        CertificateState::Unknown => "unknown".to_owned(),
    }))
}

pub(super) fn time(milliseconds: u64) -> String {
    Timestamp::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX)).to_string()
}
