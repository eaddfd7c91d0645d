//! The steps from L1 to L4.

use tracing::info;

use super::Provider;
use crate::account::{Account, RealName, name_rule};
use crate::check::{CheckUnavailable, Verdict};
use crate::refusal::{Field, Refusal};

impl Provider {
    /// L2: takes name and ID number.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Taken`], [`Refusal::OutOfOrder`]
    pub fn state_real_name(&self, subject: &str, name: &str, id_number: &str) -> Result<Account, Refusal> {
        let person = RealName {
            name: name_rule(Field::Name, name)?,
            id_number: id_number.parse().map_err(|rule| Refusal::invalid(Field::IdNumber, rule))?,
        };
        self.change(subject, |account| {
            account.standing = account.standing.state(person)?;
            Ok(())
        })
    }

    /// L3: has name and ID number confirmed, and of a legal-person user that they represent the enterprise.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`], [`Refusal::NotConfirmed`], [`Refusal::Unavailable`], [`Refusal::TooMany`]
    pub fn confirm_real_name(&self, subject: &str) -> Result<Account, Refusal> {
        let account = self.account(subject)?;
        let Some(person) = account.standing.to_confirm()? else { return Ok(account) };
        self.permit_check(subject)?;
        let verdict = self.services.real_name.check(person, account.enterprise());
        confirmed(verdict, "the register of names")?;
        let now = self.services.clock.now();
        self.change(subject, |account| {
            account.standing = account.standing.confirm(person, now)?;
            Ok(())
        })
    }

    /// L4: has the face compared, or compared again.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`], [`Refusal::NotConfirmed`], [`Refusal::Unavailable`], [`Refusal::TooMany`]
    pub fn check_face(&self, subject: &str) -> Result<Account, Refusal> {
        let account = self.account(subject)?;
        let person = account.standing.to_look_at()?;
        self.permit_check(subject)?;
        confirmed(self.services.face.check(person), "the comparison of faces")?;
        let now = self.services.clock.now();
        self.change(subject, |account| {
            account.standing = account.standing.face_checked(now)?;
            Ok(())
        })
    }

    pub(super) fn account(&self, subject: &str) -> Result<Account, Refusal> {
        self.accounts().of_subject(subject).cloned().ok_or(Refusal::SignedOut)
    }

    fn permit_check(&self, subject: &str) -> Result<(), Refusal> {
        let now = self.services.clock.now();
        Ok(self.passing().checks.take(&subject.to_owned(), now)?)
    }

    fn change(
        &self,
        subject: &str,
        change: impl FnOnce(&mut Account) -> Result<(), Refusal>,
    ) -> Result<Account, Refusal> {
        let changed = self.accounts().change(subject, change)?;
        info!(event = "level", subject, level = ?changed.standing.level());
        Ok(changed)
    }
}

fn confirmed(verdict: Result<Verdict, CheckUnavailable>, who: &'static str) -> Result<(), Refusal> {
    match verdict {
        Ok(Verdict::Confirmed) => Ok(()),
        Ok(Verdict::Denied(reason)) => Err(Refusal::NotConfirmed(reason)),
        Err(error) => {
            info!(event = "check_unavailable", %error);
            Err(Refusal::Unavailable(who))
        }
    }
}
