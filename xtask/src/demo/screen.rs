//! What the demo says.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Where the demo says it: standard output, or standard error where the other is for JSON alone.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether standard output is for JSON.
    pub json: bool,
}

impl Screen {
    /// Some lines.
    pub fn say(&self, text: &str) {
        if self.json {
            eprintln!("{text}");
        } else {
            println!("{text}");
        }
    }

    /// What another screen shows.
    pub fn show(&self, whose: &str, text: &str) {
        self.say(&format!("    ┌─ {whose}"));
        for line in text.trim_end().lines() {
            self.say(&format!("    │ {line}"));
        }
        self.say("    └─");
    }

    /// A code, two modules a character, for a terminal with light text on a dark ground.
    pub fn show_code(&self, text: &str) {
        // A text that is too long for a code is none that the broker makes.
        if let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::L) {
            let mut drawing = code.render::<Dense1x2>();
            drawing.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true);
            self.show("the bid system's page", &drawing.build());
        }
    }
}
