//! The steps.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use yinqiao_phone::{AccountClient, Phone, Pin};

use super::provider::{Person, as_staff};
use crate::demo::picture;
use crate::demo::screen::Screen;
use crate::demo::session::Question;
use crate::demo::stage::{Holder, Stage, wait_until};

const COMPANY: &str = "91350102MA2000000X";
const COMPANY_NAME: &str = "生命周期示例有限公司";
const SEAL_NAME: &str = "生命周期示例有限公司公章";
/// Of each phone here. A real one is known to its holder alone.
const PIN: &str = "161803";

const LEGAL_PERSON: Person = Person {
    user_name: "faren",
    name: "示例法人",
    id_number: "110105198806150016",
    phone_number: "13800000101",
    company: Some((COMPANY_NAME, COMPANY)),
};
const MEMBER: Person = Person {
    user_name: "yuangong",
    name: "示例员工",
    id_number: "110105199001011232",
    phone_number: "13800000102",
    company: None,
};
const COLLEAGUE: Person = Person {
    user_name: "tongshi",
    name: "示例同事",
    id_number: "110105199202022042",
    phone_number: "13800000103",
    company: None,
};

/// How a step is taken.
pub type TakeStep<'a> = fn(&mut Walk<'a>) -> Result<()>;

/// How far the walk is.
pub struct Walk<'a> {
    stage: &'a Stage,
    screen: &'a Screen,
    accounts: Option<Accounts>,
    order: String,
    seal_picture: String,
    told: String,
}

/// The persons who are signed in.
struct Accounts {
    legal_person: AccountClient,
    member: AccountClient,
    colleague: AccountClient,
}

impl<'a> Walk<'a> {
    /// Nothing is done yet.
    pub fn new(stage: &'a Stage, screen: &'a Screen) -> Self {
        Self {
            stage,
            screen,
            accounts: None,
            order: String::new(),
            seal_picture: String::new(),
            told: String::new(),
        }
    }

    /// The steps' names, in the manual's order, and how each is taken.
    pub fn steps() -> [(&'static str, TakeStep<'a>); 16] {
        [
            ("register", Self::register),
            ("verify", Self::verify),
            ("join", Self::join),
            ("approve-join", Self::approve_join),
            ("order", Self::order),
            ("approve-order", Self::approve_order),
            ("pay", Self::pay),
            ("download", Self::download),
            ("invoice", Self::invoice),
            ("login", Self::login),
            ("staff-add", Self::add_staff),
            ("staff-remove", Self::remove_staff),
            ("seal-upload", Self::upload_seal),
            ("seal-review", Self::review_seal),
            ("seal", Self::seal),
            ("enterprise-delete", Self::delete_enterprise),
        ]
    }

    /// What the last step came to.
    pub fn told(&self) -> &str {
        &self.told
    }

    fn tell(&mut self, text: impl Into<String>) -> Result<()> {
        self.told = text.into();
        Ok(())
    }

    fn accounts(&self) -> Result<&Accounts> {
        self.accounts.as_ref().context("nobody is signed in")
    }

    fn phone_folder(&self, person: &Person) -> PathBuf {
        self.stage.path(&format!("phone-{}", person.user_name))
    }

    fn register(&mut self) -> Result<()> {
        let broker = self.stage.broker.url();
        for person in [&LEGAL_PERSON, &MEMBER, &COLLEAGUE] {
            person.register(broker)?;
        }
        self.tell("three persons have confirmed their telephone numbers (L1)")
    }

    fn verify(&mut self) -> Result<()> {
        let broker = self.stage.broker.url();
        let low = MEMBER.sign_in(broker, &Phone::open(&self.phone_folder(&MEMBER))?)?;
        let missing = low.account().missing_levels.join(", ");
        ensure!(low.get::<Value>("/v1/offers").is_err(), "certificates are offered below L4");
        let signed_in = |person: &Person| -> Result<AccountClient> {
            person.verify(broker)?;
            let account = person.sign_in(broker, &Phone::open(&self.phone_folder(person))?)?;
            ensure!(account.account().missing_levels.is_empty(), "{} is not at L4", person.name);
            Ok(account)
        };
        self.accounts = Some(Accounts {
            legal_person: signed_in(&LEGAL_PERSON)?,
            member: signed_in(&MEMBER)?,
            colleague: signed_in(&COLLEAGUE)?,
        });
        self.tell(format!(
            "without {missing} nothing is offered; all three are at L4, {COMPANY_NAME} is registered"
        ))
    }

