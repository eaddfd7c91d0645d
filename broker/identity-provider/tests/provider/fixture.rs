//! A provider on a port of its own, and people.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::{App, HttpServer};
use serde_json::{Value, json};

use yinqiao_identity_provider::{
    Client, ForwardClock, HashCost, Limits, MemoryStore, Provider, Rate, Services, Settings,
};

pub const PASSWORD: &str = "four words beside each other";
pub const HOME: &str = "http://127.0.0.1:9/app/signed-in";
pub const GOODBYE: &str = "http://127.0.0.1:9/app/goodbye";
/// Of the client with a secret: the SHA-256 digest of "abc" (FIPS 180-2 appendix B.1).
pub const SECRET: &str = "abc";
const SECRET_SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

pub struct Fixture {
    pub issuer: String,
    pub clock: Arc<ForwardClock>,
    pub agent: ureq::Agent,
    handle: actix_web::dev::ServerHandle,
    people: AtomicU32,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Limits that a test does not meet by chance.
pub fn generous() -> Limits {
    let mut limits = Limits::default();
    limits.codes.resend = Rate::new(100, 60);
    limits.codes.per_phone = Rate::new(100, 60);
    limits
}

impl Fixture {
    pub fn start() -> Self {
        Self::with(generous(), |_| {})
    }

    pub fn with(limits: Limits, adapt: impl FnOnce(&mut Services)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/identity", listener.local_addr().unwrap());
        let client = |id: &str, secret: Option<&str>| Client {
            id: id.to_owned(),
            name: "印桥 <测试>".to_owned(),
            redirect_uris: vec![HOME.to_owned()],
            post_logout_redirect_uris: vec![GOODBYE.to_owned()],
            secret_sha256: secret.map(str::to_owned),
        };
        let mut settings = Settings::new(&issuer, client("yinqiao", None));
        settings.clients.push(client("other", Some(SECRET_SHA256)));
        settings.limits = limits;
        settings.hash_cost = HashCost { memory: 8, passes: 1 };
        let clock = Arc::new(ForwardClock::default());
        let (mut services, _) = Services::of_demonstration();
        services.clock = Arc::clone(&clock) as _;
        adapt(&mut services);
        let provider = Arc::new(Provider::new(settings, MemoryStore::default(), services).unwrap());
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().configure(|config| provider.configure(config));
                let server =
                    HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
        Self { issuer, clock, agent, handle: receiver.recv().unwrap(), people: AtomicU32::new(0) }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    pub fn send(&self, request: ureq::http::Request<Vec<u8>>) -> Answer {
        let (parts, mut body) = self.agent.run(request).unwrap().into_parts();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.read_to_string().unwrap() }
    }

    /// A call of the JSON API.
    pub fn call(&self, method: &str, path: &str, session: Option<&str>, body: Option<&Value>) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(self.at(path));
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.send(request.body(body.map_or_else(Vec::new, |body| body.to_string().into())).unwrap())
    }

    pub fn post(&self, path: &str, session: Option<&str>, body: &Value) -> Answer {
        self.call("POST", path, session, Some(body))
    }

    /// A new number that nobody has.
    pub fn phone(&self) -> String {
        format!("138{:08}", self.people.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers a personal user and gives the number.
    pub fn person(&self, user_name: &str) -> String {
        let phone = self.phone();
        let registered = self.register(&json!({"user_kind": "person", "user_name": user_name}), &phone);
        assert_eq!(registered.status, 201, "{registered:?}");
        phone
    }

    /// Has a code sent and registers with it.
    pub fn register(&self, who: &Value, phone: &str) -> Answer {
        let wanted = json!({"purpose": "register", "user_kind": who["user_kind"], "phone_number": phone});
        let code = self.post("/api/codes", None, &wanted).json()["shown_code"].clone();
        let mut fields = json!({"password": PASSWORD, "phone_number": phone, "code": code});
        fields.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        self.post("/api/accounts", None, &fields)
    }

    /// Signs in by password through the API.
    pub fn session(&self, user_name: &str) -> String {
        let answer = self.post("/api/sessions", None, &json!({"user_name": user_name, "password": PASSWORD}));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["session"].as_str().unwrap().to_owned()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}
