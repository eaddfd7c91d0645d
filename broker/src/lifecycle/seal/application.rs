//! What people do with applications for seals.

use yinqiao_lifecycle::certificate::Status;
use yinqiao_lifecycle::enterprise::{Enterprise, State};
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::Membership;
use yinqiao_lifecycle::seal::{
    self, Picture, ReplacedSeal, SealApplication, SealRefusal, Surroundings, Usage,
};
use yinqiao_lifecycle::{Actor, Step};
use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{Base64, SealApplicationId, SealId, Sm3Hex};

use super::authorities::SealAuthorities;
use super::issued::VALIDITY_DAYS;
use super::revocation::find;
use crate::directory::{CertificateRecord, SealRecord};
use crate::http::problem::{ApiError, Kind};
use crate::records::companies::membership_key;
use crate::records::seals::{
    PendingSeal, SealApplicationRecord, SealPictureRecord, seal_applications_of, seal_picture_key,
};
use crate::records::{Index, IndexPrefix, Repository, Transaction, Versioned};
use crate::store::StoreError;

/// People or certificates that a list of users names at most.
const MOST_LISTED: usize = 200;
/// Applications of a company within a day at most.
const MOST_A_DAY: usize = 20;

/// What is applied for.
#[derive(Clone, Debug)]
pub struct NewSealApplication {
    /// The company.
    pub enterprise: CreditCode,
    /// Official seal, legal representative's seal, or signature.
    pub kind: SealKind,
    /// 电子印章名称
    pub name: String,
    /// Which of the company's pictures; none for that of the seal which is replaced.
    pub picture: Option<Sm3Hex>,
    /// Name of the adapter; none for the CA of the company's newest certificate that makes seals.
    pub certificate_authority: Option<String>,
    /// Who may use it.
    pub usage: Usage,
    /// The seal that it replaces.
    pub replaces: Option<SealId>,
}

/// Applies for a seal, or for a change of one. What the CA is asked for is settled here: it is made for the certificates that are
/// good now.
///
/// # Errors
/// What stands against it; when the store fails.
pub async fn apply(
    transaction: &mut Transaction<'_>,
    authorities: &dyn SealAuthorities,
    id: SealApplicationId,
    new: &NewSealApplication,
    by: &Actor,
) -> Result<SealApplicationRecord, ApiError> {
    let company = transaction.get::<Enterprise>(new.enterprise.as_str().as_bytes()).await?;
    let company = company.filter(|company| company.value.is_led_by(by)).ok_or(SealRefusal::NotAllowed)?;
    company.value.require_active()?;
    check_usage(transaction.repository(), &company.value, &new.usage).await?;
    let replaces = match &new.replaces {
        Some(id) => Some(find(transaction.repository(), &new.enterprise, id).await?),
        None => None,
    };
    let picture = picture(transaction, new, replaces.as_ref().map(|found| &found.value)).await?;
    let (certificate_authority, signers) = maker_and_signers(transaction, authorities, new).await?;
    check_rate(transaction, &new.enterprise).await?;
    let place = SealApplication::pending_key(&new.enterprise, new.kind, &new.name);
    let pending = transaction.get::<PendingSeal>(place.as_bytes()).await?;
    let surroundings = Surroundings {
        enterprise_gone: company.value.state != State::Active,
        pending: pending.as_ref().map(|pending| pending.value.application),
        replaces: replaces.as_ref().map(|found| ReplacedSeal {
            id: found.value.id,
            enterprise: &new.enterprise,
            kind: found.value.kind,
            standing: &found.value.standing,
        }),
    };
    let PictureRecord { picture, record } = picture;
    let application = seal::NewSealApplication {
        enterprise: new.enterprise.clone(),
        kind: new.kind,
        name: new.name.clone(),
        picture,
        certificate_authority,
        usage: new.usage.clone(),
    };
    let now = transaction.now();
    let step = SealApplication::submit(id, application, surroundings, by, now)?;
    transaction.rest_on(&company);
    if let Some(replaced) = &replaces {
        transaction.rest_on(replaced);
    }
    transaction.put(Some(&record), &SealPictureRecord { in_use: true, ..record.value.clone() })?;
    transaction.put(pending.as_ref(), &PendingSeal::of(&step.next))?;
    let valid_until = now.plus_seconds(VALIDITY_DAYS * 86_400);
    let step =
        step.map(|application| SealApplicationRecord { application, signers, valid_until, unfit: None });
    Ok(transaction.take(None, step)?)
}

