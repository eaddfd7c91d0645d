//! As many pixels as a print of that size needs.

use image::RgbaImage;
use image::imageops::{FilterType, resize};

/// Dots on an inch, 25.4 mm: what office printers and OFD readers show well.
const DOTS_PER_INCH: u32 = 300;
/// Pixels each way at most, so that a seal with its picture stays small enough for every CA.
const MOST: u32 = 800;

/// The picture with at most as many pixels each way as its size on paper can show. A smaller one stays as it is: nothing is
/// made up.
pub(super) fn fit(picture: RgbaImage, width_mm: u32, height_mm: u32) -> RgbaImage {
    let dots = |millimetres: u32| (millimetres * DOTS_PER_INCH * 10 / 254).clamp(1, MOST);
    let (most_wide, most_high) = (dots(width_mm), dots(height_mm));
    let (width, height) = picture.dimensions();
    // A little more is no reason to draw every edge anew.
    if width <= most_wide * 5 / 4 && height <= most_high * 5 / 4 {
        return picture;
    }
    let scale = (f64::from(most_wide) / f64::from(width)).min(f64::from(most_high) / f64::from(height));
    let scaled = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    resize(&picture, scaled(width), scaled(height), FilterType::Lanczos3)
}

/// The same with three quarters of the pixels each way.
pub(super) fn smaller(picture: &RgbaImage) -> RgbaImage {
    let less = |pixels: u32| (pixels * 3 / 4).max(1);
    resize(picture, less(picture.width()), less(picture.height()), FilterType::Lanczos3)
}
