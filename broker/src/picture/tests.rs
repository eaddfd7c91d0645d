use std::io::Cursor;

use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba};

use super::*;

const SEAL: (u32, u32) = (40, 40);

/// White paper with a red square in its middle, 100 pixels each way.
fn print() -> RgbImage {
    RgbImage::from_fn(100, 100, |x, y| {
        if (30..70).contains(&x) && (30..70).contains(&y) { Rgb([200, 20, 30]) } else { Rgb([250, 250, 248]) }
    })
}

fn file(format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(print()).write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn pixels(picture: &SealPicture) -> RgbaImage {
    image::load_from_memory(&picture.png).unwrap().into_rgba8()
}

#[test]
fn paper_becomes_transparent_and_ink_stays() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let picture = SealPicture::from_upload(&file(format), Background::Remove, SEAL).unwrap();
        let drawn = pixels(&picture);
        assert_eq!(drawn.get_pixel(2, 2), &Rgba([0, 0, 0, 0]), "{format:?}");
        let Rgba([red, green, _, alpha]) = *drawn.get_pixel(50, 50);
        assert!(red > 190 && green < 40 && alpha == 255, "{format:?}");
        assert_eq!(picture.sm3, Sm3Hex::of(&picture.png));
    }
}

#[test]
fn a_kept_background_is_kept() {
    let picture = SealPicture::from_upload(&file(ImageFormat::Png), Background::Keep, SEAL).unwrap();
    assert_eq!(pixels(&picture).get_pixel(2, 2), &Rgba([250, 250, 248, 255]));
}

#[test]
fn nothing_of_the_file_but_its_pixels_is_kept() {
    let mut uploaded = Cursor::new(Vec::new());
    let mut encoder = image::codecs::png::PngEncoder::new(&mut uploaded);
    encoder.set_icc_profile(b"the-name-of-the-photographer".to_vec()).unwrap();
    let print = print();
    encoder.write_image(print.as_raw(), 100, 100, image::ExtendedColorType::Rgb8).unwrap();
    let mut uploaded = uploaded.into_inner();
    uploaded.extend_from_slice(b"hidden behind the end");
    let picture = SealPicture::from_upload(&uploaded, Background::Keep, SEAL).unwrap();
    let plain = SealPicture::from_upload(&file(ImageFormat::Png), Background::Keep, SEAL).unwrap();
    assert_eq!(picture, plain);
}

#[test]
fn the_same_print_in_another_size_is_another_picture() {
    let of = |size| SealPicture::from_upload(&file(ImageFormat::Png), Background::Keep, size).unwrap();
    let (large, small) = (of((40, 40)), of((20, 20)));
    assert_eq!((large.width, small.width), (100, 100));
    assert_ne!(large.sm3, small.sm3);
    assert_eq!(large, of((40, 40)));
}

#[test]
fn a_large_picture_is_scaled_to_what_its_size_on_paper_can_show() {
    let picture = SealPicture::from_upload(&file(ImageFormat::Png), Background::Keep, (4, 8)).unwrap();
    assert_eq!((picture.width, picture.height), (47, 47));
    let unchanged = SealPicture::from_upload(&file(ImageFormat::Png), Background::Keep, SEAL).unwrap();
    assert_eq!((unchanged.width, unchanged.height), (100, 100));
}

#[test]
fn a_picture_that_is_all_noise_is_scaled_until_a_ca_takes_it() {
    let mut seed = 1_u32;
    let noise = RgbImage::from_fn(800, 800, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [red, green, blue, _] = seed.to_be_bytes();
        Rgb([red, green, blue])
    });
    let mut file = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(noise).write_to(&mut file, ImageFormat::Png).unwrap();
    let picture = SealPicture::from_upload(&file.into_inner(), Background::Keep, (100, 100)).unwrap();
    assert!(picture.png.len() <= MOST_PNG_BYTES, "{}", picture.png.len());
    assert!(picture.width >= 300, "{}", picture.width);
}

#[test]
fn files_that_are_no_pictures_are_refused() {
    let refused = |file: &[u8]| SealPicture::from_upload(file, Background::Keep, SEAL).unwrap_err();
    assert_eq!(refused(b"GIF89a"), PictureError::Format);
    assert_eq!(refused(b""), PictureError::Format);
    assert_eq!(refused(&vec![0; MOST_BYTES + 1]), PictureError::TooLarge);
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let whole = file(format);
        assert_eq!(refused(&whole[..whole.len() / 3]), PictureError::Broken, "{format:?}");
    }
}

#[test]
fn a_picture_that_claims_more_pixels_than_are_allowed_is_refused_before_it_takes_memory() {
    let mut bomb = file(ImageFormat::Png);
    // Width and height in IHDR, which begins at octet 16; its CRC follows at 29 (PNG, clause 11.2.2).
    bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    let refused = SealPicture::from_upload(&bomb, Background::Keep, SEAL).unwrap_err();
    assert_eq!(refused, PictureError::TooManyPixels);
}

#[test]
fn blank_paper_and_impossible_sizes_are_refused() {
    let mut blank = Cursor::new(Vec::new());
    let paper = RgbImage::from_pixel(20, 20, Rgb([255, 255, 255]));
    DynamicImage::ImageRgb8(paper).write_to(&mut blank, ImageFormat::Png).unwrap();
    let blank = blank.into_inner();
    assert_eq!(SealPicture::from_upload(&blank, Background::Remove, SEAL).unwrap_err(), PictureError::Empty);
    for size in [(0, 40), (40, 201)] {
        let refused = SealPicture::from_upload(&blank, Background::Keep, size).unwrap_err();
        assert_eq!(refused, PictureError::Millimetres);
    }
}

/// CRC-32 of ISO 3309, as PNG has it (annex D).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 },
        )
    })
}
