//! The life of a company's certificates, in the manual's order: from registration to the company's deletion.
//!
//! The persons register at the identity provider inside the broker; their phones are the example phone's library.

mod provider;
mod walk;

use serde_json::{Value, json};

use self::walk::Walk;
use super::broker::is_stopped;
use super::screen::Screen;
use super::stage::Stage;

/// What the broker of the demo is told beside its defaults.
pub const CONFIGURATION: &str = r#"[identity]
embedded = true

[[lifecycle.offer]]
platform = "demo"
platform_name = "示例招标平台"
certificate_authority = "softca"
term = [{ days = 365, fee = 20000 }, { days = 30, fee = 0 }]
"#;

/// A step of the manual.
#[derive(Debug)]
pub struct LifecycleStep {
    /// Its name.
    pub name: &'static str,
    failure: Option<String>,
}

impl LifecycleStep {
    /// Whether it was taken.
    pub fn is_ok(&self) -> bool {
        self.failure.is_none()
    }

    /// For the report.
    pub fn to_json(&self) -> Value {
        let mut step = json!({ "step": self.name, "ok": self.is_ok() });
        if let Some(failure) = &self.failure {
            step["failure"] = failure.as_str().into();
        }
        step
    }
}

/// Takes all steps. Each builds on those before: after one that fails the others are not reached.
pub fn play(stage: &Stage, screen: &Screen) -> Vec<LifecycleStep> {
    screen.say("\nThe life of a company's certificates");
    let mut walk = Walk::new(stage, screen);
    let mut failed = false;
    let mut steps = Vec::new();
    for (name, step) in Walk::steps() {
        let failure = if failed || is_stopped() {
            Some("not reached".to_owned())
        } else {
            step(&mut walk).err().map(|error| format!("{error:#}"))
        };
        if !failed {
            screen.say(&match &failure {
                None => format!("  {name}: {}", walk.told()),
                Some(failure) => format!("  {name} FAILED: {failure}"),
            });
        }
        failed |= failure.is_some();
        steps.push(LifecycleStep { name, failure });
    }
    steps
}
