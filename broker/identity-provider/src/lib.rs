//! An OpenID provider to be embedded for demonstrations and tests.
//!
//! It speaks OpenID Connect Core 1.0 (authorization code flow), Discovery 1.0 and RP-Initiated Logout 1.0, with PKCE by S256
//! for every client (RFC 7636), exact redirect URIs, codes that are good once, and `iss` in answers (RFC 9700, RFC 9207).
//! It differs from Core in one point: ID tokens are signed by EdDSA alone, and RS256 is not offered.
//!
//! Users are persons (个人用户) and legal persons (法人用户). They register with a telephone number, sign in by password or by
//! a code to that number, and reach the levels L1 to L4 in their order, on pages or through the JSON API at `{issuer}/api`.
//!
//! What it is not: a provider for real users. The embedded store is one file with ID numbers in clear, the embedded sender
//! shows codes instead of sending them, the embedded checks confirm everybody, sessions end with the process, and throttling
//! goes by the address of the connection, behind a proxy the proxy's. Each is a trait that can be implemented otherwise.

mod account;
mod check;
mod clock;
mod http;
mod oidc;
mod provider;
mod refusal;
mod settings;
mod sms;
mod store;
mod throttle;
mod token;

pub use account::{
    Account, Enterprise, HashCost, PasswordHash, RealName, RegistrationFields, Standing, User, UserKind,
    UserName,
};
pub use check::{CheckUnavailable, Credulous, FaceCheck, RealNameCheck, Verdict};
pub use clock::{Clock, ForwardClock, SystemClock};
pub use oidc::{IdentityClaims, KeyError, Method};
pub use provider::{CodeSent, Credentials, Provider, ProviderError, Services, SignedIn, Visitor};
pub use refusal::{Field, Refusal};
pub use settings::{Client, Limits, Settings, SettingsError};
pub use sms::{CodeLimits, CodeSender, Purpose, SendFailed, ShownCodes, SmsCode};
pub use store::{AccountStore, Document, FileStore, MemoryStore, StoreError};
pub use throttle::{Origin, Rate, Wait};
pub use token::Token;
