//! How fast are our SM2 signatures, beside OpenSSL's?
//!
//! Both sides take turns of a few seconds, so that what else happens on the machine meets both, and both count processor
//! time of one thread. A round's figure is operations per second; the best round of each side counts, since noise only
//! ever slows down. `verify` is with the key as it is read, `verify_precomputed` after `PublicKey::precompute`, which the
//! broker does for keys that it meets again. OpenSSL signs and verifies a digest of 32 bytes with Z; so do we.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use yinqiao_gm::sm2::{PrivateKey, PublicKey, Signature};

use crate::{clock, figure};

/// Operations between two looks at the clock.
const BATCH: u32 = 32;
const MESSAGE: &[u8] = &[0x5a; 32];

/// Options.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Rounds; each measures all operations of both sides.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds for one operation in one round.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
}

/// Operations per second.
#[derive(Clone, Copy, Debug, Default)]
struct Speed {
    sign: f64,
    verify: f64,
    verify_precomputed: f64,
}

/// Measures and gives the figures.
pub fn run(arguments: &Arguments) -> Result<Value> {
    let key = PrivateKey::generate()?;
    let signature = key.sign(MESSAGE)?;
    let plain = PublicKey::from_sec1(&key.public_key().to_sec1())?;
    let precomputed = PublicKey::from_sec1(&key.public_key().to_sec1())?;
    precomputed.precompute();
    let seconds = Duration::from_secs(arguments.seconds.into());
    let (mut ours, mut open_ssl) = (Speed::default(), None);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        let verify = |key: &PublicKey| per_second(seconds, || verify(key, &signature));
        ours = ours.best(Speed {
            sign: per_second(seconds, || {
                black_box(key.sign(black_box(MESSAGE))?);
                Ok(())
            })?,
            verify: verify(&plain)?,
            verify_precomputed: verify(&precomputed)?,
        });
        match open_ssl_speed(arguments.seconds) {
            Ok(speed) => open_ssl = Some(speed.best(open_ssl.unwrap_or_default())),
            Err(reason) => eprintln!("no comparison with OpenSSL: {reason:#}"),
        }
    }
    let ratio = |ours: f64, theirs: fn(&Speed) -> f64| {
        open_ssl.as_ref().map_or(Value::Null, |speed| figure(ours / theirs(speed)))
    };
    Ok(json!({
        "bench": "sm2",
        "verify_per_s": figure(ours.verify),
        "verify_precomputed_per_s": figure(ours.verify_precomputed),
        "sign_per_s": figure(ours.sign),
        "openssl_version": open_ssl_version(),
        "openssl_verify_per_s": open_ssl.as_ref().map(|speed| figure(speed.verify)),
        "openssl_sign_per_s": open_ssl.as_ref().map(|speed| figure(speed.sign)),
        "verify_ratio": ratio(ours.verify, |speed| speed.verify),
        "verify_precomputed_ratio": ratio(ours.verify_precomputed, |speed| speed.verify),
        "sign_ratio": ratio(ours.sign, |speed| speed.sign),
    }))
}

/// Processor time of one verification with a key as it is read, the best of a few tries.
pub fn verification_time() -> Result<Duration> {
    let key = PrivateKey::generate()?;
    let signature = key.sign(MESSAGE)?;
    let plain = PublicKey::from_sec1(&key.public_key().to_sec1())?;
    let mut best = 0.0_f64;
    for _ in 0..5 {
        best = best.max(per_second(Duration::from_millis(200), || verify(&plain, &signature))?);
    }
    Ok(Duration::from_secs_f64(1.0 / best))
}

fn verify(key: &PublicKey, signature: &Signature) -> Result<()> {
    Ok(key.verify(black_box(MESSAGE), black_box(signature))?)
}

fn per_second(at_least: Duration, mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    let begin = clock::thread();
    let mut done = 0u32;
    loop {
        for _ in 0..BATCH {
            operation()?;
        }
        done += BATCH;
        let used = clock::thread() - begin;
        if used >= at_least {
            return Ok(f64::from(done) / used.as_secs_f64());
        }
    }
}

impl Speed {
    fn best(self, other: Self) -> Self {
        Self {
            sign: self.sign.max(other.sign),
            verify: self.verify.max(other.verify),
            verify_precomputed: self.verify_precomputed.max(other.verify_precomputed),
        }
    }
}

/// `openssl speed` says, in a line for machines, `+F7:0:256:CurveSM2:SIGN:VERIFY`: both per second.
fn open_ssl_speed(seconds: u32) -> Result<Speed> {
    let output = Command::new("openssl")
        .args(["speed", "-mr", "-seconds", &seconds.to_string(), "sm2"])
        .output()
        .context("openssl cannot be run")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(line) = text.lines().find(|line| line.starts_with("+F") && line.contains("SM2")) else {
        bail!("this openssl measures no SM2: {}", String::from_utf8_lossy(&output.stderr).trim());
    };
    let mut fields = line.rsplit(':').map(str::parse::<f64>);
    match (fields.next(), fields.next()) {
        (Some(Ok(verify)), Some(Ok(sign))) => Ok(Speed { sign, verify, verify_precomputed: 0.0 }),
        _ => bail!("openssl speed said \"{line}\", which has no figures"),
    }
}

fn open_ssl_version() -> Option<String> {
    let output = Command::new("openssl").arg("version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.split('(').next()?.trim().to_owned())
}
