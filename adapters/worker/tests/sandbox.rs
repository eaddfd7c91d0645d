//! What a plugin cannot do in its sandbox, and that everything else goes on: a plugin tries, and says what it met.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use support::{Services, c_plugin, key, settings, start, within};
use tempfile::{TempDir, tempdir};
use yinqiao_ca_sdk::messages::{Holder, HolderKind, IssueRequest, ListQuery};
use yinqiao_ca_sdk::{ErrorClass, Request};
use yinqiao_ca_worker::{
    AdapterHandle, Enforcement, Isolation, Network, Sandbox, StartError, Submitted, WorkerProgram,
};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateRequest, DistinguishedName};

const WHOLE: Isolation = Isolation { files: true, network: true, system_calls: true };

/// A plugin in its sandbox, with a folder of its own and one that it was not given.
struct Prison {
    handle: Arc<AdapterHandle>,
    own: TempDir,
    other: TempDir,
}

impl Prison {
    async fn new(network: Network) -> Self {
        Self::with(Enforcement::Required, network).await
    }

    async fn with(enforcement: Enforcement, network: Network) -> Self {
        let (own, other) = (tempdir().unwrap(), tempdir().unwrap());
        fs::write(other.path().join("file"), "another's").unwrap();
        let mut settings = settings(&c_plugin(&other, "prisoner", &[]), json!({}));
        settings.sandbox =
            Sandbox { write: vec![own.path().to_owned()], read: Vec::new(), network, enforcement };
        let handle = start(settings, &Services::with(&[])).await.unwrap_or_else(|error| panic!("{error}"));
        Self { handle, own, other }
    }

    /// What a command came to.
    async fn attempt(&self, command: &str) -> String {
        let query = ListQuery { cursor: Some(command.to_owned()), limit: None };
        self.handle.list(&query, &within(10_000)).await.unwrap().next.unwrap()
    }

    /// Each command comes to that outcome. `{own}` stands for the folder of its own, `{other}` for the foreign one.
    async fn expect(&self, outcome: &str, commands: &[&str]) {
        let (own, other) = (self.own.path().display().to_string(), self.other.path().display().to_string());
        for command in commands {
            let command = command.replace("{own}", &own).replace("{other}", &other);
            assert_eq!(self.attempt(&command).await, outcome, "{command}");
        }
    }

    /// A file of the worker's folder in /proc.
    fn process(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.handle.health().process_id.unwrap())).unwrap()
    }
}

#[tokio::test]
async fn files_outside_of_its_folder_cannot_be_read_or_changed() {
    let prison = Prison::new(Network::None).await;
    assert_eq!(prison.handle.info().isolation, WHOLE);
    prison
        .expect(
            "EACCES",
            &[
                "read /etc/passwd",
                "read /etc/shadow",
                "read {other}/file",
                "list {other}",
                "list /",
                "list /tmp",
                "list /root",
                "write {other}/file",
                "write {other}/new",
                "write /tmp/new-file-of-a-prisoner",
                "write /dev/shm/new-file-of-a-prisoner",
                "empty {other}/file",
                "truncate {other}/file",
                "mkdir {other}/new",
                "remove {other}/file",
                "write /proc/self/oom_score_adj",
                "read /proc/1/status",
            ],
        )
        .await;
    // Out of its folder and into it.
    prison.expect("ok", &["write {own}/mine"]).await;
    let between = ["rename {other}/file {own}/taken", "rename {own}/mine {other}/given"];
    prison.expect("EACCES", &between).await;
    prison.expect("EXDEV", &["hardlink {other}/file {own}/taken"]).await;
    // Names that lead elsewhere, and what only has a mode.
    prison.expect("EACCES", &["symlink /etc/passwd {own}/link"]).await;
    prison
        .expect(
            "EPERM",
            &["mkfifo {own}/pipe", "chmod {other}/file", "chmod {own}/mine", "chown {other}/file"],
        )
        .await;
    assert_eq!(fs::read_to_string(prison.other.path().join("file")).unwrap(), "another's");
}

