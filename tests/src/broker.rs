//! The real broker in a process of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use yinqiao_protocol::{Base64, Token};

use crate::evidence::Trust;
use crate::holder::{Company, Holder};
use crate::programs;
use crate::relying_party::RelyingParty;

/// How long an ordered stop may take.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// A broker with a data directory and a port of its own. It is killed when dropped.
pub struct Broker {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
    /// Milliseconds that the software CA takes in the middle of an issue.
    issue_delay: u32,
    /// Whether a second CA is configured.
    two_authorities: bool,
    /// Whether it is the one that dies where a test says.
    has_failpoints: bool,
}

impl Default for Broker {
    fn default() -> Self {
        Self::start()
    }
}

impl Broker {
    /// A new broker with its embedded defaults.
    pub fn start() -> Self {
        Self::start_with_issue_delay(0)
    }

    /// As [`Broker::start`], with a software CA that takes so many milliseconds in the middle of an issue.
    pub fn start_with_issue_delay(issue_delay: u32) -> Self {
        Self::start_configured(issue_delay, false)
    }

    /// As [`Broker::start`], with a second CA called `another-ca`.
    pub fn start_with_two_authorities() -> Self {
        Self::start_configured(0, true)
    }

    /// A data directory in which no broker has run yet.
    pub fn not_started() -> Self {
        Self::prepare(0, false)
    }

    /// A new broker with these settings beside its own.
    pub fn start_with_settings(settings: &str) -> Self {
        Self::start_slow_with_settings(0, settings)
    }

    /// As [`Broker::start_with_issue_delay`], with these settings beside its own.
    pub fn start_slow_with_settings(issue_delay: u32, settings: &str) -> Self {
        let mut broker = Self::prepare(issue_delay, false);
        fs::write(broker.folder().join("yinqiao.toml"), settings).unwrap();
        broker.restart();
        broker
    }

    /// As [`Broker::start_with_settings`], with the broker that dies where a test says, and with these lines for its software CA in
    /// the catalogue.
    pub fn start_with_failpoints(settings: &str, adapter: &str) -> Self {
        let mut broker = Self::prepare(0, false);
        broker.has_failpoints = true;
        fs::create_dir_all(broker.data()).unwrap();
        fs::create_dir_all(broker.failpoints()).unwrap();
        fs::write(broker.catalogue(), broker.adapter("softca", 0) + adapter).unwrap();
        fs::write(broker.folder().join("yinqiao.toml"), settings).unwrap();
        broker.restart();
        broker
    }

    fn start_configured(issue_delay: u32, two_authorities: bool) -> Self {
        let mut broker = Self::prepare(issue_delay, two_authorities);
        broker.restart();
        broker
    }

    fn prepare(issue_delay: u32, two_authorities: bool) -> Self {
        let folder = TempDir::with_prefix("yinqiao-").unwrap();
        let broker = Self {
            folder,
            port: free_port(),
            process: None,
            issue_delay,
            two_authorities,
            has_failpoints: false,
        };
        broker.write_configuration();
        broker
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A place for a test's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The software CA's own files.
    pub fn software_ca(&self) -> PathBuf {
        self.data().join("softca")
    }

    /// Kills it in the middle of whatever it does (`kill -9`).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Whether it has died by itself.
    pub fn has_died(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| process.try_wait().unwrap().is_some())
    }

