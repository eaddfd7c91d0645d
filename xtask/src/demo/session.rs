//! One session: the bid system asks, shows its code, and a phone scans and answers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::broker::is_stopped;
use super::screen::Screen;
use super::stage::{Holder, Stage, run_with_input};

/// How long the bid system may take to show a code, and to end after the phone has answered.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// What the bid system asks.
#[derive(Debug)]
pub struct Question<'a> {
    /// The bid tool's command.
    pub verb: &'a str,
    /// What it is about.
    pub files: &'a [PathBuf],
    /// Further options.
    pub options: &'a [&'a str],
    /// Where results go.
    pub out: &'a Path,
    /// What the holder reads.
    pub title: &'a str,
    /// Who answers.
    pub holder: &'a Holder,
    /// Whether the phone reads the code's picture instead of its text; then the code is drawn here too.
    pub by_picture: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Answer {
    lines: Vec<Value>,
}

impl Question<'_> {
    /// Asks, and has it answered.
    pub fn ask(&self, stage: &Stage, screen: &Screen) -> Result<Answer> {
        let (code, picture) = (stage.path("code.txt"), stage.path("code.png"));
        let mut bid_tool = stage.program("yinqiao-bid-tool");
        bid_tool.arg(self.verb).args(self.files).args(self.options).arg("--out").arg(self.out);
        bid_tool.args(["--json", "--title", self.title, "--broker", stage.broker.url()]);
        bid_tool.arg("--api-key-file").arg(stage.api_key_file()).arg("--trust").arg(stage.chain());
        bid_tool.arg("--code-file").arg(&code).arg("--code-picture").arg(&picture);
        // Into files: a result may be larger than a pipe holds, and is read at the end only.
        let (said, complained) = (stage.path("bid-tool.out"), stage.path("bid-tool.err"));
        bid_tool.stdin(Stdio::null()).stdout(File::create(&said)?).stderr(File::create(&complained)?);
        let mut asking = Asking(Some(bid_tool.spawn()?));
        asking.wait_until(|| picture.exists())?;
        // An error of the bid system says more than the one of a phone that found no code.
        let shown = self.scan(stage, screen, &code, &picture);
        let status = if shown.is_ok() { asking.end()? } else { asking.give_up()? };
        if !status.success() {
            let said = fs::read_to_string(&complained)?;
            if let (Err(error), true) = (&shown, said.trim().is_empty()) {
                bail!("{error:#}");
            }
            bail!("{}", said.trim());
        }
        screen.show("the phone", &shown?);
        let text = fs::read_to_string(&said)?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Answer { lines })
    }

    /// What the phone's screen says.
    fn scan(&self, stage: &Stage, screen: &Screen, code: &Path, picture: &Path) -> Result<String> {
        let mut phone = stage.program("yinqiao-phone");
        phone.arg("--store").arg(&self.holder.store).args(["scan", "--pin-stdin", "--yes"]);
        let pin = self.holder.pin;
        let text = fs::read_to_string(code)?;
        if self.by_picture {
            screen.show_code(&text);
            run_with_input(phone.arg("--picture").arg(picture), &format!("{pin}\n"))
        } else {
            run_with_input(phone.arg("--text-stdin"), &format!("{text}\n{pin}\n"))
        }
    }
}

impl Answer {
    /// The member of this name, of each line that has it.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| line.get(name)?.as_str())
    }

    /// The session's name.
    pub fn session(&self) -> Result<&str> {
        self.all("opened").next().context("the bid system names no session")
    }
}

/// The bid system's process, which is ended where it is left.
struct Asking(Option<Child>);

impl Asking {
    /// Waits for something that the process does, or for its end.
    fn wait_until(&mut self, done: impl Fn() -> bool) -> Result<()> {
        let begin = Instant::now();
        while !done() {
            let child = self.0.as_mut().context("the bid system has ended")?;
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            if is_stopped() {
                bail!("interrupted");
            }
            if begin.elapsed() > PATIENCE {
                bail!("the bid system does not go on");
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<ExitStatus> {
        self.wait_until(|| false)?;
        Ok(self.0.take().context("the bid system has ended")?.wait()?)
    }

    /// After a phone that failed the bid system may hear the reason; it does not get long.
    fn give_up(&mut self) -> Result<ExitStatus> {
        let mut child = self.0.take().context("the bid system has ended")?;
        thread::sleep(Duration::from_millis(500));
        if child.try_wait()?.is_none() {
            child.kill()?;
        }
        Ok(child.wait()?)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
