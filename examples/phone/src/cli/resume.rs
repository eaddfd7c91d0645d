//! `yinqiao-phone resume`

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use yinqiao_phone::session::session_of;
use yinqiao_phone::{ClaimedSession, Fetched, KeptClaim, Phone, PhoneError};
use yinqiao_protocol::SessionId;

use super::attend::Consent;
use super::{CliError, show};

/// Go on with a session that was claimed before a crash or without a network.
#[derive(Args, Debug)]
pub struct Resume {
    /// Which session, where several are open.
    #[arg(value_name = "SESSION")]
    session: Option<SessionId>,
    /// List the claimed sessions that are not known to be over, and do nothing.
    #[arg(long, conflicts_with = "session")]
    list: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Resume {
    pub fn run(self, phone: &Phone, json: bool) -> Result<ExitCode, CliError> {
        let mut claims = phone.kept_claims()?;
        if self.list {
            claims.iter().try_for_each(|claim| print(claim, json))?;
            return Ok(ExitCode::SUCCESS);
        }
        self.consent.check()?;
        if let Some(wanted) = self.session {
            claims.retain(|claim| session_of(claim).is_ok_and(|session| session == wanted));
        }
        let session = match claims.len() {
            0 => return Err(CliError::Session("no claimed session is open here".into())),
            1 => phone.resume(claims.remove(0))?,
            _ => the_only_open(phone, claims, json)?,
        };
        self.consent.attend(phone, session, json)
    }
}

/// The one session that is not over; what is over is removed on the way.
fn the_only_open(phone: &Phone, claims: Vec<KeptClaim>, json: bool) -> Result<ClaimedSession, CliError> {
    let mut open = Vec::new();
    for claim in claims {
        match is_open(phone, claim.clone()) {
            Ok(Some(session)) => open.push((claim, session)),
            Ok(None) => {}
            Err(PhoneError::Http(error)) if error.problem_name().is_some() => eprintln!("{error}"),
            Err(error) => return Err(error.into()),
        }
    }
    if open.len() > 1 {
        open.iter().try_for_each(|(claim, _)| print(claim, json))?;
        return Err(CliError::Session("several claimed sessions are open: name one of them".into()));
    }
    let none = || CliError::Session("all claimed sessions are over".into());
    open.pop().map(|(_, session)| session).ok_or_else(none)
}

fn is_open(phone: &Phone, claim: KeptClaim) -> Result<Option<ClaimedSession>, PhoneError> {
    let mut session = phone.resume(claim)?;
    let is_over = matches!(session.fetch(0)?, Fetched::Ended(..));
    Ok((!is_over).then_some(session))
}

fn print(claim: &KeptClaim, json: bool) -> Result<(), CliError> {
    let (session, claimed) = (session_of(claim)?, claim.claimed.as_ref());
    if json {
        return show::json(&json!({ "claimed": {
            "session": session,
            "broker": claim.broker,
            "claimed_at": claim.claimed_at,
            "relying_party": claimed.map(|claimed| &claimed.relying_party),
            "purpose": claimed.map(|claimed| claimed.purpose),
            "confirm_until": claimed.map(|claimed| claimed.confirm_until),
        } }));
    }
    println!("{session}");
    println!("  broker      {}", claim.broker);
    println!("  scanned     {}", claim.claimed_at);
    match claimed {
        Some(claimed) => {
            println!("  for         {}   {}", claimed.relying_party.name, claimed.relying_party.domain);
            println!("  to          {}", claimed.purpose);
            println!("  match code  {}", claimed.match_code);
            println!("  until       {}", claimed.confirm_until);
        }
        None => println!("  the broker's answer has not come yet"),
    }
    Ok(())
}
