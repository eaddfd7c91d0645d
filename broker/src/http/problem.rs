//! Every error over HTTP, in one table: a problem's name, its title, its status.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value};
use tracing::{error, info};

use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::problem::{MEDIA_TYPE, Problem};
use yinqiao_protocol::task::TaskError;

use super::request_id;
use crate::adapter::{AuthorityError, TrustError};
use crate::crypto_pool::PoolError;
use crate::directory::DirectoryError;
use crate::session::actor::SessionError;
use crate::session::machine::Refusal;
use crate::session::verification::VerificationError;
use crate::store::StoreError;

/// The names of problems. `docs/protocol.md` lists them for integrators.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The JSON, a header or a query does not fit.
    MalformedRequest,
    /// A value breaks a rule.
    InvalidRequest,
    /// No API key, or nobody's.
    Unauthorized,
    /// There is no such thing, or it is someone else's.
    NotFound,
    /// The method is not offered here.
    MethodNotAllowed,
    /// The caller may not do it.
    NotAllowed,
    /// The identity provider does not know the caller well enough.
    AssuranceTooLow,
    /// The state of things does not allow it (any more).
    Conflict,
    /// It was changed since the caller read it.
    PreconditionFailed,
    /// The caller does not say which version is to be changed.
    PreconditionRequired,
    /// The body is too large.
    TooLarge,
    /// Another phone was first.
    AlreadyClaimed,
    /// The code was shown too long ago.
    StaleCode,
    /// The code's MAC is wrong.
    CodeNotAuthentic,
    /// The session ended.
    SessionEnded,
    /// The session expired.
    SessionExpired,
    /// The state does not allow it.
    WrongState,
    /// The claim token is not this session's.
    NotTheClaimant,
    /// The answer was given before with other bytes.
    OtherResponse,
    /// A signature is wrong.
    SignatureInvalid,
    /// The certificate is not known here.
    CertificateUnknown,
    /// The certificate was revoked.
    CertificateRevoked,
    /// The certificate is suspended.
    CertificateSuspended,
    /// The certificate is not valid at this time.
    CertificateExpired,
    /// The certificate does not lead to a trusted root.
    CertificateNotTrusted,
    /// The certificate is for signing only.
    NoEncryptionCertificate,
    /// The session does not accept this holder.
    HolderNotAccepted,
    /// Several seals fit.
    SealChoiceRequired,
    /// No seal fits.
    NoSeal,
    /// The websocket token was used before.
    SocketTokenUsed,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// The enrolment code is unknown, used or too old.
    EnrolmentCode,
    /// The CA refused.
    CertificateAuthorityRefused,
    /// The CA's adapter answers what cannot be.
    CertificateAuthorityBroken,
    /// The CA has accepted the request and is not finished.
    CertificateAuthorityPending,
    /// What carries messages, payments or invoices cannot be reached.
    GatewayUnavailable,
    /// The identity provider cannot be reached.
    IdentityProviderUnavailable,
    /// The identity provider does not confirm who signs in.
    IdentityNotConfirmed,
    /// The CA cannot be reached.
    CertificateAuthorityUnavailable,
    /// Too much at once.
    Busy,
    /// The store cannot be reached.
    StoreUnavailable,
    /// A defect of the broker.
    Internal,
}