    fn join(&mut self) -> Result<()> {
        let path = format!("/v1/enterprises/{COMPANY}/applications");
        let applied: Value = self.accounts()?.member.post(&path, &json!({ "department": "投标部" }))?;
        must_be(&applied, "applied")?;
        self.tell(format!("{} applies", MEMBER.name))
    }

    fn approve_join(&mut self) -> Result<()> {
        let Accounts { legal_person, member, .. } = self.accounts()?;
        let path = format!("/v1/enterprises/{COMPANY}/applications/{}/approve", member.account().user);
        must_be(&legal_person.post(&path, &())?, "active")?;
        self.tell(format!("{} approves", LEGAL_PERSON.name))
    }

    fn order(&mut self) -> Result<()> {
        let wish = json!({
            "platform": "demo", "certificate_authority": "softca", "days": 365, "enterprise": COMPANY,
        });
        let ordered: Value = self.accounts()?.member.post("/v1/orders", &wish)?;
        must_be(&ordered, "applied")?;
        self.order = ordered["order"].as_str().context("the order has no name")?.to_owned();
        self.tell("a certificate for a year, for 200 yuan")
    }

    fn approve_order(&mut self) -> Result<()> {
        let path = format!("/v1/orders/{}/approve", self.order);
        must_be(&self.accounts()?.legal_person.post(&path, &())?, "awaiting_payment")?;
        self.tell(format!("{} approves", LEGAL_PERSON.name))
    }

    fn pay(&mut self) -> Result<()> {
        let broker = &self.stage.broker;
        let token = broker.operate(&["staff", "add", "demo-operator", "--role", "operator"])?;
        let path = format!("/v1/operator/orders/{}/confirm-payment", self.order);
        let payment = json!({ "reference": "demo-1", "amount_fen": 20_000 });
        must_be(&as_staff(broker.url(), token.trim(), &path, &payment)?, "paid")?;
        self.tell("an operator of the trading centre confirms the payment")
    }

    fn download(&mut self) -> Result<()> {
        let member = &self.accounts()?.member;
        let summary = member.download(&self.order, &Pin::parse(PIN)?)?;
        must_be(&member.get(&format!("/v1/orders/{}", self.order))?.value, "issued")?;
        self.tell(format!("certificate {}", summary.serial))
    }

    fn invoice(&mut self) -> Result<()> {
        let member = &self.accounts()?.member;
        let path = format!("/v1/orders/{}", self.order);
        let wanted = json!({ "title": COMPANY_NAME, "tax_number": COMPANY, "mail": "invoices@bid.example" });
        let _: Value = member.post(&format!("{path}/invoice"), &wanted)?;
        wait_until("the invoice", || Ok(member.get::<Value>(&path)?.value["invoice"]["state"] == "issued"))?;
        let bytes = member.get_bytes(&format!("{path}/invoice"))?;
        let file = self.stage.out.join("invoice");
        std::fs::write(&file, bytes)?;
        self.tell(file.display().to_string())
    }

    fn login(&mut self) -> Result<()> {
        let holder = Holder::of_phone(MEMBER.user_name, self.phone_folder(&MEMBER), PIN);
        let out = self.stage.out.join("lifecycle-login");
        let question = Question {
            verb: "login",
            files: &[],
            options: &[],
            out: Path::new(&out),
            title: "登录 Log in with the ordered certificate",
            holder: &holder,
            by_picture: false,
        };
        let session = question.ask(self.stage, self.screen)?.session()?.to_owned();
        self.tell(format!("session {session}, answered with the ordered certificate"))
    }

    fn add_staff(&mut self) -> Result<()> {
        let Accounts { legal_person, colleague, .. } = self.accounts()?;
        let company = format!("/v1/enterprises/{COMPANY}");
        let _: Value =
            colleague.post(&format!("{company}/applications"), &json!({ "department": "财务部" }))?;
        let wanted = json!({ "name": COLLEAGUE.name, "id_number": COLLEAGUE.id_number });
        must_be(&legal_person.post(&format!("{company}/members"), &wanted)?, "active")?;
        self.tell(format!("{} is added by name and ID number", COLLEAGUE.name))
    }

