//! Orders and the services beside the broker: who agrees, the invoices' issuer, and the provider that gives money back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use serde_json::{Value, json};

use yinqiao_gm::sm3;
use yinqiao_tests::holder::{pin, problem_of};

use crate::stage::{COMPANY, LEGAL_PERSON, PAYMENT_KEY, Stage, User, eventually, order};

/// A service that the broker posts to: gives its answers in turn, the last one again and again.
struct Service {
    url: String,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Service {
    fn start(answers: &[(u16, Value)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (taken, answers) = (Arc::<Mutex<Vec<Value>>>::default(), answers.to_vec());
        let noted = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let body = signed_body(&stream);
                let mut noted = noted.lock().unwrap();
                let (status, answer) = &answers[noted.len().min(answers.len() - 1)];
                noted.push(body);
                reply(stream, *status, &answer.to_string());
            }
        });
        Self { url, taken }
    }

    fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }
}

/// What was posted, when it has the broker's signature.
fn signed_body(stream: &TcpStream) -> Value {
    let mut reader = BufReader::new(stream);
    let (mut length, mut signature) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("yinqiao-signature", value)) => signature = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (seconds, mac) = signature.strip_prefix("t=").unwrap().split_once(",hmac-sm3=").unwrap();
    let expected = sm3::hmac(&PAYMENT_KEY, &[seconds.as_bytes(), b".", &body]);
    let expected: String = expected.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(mac, expected);
    serde_json::from_slice(&body).unwrap()
}

fn reply(mut stream: TcpStream, status: u16, body: &str) {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
}

/// A stage whose settings are changed.
fn stage_with(change: impl FnOnce(String) -> String) -> Stage {
    let mut stage = Stage::new();
    stage.broker.kill();
    let path = stage.broker.folder().join("yinqiao.toml");
    let settings = change(fs::read_to_string(&path).unwrap());
    fs::write(&path, settings).unwrap();
    stage.broker.restart();
    stage
}

fn id(order: &Value) -> &str {
    order["order"].as_str().unwrap()
}

/// A member's order that the legal person agreed to and that is paid; gives its path.
fn paid_order(stage: &Stage, legal_person: &User, member: &User) -> (String, String) {
    let ordered: Value = member.account.post("/v1/orders", &order(365)).unwrap();
    let path = format!("/v1/orders/{}", id(&ordered));
    let approved: Value = legal_person.account.post(&format!("{path}/approve"), &()).unwrap();
    let payment = approved["payment"]["payment"].as_str().unwrap().to_owned();
    assert_eq!(stage.pay(&payment, "wx-1", 20_000), 200);
    (path, payment)
}

#[test]
fn an_operator_agrees_to_a_legal_persons_order_where_the_policy_demands_it() {
    let stage = stage_with(|settings| {
        format!("{settings}\n[lifecycle.policy]\noperator_approves_legal_persons = true\n")
    });
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let ordered: Value = legal_person.account.post("/v1/orders", &order(365)).unwrap();
    assert_eq!((&ordered["state"], &ordered["approver"]), (&json!("applied"), &json!("operator")));
    let own = format!("/v1/orders/{}", id(&ordered));
    let refused = legal_person.account.post::<Value>(&format!("{own}/approve"), &());
    assert_eq!(problem_of(refused), "not-allowed");
    assert!(legal_person.account.download(id(&ordered), &pin()).is_err());

    let token = |role: &str| stage.broker.operator(&["staff", "add", role, "--role", role]);
    let (operator, auditor) = (token("operator"), token("auditor"));
    let path = format!("/v1/operator/orders/{}/approve", id(&ordered));
    assert_eq!(stage.try_as_staff(auditor.trim(), &path, &json!({})).0, 403);
    assert_eq!(stage.post_as_staff(operator.trim(), &path, &json!({}))["state"], "ready");
    legal_person.account.download(id(&ordered), &pin()).unwrap();
}

#[test]
fn an_invoice_that_its_issuer_refuses_may_be_asked_for_again() {
    let refusal = (422, json!({ "reason": "the tax number is not that of the title" }));
    let issued = (200, json!({ "number": "24312000000012345678", "file": "JVBERg==" }));
    let issuer = Service::start(&[refusal, issued]);
    let stage = stage_with(|settings| {
        let key_file = settings.lines().find(|line| line.starts_with("key_file")).unwrap();
        format!("{settings}\n[invoice]\nurl = {:?}\n{key_file}\n", issuer.url)
    });
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let member = stage.member(&legal_person);
    let (path, _) = paid_order(&stage, &legal_person, &member);
    let invoice = |state: &str| {
        eventually(state, || {
            let order: Value = member.account.get(&path).unwrap().value;
            (order["invoice"]["state"] == state).then(|| order["invoice"].clone())
        })
    };
    let ask = |tax_number: &str| {
        let wanted =
            json!({ "title": "闽江建设有限公司", "tax_number": tax_number, "mail": "caiwu@example.cn" });
        member.account.post::<Value>(&format!("{path}/invoice"), &wanted)
    };
    ask("91350200M000200Y2R").unwrap();
    let failed = invoice("failed");
    assert_eq!(failed["reason"], "the tax number is not that of the title", "{failed}");
    assert_eq!(problem_of(member.account.get_bytes(&format!("{path}/invoice"))), "not-found");

    ask(COMPANY).unwrap();
    invoice("issued");
    assert_eq!(member.account.get_bytes(&format!("{path}/invoice")).unwrap(), b"%PDF");
    let asked: Vec<_> = issuer.taken().iter().map(|body| body["tax_number"].clone()).collect();
    assert_eq!(asked, ["91350200M000200Y2R", COMPANY]);
    assert_eq!(problem_of(ask(COMPANY)), "conflict");
}

#[test]
fn the_provider_is_asked_for_a_refund_until_it_takes_the_request() {
    let provider = Service::start(&[(503, json!({})), (200, json!({}))]);
    let stage = stage_with(|settings| {
        settings.replace("[payment]\n", &format!("[payment]\nrefund_url = {:?}\n", provider.url))
    });
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let member = stage.member(&legal_person);
    let (path, payment) = paid_order(&stage, &legal_person, &member);
    let cancelled: Value = member.account.post(&format!("{path}/cancel"), &()).unwrap();
    assert_eq!(cancelled["payment"]["state"], "refund_due");
    eventually("the second request", || (provider.taken().len() > 1).then_some(()));
    let wanted = json!({ "payment": payment, "reference": "wx-1", "amount_fen": 20_000 });
    assert_eq!(provider.taken(), [wanted.clone(), wanted]);

    let word = json!({ "event": "refunded", "payment": payment, "reference": "wx-1", "amount_fen": 20_000 });
    assert_eq!(stage.say(&word), 200);
    let refunded: Value = member.account.get(&path).unwrap().value;
    assert_eq!(refunded["payment"]["state"], "refunded", "{refunded}");
}
