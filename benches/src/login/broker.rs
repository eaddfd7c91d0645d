//! The broker under test: the real program in a process of its own, with a data directory that goes when it goes.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// A running broker. It is killed when this is dropped.
pub struct Broker {
    program: PathBuf,
    directory: TempDir,
    child: Child,
    url: String,
}

impl Broker {
    /// Starts it with `settings` (TOML) on a free port of the loopback. Its log goes to standard error.
    pub fn start(settings: &str) -> Result<Self> {
        Self::start_with(settings, |_| Ok(Stdio::inherit()))
    }

    /// The same; its log goes to `broker.log` in its directory.
    pub fn start_quietly(settings: &str) -> Result<Self> {
        Self::start_with(settings, |directory| Ok(File::create(directory.join("broker.log"))?.into()))
    }

    fn start_with(settings: &str, log: impl FnOnce(&Path) -> Result<Stdio>) -> Result<Self> {
        let program = env::current_exe()?.with_file_name("yinqiao");
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("broker.toml");
        std::fs::write(&file, settings)?;
        let mut child = Command::new(&program)
            .arg("--config")
            .arg(&file)
            .arg("--data-dir")
            .arg(directory.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log(directory.path())?)
            .spawn()
            .with_context(|| format!("{} cannot be run: build the broker first", program.display()))?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the broker has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let mut broker = Self { program, directory, child, url: String::new() };
        broker.url = line.trim().strip_prefix("serving on ").context("the broker does not start")?.to_owned();
        Ok(broker)
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where other files of the run may lie.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// What an operator's command prints.
    pub fn operate<W: AsRef<OsStr>>(&self, words: &[W]) -> Result<String> {
        let output =
            Command::new(&self.program).arg("--data-dir").arg(self.directory.path()).args(words).output()?;
        if !output.status.success() {
            let words: Vec<_> = words.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            bail!("yinqiao {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already; there is nobody to tell otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