/// Refuses more than a company can need: each application is work for a CA, and is kept.
async fn check_rate(transaction: &Transaction<'_>, enterprise: &CreditCode) -> Result<(), ApiError> {
    let latest = seal_applications_of(enterprise);
    let latest =
        transaction.repository().page::<SealApplicationRecord>(&latest, None, MOST_A_DAY).await?.items;
    match latest.last() {
        Some(found)
            if latest.len() == MOST_A_DAY
                && transaction.now() < found.value.application.applied_at.plus_seconds(86_400) =>
        {
            let text = format!(
                "a company applies for {MOST_A_DAY} seals a day at most: wait, or use those that there are"
            );
            Err(ApiError::new(Kind::Conflict, text))
        }
        _ => Ok(()),
    }
}

/// A picture that is there.
struct PictureRecord {
    picture: Picture,
    record: Versioned<SealPictureRecord>,
}

async fn picture(
    transaction: &Transaction<'_>,
    new: &NewSealApplication,
    replaced: Option<&SealRecord>,
) -> Result<PictureRecord, ApiError> {
    let invalid = |text: &str| ApiError::new(Kind::InvalidRequest, text);
    let mut of_replaced = None;
    let sm3 = match (new.picture, replaced) {
        (Some(sm3), _) => sm3,
        (None, None) => return Err(invalid("upload a picture first and name it in picture")),
        (None, Some(replaced)) => {
            let none =
                "the seal to be replaced was made by an operator: upload a picture and name it in picture";
            let id = replaced.standing.application.ok_or_else(|| invalid(none))?;
            let found = transaction.get::<SealApplicationRecord>(id.as_bytes()).await?;
            let picture = found.ok_or_else(|| invalid(none))?.value.application.picture;
            of_replaced.insert(picture).sm3
        }
    };
    let found = transaction.get::<SealPictureRecord>(&seal_picture_key(&new.enterprise, &sm3)).await?;
    let none = "no such picture was uploaded for this company, or it was of no use for a day: upload it anew";
    let record = found.ok_or_else(|| invalid(none))?;
    let SealPictureRecord { sm3, width_mm, height_mm, .. } = record.value;
    let picture = of_replaced.unwrap_or(Picture { sm3, width_mm, height_mm });
    Ok(PictureRecord { picture, record })
}

/// The CA that makes the seal, and DER of the company's certificates of it that may use the seal.
async fn maker_and_signers(
    transaction: &Transaction<'_>,
    authorities: &dyn SealAuthorities,
    new: &NewSealApplication,
) -> Result<(String, Vec<Base64>), ApiError> {
    if let Some(name) = &new.certificate_authority {
        let text = match authorities.makes_seals(name) {
            Some(true) => None,
            Some(false) => Some(format!("the CA {name:?} makes no seals: name another one")),
            None => Some(format!("there is no CA {name:?} here: GET /v1/certificate-authorities lists them")),
        };
        if let Some(text) = text {
            return Err(ApiError::new(Kind::InvalidRequest, text));
        }
    }
    let of_company = IndexPrefix::new(Index::CertificateByEnterprise, new.enterprise.as_str().as_bytes());
    let certificates = transaction.repository().all::<CertificateRecord>(&of_company).await?;
    let now = transaction.now();
    let mut usable: Vec<_> = certificates
        .into_iter()
        .map(|found| found.value)
        .filter(|record| record.status(now) == Status::Active && new.usage.admits(&record.facts))
        .collect();
    usable.sort_by_key(|record| std::cmp::Reverse(record.facts.issued_at));
    let name = new.certificate_authority.clone().or_else(|| {
        let names = usable.iter().map(|record| &record.certificate_authority);
        names.clone().find(|name| authorities.makes_seals(name) == Some(true)).cloned()
    });
    let signers = usable.iter().filter(|record| Some(&record.certificate_authority) == name.as_ref());
    let signers: Vec<_> = signers.map(|record| record.signing_certificate.clone()).collect();
    match name {
        Some(name) if !signers.is_empty() => Ok((name, signers)),
        _ => Err(ApiError::new(
            Kind::Conflict,
            "a seal is made for certificates, and none that is good and may use this one is of a CA that makes it: order one \
             first, or name others who may use it",
        )),
    }
}