impl Kind {
    /// Name, title and status.
    fn row(self) -> (&'static str, &'static str, StatusCode) {
        use StatusCode as S;
        match self {
            Self::MalformedRequest => ("malformed-request", "The request cannot be read", S::BAD_REQUEST),
            Self::InvalidRequest => ("invalid-request", "The request breaks a rule", S::UNPROCESSABLE_ENTITY),
            Self::Unauthorized => ("unauthorized", "Authentication is missing or wrong", S::UNAUTHORIZED),
            Self::NotFound => ("not-found", "There is no such thing", S::NOT_FOUND),
            Self::MethodNotAllowed => {
                ("method-not-allowed", "Not offered with this method", S::METHOD_NOT_ALLOWED)
            }
            Self::NotAllowed => ("not-allowed", "This one may not do it", S::FORBIDDEN),
            Self::AssuranceTooLow => ("assurance-too-low", "The person is not verified enough", S::FORBIDDEN),
            Self::Conflict => ("conflict", "The state does not allow it", S::CONFLICT),
            Self::PreconditionFailed => {
                ("precondition-failed", "It was changed in the meantime", S::PRECONDITION_FAILED)
            }
            Self::PreconditionRequired => {
                ("precondition-required", "If-Match is missing", S::PRECONDITION_REQUIRED)
            }
            Self::TooLarge => ("too-large", "The request is too large", S::PAYLOAD_TOO_LARGE),
            Self::AlreadyClaimed => ("already-claimed", "Another phone was first", S::CONFLICT),
            Self::StaleCode => ("stale-code", "The code is too old", S::GONE),
            Self::CodeNotAuthentic => ("code-not-authentic", "The code is not genuine", S::FORBIDDEN),
            Self::SessionEnded => ("session-ended", "The session has ended", S::CONFLICT),
            Self::SessionExpired => ("session-expired", "The session has expired", S::GONE),
            Self::WrongState => ("wrong-state", "The session is not that far, or further", S::CONFLICT),
            Self::NotTheClaimant => {
                ("not-the-claimant", "The session belongs to another phone", S::UNAUTHORIZED)
            }
            Self::OtherResponse => ("other-response", "The session was answered before", S::CONFLICT),
            Self::SignatureInvalid => {
                ("signature-invalid", "A signature does not verify", S::UNPROCESSABLE_ENTITY)
            }
            Self::CertificateUnknown => ("certificate-unknown", "The certificate is not known", S::FORBIDDEN),
            Self::CertificateRevoked => ("certificate-revoked", "The certificate was revoked", S::FORBIDDEN),
            Self::CertificateSuspended => {
                ("certificate-suspended", "The certificate is suspended", S::FORBIDDEN)
            }
            Self::CertificateExpired => {
                ("certificate-expired", "The certificate is not valid now", S::FORBIDDEN)
            }
            Self::CertificateNotTrusted => {
                ("certificate-not-trusted", "The certificate is not trusted", S::FORBIDDEN)
            }
            Self::NoEncryptionCertificate => {
                ("no-encryption-certificate", "The certificate is for signing only", S::FORBIDDEN)
            }
            Self::HolderNotAccepted => {
                ("holder-not-accepted", "The session is for someone else", S::FORBIDDEN)
            }
            Self::SealChoiceRequired => ("seal-choice-required", "Several seals fit", S::CONFLICT),
            Self::NoSeal => ("no-seal", "No seal fits", S::FORBIDDEN),
            Self::SocketTokenUsed => ("socket-token-used", "The websocket token was used", S::UNAUTHORIZED),
            Self::IdempotencyKeyReused => {
                ("idempotency-key-reused", "The key was used before", S::UNPROCESSABLE_ENTITY)
            }
            Self::EnrolmentCode => ("enrolment-code", "The enrolment code is not valid", S::FORBIDDEN),
            Self::CertificateAuthorityRefused => {
                ("certificate-authority-refused", "The CA refused", S::UNPROCESSABLE_ENTITY)
            }
            Self::CertificateAuthorityBroken => {
                ("certificate-authority-broken", "The CA's adapter answers what cannot be", S::BAD_GATEWAY)
            }
            Self::CertificateAuthorityPending => {
                ("certificate-authority-pending", "The CA is not finished", S::CONFLICT)
            }
            Self::CertificateAuthorityUnavailable => {
                ("certificate-authority-unavailable", "The CA cannot be reached", S::SERVICE_UNAVAILABLE)
            }
            Self::GatewayUnavailable => {
                ("gateway-unavailable", "A gateway cannot be reached", S::SERVICE_UNAVAILABLE)
            }
            Self::IdentityProviderUnavailable => (
                "identity-provider-unavailable",
                "The identity provider cannot be reached",
                S::SERVICE_UNAVAILABLE,
            ),
            Self::IdentityNotConfirmed => {
                ("identity-not-confirmed", "The identity provider does not confirm it", S::FORBIDDEN)
            }
            Self::Busy => ("busy", "Too much at once", S::SERVICE_UNAVAILABLE),
            Self::StoreUnavailable => {
                ("store-unavailable", "The store cannot be reached", S::SERVICE_UNAVAILABLE)
            }
            Self::Internal => ("internal", "A defect of the broker", S::INTERNAL_SERVER_ERROR),
        }
    }
}