    /// Starts it again with the same data directory and at the same address; kills it before where it runs.
    pub fn restart(&mut self) {
        self.kill();
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut process = self
            .program()
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            // Debug is the most that an operator is told to set; what the log must not tell, it must not tell there.
            .env("RUST_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.process = Some(process);
        assert_eq!(
            line.trim(),
            format!("serving on {}", self.url()),
            "the broker does not start:\n{}",
            self.log()
        );
    }

    /// Starts it where it must refuse to; gives what it says.
    pub fn refused_start(&self) -> String {
        let output =
            self.program().args(["serve", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "it serves");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < STOPS_WITHIN {
            if let Some(status) = process.try_wait().unwrap() {
                assert!(status.success(), "{status}\n{}", self.log());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        process.kill().unwrap();
        panic!("the broker did not stop");
    }

    /// All that it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    /// Runs an operator's command and gives what it prints.
    pub fn operator(&self, arguments: &[&str]) -> String {
        self.try_operator(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    /// Runs an operator's command that must fail and gives what it says.
    pub fn operator_refused(&self, arguments: &[&str]) -> String {
        match self.try_operator(arguments) {
            Ok(output) => panic!("{arguments:?} was done: {output}"),
            Err(error) => error,
        }
    }

    /// Runs an operator's command; gives what it prints, or what it says when it fails.
    ///
    /// # Errors
    /// When it fails: its output and its errors.
    pub fn try_operator(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.program().args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(format!("{}\n{}", text(output.stdout), text(output.stderr)).trim().to_owned())
        }
    }

    /// As [`Broker::operator`], for a command that prints JSON.
    pub fn operator_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.operator(arguments)).unwrap()
    }

    /// Registers a bid system.
    pub fn relying_party(&self, id: &str) -> RelyingParty {
        let domain = format!("{id}.example.cn");
        let name = format!("{id} trading platform");
        let key = self.operator(&["rp", "add", id, "--name", &name, "--domain", &domain]);
        RelyingParty::new(&self.url(), Token::parse(&key).unwrap())
    }

    /// Enrols a person who acts for nobody.
    pub fn person(&self, name: &str) -> Holder {
        let holder = Holder::new();
        holder.enrol(self, name, None, None);
        holder
    }

    /// Enrols a company's legal person.
    pub fn legal_person(&self, name: &str, company: &Company) -> Holder {
        let holder = Holder::new();
        holder.enrol(self, name, Some(company), None);
        holder
    }

    /// A one-time code for a new holder, or a further certificate of `holder`.
    pub fn enrolment_code(&self, name: &str, company: Option<&Company>, holder: Option<&str>) -> Token {
        let mut arguments = vec!["enrolment", "add", "--name", name];
        if let Some(company) = company {
            arguments.extend(["--kind", "legal-person", "--enterprise", company.name]);
            arguments.extend(["--enterprise-code", company.code]);
        }
        if let Some(holder) = holder {
            arguments.extend(["--holder", holder]);
        }
        Token::parse(&self.operator(&arguments)).unwrap()
    }

    /// Has a company's seal made; gives its id and its DER.
    pub fn seal(&self, company: &Company, name: &str) -> (String, Base64) {
        let (picture, out) = (self.folder().join("seal.png"), self.folder().join(format!("{name}.der")));
        fs::write(&picture, red_square()).unwrap();
        let id = self.operator(&[
            "seal",
            "add",
            "--enterprise-code",
            company.code,
            "--name",
            name,
            "--picture",
            picture.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ]);
        (id, Base64(fs::read(&out).unwrap()))
    }

    /// What the software CA publishes: its certificates and its newest revocation list.
    pub fn trust(&self) -> Trust {
        self.trust_in("softca")
    }

    /// The same of the adapter `name`.
    pub fn trust_in(&self, name: &str) -> Trust {
        let (chain, crl) = (self.folder().join("chain.pem"), self.folder().join("crl.pem"));
        let files = [chain.to_str().unwrap(), crl.to_str().unwrap()];
        self.operator(&["adapter", "export", name, "--chain", files[0], "--crl", files[1]]);
        Trust::from_pem(&fs::read_to_string(&chain).unwrap(), &fs::read_to_string(&crl).unwrap())
    }

    /// Revokes the certificate pair whose signing certificate's DER has this SM3.
    pub fn revoke(&self, certificate_sm3: &str) {
        self.operator(&["certificate", "revoke", certificate_sm3]);
    }

    /// The worker process of the software CA.
    pub fn adapter_process(&self) -> AdapterProcess {
        let list = self.operator_json(&["adapter", "list", "--json"]);
        let process = list["adapters"][0]["live"]["process"].as_i64().unwrap();
        AdapterProcess(Pid::from_raw(i32::try_from(process).unwrap()).unwrap())
    }

    fn program(&self) -> Command {
        let mut command = match self.has_failpoints {
            true => Command::new(programs::failpoints()),
            false => Command::new(programs::yinqiao()),
        };
        command.env("YINQIAO_FAILPOINTS", self.failpoints());
        command.arg("--data-dir").arg(self.data()).arg("--config").arg(self.folder().join("yinqiao.toml"));
        command
    }

    fn write_configuration(&self) {
        fs::write(self.folder().join("yinqiao.toml"), "").unwrap();
        let mut text = String::new();
        if self.issue_delay > 0 || self.two_authorities {
            text += &self.adapter("softca", self.issue_delay);
        }
        if self.two_authorities {
            text += &self.adapter("another-ca", 0);
        }
        if !text.is_empty() {
            fs::create_dir_all(self.data()).unwrap();
            fs::write(self.catalogue(), text).unwrap();
        }
    }

    /// A software CA, as the catalogue has it.
    fn adapter(&self, name: &str, issue_delay: u32) -> String {
        let (secrets, directory) = (self.data().join("secrets/softca"), self.data().join(name));
        format!(
            "[[adapter]]\nname = {name:?}\nsecrets_directory = {secrets:?}\ndata_directory = {directory:?}\n\
             version.library = \"shipped\"\n\
             configuration = {{ directory = {directory:?}, name = \"Yinqiao\", issue_delay_ms = {issue_delay} }}\n",
        )
    }

    /// The catalogue of its adapters.
    pub fn catalogue(&self) -> PathBuf {
        self.data().join("adapters.toml")
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The folder in which a test says where it dies, and how far its clock is ahead.
    pub fn failpoints(&self) -> PathBuf {
        self.folder().join("failpoints")
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join("log.txt")
    }
}

/// A worker process.
#[derive(Debug)]
pub struct AdapterProcess(Pid);

impl AdapterProcess {
    /// Kills it (`kill -9`).
    pub fn kill(&self) {
        kill_process(self.0, Signal::KILL).unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // The test is over: whether it still ran is not asked here.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A port below those that the system gives to outgoing connections (from 32,768 on Linux): a broker that is down for a
/// moment finds it free when it comes back.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A PNG picture.
pub fn red_square() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[200, 0, 0].repeat(64)).unwrap();
    bytes
}