    fn remove_staff(&mut self) -> Result<()> {
        let Accounts { legal_person, member, .. } = self.accounts()?;
        let company = format!("/v1/enterprises/{COMPANY}");
        let removal = legal_person.delete(&format!("{company}/members/{}", member.account().user))?;
        let removal = removal["cascade"].as_str().context("the removal has no name")?.to_owned();
        let removal = format!("{company}/removals/{removal}");
        wait_until("the removal", || {
            Ok(!legal_person.get::<Value>(&removal)?.value["finished_at"].is_null())
        })?;
        let certificates: Value = member.get("/v1/certificates")?.value;
        ensure!(certificates["items"] == json!([]), "a certificate is left");
        self.tell(format!("{} is removed, the certificate revoked", MEMBER.name))
    }

    fn upload_seal(&mut self) -> Result<()> {
        let legal_person = &self.accounts()?.legal_person;
        let path = format!("/v1/enterprises/{COMPANY}/seal-pictures?width_mm=40&height_mm=40");
        let uploaded: Value = legal_person.post_file(&path, "image/png", &picture::round_seal()?)?;
        let name = uploaded["picture"].as_str().context("the picture has no name")?.to_owned();
        let preview = legal_person.get_bytes(&format!("/v1/enterprises/{COMPANY}/seal-pictures/{name}"))?;
        let file = self.stage.out.join("seal-preview.png");
        std::fs::write(&file, preview)?;
        self.seal_picture = name;
        self.tell(file.display().to_string())
    }

    fn review_seal(&mut self) -> Result<()> {
        let legal_person = &self.accounts()?.legal_person;
        // A seal is made for certificates: the legal person needs one.
        let wish = json!({
            "platform": "demo", "certificate_authority": "softca", "days": 30, "enterprise": COMPANY,
        });
        let ordered: Value = legal_person.post("/v1/orders", &wish)?;
        let order = ordered["order"].as_str().context("the order has no name")?;
        legal_person.download(order, &Pin::parse(PIN)?)?;
        let company = format!("/v1/enterprises/{COMPANY}");
        let wish = json!({ "kind": "official", "name": SEAL_NAME, "picture": self.seal_picture });
        let applied: Value = legal_person.post(&format!("{company}/seal-applications"), &wish)?;
        must_be(&applied, "under_review")?;
        self.stage.officer.approve()?;
        let application = applied["application"].as_str().context("the application has no name")?;
        let application = format!("{company}/seal-applications/{application}");
        wait_until("the review", || Ok(legal_person.get::<Value>(&application)?.value["state"] == "made"))?;
        self.tell(format!("{SEAL_NAME} is approved by the CA's officer, and made"))
    }

    fn seal(&mut self) -> Result<()> {
        let holder = Holder::of_phone(LEGAL_PERSON.user_name, self.phone_folder(&LEGAL_PERSON), PIN);
        let out = self.stage.out.join("lifecycle-seal");
        let document = self.stage.path("lifecycle-document.txt");
        std::fs::write(&document, "投标函 A letter of tender\n")?;
        let question = Question {
            verb: "seal",
            files: std::slice::from_ref(&document),
            options: &["--seal-kind", "official"],
            out: Path::new(&out),
            title: "签章 Seal with the reviewed seal",
            holder: &holder,
            by_picture: false,
        };
        let session = question.ask(self.stage, self.screen)?.session()?.to_owned();
        self.tell(format!("session {session}, sealed with {SEAL_NAME}"))
    }

    fn delete_enterprise(&mut self) -> Result<()> {
        let legal_person = &self.accounts()?.legal_person;
        let path = format!("/v1/enterprises/{COMPANY}");
        legal_person.delete(&path)?;
        wait_until("the deletion", || Ok(legal_person.get::<Value>(&path)?.value["state"] == "deleted"))?;
        let seals: Value = legal_person.get(&format!("{path}/seals"))?.value;
        must_be(&seals["items"][0], "revoked")?;
        self.tell(format!("{COMPANY_NAME} is deleted, its certificates and its seal are revoked"))
    }
}

fn must_be(thing: &Value, state: &str) -> Result<()> {
    ensure!(thing["state"] == state, "the state is {}, not {state}", thing["state"]);
    Ok(())
}
