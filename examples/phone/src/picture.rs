//! Reading a code out of a picture.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use png::{ColorType, Decoder, Transformations};
use rqrr::PreparedImage;

/// The most pixels that a picture may have, so that a small file cannot fill the memory.
const MOST_PIXELS: u64 = 40_000_000;

/// Why no code was read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a PNG.
    #[error("{}: not a PNG picture that can be read ({source}); give a PNG, or the code's text", path.display())]
    Png {
        /// Which.
        path: PathBuf,
        /// Why.
        source: png::DecodingError,
    },
    /// Too large.
    #[error("{}: the picture has more than {MOST_PIXELS} pixels; cut it down to the code", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// No code, or an unreadable one.
    #[error("{}: no readable QR code in the picture; take it again, whole and sharp", path.display())]
    NoCode {
        /// Which.
        path: PathBuf,
    },
}

/// The text of the first readable QR code in a PNG.
///
/// # Errors
/// See [`PictureError`].
pub fn text_of_png(path: &Path) -> Result<String, PictureError> {
    let path_buf = || path.to_path_buf();
    let file = File::open(path).map_err(|source| PictureError::File { path: path_buf(), source })?;
    let png_error = |source| PictureError::Png { path: path_buf(), source };
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(png_error)?;
    let size = reader.info();
    if u64::from(size.width) * u64::from(size.height) > MOST_PIXELS {
        return Err(PictureError::TooLarge { path: path_buf() });
    }
    let bytes = reader.output_buffer_size().ok_or_else(|| PictureError::TooLarge { path: path_buf() })?;
    let mut pixels = vec![0; bytes];
    let frame = reader.next_frame(&mut pixels).map_err(png_error)?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let luminance = Luminance { pixels: &pixels, color: frame.color_type, line: frame.line_size };
    let mut image = PreparedImage::prepare_from_greyscale(width, height, |x, y| luminance.at(x, y));
    image
        .detect_grids()
        .iter()
        .find_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .ok_or_else(|| PictureError::NoCode { path: path_buf() })
}

struct Luminance<'a> {
    pixels: &'a [u8],
    color: ColorType,
    /// Bytes in one row.
    line: usize,
}

impl Luminance<'_> {
    /// 0 is black; what is transparent counts as white.
    fn at(&self, x: usize, y: usize) -> u8 {
        let row = &self.pixels[y * self.line..];
        let over_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha)) / 255) as u8
        };
        let grey = |pixel: &[u8]| {
            let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(pixel[channel]));
            ((red * 299 + green * 587 + blue * 114) / 1000) as u8
        };
        match self.color {
            ColorType::Grayscale | ColorType::Indexed => row[x],
            ColorType::GrayscaleAlpha => over_white(row[2 * x], row[2 * x + 1]),
            ColorType::Rgb => grey(&row[3 * x..]),
            ColorType::Rgba => over_white(grey(&row[4 * x..]), row[4 * x + 3]),
        }
    }
}

#[cfg(test)]
mod tests {
    use qrcode::{Color, QrCode};

    use super::*;

    const TEXT: &str = "http://127.0.0.1:8480/q#1.AAAAAAAAAAAAAAAAAAAAAA.7.AAAAAAAAAAAAAAAAAAAAAA";

    /// Draws at `scale` pixels a module in the given colour type; dark modules have the channels `dark`.
    fn draw(color: ColorType, dark: &[u8], light: &[u8], path: &Path) {
        let code = QrCode::new(TEXT).unwrap();
        let (modules, scale, quiet) = (code.width(), 5, 4);
        let side = (modules + 2 * quiet) * scale;
        let mut pixels = Vec::new();
        for y in 0..side {
            for x in 0..side {
                let inside = |at: usize| (at / scale).checked_sub(quiet).filter(|at| *at < modules);
                let is_dark =
                    matches!((inside(x), inside(y)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark);
                pixels.extend_from_slice(if is_dark { dark } else { light });
            }
        }
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), side as u32, side as u32);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    }

    #[test]
    fn a_drawn_code_is_read_in_every_colour_type() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code.png");
        draw(ColorType::Grayscale, &[0], &[255], &path);
        assert_eq!(text_of_png(&path).unwrap(), TEXT);
        draw(ColorType::Rgb, &[20, 20, 90], &[250, 250, 240], &path);
        assert_eq!(text_of_png(&path).unwrap(), TEXT);
        draw(ColorType::Rgba, &[0, 0, 0, 255], &[0, 0, 0, 0], &path);
        assert_eq!(text_of_png(&path).unwrap(), TEXT);
        draw(ColorType::GrayscaleAlpha, &[0, 255], &[255, 255], &path);
        assert_eq!(text_of_png(&path).unwrap(), TEXT);
    }

    #[test]
    fn a_picture_without_a_code_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("white.png");
        draw(ColorType::Grayscale, &[255], &[255], &path);
        assert!(matches!(text_of_png(&path), Err(PictureError::NoCode { .. })));
        std::fs::write(&path, b"<svg/>").unwrap();
        assert!(matches!(text_of_png(&path), Err(PictureError::Png { .. })));
    }
}
