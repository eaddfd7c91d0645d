//! Taking the paper away from the print of a seal.

use image::{Rgba, RgbaImage};

/// From this lightness on (the least of red, green and blue) a pixel is paper.
const PAPER: u8 = 235;
/// Up to this lightness a pixel is ink.
const INK: u8 = 170;

/// Makes paper transparent, and what lies between paper and ink partly so. A coloured pixel is as light as its darkest
/// colour: red ink on white paper has none of green and blue.
pub(super) fn remove(picture: &mut RgbaImage) {
    for Rgba([red, green, blue, alpha]) in picture.pixels_mut() {
        let lightness = (*red).min(*green).min(*blue);
        let opacity = match lightness {
            PAPER.. => 0,
            ..=INK => 255,
            between => 255 * u32::from(PAPER - between) / u32::from(PAPER - INK),
        };
        let opaque = u32::from(*alpha) * opacity / 255;
        *alpha = u8::try_from(opaque).unwrap_or(u8::MAX);
        if *alpha == 0 {
            // What is not seen must not be there either.
            (*red, *green, *blue) = (0, 0, 0);
        }
    }
}
