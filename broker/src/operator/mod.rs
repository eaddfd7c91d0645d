//! What operators do: the requests of the command line, as the running broker or the command itself carries them out.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;

use yinqiao_gm::x509::Certificate;
use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::certificate::{Confirmed, RevocationReason};
use yinqiao_lifecycle::operator::Operator;
use yinqiao_lifecycle::seal::SealRevocationReason;
use yinqiao_protocol::holder::{Enterprise, Holder, HolderKind};
use yinqiao_protocol::problem::Problem;
use yinqiao_protocol::staff::NewStaff;
use yinqiao_protocol::statement::RelyingPartyName;
use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{Base64, HolderId, OperatorId, RelyingPartyId, SealId, Sm3Hex};

use crate::adapter::AuthorityError;
use crate::broker::Broker;
use crate::clock;
use crate::directory::DirectoryError;
use crate::http::lifecycle::staff;
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::seal::{NewSeal, SealMaking};
use crate::records::{Index, IndexPrefix};

pub mod adapter;
pub mod control;
mod enrolment;
mod refused;
mod seal;

use enrolment::NewEnrolment;

/// A request. Answers are JSON objects.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Registers a bid system; answers with its API key, once.
    AddRelyingParty {
        /// Id, name and domain.
        name: RelyingPartyName,
    },
    /// Makes a further API key.
    NewApiKey {
        /// For whom.
        id: RelyingPartyId,
        /// Whether all others are void from now on.
        revoke_others: bool,
    },
    /// Lists bid systems.
    ListRelyingParties {},
    /// Prepares a phone's enrolment; answers with its one-time code, once.
    AddEnrolment {
        /// Personal or legal-person user.
        kind: HolderKind,
        /// The person's name.
        name: String,
        /// The company that they act for.
        enterprise: Option<Enterprise>,
        /// An existing holder, for a further certificate.
        holder: Option<HolderId>,
        /// Adapter that issues; where none is named, the catalogue's routes say which.
        certificate_authority: Option<String>,
        /// What the CA calls the product, or the certificate policy that routes go by.
        #[serde(default)]
        product: Option<String>,
        /// Whether the CA may issue a signing certificate alone.
        #[serde(default)]
        signing_only: bool,
        /// Days that the certificates will be valid.
        validity_days: u32,
        /// Hours that the code is good for.
        code_hours: u32,
    },
    /// Adds somebody to the trading centre's staff; answers with the token, once.
    AddStaff {
        /// Who.
        new: NewStaff,
    },
    /// Lists the staff.
    ListStaff {},
    /// Disables somebody of the staff.
    DisableStaff {
        /// Who.
        id: OperatorId,
    },
    /// Gives somebody of the staff a new token.
    RenewStaffToken {
        /// Who.
        id: OperatorId,
    },
    /// Lists certificate pairs.
    ListCertificates {},
    /// Revokes a certificate pair.
    RevokeCertificate {
        /// SM3 of the signing certificate's DER.
        sm3: Sm3Hex,
        /// RFC 5280 reason.
        reason: RevocationReason,
    },
    /// Lists pairs that were refused and that something is left of.
    ListRefusedPairs {},
    /// A person's word that what is left of a refused pair is dealt with.
    SettleRefusedPair {
        /// The key of its issue.
        key: String,
    },
    /// Has a seal made.
    AddSeal {
        /// 统一社会信用代码
        enterprise: String,
        /// Which kind.
        kind: SealKind,
        /// 电子印章名称
        name: String,
        /// PNG.
        picture: Base64,
        /// Millimetres.
        width: u32,
        /// Millimetres.
        height: u32,
    },
    /// Lists seals.
    ListSeals {},
    /// Lists requests for seals that are not made yet.
    ListSealRequests {},
    /// Withdraws a request for a seal that is not made yet.
    WithdrawSeal {
        /// What the seal was to be called.
        seal: SealId,
    },
    /// Revokes a seal.
    RevokeSeal {
        /// Which.
        seal: SealId,
        /// Why.
        reason: SealRevocationReason,
    },
    /// One seal's DER.
    ExportSeal {
        /// Which.
        seal: SealId,
    },
    /// Adapters with their health.
    ListAdapters {},
    /// Changes the catalogue of adapters, and the adapters with it.
    ChangeAdapters {
        /// What is to be done.
        request: adapter::Request,
        /// The system's user who asks.
        user: String,
    },
    /// What the adapters have done, in figures.
    AdapterStatistics {},
    /// Certificates and revocation list of a CA, PEM.
    ExportAuthority {
        /// Name of the adapter.
        name: String,
    },
    /// Whether the broker runs, and what it holds.
    Status {},
}

