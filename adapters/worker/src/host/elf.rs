//! Whether a file is a library of this machine (System V ABI, chapter 4), and if not, what it is.

/// Octets of an ELF header that are looked at.
pub(super) const HEAD: usize = 20;

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const SHARED_OBJECT: u16 = 3;

/// Machines for which a bidding system is known to run, by their number in the header.
const MACHINES: &[(u16, &str, &str)] = &[
    (3, "x86", "x86"),
    (40, "arm", "32-bit ARM"),
    (62, "x86_64", "x86-64"),
    (183, "aarch64", "AArch64"),
    (243, "riscv64", "RISC-V"),
    (258, "loongarch64", "LoongArch"),
];

/// Nothing when a worker on this machine can load the file that begins with `head`; else what the file is.
pub(super) fn obstacle(head: &[u8]) -> Option<String> {
    let Some(rest) = head.strip_prefix(b"\x7fELF") else { return Some(what(head).to_owned()) };
    let (Some(class), Some(order)) = (rest.first(), rest.get(1)) else {
        return Some("the beginning of an ELF file".to_owned());
    };
    if *class != CLASS_64 {
        return Some("a 32-bit ELF file".to_owned());
    }
    if *order != LITTLE_ENDIAN {
        return Some("a big-endian ELF file".to_owned());
    }
    let (Some(kind), Some(machine)) = (number(head, 16), number(head, 18)) else {
        return Some("the beginning of an ELF file".to_owned());
    };
    if kind != SHARED_OBJECT {
        let kind = match kind {
            1 => "an object file that was not linked",
            2 => "a program",
            4 => "a core dump",
            _ => "an ELF file of an unknown kind",
        };
        return Some(kind.to_owned());
    }
    let known = MACHINES.iter().find(|(number, ..)| *number == machine);
    match known {
        Some((_, architecture, _)) if *architecture == std::env::consts::ARCH => None,
        Some((.., name)) => Some(format!("a library for {name}")),
        None => Some(format!("a library for the machine number {machine}")),
    }
}

/// What a file without ELF's first octets is, by its own.
fn what(head: &[u8]) -> &'static str {
    const BEGINNINGS: &[(&[u8], &str)] = &[
        (b"MZ", "a Windows library or program"),
        (b"\xcf\xfa\xed\xfe", "a macOS library or program"),
        (b"\xca\xfe\xba\xbe", "a Java class or macOS library"),
        (b"!<arch>\n", "a static library"),
        (b"PK", "a ZIP or JAR archive"),
        (b"\x1f\x8b", "a compressed file"),
        (b"#!", "a script"),
    ];
    if head.is_empty() {
        return "empty";
    }
    let found = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning));
    found.map_or_else(
        || {
            if head.iter().all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace()) {
                "a text"
            } else {
                "no ELF file"
            }
        },
        |(_, name)| name,
    )
}

fn number(head: &[u8], at: usize) -> Option<u16> {
    head.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(class: u8, order: u8, kind: u16, machine: u16) -> Vec<u8> {
        let mut head = b"\x7fELF".to_vec();
        head.extend([class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        head.extend(kind.to_le_bytes());
        head.extend(machine.to_le_bytes());
        head
    }

    fn this_machine() -> u16 {
        MACHINES.iter().find(|(_, architecture, _)| *architecture == std::env::consts::ARCH).unwrap().0
    }

    #[test]
    fn a_library_of_this_machine_has_no_obstacle() {
        assert_eq!(obstacle(&header(2, 1, 3, this_machine())), None);
    }

    #[test]
    fn each_other_file_is_called_what_it_is() {
        let other = if this_machine() == 258 { 62 } else { 258 };
        let name = if other == 62 { "a library for x86-64" } else { "a library for LoongArch" };
        let files: [(&[u8], &str); 9] = [
            (&header(2, 1, 3, other), name),
            (&header(1, 1, 3, 3), "a 32-bit ELF file"),
            (&header(2, 2, 3, 21), "a big-endian ELF file"),
            (&header(2, 1, 2, this_machine()), "a program"),
            (&header(2, 1, 1, this_machine()), "an object file that was not linked"),
            (b"MZ\x90", "a Windows library or program"),
            (b"#!/bin/sh\n", "a script"),
            (b"not a library\n", "a text"),
            (b"", "empty"),
        ];
        for (head, expected) in files {
            assert_eq!(obstacle(head).as_deref(), Some(expected));
        }
    }

    #[test]
    fn no_beginning_of_a_header_is_taken_for_a_library() {
        let whole = header(2, 1, 3, this_machine());
        assert_eq!(whole.len(), HEAD);
        for length in 0..whole.len() {
            assert!(obstacle(&whole[..length]).is_some(), "{length}");
        }
    }
}
