//! Reading a file that anybody may have made.

use std::io::Cursor;

use image::error::ImageError;
use image::{ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};

use super::{MOST_BYTES, PictureError};

/// Pixels each way at most.
pub(super) const MOST_PIXELS: u32 = 4096;
/// Octets that decoding may take at once: a picture of the most pixels, and as much again for the decoder's own use.
const MOST_MEMORY: u64 = 2 * 4 * (MOST_PIXELS as u64) * (MOST_PIXELS as u64);

/// The pixels, upright as the file's orientation says.
pub(super) fn decode(file: &[u8]) -> Result<RgbaImage, PictureError> {
    if file.len() > MOST_BYTES {
        return Err(PictureError::TooLarge);
    }
    let format = match image::guess_format(file) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => format,
        _ => return Err(PictureError::Format),
    };
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| reason(&error))?;
    // A phone's camera writes how it was held into the file instead of turning the picture.
    let orientation = decoder.orientation().map_err(|error| reason(&error))?;
    let mut picture = image::DynamicImage::from_decoder(decoder).map_err(|error| reason(&error))?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgba8())
}

fn reason(error: &ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::TooManyPixels,
        _ => PictureError::Broken,
    }
}
