//! What stands before the first step: a broker, a registered bid system, two phones with certificates, and a seal.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::broker::Broker;
use super::officer::Officer;
use super::screen::Screen;
use super::{duration, lifecycle, picture};

/// The demo company's name and unified social credit code (统一社会信用代码).
const COMPANY: &str = "示例建设有限公司";
const COMPANY_CODE: &str = "91350100M000100Y43";
const SEAL_NAME: &str = "示例建设有限公司公章";
const RELYING_PARTY: &str = "demo-bid-system";
/// How long the broker may take for what goes on by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A phone and whose it is.
#[derive(Debug)]
pub struct Holder {
    /// In files' names.
    pub label: &'static str,
    name: &'static str,
    kind: &'static str,
    /// The phone's folder of keys.
    pub store: PathBuf,
    /// A real one is known to its holder alone.
    pub pin: &'static str,
}

/// Everything that stands.
#[derive(Debug)]
pub struct Stage {
    /// Dropped first, so that nothing writes to the folder that goes after it.
    pub broker: Broker,
    folder: TempDir,
    programs: PathBuf,
    /// Of the CA.
    pub officer: Officer,
    /// Where results go.
    pub out: PathBuf,
    /// The company's legal person (法人用户).
    pub legal_person: Holder,
    /// An employee of the same company (个人用户).
    pub employee: Holder,
}

impl Holder {
    /// Whose phone has its certificate already.
    pub fn of_phone(label: &'static str, store: PathBuf, pin: &'static str) -> Self {
        Self { label, name: label, kind: "person", store, pin }
    }
}

