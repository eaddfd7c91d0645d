//! The accounts in memory, and their document in the store.

use yinqiao_lifecycle::identity::PhoneNumber;

use crate::account::{Account, UserKind, UserName};
use crate::oidc::SigningKey;
use crate::refusal::{Field, Refusal};
use crate::store::{AccountStore, Document};

use super::ProviderError;

/// All accounts. A change is stored before it is seen.
pub(super) struct Accounts {
    store: Box<dyn AccountStore>,
    document: Document,
}

impl Accounts {
    /// What is stored, or nothing but a new signing key.
    pub(super) fn load(store: Box<dyn AccountStore>) -> Result<Self, ProviderError> {
        let document = match store.load()? {
            Some(document) => document,
            None => {
                let document =
                    Document { version: 1, signing_key: SigningKey::generate()?, accounts: Vec::new() };
                store.save(&document)?;
                document
            }
        };
        Ok(Self { store, document })
    }

    pub(super) fn signing_key(&self) -> &str {
        &self.document.signing_key
    }

    pub(super) fn of_subject(&self, subject: &str) -> Option<&Account> {
        self.document.accounts.iter().find(|account| account.subject == subject)
    }

    pub(super) fn of_name(&self, name: &UserName) -> Option<&Account> {
        self.document.accounts.iter().find(|account| account.user_name == *name)
    }

    pub(super) fn of_phone(&self, kind: UserKind, phone: &PhoneNumber) -> Option<&Account> {
        self.document.accounts.iter().find(|account| account.kind() == kind && account.phone == *phone)
    }

    /// Adds a new account.
    pub(super) fn add(&mut self, account: Account) -> Result<(), Refusal> {
        if self.of_name(&account.user_name).is_some() {
            return Err(Refusal::Taken(Field::UserName));
        }
        if self.of_phone(account.kind(), &account.phone).is_some() {
            return Err(Refusal::Taken(Field::PhoneNumber));
        }
        let mut next = self.document.clone();
        next.accounts.push(account);
        self.commit(next)
    }

    /// Changes an account by `change`. An ID number belongs to one personal user, and to one legal-person user for each
    /// enterprise.
    pub(super) fn change(
        &mut self,
        subject: &str,
        change: impl FnOnce(&mut Account) -> Result<(), Refusal>,
    ) -> Result<Account, Refusal> {
        let mut next = self.document.clone();
        let account =
            next.accounts.iter_mut().find(|account| account.subject == subject).ok_or(Refusal::SignedOut)?;
        change(account)?;
        let changed = account.clone();
        let number = |account: &Account| account.standing.person().map(|person| person.id_number.clone());
        let code = |account: &Account| account.enterprise().map(|enterprise| enterprise.code.clone());
        let is_taken = number(&changed).is_some()
            && self.document.accounts.iter().any(|other| {
                other.subject != subject
                    && number(other) == number(&changed)
                    && other.kind() == changed.kind()
                    && code(other) == code(&changed)
            });
        if is_taken {
            return Err(Refusal::Taken(Field::IdNumber));
        }
        self.commit(next)?;
        Ok(changed)
    }

    fn commit(&mut self, next: Document) -> Result<(), Refusal> {
        self.store.save(&next)?;
        self.document = next;
        Ok(())
    }
}
