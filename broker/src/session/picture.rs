//! Pictures of a code: SVG and PNG for pages, half-block characters for a terminal.

use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// More text than a code holds.
    #[error("the code's text is too long to draw: shorten the broker's public URL ({0})")]
    TooLong(#[from] qrcode::types::QrError),
    /// The PNG encoder failed.
    #[error("the picture cannot be written: {0}")]
    Png(#[from] png::EncodingError),
}

/// Pixels per module in a PNG.
const SCALE: usize = 8;
/// Empty modules around the code (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// An SVG document with a quiet zone, black on white.
///
/// # Errors
/// See [`PictureError`].
pub fn svg(text: &str) -> Result<String, PictureError> {
    Ok(code(text)?.render::<svg::Color<'_>>().min_dimensions(256, 256).quiet_zone(true).build())
}

/// A PNG picture, one bit a pixel, eight pixels a module.
///
/// # Errors
/// See [`PictureError`].
pub fn png(text: &str) -> Result<Vec<u8>, PictureError> {
    let code = code(text)?;
    let modules = code.width();
    let side = (modules + 2 * QUIET) * SCALE;
    let row_bytes = side.div_ceil(8);
    let colors = code.to_colors();
    let mut pixels = vec![0xffu8; row_bytes * side];
    for (index, _) in colors.iter().enumerate().filter(|(_, color)| **color == qrcode::Color::Dark) {
        let (left, top) = ((index % modules + QUIET) * SCALE, (index / modules + QUIET) * SCALE);
        for y in top..top + SCALE {
            for x in left..left + SCALE {
                pixels[y * row_bytes + x / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    let mut picture = Vec::new();
    let side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(picture)
}

/// Lines of half-block characters for a dark terminal: two modules a character.
///
/// # Errors
/// See [`PictureError`].
pub fn half_blocks(text: &str) -> Result<String, PictureError> {
    Ok(code(text)?
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .quiet_zone(true)
        .build())
}

fn code(text: &str) -> Result<QrCode, PictureError> {
    Ok(QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_in_three_forms() {
        let text = "https://broker.example/q#1.AAAAAAAAAAAAAAAAAAAAAA.0.AAAAAAAAAAAAAAAAAAAAAA";
        assert!(svg(text).unwrap().contains("<svg"));
        assert_eq!(&png(text).unwrap()[1..4], b"PNG");
        assert!(half_blocks(text).unwrap().lines().count() > 15);
    }

    #[test]
    fn a_text_that_no_code_holds_is_an_error() {
        assert!(matches!(png(&"x".repeat(8000)), Err(PictureError::TooLong(_))));
    }
}