/// Refuses a list with anybody from outside.
pub(super) async fn check_usage(
    repository: &Repository,
    company: &Enterprise,
    usage: &Usage,
) -> Result<(), ApiError> {
    let Usage::Listed { users, certificates } = usage else { return Ok(()) };
    let invalid = |text: String| ApiError::new(Kind::InvalidRequest, text);
    if users.len() > MOST_LISTED || certificates.len() > MOST_LISTED {
        return Err(invalid(format!("a list names {MOST_LISTED} people and as many certificates at most")));
    }
    for user in users {
        let membership = repository.get::<Membership>(&membership_key(&company.code, *user)).await?;
        let belongs =
            *user == company.legal_person || membership.is_some_and(|found| found.value.is_active());
        if !belongs {
            return Err(invalid(format!("the user {user} does not belong to the company")));
        }
    }
    for sm3 in certificates {
        let found = repository.get::<CertificateRecord>(sm3.as_bytes()).await?;
        let of_company = found.is_some_and(|found| {
            found.value.facts.enterprise.as_ref() == Some(&company.code) && !found.value.standing.is_hidden()
        });
        if !of_company {
            return Err(invalid(format!("{sm3} is no certificate of the company")));
        }
    }
    Ok(())
}

/// Takes an application back.
///
/// # Errors
/// What stands against it; when the store fails.
pub async fn cancel(
    transaction: &mut Transaction<'_>,
    id: SealApplicationId,
    by: &Actor,
) -> Result<SealApplicationRecord, ApiError> {
    let found = transaction.get::<SealApplicationRecord>(id.as_bytes()).await?;
    let found = found.ok_or(SealRefusal::NotFound)?;
    rest_on_company(transaction, &found.value.application.enterprise, by).await?;
    let step = found.value.application.cancel(by, transaction.now())?;
    Ok(take(transaction, &found, step).await?)
}

/// Whoever acts as a company's legal person still is when it is stored.
pub(super) async fn rest_on_company(
    transaction: &mut Transaction<'_>,
    enterprise: &CreditCode,
    by: &Actor,
) -> Result<(), ApiError> {
    if by.user().is_some() {
        let company = transaction.get::<Enterprise>(enterprise.as_str().as_bytes()).await?;
        let company = company.filter(|company| company.value.is_led_by(by)).ok_or(SealRefusal::NotFound)?;
        transaction.rest_on(&company);
    }
    Ok(())
}

/// Puts a step into the transaction; the place of an application that is no longer under review is free then.
pub(super) async fn take(
    transaction: &mut Transaction<'_>,
    found: &Versioned<SealApplicationRecord>,
    step: Step<SealApplication>,
) -> Result<SealApplicationRecord, StoreError> {
    if found.value.application.is_pending() && !step.next.is_pending() {
        let place = PendingSeal::of(&found.value.application);
        if let Some(held) = transaction.get::<PendingSeal>(place.key.as_bytes()).await? {
            transaction.remove(&held);
        }
    }
    transaction.take(Some(found), step.map(|next| found.value.got_to(next)))
}