/// An error on its way to a client.
#[derive(Debug)]
pub struct ApiError {
    kind: Kind,
    detail: String,
    members: Map<String, Value>,
    /// The methods that are offered, where another one was asked for.
    allowed: Option<HeaderValue>,
}

impl ApiError {
    /// Its name in the table.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// An error with what happened, to what, and what to do.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), members: Map::new(), allowed: None }
    }

    /// With a further member for programs.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// With the methods that are offered, in the header `Allow`.
    pub fn allowing(mut self, methods: &str) -> Self {
        self.allowed = HeaderValue::from_str(methods).ok();
        self
    }

    /// An unknown session, or another relying party's: the same answer, so that nothing can be found out.
    pub fn no_session() -> Self {
        SessionError::NotFound.into()
    }

    /// Whole seconds after which the same request may be sent again, where that makes sense.
    fn retry_after(&self) -> Option<u64> {
        let millis = self.members.get("retry_after_ms").and_then(Value::as_u64);
        match self.kind {
            Kind::CertificateAuthorityPending => {
                Some(millis.map_or(1, |millis| millis.div_ceil(1000).max(1)))
            }
            _ if self.status_code() == StatusCode::SERVICE_UNAVAILABLE => Some(1),
            _ => None,
        }
    }

    /// The problem document.
    pub fn problem(&self) -> Problem {
        let (name, title, status) = self.kind.row();
        Problem {
            kind: format!("urn:yinqiao:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            request_id: request_id::current(),
            members: self.members.clone(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind.row().2
    }

    fn error_response(&self) -> HttpResponse {
        let problem = self.problem();
        if problem.status >= 500 {
            error!(
                problem = problem.name(),
                detail = %self.detail,
                request = problem.request_id.as_deref().unwrap_or_default(),
                "request failed"
            );
        }
        if (400..500).contains(&problem.status) {
            info!(
                problem = problem.name(),
                status = problem.status,
                request = problem.request_id.as_deref().unwrap_or_default(),
                "request refused"
            );
        }
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)));
        response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
        if let Some(seconds) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if let Some(methods) = &self.allowed {
            response.insert_header((header::ALLOW, methods.clone()));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        response.body(serde_json::to_vec(&problem).unwrap_or_default())
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        let detail = error.to_string();
        match error {
            SessionError::NotFound => Self::new(Kind::NotFound, detail),
            SessionError::Busy => Self::new(Kind::Busy, detail),
            SessionError::Store(error) => error.into(),
            SessionError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let kind = match refusal {
            Refusal::AlreadyClaimed => Kind::AlreadyClaimed,
            Refusal::Ended(SessionState::Expired) => Kind::SessionExpired,
            Refusal::Ended(_) => Kind::SessionEnded,
            Refusal::NotClaimed | Refusal::ItemsAwaited | Refusal::ItemsAlreadyThere | Refusal::NoResult => {
                Kind::WrongState
            }
            Refusal::Items(_) => Kind::InvalidRequest,
            Refusal::OtherResponse | Refusal::OtherStatement => Kind::OtherResponse,
            Refusal::SocketTokenUsed => Kind::SocketTokenUsed,
            Refusal::Statement(_) => Kind::Internal,
        };
        let error = Self::new(kind, detail);
        match refusal {
            Refusal::Ended(state) => error.with("state", serde_json::to_value(state).unwrap_or_default()),
            _ => error,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => {
                Self::new(Kind::Busy, "the same thing was changed by another request: try again")
            }
            StoreError::Unavailable(_) => Self::new(Kind::StoreUnavailable, error.to_string()),
            StoreError::Corrupt(_) => Self::new(Kind::Internal, error.to_string()),
        }
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound(_) => Self::new(Kind::NotFound, error.to_string()),
            DirectoryError::Exists(_) | DirectoryError::Invalid(_) => {
                Self::new(Kind::InvalidRequest, error.to_string())
            }
            DirectoryError::Store(error) => error.into(),
        }
    }
}

