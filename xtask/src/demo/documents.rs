//! Documents of a real bid's size, made where none are given: a PDF with a scanned page, and a ZIP file with a bill of
//! quantities and a drawing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// Pixels of the page and the drawing, one byte each.
const WIDTH: usize = 1240;
const HEIGHT: usize = 1754;
const ITEMS: usize = 20_000;

/// Makes them in `folder`.
pub fn make(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let (bid, attachments) = (folder.join("投标文件.pdf"), folder.join("attachments.zip"));
    fs::write(&bid, pdf(&scan(1)))?;
    let quantities: String =
        (1..=ITEMS).map(|number| format!("{number},C30 混凝土,m3,{}\n", number % 97)).collect();
    let drawing = [format!("P5\n{WIDTH} {HEIGHT}\n255\n").into_bytes(), scan(2)].concat();
    fs::write(&attachments, zip(&[("quantities.csv", quantities.as_bytes()), ("drawing.pgm", &drawing)]))?;
    Ok(vec![bid, attachments])
}

/// Grey noise on light paper, which no compression makes small; the same for the same seed (xorshift64).
fn scan(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        0xc0 | u8::try_from(state & 0x3f).unwrap_or(0)
    };
    (0..WIDTH * HEIGHT).map(|_| next()).collect()
}

/// One page of A4 with a picture and a line of text (ISO 32000-1, 7.5).
fn pdf(picture: &[u8]) -> Vec<u8> {
    let text = "q 595 0 0 842 0 0 cm /Scan Do Q BT /F1 24 Tf 72 760 Td (Bid for the demo) Tj ET";
    let image = format!(
        "<< /Type /XObject /Subtype /Image /Width {WIDTH} /Height {HEIGHT} /ColorSpace /DeviceGray \
         /BitsPerComponent 8 /Length {} >>",
        picture.len()
    );
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
                /Resources << /Font << /F1 5 0 R >> /XObject << /Scan 6 0 R >> >> >>";
    let objects: [(String, Option<&[u8]>); 6] = [
        ("<< /Type /Catalog /Pages 2 0 R >>".into(), None),
        ("<< /Type /Pages /Kids [3 0 R] /Count 1 >>".into(), None),
        (page.into(), None),
        (format!("<< /Length {} >>", text.len()), Some(text.as_bytes())),
        ("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".into(), None),
        (image, Some(picture)),
    ];
    let mut file = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, (dictionary, stream)) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend(format!("{number} 0 obj\n{dictionary}\n").bytes());
        if let Some(stream) = stream {
            file.extend(b"stream\n");
            file.extend(*stream);
            file.extend(b"\nendstream\n");
        }
        file.extend(b"endobj\n");
    }
    let trailer = format!(
        "{table}trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{}\n%%EOF\n",
        objects.len() + 1,
        file.len()
    );
    file.extend(trailer.bytes());
    file
}

/// Files stored without compression (APPNOTE.TXT 4.3).
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = number(file.len());
        // Version 2.0, no flags, stored, 1980-01-01 00:00.
        let mut header = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        header.extend(crc32fast::hash(content).to_le_bytes());
        header.extend(number(content.len()));
        header.extend(number(content.len()));
        header.extend(&number(name.len())[..2]);
        header.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&header);
        file.extend(name.bytes());
        file.extend(*content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(header);
        // No comment, first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(offset);
        directory.extend(name.bytes());
    }
    let (begin, length) = (number(file.len()), number(directory.len()));
    let count = number(files.len());
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(&count[..2]);
    file.extend(&count[..2]);
    file.extend([length, begin].concat());
    file.extend([0, 0]);
    file
}

/// Four bytes; what is made here stays far below 4 GiB.
fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pdfs_table_names_where_its_objects_begin() {
        let file = pdf(&[0xff; 16]);
        let text = String::from_utf8_lossy(&file[15..]).into_owned();
        let offset = |line: &str| line[..10].parse::<usize>().unwrap();
        let entries: Vec<_> = text.lines().filter(|line| line.ends_with(" 00000 n ")).map(offset).collect();
        for (number, offset) in (1..).zip(&entries) {
            assert!(file[*offset..].starts_with(format!("{number} 0 obj\n").as_bytes()), "{number}");
        }
        assert_eq!(entries.len(), 6);
    }

    #[test]
    fn the_zip_files_directory_stands_where_its_end_says() {
        let file = zip(&[("a", b"content"), ("b", b"")]);
        let end = file.len() - 22;
        assert!(file[end..].starts_with(b"PK\x05\x06"));
        let begin = u32::from_le_bytes(file[end + 16..end + 20].try_into().unwrap()) as usize;
        assert!(file[begin..].starts_with(b"PK\x01\x02"));
    }
}
