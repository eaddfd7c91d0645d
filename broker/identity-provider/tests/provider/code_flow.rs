//! The authorization code flow by the `openidconnect` client.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
};
use serde_json::{Value, json};
use url::Url;

use crate::browser::Browser;
use crate::fixture::{Fixture, HOME, PASSWORD, SECRET};

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A sign-in that has begun at an application.
struct Begun {
    url: Url,
    state: CsrfToken,
    nonce: Nonce,
    verifier: String,
}

fn exchange(fixture: &Fixture, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let answer = fixture.send(request);
    let mut response = HttpResponse::new(answer.body.into_bytes());
    *response.status_mut() = ureq::http::StatusCode::from_u16(answer.status).unwrap();
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn client(fixture: &Fixture, id: &str, secret: Option<&str>) -> Client {
    let issuer = IssuerUrl::new(fixture.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover(&issuer, &|request| exchange(fixture, request)).unwrap();
    let secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
    CoreClient::from_provider_metadata(metadata, ClientId::new(id.to_owned()), secret)
        .set_redirect_uri(RedirectUrl::new(HOME.to_owned()).unwrap())
}

fn begin(client: &Client) -> Begun {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "phone", "identity"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    Begun { url, state, nonce, verifier: verifier.into_secret() }
}

/// A code for the person of this name, by the JSON API.
fn code(fixture: &Fixture, user_name: &str, begun: &Begun) -> String {
    let session = fixture.session(user_name);
    let asked = json!({"authorization_url": begun.url.as_str()});
    let answer = fixture.post("/api/authorizations", Some(&session), &asked);
    parameter(answer.json()["redirect_to"].as_str().unwrap(), "code")
}

fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).unwrap_or_else(|| panic!("{name} in {url}")).1.into_owned()
}

/// The `error` that the token endpoint gives for this code and verifier.
fn refusal(fixture: &Fixture, client: &Client, code: &str, verifier: &str) -> Option<String> {
    let outcome = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .unwrap()
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
        .request(&|request| exchange(fixture, request));
    match outcome {
        Ok(_) => None,
        Err(RequestTokenError::ServerResponse(response)) => Some(response.error().to_string()),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_browser_signs_in_and_the_client_verifies_what_it_is_told() {
    let fixture = Fixture::start();
    let phone = fixture.person("zhangsan");
    let client = client(&fixture, "yinqiao", None);
    let begun = begin(&client);
    let mut browser = Browser::open(&fixture, begun.url.as_str());
    assert!(browser.has("印桥 &lt;测试&gt;"), "the application is named, and escaped");
    browser.submit("/sign-in", &[("user_name", "ZhangSan"), ("password", PASSWORD)]);
    let back = browser.sent_to().to_owned();
    assert!(back.starts_with(&format!("{HOME}?code=")));
    assert_eq!(&parameter(&back, "state"), begun.state.secret());
    assert_eq!(parameter(&back, "iss"), fixture.issuer);

    let http = |request| exchange(&fixture, request);
    let tokens = client
        .exchange_code(AuthorizationCode::new(parameter(&back, "code")))
        .unwrap()
        .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier))
        .request(&http)
        .unwrap();
    let (verifier, id_token) = (client.id_token_verifier(), tokens.id_token().unwrap());
    let claims = id_token.claims(&verifier, &begun.nonce).unwrap();
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&verifier).unwrap(),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));
    assert_eq!(claims.auth_context_ref().unwrap().as_str(), "L1");
    assert!(id_token.claims(&verifier, &Nonce::new("another".to_owned())).is_err());

    let info: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        .unwrap()
        .request(&http)
        .unwrap();
    assert_eq!(info.phone_number().unwrap().as_str(), phone);
    assert_eq!(info.phone_number_verified(), Some(true));
}

#[test]
fn who_is_signed_in_is_sent_back_at_once_unless_the_application_wants_them_asked() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let client = client(&fixture, "yinqiao", None);
    let url = begin(&client).url;
    let mut browser = Browser::open(&fixture, url.as_str());
    browser.submit("/sign-in", &[("user_name", "zhangsan"), ("password", PASSWORD)]);
    browser.go(url.as_str());
    assert!(browser.sent_to().contains("code="));
    browser.go(&format!("{url}&prompt=login"));
    assert_eq!(browser.page.status, 200);
    fixture.clock.put_forward(120);
    browser.go(&format!("{url}&max_age=60&prompt=none"));
    assert_eq!(parameter(browser.sent_to(), "error"), "login_required");
    let stranger = Browser::open(&fixture, &format!("{url}&prompt=none"));
    assert_eq!(parameter(stranger.sent_to(), "error"), "login_required");
}

