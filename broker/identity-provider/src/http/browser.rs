//! A browser and its cookies.
//!
//! Two cookies, `HttpOnly`, `SameSite=Lax`, limited to the issuer's path: one names the browser, one is the session. A form
//! carries a MAC over both, so that no other site can have it sent, neither to act for a user who is signed in nor to sign a
//! user in as someone else. A form from another origin is refused by its `Origin` as well.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::oidc::Parameters;
use crate::provider::{Provider, SignedIn};
use crate::refusal::Refusal;
use crate::throttle::Origin;
use crate::token::Token;

/// The hidden field.
pub(super) const FORM_TOKEN: &str = "form_token";
const BROWSER: &str = "yinqiao_identity_browser";
const SESSION: &str = "yinqiao_identity_session";

/// Who sends a request.
pub(super) struct Browser {
    name: Zeroizing<String>,
    is_new: bool,
    session: Option<Zeroizing<String>>,
    origin: Option<String>,
    path: String,
    is_secure: bool,
    /// Where the request comes from.
    pub(super) from: Origin,
}

/// The form is not one that was given to this browser, or the session that it was given in is over.
pub(super) struct ForeignForm;

impl Browser {
    /// Reads the request's cookies; a browser without a name gets one.
    pub(super) fn of(request: &HttpRequest, provider: &Provider) -> Result<Self, Refusal> {
        let cookie = |name| {
            let value = request.cookie(name)?.value().to_owned();
            (value.len() == 43).then(|| Zeroizing::new(value))
        };
        let known = cookie(BROWSER);
        let is_new = known.is_none();
        let name = match known {
            Some(name) => name,
            None => Zeroizing::new(Token::random()?.expose().to_owned()),
        };
        let origin = request.headers().get(header::ORIGIN);
        Ok(Self {
            name,
            is_new,
            session: cookie(SESSION),
            origin: origin.map(|origin| String::from_utf8_lossy(origin.as_bytes()).into_owned()),
            path: provider.issuer().path().to_owned(),
            is_secure: provider.issuer().scheme() == "https",
            from: address(request),
        })
    }

    /// The session's token, whether or not the session lives.
    pub(super) fn session(&self) -> Option<Zeroizing<String>> {
        self.session.clone()
    }

    /// For the forms of a page.
    pub(super) fn form_token(&self, provider: &Provider) -> Zeroizing<String> {
        let session = self.session.as_ref().map_or("", |session| session.as_str());
        let bound = Zeroizing::new(format!("{}.{session}", *self.name));
        provider.form_token(&bound)
    }

    /// Whether the form was given to this browser by a page of this provider.
    pub(super) fn sent(&self, provider: &Provider, form: &Parameters) -> Result<(), ForeignForm> {
        let own = provider.issuer().origin().ascii_serialization();
        let is_own = self.origin.as_ref().is_none_or(|origin| *origin == own);
        let expected = self.form_token(provider);
        let fits = bool::from(expected.as_bytes().ct_eq(form.text(FORM_TOKEN).as_bytes()));
        if is_own && fits && !self.is_new { Ok(()) } else { Err(ForeignForm) }
    }

    /// Gives the browser its name, if it is new.
    pub(super) fn name(&self, response: &mut HttpResponse) -> Result<(), Refusal> {
        if self.is_new {
            add(response, self.cookie(BROWSER, &self.name))?;
        }
        Ok(())
    }

    /// Gives the browser its session.
    pub(super) fn sign_in(&self, response: &mut HttpResponse, signed_in: &SignedIn) -> Result<(), Refusal> {
        let mut cookie = self.cookie(SESSION, signed_in.session.expose());
        cookie.set_max_age(Duration::seconds(signed_in.expires_in.into()));
        add(response, cookie)
    }

    /// Takes both cookies away.
    pub(super) fn sign_out(&self, response: &mut HttpResponse) -> Result<(), Refusal> {
        for name in [SESSION, BROWSER] {
            let mut cookie = self.cookie(name, "");
            cookie.make_removal();
            add(response, cookie)?;
        }
        Ok(())
    }

    fn cookie<'a>(&self, name: &'a str, value: &'a str) -> Cookie<'a> {
        Cookie::build(name, value)
            .path(self.path.clone())
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_secure)
            .finish()
    }
}

/// The address that a request comes from. Behind a proxy it is the proxy's, and all users count together.
pub(super) fn address(request: &HttpRequest) -> Origin {
    request.peer_addr().map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |address| address.ip()).into()
}

fn add(response: &mut HttpResponse, cookie: Cookie<'_>) -> Result<(), Refusal> {
    response.add_cookie(&cookie).map_err(|error| Refusal::Internal(format!("cookie: {error}")))
}
