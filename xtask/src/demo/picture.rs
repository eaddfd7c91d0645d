//! The picture of a round seal: a red ring around a red star on a transparent ground.

use std::f64::consts::{PI, TAU};

use anyhow::Result;

/// Pixels of a side.
const SIDE: u32 = 480;
const RED: [u8; 3] = [0xd4, 0x14, 0x1c];
/// Of the ring, in halves of a side.
const OUTER: f64 = 0.97;
const INNER: f64 = 0.89;
/// Of the star's points, and of the corners between them (a regular pentagram's).
const POINT: f64 = 0.34;
const CORNER: f64 = POINT * 0.381_966;

/// A PNG of it.
pub fn round_seal() -> Result<Vec<u8>> {
    let mut pixels = Vec::with_capacity((SIDE * SIDE * 4) as usize);
    for row in 0..SIDE {
        for column in 0..SIDE {
            pixels.extend(RED);
            pixels.push(opacity(column, row));
        }
    }
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(picture)
}

/// Of a pixel, by four samples a side.
fn opacity(column: u32, row: u32) -> u8 {
    let at =
        |pixel: u32, sample: u32| (f64::from(pixel * 4 + sample) + 0.5) / f64::from(SIDE * 4) * 2.0 - 1.0;
    let samples = (0..16).filter(|sample| is_inked(at(column, sample % 4), at(row, sample / 4)));
    u8::try_from(samples.count() * 255 / 16).unwrap_or(u8::MAX)
}

fn is_inked(x: f64, y: f64) -> bool {
    let distance = x.hypot(y);
    if (INNER..=OUTER).contains(&distance) {
        return true;
    }
    // Between a point and the next corner the star's edge is a straight line; a fifth of the star, mirrored, is all.
    let fifth = TAU / 5.0;
    let angle = (x.atan2(-y).rem_euclid(fifth) - fifth / 2.0).abs();
    let from_point = fifth / 2.0 - angle;
    let (corner_x, corner_y) = (CORNER * (PI / 5.0).cos(), CORNER * (PI / 5.0).sin());
    let (along, across) = (distance * from_point.cos(), distance * from_point.sin());
    let edge = (POINT - along) / (POINT - corner_x) * corner_y;
    along <= POINT && across <= edge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_star_points_up_and_a_ring_surrounds_it() {
        assert!(is_inked(0.0, 0.0) && is_inked(0.0, -0.3) && is_inked(0.93, 0.0));
        assert!(!is_inked(0.0, 0.3) && !is_inked(0.0, -0.5) && !is_inked(0.99, 0.99));
    }

    #[test]
    fn the_picture_is_a_png() {
        assert!(round_seal().unwrap().starts_with(b"\x89PNG\r\n"));
    }
}
