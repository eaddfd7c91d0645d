//! Codes in a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::types::QrError;
use qrcode::{EcLevel, QrCode};

/// The code as lines of half-block characters, two modules a character, for a terminal with light text on a dark ground.
///
/// # Errors
/// When the text is longer than a code holds.
pub fn half_blocks(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)?;
    Ok(code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_code_has_a_light_border_and_half_as_many_lines_as_modules() {
        let drawn =
            half_blocks("http://127.0.0.1:8480/q#1.AAAAAAAAAAAAAAAAAAAAAA.7.AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let lines: Vec<_> = drawn.lines().collect();
        let width = lines[0].chars().count();
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines[0].chars().all(|c| c == '█') && lines[1].starts_with("████"));
    }
}