impl From<TaskError> for ApiError {
    fn from(error: TaskError) -> Self {
        Self::new(Kind::InvalidRequest, error.to_string())
    }
}

impl From<VerificationError> for ApiError {
    fn from(error: VerificationError) -> Self {
        let detail = error.to_string();
        match error {
            VerificationError::Signature(_) | VerificationError::NotASignature(_) => {
                Self::new(Kind::SignatureInvalid, detail)
            }
            VerificationError::Items | VerificationError::NotACipher(_) | VerificationError::OpenedKeys => {
                Self::new(Kind::InvalidRequest, detail)
            }
            VerificationError::Statement(_) | VerificationError::Assembly(..) => {
                Self::new(Kind::Internal, detail)
            }
        }
    }
}

impl From<TrustError> for ApiError {
    fn from(error: TrustError) -> Self {
        let detail = error.to_string();
        let kind = match error {
            TrustError::Revoked { .. } => Kind::CertificateRevoked,
            TrustError::Held { .. } => Kind::CertificateSuspended,
            TrustError::NotValidNow { .. } => Kind::CertificateExpired,
            TrustError::NotTrusted { .. }
            | TrustError::IssuerRevoked { .. }
            | TrustError::UnknownAuthority(_) => Kind::CertificateNotTrusted,
            TrustError::StatusUnavailable { .. } | TrustError::IssuerStatusUnavailable { .. } => {
                Kind::CertificateAuthorityUnavailable
            }
        };
        Self::new(kind, detail)
    }
}

impl From<AuthorityError> for ApiError {
    fn from(error: AuthorityError) -> Self {
        let retry_after_ms = match &error {
            AuthorityError::Pending { retry_after, .. } => Some(retry_after.as_millis()),
            _ => None,
        };
        let detail = error.to_string();
        let kind = match error {
            AuthorityError::Unavailable { .. } | AuthorityError::UnknownOutcome { .. } => {
                Kind::CertificateAuthorityUnavailable
            }
            AuthorityError::Refused { .. } | AuthorityError::NotSupported { .. } => {
                Kind::CertificateAuthorityRefused
            }
            AuthorityError::NotConfigured(_) => Kind::InvalidRequest,
            AuthorityError::Pending { .. } => Kind::CertificateAuthorityPending,
            AuthorityError::Unresolved { .. } => Kind::CertificateAuthorityUnavailable,
            AuthorityError::Journal(_) => Kind::IdempotencyKeyReused,
            AuthorityError::Over => Kind::Busy,
            AuthorityError::Root(_) => Kind::CertificateAuthorityUnavailable,
            AuthorityError::Store(error) => return error.into(),
            AuthorityError::Broken { .. } => Kind::CertificateAuthorityBroken,
        };
        let error = Self::new(kind, detail);
        match retry_after_ms.map(u64::try_from) {
            Some(Ok(millis)) => error.with("retry_after_ms", millis.into()),
            _ => error,
        }
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        let kind = match error {
            PoolError::BrokenOff => Kind::Internal,
            PoolError::Full => Kind::Busy,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<getrandom::Error> for ApiError {
    fn from(error: getrandom::Error) -> Self {
        Self::new(Kind::Internal, format!("the system gives no randomness: {error}"))
    }
}
