//! The OpenID Connect and OAuth sides of the provider: requests, codes, tokens, claims. No I/O.

mod authorization;
mod claims;
mod discovery;
mod grant;
mod key;
mod logout;
mod parameters;
mod token_request;

pub use authorization::{AuthorizationRequest, Prompt, RequestError, Scope};
pub use claims::{IdentityClaims, SignedIdToken, UserInfo, id_token, user_info};
pub use discovery::Endpoints;
pub use grant::{Grant, Grants, Method, Redemption};
pub use key::{KeyError, SigningKey};
pub use logout::LogoutRequest;
pub use parameters::{Malformed, Parameters};
pub use token_request::{TokenError, TokenRequest};