#[test]
fn a_client_with_a_secret_has_to_give_it() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    for (secret, expected) in
        [(Some(SECRET), None), (Some("abd"), Some("invalid_client")), (None, Some("invalid_client"))]
    {
        let client = client(&fixture, "other", secret);
        let begun = begin(&client);
        let code = code(&fixture, "zhangsan", &begun);
        assert_eq!(refusal(&fixture, &client, &code, &begun.verifier).as_deref(), expected, "{secret:?}");
    }
}

#[test]
fn a_code_that_is_used_again_ends_the_token_that_it_got() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let client = client(&fixture, "yinqiao", None);
    let begun = begin(&client);
    let code = code(&fixture, "zhangsan", &begun);
    let tokens = client
        .exchange_code(AuthorizationCode::new(code.clone()))
        .unwrap()
        .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.clone()))
        .request(&|request| exchange(&fixture, request))
        .unwrap();
    let token = tokens.access_token().secret();
    assert_eq!(fixture.call("GET", "/userinfo", Some(token), None).status, 200);
    assert_eq!(refusal(&fixture, &client, &code, &begun.verifier).as_deref(), Some("invalid_grant"));
    let answer = fixture.call("GET", "/userinfo", Some(token), None);
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").contains("invalid_token"));
}

#[test]
fn a_code_is_refused_with_a_wrong_verifier_by_another_client_for_another_address_and_when_it_is_old() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let (own, other) = (client(&fixture, "yinqiao", None), client(&fixture, "other", Some(SECRET)));
    let fresh = || {
        let begun = begin(&own);
        (code(&fixture, "zhangsan", &begun), begun.verifier)
    };
    let refused = Some("invalid_grant".to_owned());

    let ((code, _), (_, foreign)) = (fresh(), fresh());
    assert_eq!(refusal(&fixture, &own, &code, &foreign), refused, "a wrong verifier");
    let (code, verifier) = fresh();
    assert_eq!(refusal(&fixture, &other, &code, &verifier), refused, "another client");
    let (code, verifier) = fresh();
    let moved = own.clone().set_redirect_uri(RedirectUrl::new(format!("{HOME}/")).unwrap());
    assert_eq!(refusal(&fixture, &moved, &code, &verifier), refused, "another address");
    let (code, verifier) = fresh();
    fixture.clock.put_forward(61);
    assert_eq!(refusal(&fixture, &own, &code, &verifier), refused, "an old code");
    let (code, verifier) = fresh();
    assert_eq!(refusal(&fixture, &own, &code, &verifier), None, "and one of which nothing is wrong is taken");
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let fixture = Fixture::start();
    let client = client(&fixture, "yinqiao", None);
    let good = begin(&client).url.to_string();
    let registered: String = url::form_urlencoded::byte_serialize(HOME.as_bytes()).collect();
    let elsewhere = [
        good.replace(&registered, "http%3A%2F%2Fevil.example%2F"),
        good.replace(&registered, &format!("{registered}%2F..")),
        good.replace("client_id=yinqiao", "client_id=unknown"),
        format!("{good}&redirect_uri={registered}"),
    ];
    for url in elsewhere {
        let page = Browser::open(&fixture, &url).page;
        assert_eq!((page.status, page.header("location")), (400, ""), "{url}");
    }
}

#[test]
fn without_pkce_the_application_hears_that_it_is_missing() {
    let fixture = Fixture::start();
    let client = client(&fixture, "yinqiao", None);
    let (url, ..) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .url();
    let browser = Browser::open(&fixture, url.as_str());
    assert_eq!(parameter(browser.sent_to(), "error"), "invalid_request");
    assert!(browser.sent_to().starts_with(HOME));
}

#[test]
fn the_id_token_has_no_id_number_and_userinfo_has_what_the_scopes_allow() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let session = fixture.session("zhangsan");
    let person = json!({"name": "张三", "id_number": "11010519491231002X"});
    assert_eq!(fixture.post("/api/account/real-name", Some(&session), &person).status, 200);
    let client = client(&fixture, "yinqiao", None);
    for (scopes, expected) in [(vec![], json!(null)), (vec!["identity"], json!("11010519491231002X"))] {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes.into_iter().map(|scope: &str| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        let begun = Begun { url, state, nonce, verifier: verifier.into_secret() };
        let code = code(&fixture, "zhangsan", &begun);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .unwrap()
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier))
            .request(&|request| exchange(&fixture, request))
            .unwrap();
        let claims: Value = payload(&tokens.id_token().unwrap().to_string());
        assert!(claims.get("id_number").is_none() && claims.get("name").is_none(), "{claims}");
        let info = fixture.call("GET", "/userinfo", Some(tokens.access_token().secret()), None).json();
        assert_eq!(info["id_number"], expected);
        assert_eq!(info["assurance_level"], if expected.is_null() { json!(null) } else { json!("L2") });
        assert!(info.get("phone_number").is_none() && info.get("name").is_none());
    }
}

fn payload(jwt: &str) -> Value {
    use base64::Engine as _;
    let part = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
