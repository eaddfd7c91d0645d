//! The steps: each asks for one purpose and has its result verified.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::broker::is_stopped;
use super::check::{Checks, Evidence};
use super::duration;
use super::screen::Screen;
use super::session::Question;
use super::stage::{Holder, Stage};

/// A step that was taken.
#[derive(Debug)]
pub struct Step {
    /// The session's purpose.
    pub purpose: &'static str,
    time: Duration,
    artifacts: Vec<PathBuf>,
    failure: Option<String>,
}

impl Step {
    /// Whether the purpose was reached and everything verified.
    pub fn is_ok(&self) -> bool {
        self.failure.is_none()
    }

    /// For the report.
    pub fn to_json(&self) -> Value {
        let mut step = json!({
            "purpose": self.purpose,
            "ok": self.is_ok(),
            "millis": u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX),
            "artifacts": self.artifacts,
        });
        if let Some(failure) = &self.failure {
            step["failure"] = failure.as_str().into();
        }
        step
    }
}

/// Takes all steps; a failed one does not keep the next from being taken.
pub fn play(stage: &Stage, files: &[PathBuf], screen: &Screen) -> Result<Vec<Step>> {
    let play = Play { stage, files, screen, checks: Checks::new(stage)? };
    play.clear_results(files)?;
    let purposes: [(&'static str, &dyn Fn() -> Result<Done>); 6] = [
        ("login", &|| play.login()),
        ("sign", &|| play.sign()),
        ("seal", &|| play.seal()),
        ("unseal", &|| play.unseal()),
        ("encrypt", &|| play.encrypt()),
        ("decrypt", &|| play.decrypt()),
    ];
    let mut steps = Vec::new();
    for (purpose, step) in purposes {
        if is_stopped() {
            bail!("interrupted");
        }
        screen.say(&format!("\n{purpose}"));
        let begin = Instant::now();
        let step = match step() {
            Ok(done) => {
                screen.say(&format!("  {purpose} done in {}", duration(done.time)));
                let failure = done.checked.err().map(|error| format!("{error:#}"));
                Step { purpose, time: done.time, artifacts: done.artifacts, failure }
            }
            Err(error) => {
                let failure = Some(format!("{error:#}"));
                Step { purpose, time: begin.elapsed(), artifacts: Vec::new(), failure }
            }
        };
        if let Some(failure) = &step.failure {
            screen.say(&format!("  FAILED: {failure}"));
        }
        steps.push(step);
    }
    screen.say("");
    play.checks.say_what_was_not_run(screen);
    Ok(steps)
}

/// What a step brought.
struct Done {
    /// From the question to the stored result, without our looking at it.
    time: Duration,
    artifacts: Vec<PathBuf>,
    checked: Result<()>,
}

struct Play<'a> {
    stage: &'a Stage,
    files: &'a [PathBuf],
    screen: &'a Screen,
    checks: Checks,
}

/// What differs between the questions.
struct Ask<'a> {
    verb: &'a str,
    files: &'a [PathBuf],
    options: &'a [&'a str],
    out: &'a Path,
    title: &'a str,
    holder: &'a Holder,
    /// Members of the bid tool's lines that name files.
    results: &'a [&'a str],
}

