//! Pictures of seals: whatever is uploaded is decoded within limits and drawn anew, so that nothing of the file itself is
//! kept.

use image::RgbaImage;

use yinqiao_protocol::Sm3Hex;

mod background;
mod decode;
mod size;

/// Bytes of an uploaded file at most.
pub const MOST_BYTES: usize = 4 << 20;
/// Bytes of the picture that is kept at most: CAs take no more.
pub const MOST_PNG_BYTES: usize = 512 << 10;
/// Millimetres of a seal each way at most, and at least 1.
pub const MOST_MILLIMETRES: u32 = 200;

/// Why a file is no picture of a seal.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PictureError {
    /// Too many bytes.
    #[error("the picture is larger than {} KiB: save it with less detail", MOST_BYTES >> 10)]
    TooLarge,
    /// Another kind of file.
    #[error("the picture is neither a PNG nor a JPEG file: save it as one of these")]
    Format,
    /// Too many pixels.
    #[error("the picture has more than {MOST_PIXELS} pixels each way: scale it down", MOST_PIXELS = decode::MOST_PIXELS)]
    TooManyPixels,
    /// Not whole, or broken.
    #[error("the picture cannot be read to its end: save it anew")]
    Broken,
    /// Nothing to be seen.
    #[error("the picture is empty once its background is taken away: take one with the seal's print in it")]
    Empty,
    /// A size that no seal has.
    #[error("a seal is 1 to {MOST_MILLIMETRES} mm wide and high")]
    Millimetres,
    /// The picture cannot be written: a defect of the broker.
    #[error("the picture cannot be written: {0}")]
    Encoding(String),
}

/// What becomes of the background.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Background {
    /// It stays as it is.
    Keep,
    /// Paper is taken away: the lighter and the less coloured, the more transparent.
    Remove,
}

/// A picture as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealPicture {
    /// PNG, RGBA with eight bits each, without any metadata but its size on paper.
    pub png: Vec<u8>,
    /// SM3 of the PNG.
    pub sm3: Sm3Hex,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl SealPicture {
    /// Reads a PNG or JPEG file and draws it anew for a seal of this size on paper, in millimetres.
    ///
    /// # Errors
    /// See [`PictureError`].
    pub fn from_upload(
        file: &[u8],
        background: Background,
        (width_mm, height_mm): (u32, u32),
    ) -> Result<Self, PictureError> {
        if !(1..=MOST_MILLIMETRES).contains(&width_mm) || !(1..=MOST_MILLIMETRES).contains(&height_mm) {
            return Err(PictureError::Millimetres);
        }
        let mut picture = decode::decode(file)?;
        if background == Background::Remove {
            background::remove(&mut picture);
        }
        if picture.pixels().all(|pixel| pixel.0[3] == 0) {
            return Err(PictureError::Empty);
        }
        let mut picture = size::fit(picture, width_mm, height_mm);
        loop {
            let drawn = Self::draw(&picture, (width_mm, height_mm))?;
            if drawn.png.len() <= MOST_PNG_BYTES {
                return Ok(drawn);
            }
            // Noise, for example of paper that was kept, takes more room than any seal.
            picture = size::smaller(&picture);
        }
    }

    /// As PNG that says how large it is (pHYs, clause 11.3.4.3), so that the same print in another size is another picture.
    fn draw(picture: &RgbaImage, (width_mm, height_mm): (u32, u32)) -> Result<Self, PictureError> {
        let failed = |reason: png::EncodingError| PictureError::Encoding(reason.to_string());
        let per_metre = |pixels: u32, millimetres: u32| (pixels * 1000 / millimetres).max(1);
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, picture.width(), picture.height());
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(png::Filter::Adaptive);
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: per_metre(picture.width(), width_mm),
            yppu: per_metre(picture.height(), height_mm),
            unit: png::Unit::Meter,
        }));
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(picture.as_raw()).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(Self { sm3: Sm3Hex::of(&png), png, width: picture.width(), height: picture.height() })
    }
}

#[cfg(test)]
mod tests;