impl Command {
    /// What it is called in the log, without what it is about.
    fn name(&self) -> &'static str {
        match self {
            Self::AddRelyingParty { .. } => "add relying party",
            Self::NewApiKey { .. } => "new API key",
            Self::ListRelyingParties {} => "list relying parties",
            Self::AddEnrolment { .. } => "add enrolment",
            Self::ListCertificates {} => "list certificates",
            Self::RevokeCertificate { .. } => "revoke certificate",
            Self::ListRefusedPairs {} => "list refused pairs",
            Self::SettleRefusedPair { .. } => "settle refused pair",
            Self::AddStaff { .. } => "add staff",
            Self::ListStaff {} => "list staff",
            Self::DisableStaff { .. } => "disable staff",
            Self::RenewStaffToken { .. } => "renew staff token",
            Self::AddSeal { .. } => "add seal",
            Self::ListSeals {} => "list seals",
            Self::ListSealRequests {} => "list seal requests",
            Self::WithdrawSeal { .. } => "withdraw seal",
            Self::RevokeSeal { .. } => "revoke seal",
            Self::ExportSeal { .. } => "export seal",
            Self::ListAdapters {} => "list adapters",
            Self::ChangeAdapters { .. } => "change adapters",
            Self::AdapterStatistics {} => "adapter statistics",
            Self::ExportAuthority { .. } => "export authority",
            Self::Status {} => "status",
        }
    }
}

/// Carries out a request.
///
/// # Errors
/// The problem, as the REST interface would tell it.
pub async fn execute(broker: &Broker, command: Command) -> Result<Value, Problem> {
    let name = command.name();
    let result = run(broker, command).await.map_err(|error| error.problem());
    info!(command = name, done = result.is_ok(), "operator's request");
    result
}

async fn run(broker: &Broker, command: Command) -> Result<Value, ApiError> {
    let now = clock::now();
    match command {
        Command::AddRelyingParty { name } => {
            let id = name.id.clone();
            let key = broker.directory.add_relying_party(name, now).await?;
            Ok(json!({ "relying_party": id, "api_key": key.expose() }))
        }
        Command::NewApiKey { id, revoke_others } => {
            let key = broker.directory.new_api_key(&id, revoke_others, now).await?;
            Ok(json!({ "relying_party": id, "api_key": key.expose() }))
        }
        Command::ListRelyingParties {} => {
            Ok(json!({ "relying_parties": broker.directory.relying_parties().await? }))
        }
        Command::AddEnrolment {
            kind,
            name,
            enterprise,
            holder,
            certificate_authority,
            product,
            signing_only,
            validity_days,
            code_hours,
        } => {
            let holder = Holder { id: holder.unwrap_or_else(HolderId::random), kind, name, enterprise };
            let new = NewEnrolment {
                holder,
                certificate_authority,
                product,
                signing_only,
                validity_days,
                code_hours,
            };
            enrolment::add(broker, new).await
        }
        Command::AddStaff { new } => shown(staff::add(&broker.repository, &new, &Actor::System).await?),
        Command::ListStaff {} => {
            let prefix = IndexPrefix::new(Index::OperatorByTime, &[]);
            let all = broker.repository.all::<Operator>(&prefix).await?;
            Ok(json!({ "staff": all.iter().map(|found| staff::view(&found.value)).collect::<Vec<_>>() }))
        }
        Command::DisableStaff { id } => {
            shown(staff::view(&staff::disable(&broker.repository, id, &Actor::System).await?))
        }
        Command::RenewStaffToken { id } => {
            shown(staff::renew_token(&broker.repository, id, &Actor::System).await?)
        }
        Command::ListCertificates {} => list_certificates(broker).await,
        Command::RevokeCertificate { sm3, reason } => {
            broker.revoke(&sm3, reason).await?;
            Ok(json!({ "certificate_sm3": sm3, "revoked": true }))
        }
        Command::ListRefusedPairs {} => refused::list(broker).await,
        Command::SettleRefusedPair { key } => refused::settle(broker, &key).await,
        Command::AddSeal { enterprise, kind, name, picture, width, height } => {
            let new = NewSeal { enterprise, kind, name, picture: picture.0, width, height };
            Ok(match broker.make_seal(new).await? {
                SealMaking::Made(seal) => {
                    json!({ "seal": seal.id, "name": seal.name, "state": "made", "der": seal.der })
                }
                SealMaking::Requested { seal, reason } => {
                    json!({ "seal": seal, "state": "requested", "reason": reason })
                }
            })
        }
        Command::ListSeals {} => seal::list(broker).await,
        Command::ListSealRequests {} => seal::requests(broker).await,
        Command::WithdrawSeal { seal } => seal::withdraw(broker, seal).await,
        Command::RevokeSeal { seal, reason } => seal::revoke(broker, seal, reason).await,
        Command::ExportSeal { seal } => {
            let seals = broker.directory.seals(None).await?;
            let found = seals.into_iter().find(|known| known.id == seal);
            let found = found.ok_or_else(|| ApiError::from(DirectoryError::NotFound("seal of this id")))?;
            Ok(json!({ "seal": found.id, "der": found.der }))
        }
        Command::ListAdapters {} => Ok(list_adapters(broker)),
        Command::ChangeAdapters { request, user } => {
            adapter::run(&broker.site, Some(&broker.authorities), request, &user, now)
                .await
                .map_err(|error| ApiError::new(Kind::InvalidRequest, error.to_string()))
        }
        Command::AdapterStatistics {} => Ok(adapter::statistics(&broker.authorities)),
        Command::ExportAuthority { name } => export_authority(broker, &name),
        Command::Status {} => Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "public_url": broker.public_url,
            "session_actors": broker.sessions.actors(),
        })),
    }
}