#[tokio::test]
async fn a_link_in_its_folder_leads_nowhere_outside() {
    let prison = Prison::new(Network::None).await;
    let target = prison.other.path().join("file");
    std::os::unix::fs::symlink(target, prison.own.path().join("link")).unwrap();
    prison.expect("EACCES", &["read {own}/link", "write {own}/link", "truncate {own}/link"]).await;
}

#[tokio::test]
async fn its_own_folder_is_its_own_and_closed_to_others() {
    let prison = Prison::new(Network::None).await;
    let ordinary = [
        "mkdir {own}/folder",
        "write {own}/folder/a",
        "keep {own}/folder/a",
        "map {own}/folder/b",
        "read {own}/folder/b",
        "rename {own}/folder/b {own}/c",
        "hardlink {own}/c {own}/folder/d",
        "truncate {own}/c",
        "list {own}",
        "remove {own}/c",
    ];
    prison.expect("ok", &ordinary).await;
    let mode = fs::metadata(prison.own.path().join("folder/a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[tokio::test]
async fn a_named_path_can_be_read_and_not_written() {
    let (folder, shared) = (tempdir().unwrap(), tempdir().unwrap());
    fs::write(shared.path().join("trust.pem"), "certificates").unwrap();
    let mut settings = settings(&c_plugin(&folder, "prisoner", &[]), json!({}));
    settings.sandbox.enforcement = Enforcement::Required;
    settings.sandbox.read = vec![shared.path().join("trust.pem")];
    let handle = start(settings, &Services::with(&[])).await.unwrap();
    let prison = Prison { handle, own: shared, other: folder };
    prison.expect("ok", &["read {own}/trust.pem"]).await;
    prison.expect("EACCES", &["write {own}/trust.pem", "list {own}"]).await;
}

#[tokio::test]
async fn nothing_of_the_library_runs_before_its_sandbox_is_closed() {
    let prison = Prison::new(Network::Any).await;
    prison.expect("EACCES", &["constructor"]).await;
    let free = Prison::with(Enforcement::Off, Network::None).await;
    free.expect("ok", &["constructor", "read {other}/file", "fork"]).await;
}

#[tokio::test]
async fn without_a_network_no_socket_can_be_made() {
    let prison = Prison::new(Network::None).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    prison
        .expect(
            "EPERM",
            &[&format!("connect {port}"), "udp", "raw", "netlink 0", "vsock", "unix /run/any", "datagrams"],
        )
        .await;
    prison.expect("ok", &["pair"]).await;
}

#[tokio::test]
async fn only_the_named_ports_can_be_connected_to() {
    let (open, closed) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let prison = Prison::new(Network::Ports(vec![port(&open)])).await;
    prison.expect("ok", &[&format!("connect {}", port(&open)), "udp", "netlink 0"]).await;
    prison.expect("EACCES", &[&format!("connect {}", port(&closed))]).await;
    // Other ways to a port, to other kinds of networks, and to be connected to.
    prison
        .expect(
            "EPERM",
            &[
                &format!("fastopen {}", port(&closed)),
                &format!("mptcp {}", port(&closed)),
                "listen",
                "raw",
                "packet",
                "vsock",
                "netlink 2",
                "unix /run/any",
                "unix @any",
            ],
        )
        .await;
}

#[tokio::test]
async fn with_any_network_neither_abstract_sockets_nor_listening_are_open() {
    let name = format!("yinqiao-test-{}", std::process::id());
    let _broker = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let prison = Prison::new(Network::Any).await;
    assert_eq!(prison.handle.info().isolation, WHOLE);
    prison.expect("ok", &[&format!("connect {}", listener.local_addr().unwrap().port())]).await;
    prison.expect("EPERM", &[&format!("unix @{name}"), "listen", "raw"]).await;
    // The same without a sandbox: the name is right.
    let free = Prison::with(Enforcement::Off, Network::None).await;
    free.expect("ok", &[&format!("unix @{name}")]).await;
}

#[tokio::test]
async fn it_makes_no_process_and_reaches_none() {
    let prison = Prison::new(Network::Any).await;
    prison
        .expect(
            "EPERM",
            &[
                "fork",
                "clone",
                "system",
                "exec",
                "kill",
                "kill_group",
                "tkill",
                "pidfd",
                "sigio",
                "ptrace",
                "peek",
                "limit_parent",
                "slow_parent",
                "pin_parent",
                "shm",
            ],
        )
        .await;
    prison.expect("ENOSYS", &["clone3"]).await;
    prison.expect("EACCES", &["parent environ", "parent mem", "parent maps", "parent cmdline"]).await;
    assert_eq!(
        prison.process(&format!("task/{}/children", prison.handle.health().process_id.unwrap())).trim(),
        "",
        "no child"
    );
}

#[tokio::test]
async fn it_cannot_undo_what_binds_it() {
    let prison = Prison::new(Network::Any).await;
    prison
        .expect(
            "EPERM",
            &[
                "outlive",
                "dumpable",
                "more_files",
                "session",
                "user",
                "unshare",
                "chroot",
                "bpf",
                "perf",
                "keyctl",
                "userfaultfd",
                "personality",
            ],
        )
        .await;
    prison.expect("EACCES", &["hurry"]).await;
    prison.expect("ENOSYS", &["io_uring", "unknown"]).await;
    prison.expect("ok", &["closed_to_peers"]).await;
}

#[tokio::test]
async fn the_kernel_says_so_from_outside_too() {
    let prison = Prison::new(Network::None).await;
    let status = prison.process("status");
    for line in [
        "CapEff:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "Umask:\t0077",
    ] {
        assert!(status.contains(line), "{line} in {status}");
    }
    let limits = prison.process("limits");
    let of = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("Max core file size"), ["0", "0"]);
    assert_eq!(of("Max open files"), ["256", "256"]);
    assert_eq!(of("Max file size"), ["1073741824", "1073741824"]);
    assert_eq!(of("Max realtime priority"), ["0", "0"]);
    assert_eq!(prison.process("oom_score_adj").trim(), "500");
    // proc(5): the 19th field, counted behind the name in brackets.
    let nice = |stat: String| -> i32 {
        stat.rsplit(") ").next().unwrap().split(' ').nth(16).unwrap().parse().unwrap()
    };
    assert_eq!(nice(prison.process("stat")), nice(fs::read_to_string("/proc/self/stat").unwrap()) + 5);
}

#[tokio::test]
async fn a_file_that_grows_too_large_is_an_error_and_no_signal() {
    let (own, other) = (tempdir().unwrap(), tempdir().unwrap());
    let mut settings = settings(&c_plugin(&other, "prisoner", &[]), json!({}));
    settings.sandbox.write = vec![own.path().to_owned()];
    settings.limits.file_octets = 1 << 20;
    let handle = start(settings, &Services::with(&[])).await.unwrap();
    let prison = Prison { handle, own, other };
    prison.expect("EFBIG", &["fill {own}/large"]).await;
    assert_eq!(fs::metadata(prison.own.path().join("large")).unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn ordinary_work_goes_on_inside() {
    let prison = Prison::new(Network::Ports(vec![443])).await;
    let work = [
        "threads",
        "random",
        "sleep",
        "signal_itself",
        "environment",
        "resolve localhost",
        "read /etc/hosts",
    ];
    prison.expect("ok", &work).await;
    prison
        .expect("ok", &["library libm.so.6", "crypto", "library libssl.so.3", "read /proc/self/status"])
        .await;
}

#[tokio::test]
async fn a_crash_inside_is_a_crash_as_ever() {
    let prison = Prison::new(Network::None).await;
    let query = ListQuery { cursor: Some("abort".to_owned()), limit: None };
    assert!(prison.handle.list(&query, &within(10_000)).await.is_err());
    let health = support::eventually(&prison.handle, |health| health.last_ending.is_some()).await;
    assert!(format!("{:?}", health.last_ending).contains("signal 6"), "{health:?}");
}

#[tokio::test]
async fn a_named_path_that_is_not_there_refuses_the_start() {
    let folder = tempdir().unwrap();
    let plugin = c_plugin(&folder, "prisoner", &[]);
    for enforcement in [Enforcement::BestEffort, Enforcement::Required] {
        let mut settings = settings(&plugin, json!({}));
        settings.sandbox =
            Sandbox { write: vec![folder.path().join("absent")], enforcement, ..Sandbox::default() };
        let Err(StartError::Refused { stage, error, .. }) = start(settings, &Services::with(&[])).await
        else {
            panic!("it started")
        };
        assert!(stage.contains("sandbox") && error.text.contains("absent"), "{stage}: {error}");
        assert_eq!(error.class, ErrorClass::Permanent);
    }
}

#[tokio::test]
async fn a_kernel_that_lacks_something_is_refused_or_reported() {
    let folder = tempdir().unwrap();
    let plugin = c_plugin(&folder, "prisoner", &[]);
    for (lacks, words, rest) in [
        ("WITHOUT_LANDLOCK", "landlock version 3 (there is 0", Isolation { files: false, ..WHOLE }),
        ("WITHOUT_SECCOMP", "seccomp filters", Isolation { files: true, ..Isolation::default() }),
    ] {
        let kernel = lesser_kernel(&folder, lacks);
        for enforcement in [Enforcement::Required, Enforcement::BestEffort] {
            let mut settings = settings(&plugin, json!({}));
            let worker = settings.worker.program.clone().into_os_string();
            settings.worker = WorkerProgram { program: kernel.clone(), arguments: vec![worker] };
            settings.sandbox.enforcement = enforcement;
            match (enforcement, start(settings, &Services::with(&[])).await) {
                (Enforcement::Required, Err(StartError::Refused { error, .. })) => {
                    assert!(error.text.contains(words), "{error}");
                }
                (Enforcement::BestEffort, Ok(handle)) => assert_eq!(handle.info().isolation, rest, "{lacks}"),
                (enforcement, result) => panic!("{lacks}, {enforcement:?}: {:?}", result.err()),
            }
        }
    }
}

fn lesser_kernel(folder: &TempDir, lacks: &str) -> PathBuf {
    let program = folder.path().join(lacks);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins/lesser_kernel.c");
    let built = Command::new("cc").arg(format!("-D{lacks}")).arg("-o").args([&program, &source]).status();
    assert!(built.unwrap().success());
    program
}

#[tokio::test]
async fn the_software_ca_issues_inside_with_nothing_but_its_folder() {
    let folder = tempdir().unwrap();
    let configuration: Value = json!({"directory": folder.path().join("ca"), "name": "测试"});
    let mut settings = settings(&software_ca(), configuration);
    settings.sandbox = Sandbox {
        write: vec![folder.path().to_owned()],
        enforcement: Enforcement::Required,
        ..Sandbox::default()
    };
    let services = Services::with(&[("softca.master_key", b"a master key of this test")]);
    let handle = start(settings, &services).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(handle.info().isolation, WHOLE);
    let subject = DistinguishedName::builder().common_name("whatever").build().unwrap();
    let csr = CertificateRequest::build(&subject, &PrivateKey::generate().unwrap()).unwrap();
    let holder = Holder {
        kind: HolderKind::Enterprise,
        name: "测试公司".into(),
        identity_code: None,
        organization: None,
        unified_social_credit_code: Some("91350100M000100Y43".into()),
    };
    let issue = IssueRequest { csr: csr.der().to_vec().into(), holder, validity: None, product: None };
    let issued = handle.submit(&Request::Issue(issue), &key("order-1"), &within(10_000)).await.unwrap();
    assert!(matches!(issued, Submitted::Done { .. }));
    handle.shutdown().await;
}

/// The library, built by the Cargo that runs this test, for its profile, beside it.
fn software_ca() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "yinqiao-softca", "--target-dir"]).arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    profile.join("libyinqiao_softca.so")
}