impl Stage {
    /// Sets it up.
    pub fn prepare(programs: PathBuf, out: PathBuf, screen: &Screen) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("yinqiao-demo-").tempdir()?;
        let officer = Officer::appoint(&programs, folder.path())?;
        let begin = Instant::now();
        let broker = Broker::start(&programs.join("yinqiao"), folder.path(), lifecycle::CONFIGURATION)?;
        screen.say(&format!("Broker at {} ({})", broker.url(), duration(begin.elapsed())));
        let holder = |label: &'static str, name, kind, pin| {
            let store = folder.path().join(format!("phone-{label}"));
            Holder { label, name, kind, store, pin }
        };
        let legal_person = holder("legal-person", "陈法定", "legal-person", "314159");
        let employee = holder("employee", "王小明", "person", "271828");
        let stage = Self { broker, folder, programs, officer, out, legal_person, employee };
        stage.register(screen)?;
        stage.enrol(&stage.legal_person, screen)?;
        stage.enrol(&stage.employee, screen)?;
        stage.export_authority()?;
        stage.make_seal(screen)?;
        Ok(stage)
    }

    /// A path in the folder that goes with the demo.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The bid system's API key.
    pub fn api_key_file(&self) -> PathBuf {
        self.path("api-key")
    }

    /// The CA's certificates.
    pub fn chain(&self) -> PathBuf {
        self.out.join("chain.pem")
    }

    /// The CA's revocation list.
    pub fn revocation_list(&self) -> PathBuf {
        self.out.join("crl.pem")
    }

    /// One of the project's programs.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }

    fn register(&self, screen: &Screen) -> Result<()> {
        let words = ["rp", "add", RELYING_PARTY, "--name", "示例招标平台", "--domain", "bid.example"];
        let key = self.broker.operate(&words)?;
        let path = self.api_key_file();
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(key.as_bytes())?;
        screen.say(&format!("Bid system {RELYING_PARTY} registered"));
        Ok(())
    }

    fn enrol(&self, holder: &Holder, screen: &Screen) -> Result<()> {
        let begin = Instant::now();
        let company = ["--enterprise", COMPANY, "--enterprise-code", COMPANY_CODE];
        let words = ["enrolment", "add", "--name", holder.name, "--kind", holder.kind];
        let code = self.broker.operate(&[words.as_slice(), company.as_slice()].concat())?;
        let mut phone = self.program("yinqiao-phone");
        phone.arg("--store").arg(&holder.store).args(["--json", "enrol", "--broker", self.broker.url()]);
        phone.args(["--code-stdin", "--pin-stdin"]);
        run_with_input(&mut phone, &format!("{code}\n{}\n", holder.pin))?;
        let time = duration(begin.elapsed());
        screen.say(&format!(
            "Certificate pair issued to {} ({}), {COMPANY} ({time})",
            holder.name, holder.kind
        ));
        Ok(())
    }

    fn export_authority(&self) -> Result<()> {
        let (chain, list) = (self.chain(), self.revocation_list());
        let words = ["adapter", "export", "softca", "--chain", text(&chain)?, "--crl", text(&list)?];
        self.broker.operate(&words).map(drop)
    }

    fn make_seal(&self, screen: &Screen) -> Result<()> {
        let path = self.path("seal.png");
        fs::write(&path, picture::round_seal()?)?;
        let words = ["seal", "add", "--enterprise-code", COMPANY_CODE, "--kind", "official"];
        let rest = ["--name", SEAL_NAME, "--picture", text(&path)?];
        self.broker.operate(&[words.as_slice(), rest.as_slice()].concat())?;
        self.officer.approve()?;
        wait_until("the seal", || Ok(self.broker.operate(&["seal", "list"])?.contains("\"made\"")))?;
        screen.say(&format!("Seal {SEAL_NAME} made, approved by the CA's officer"));
        Ok(())
    }

    /// Commands for whoever wants to go on.
    pub fn say_what_to_try(&self, screen: &Screen) {
        let bid_tool = self.programs.join("yinqiao-bid-tool");
        let phone = self.programs.join("yinqiao-phone");
        let operator = self.programs.join("yinqiao");
        let (url, key, chain) = (self.broker.url(), self.api_key_file(), self.chain());
        let connection =
            format!("--broker {url} --api-key-file {} --trust {}", key.display(), chain.display());
        screen.say(&format!(
            "\nThe broker serves at {url} until you press Ctrl-C. Its data: {data}\n\
             The bid system's API key: {key} (readable by you alone)\n\n\
             Try, in one terminal, the bid system:\n  {bid_tool} sign FILE --out signed {connection} \\\n    \
             --code-picture code.png\n\
             and in another the phone (PIN {pin}), which reads the picture of the code:\n  \
             {phone} --store {store} scan code.png\n\
             or the legal person's (PIN {legal_pin}), who may seal:\n  \
             {bid_tool} seal FILE --seal-kind official --out sealed {connection} \\\n    --code-picture code.png\n  \
             {phone} --store {legal_store} scan code.png\n\
             As an operator:\n  {operator} --data-dir {data} certificate list\n  \
             {operator} --data-dir {data} certificate revoke SM3 --reason key-compromise\n\
             As a program:\n  curl {url}/health\n  \
             curl -H \"Authorization: Bearer $(cat {key})\" -H 'Content-Type: application/json' \\\n    \
             -d '{{\"task\":{{\"purpose\":\"login\"}}}}' {url}/v1/sessions",
            data = self.broker.data().display(),
            key = key.display(),
            bid_tool = bid_tool.display(),
            phone = phone.display(),
            operator = operator.display(),
            pin = self.employee.pin,
            store = self.employee.store.display(),
            legal_pin = self.legal_person.pin,
            legal_store = self.legal_person.store.display(),
        ));
    }
}

/// Looks again and again until it is so.
pub fn wait_until(what: &str, done: impl Fn() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !done()? {
        if begun.elapsed() > PATIENCE {
            bail!("{what} does not come to an end");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Runs a program to its end with `input`, and gives what it prints.
pub fn run_with_input(command: &mut Command, input: &str) -> Result<String> {
    let name = command.get_program().to_owned();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let name = Path::new(&name).file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        bail!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