fn shown(value: impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))
}

async fn list_certificates(broker: &Broker) -> Result<Value, ApiError> {
    let now = broker.repository.clock().now();
    let mut rows = Vec::new();
    for record in broker.directory.certificates().await? {
        let certificate = Certificate::from_der(record.signing_certificate.as_slice())
            .map_err(|e| ApiError::new(Kind::Internal, e.to_string()))?;
        let confirmed = record.standing.confirmed == Confirmed::Revoked;
        let revocation = record.standing.revocation().map(
            |revocation| json!({ "at": revocation.at, "reason": revocation.reason, "confirmed": confirmed }),
        );
        rows.push(json!({
            "certificate_sm3": Sm3Hex(certificate.fingerprint()),
            "serial": certificate.serial().to_string(),
            "holder": record.holder,
            "certificate_authority": record.certificate_authority,
            "issued_at": record.facts.issued_at,
            "status": record.status(now),
            "revocation": revocation,
        }));
    }
    Ok(json!({ "certificates": rows }))
}

fn list_adapters(broker: &Broker) -> Value {
    let now = clock::now();
    let rows: Vec<Value> = broker
        .authorities
        .all()
        .iter()
        .map(|authority| {
            let handle = match authority.handle() {
                Ok(handle) => handle,
                Err(error) => {
                    let reason = match error {
                        AuthorityError::Unavailable { text, .. } => text,
                        error => error.to_string(),
                    };
                    return json!({ "adapter": authority.name(), "state": "failed", "reason": reason });
                }
            };
            let health = handle.health();
            json!({
                "adapter": authority.name(),
                "state": format!("{:?}", health.state).to_lowercase(),
                "process": health.process_id,
                "restarts": health.restarts,
                "kills": health.kills,
                "unknown_outcomes": health.unknown_outcomes,
                "last_ending": health.last_ending.map(|ending| ending.to_string()),
                "fresh_revocation_list": authority.trust().has_fresh_list(now),
            })
        })
        .collect();
    json!({ "adapters": rows })
}

fn export_authority(broker: &Broker, name: &str) -> Result<Value, ApiError> {
    let internal = |e: yinqiao_gm::Error| ApiError::new(Kind::Internal, e.to_string());
    let authority = broker.authorities.get(name)?;
    let mut pem = String::new();
    for der in authority.trust().certificates() {
        pem += &Certificate::from_der(&der).and_then(|certificate| certificate.to_pem()).map_err(internal)?;
    }
    let list = authority
        .trust()
        .certificate_revocation_list()
        .map(|der| yinqiao_gm::x509::CertificateRevocationList::from_der(&der).and_then(|list| list.to_pem()))
        .transpose()
        .map_err(internal)?;
    Ok(json!({ "certificates": pem, "certificate_revocation_list": list }))
}
