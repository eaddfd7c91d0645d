//! The OpenID Connect and OAuth sides of the provider: requests, codes, tokens, claims. No I/O.

mod authorization;
mod claims;
mod discovery;
mod grant;
mod key;
mod logout;
mod parameters;
mod token_request;

pub use authorization::{AuthorizationRequest, Prompt, RequestError, Scope, with_parameters};
pub use claims::{UserInfo, id_token, user_info};
pub use discovery::{Endpoints, Metadata};
pub use grant::{Access, Grant, Grants, Method, Redemption};
pub use key::{KeyError, SigningKey};
pub use logout::{LogoutRequest, hinted};
pub use parameters::{Malformed, Parameters};
pub use token_request::{ClientAuthentication, TokenError, TokenRequest};
