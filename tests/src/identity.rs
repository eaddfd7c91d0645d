//! An identity provider as a broker meets it, for persons who need no browser: OpenID Connect with the authorization code flow
//! and PKCE, over the types of a library that the broker's authors did not write.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use openidconnect::core::{
    CoreEdDsaPrivateSigningKey, CoreIdToken, CoreIdTokenClaims, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    Audience, EmptyAdditionalClaims, IssuerUrl, JsonWebKeyId, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PrivateSigningKey, StandardClaims, SubjectIdentifier,
};
use serde_json::{Value, json};

use yinqiao_protocol::Token;

/// The name that the broker has here.
const CLIENT: &str = "yinqiao";
/// The key of these tests, and of nothing else.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIF548PgXwfirIWKohglNzbQoJvLTp4Tinv7wUyIyuGII\n-----END PRIVATE KEY-----\n";

/// A person or legal person whom the provider knows.
#[derive(Clone, Debug)]
pub struct Person {
    /// What the provider calls the person.
    pub subject: &'static str,
    /// The person's name.
    pub name: &'static str,
    /// 公民身份号码
    pub id_number: &'static str,
    /// The telephone number.
    pub phone_number: &'static str,
    /// L1 to L4.
    pub level: &'static str,
    /// Company's name and credit code, of a legal person.
    pub company: Option<(&'static str, &'static str)>,
}

impl Person {
    fn claims(&self) -> Value {
        let mut claims = json!({
            "sub": self.subject,
            "name": self.name,
            "id_number": self.id_number,
            "phone_number": self.phone_number,
            "assurance_level": self.level,
            "user_kind": if self.company.is_some() { "legal_person" } else { "person" },
        });
        if let Some((name, code)) = self.company {
            claims["enterprise_name"] = name.into();
            claims["enterprise_code"] = code.into();
        }
        claims
    }
}

/// The provider, in a thread of its own.
pub struct IdentityProvider {
    issuer: String,
    grants: Arc<Mutex<Grants>>,
}

#[derive(Default)]
struct Grants {
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Person>,
}

struct Grant {
    person: Person,
    nonce: String,
    challenge: String,
}

impl Default for IdentityProvider {
    fn default() -> Self {
        Self::start()
    }
}

impl IdentityProvider {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self { issuer: issuer.clone(), grants: Arc::default() };
        let grants = Arc::clone(&provider.grants);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &issuer, &grants);
            }
        });
        provider
    }

    /// The broker's settings for it.
    pub fn settings(&self) -> String {
        format!("[identity]\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\n", self.issuer)
    }

    /// What the browser brings back when this person has signed in there: `state` and code.
    pub fn sign_in(&self, authorization_url: &str, person: &Person) -> (Token, Token) {
        let (base, query) = authorization_url.split_once('?').unwrap();
        assert_eq!(base, format!("{}/authorize", self.issuer));
        let parameters: HashMap<_, _> = form(query);
        assert_eq!(parameters["client_id"], CLIENT);
        assert_eq!(parameters["response_type"], "code");
        assert_eq!(parameters["code_challenge_method"], "S256");
        let code = Token::random().unwrap();
        let grant = Grant {
            person: person.clone(),
            nonce: parameters["nonce"].clone(),
            challenge: parameters["code_challenge"].clone(),
        };
        self.grants.lock().unwrap().codes.insert(code.expose().to_owned(), grant);
        (Token::parse(&parameters["state"]).unwrap(), code)
    }
}

fn serve(mut stream: TcpStream, issuer: &str, grants: &Mutex<Grants>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut bearer) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => bearer = value.trim_start_matches("Bearer ").to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = answer(&path, issuer, &String::from_utf8(body).unwrap(), &bearer, grants);
    let (status, body) = match answer {
        Ok(body) => ("200 OK", body.to_string()),
        Err(error) => ("400 Bad Request", json!({ "error": error }).to_string()),
    };
    let length = body.len();
    let _gone = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

fn answer(
    path: &str,
    issuer: &str,
    body: &str,
    bearer: &str,
    grants: &Mutex<Grants>,
) -> Result<Value, &'static str> {
    let key =
        CoreEdDsaPrivateSigningKey::from_ed25519_pem(KEY, Some(JsonWebKeyId::new("test".into()))).unwrap();
    match path {
        "/.well-known/openid-configuration" => Ok(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        })),
        "/jwks" => Ok(serde_json::to_value(CoreJsonWebKeySet::new(vec![key.as_verification_key()])).unwrap()),
        "/token" => {
            let parameters = form(body);
            let mut grants = grants.lock().unwrap();
            let grant = grants.codes.remove(&parameters["code"]).ok_or("invalid_grant")?;
            let verifier = PkceCodeVerifier::new(parameters["code_verifier"].clone());
            if PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str() != grant.challenge {
                return Err("invalid_grant");
            }
            let access = Token::random().unwrap().expose().to_owned();
            let id_token = id_token(issuer, &grant, &key);
            grants.tokens.insert(access.clone(), grant.person);
            Ok(
                json!({ "access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": id_token }),
            )
        }
        "/userinfo" => Ok(grants.lock().unwrap().tokens.get(bearer).ok_or("invalid_token")?.claims()),
        _ => Err("not_found"),
    }
}

fn id_token(issuer: &str, grant: &Grant, key: &CoreEdDsaPrivateSigningKey) -> String {
    let now = SystemTime::now();
    let claims = CoreIdTokenClaims::new(
        IssuerUrl::new(issuer.to_owned()).unwrap(),
        vec![Audience::new(CLIENT.to_owned())],
        (now + Duration::from_secs(60)).into(),
        now.into(),
        StandardClaims::new(SubjectIdentifier::new(grant.person.subject.to_owned())),
        EmptyAdditionalClaims {},
    )
    .set_nonce(Some(Nonce::new(grant.nonce.clone())));
    CoreIdToken::new(claims, key, CoreJwsSigningAlgorithm::EdDsa, None, None).unwrap().to_string()
}

/// `application/x-www-form-urlencoded`
fn form(text: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