impl Play<'_> {
    fn login(&self) -> Result<Done> {
        let ask = self.ask("login", &[], "登录 Log in to the demo bid system", &self.stage.employee, &[]);
        // Where the certificate's status comes from.
        self.take(&ask, |_| self.checks.revocation_list(self.screen))
    }

    fn sign(&self) -> Result<Done> {
        let ask = self.ask("sign", self.files, "签名 Sign the bid", &self.stage.employee, &["signature"]);
        self.take(&ask, |_| {
            self.files
                .iter()
                .try_for_each(|file| self.checks.message(file, &self.result(file, "p7s"), self.screen))
        })
    }

    fn seal(&self) -> Result<Done> {
        let holder = &self.stage.legal_person;
        let ask = Ask {
            options: &["--seal-kind", "official"],
            ..self.ask("seal", self.files, "签章 Seal the bid", holder, &["seal_signature"])
        };
        let mut done = self.take(&ask, |_| {
            self.files
                .iter()
                .try_for_each(|file| self.checks.seal(file, &self.result(file, "ses"), self.screen))
        })?;
        done.artifacts.push(self.stage.out.join("seal.der"));
        Ok(done)
    }

    fn unseal(&self) -> Result<Done> {
        let sealed: Vec<_> = self.files.iter().map(|file| self.result(file, "ses")).collect();
        let holder = &self.stage.legal_person;
        self.take(&self.ask("unseal", &sealed, "撤章 Withdraw the seals", holder, &[]), |_| Ok(()))
    }

    fn encrypt(&self) -> Result<Done> {
        let results = ["encrypted", "consent"];
        let holder = &self.stage.employee;
        self.take(&self.ask("encrypt", self.files, "加密 Encrypt the bid", holder, &results), |_| Ok(()))
    }

    fn decrypt(&self) -> Result<Done> {
        let encrypted: Vec<_> = self.files.iter().map(|file| self.result(file, "p7e")).collect();
        let out = self.stage.out.join("opened");
        let ask = Ask {
            out: &out,
            ..self.ask("open", &encrypted, "解密 Open the bid", &self.stage.employee, &["opened_file"])
        };
        self.take(&ask, |_| {
            for file in self.files {
                let opened = out.join(file.file_name().unwrap_or_default());
                ensure!(
                    fs::read(file)? == fs::read(&opened)?,
                    "{} differs from its original",
                    opened.display()
                );
                self.screen.say(&format!("  ✓ byte for byte the original: {}", opened.display()));
            }
            Ok(())
        })
    }

    fn ask<'a>(
        &'a self,
        verb: &'a str,
        files: &'a [PathBuf],
        title: &'a str,
        holder: &'a Holder,
        results: &'a [&'a str],
    ) -> Ask<'a> {
        Ask { verb, files, options: &[], out: &self.stage.out, title, holder, results }
    }

    fn take(&self, ask: &Ask<'_>, check: impl FnOnce(&Evidence) -> Result<()>) -> Result<Done> {
        let begin = Instant::now();
        let question = Question {
            verb: ask.verb,
            files: ask.files,
            options: ask.options,
            out: ask.out,
            title: ask.title,
            holder: ask.holder,
            by_picture: ask.verb == "login",
        };
        let answer = question.ask(self.stage, self.screen)?;
        let time = begin.elapsed();
        let named = ask.results.iter().flat_map(|name| answer.all(name)).map(PathBuf::from);
        let mut artifacts: Vec<PathBuf> = named.collect();
        let outcome = ask.out.join(format!("{}.outcome.json", answer.session()?));
        let evidence = match answer.all("consent").next() {
            Some(consent) => Evidence::of_consent(consent.as_ref())?,
            None => {
                artifacts.push(outcome.clone());
                Evidence::of_outcome(&outcome)?
            }
        };
        artifacts.extend(evidence.write_certificates(&self.stage.out, ask.holder.label)?);
        let checked = self.checks.evidence(&evidence, self.screen).and_then(|()| check(&evidence));
        Ok(Done { time, artifacts, checked })
    }

    /// `OUT/NAME.SUFFIX`
    fn result(&self, file: &Path, suffix: &str) -> PathBuf {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(suffix);
        self.stage.out.join(name)
    }

    /// The bid system puts nothing in an existing file's place: what an earlier run has left there goes.
    fn clear_results(&self, files: &[PathBuf]) -> Result<()> {
        for file in files {
            let mut results: Vec<_> =
                ["p7s", "ses", "p7e", "p7e.json"].map(|suffix| self.result(file, suffix)).to_vec();
            results.push(self.stage.out.join("opened").join(file.file_name().unwrap_or_default()));
            for result in results.iter().filter(|result| result.exists()) {
                ensure!(result.canonicalize()? != *file, "{} would be overwritten", file.display());
                fs::remove_file(result).with_context(|| result.display().to_string())?;
            }
        }
        Ok(())
    }
}
