//! Parsers of bytes that others make, as targets of a fuzzer.
//!
//! A target takes any bytes. It must neither panic nor use much time or memory, and where it accepts bytes, what it read
//! must hold together: written again it is the same, and two readers of one format agree. A target breaks by panicking.
//!
//! Each starts from seeds: valid bytes, small, made here, and bytes that once broke it (`regressions/TARGET/`).

// What a target finds is a panic, and seeds that cannot be made are a mistake in them.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod adapter;
mod certificates;
mod keys;
mod messages;
mod pki;
mod seals;
mod status;
mod texts;

/// One parser, or several of one format.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Takes any bytes; whether they were accepted by any of its parsers.
    pub run: fn(&[u8]) -> bool,
    /// Bytes that are accepted.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// The longest input worth trying, in bytes.
    pub longest: usize,
}

/// All targets.
pub const TARGETS: [Target; 12] = [
    Target { name: "catalogue", run: texts::catalogue, seeds: texts::catalogues, longest: 4096 },
    Target { name: "certificate", run: certificates::read, seeds: certificates::seeds, longest: 4096 },
    Target {
        name: "cmp",
        run: yinqiao_cmp::fuzzing::read,
        seeds: yinqiao_cmp::fuzzing::seeds,
        longest: 4096,
    },
    Target { name: "document", run: adapter::document, seeds: adapter::documents, longest: 4096 },
    Target { name: "frame", run: adapter::frames, seeds: adapter::frame_seeds, longest: 4096 },
    Target { name: "key", run: keys::read, seeds: keys::seeds, longest: 1024 },
    Target { name: "message", run: messages::read, seeds: messages::seeds, longest: 8192 },
    Target { name: "ocsp", run: status::ocsp, seeds: status::ocsp_seeds, longest: 4096 },
    Target { name: "revocation-list", run: status::list, seeds: status::list_seeds, longest: 4096 },
    Target { name: "seal", run: seals::read, seeds: seals::seeds, longest: 8192 },
    Target { name: "signed-text", run: texts::signed, seeds: texts::signed_seeds, longest: 4096 },
    Target { name: "timestamp", run: status::timestamp, seeds: status::timestamp_seeds, longest: 4096 },
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_seed_is_accepted_and_fits() {
        let mut refused = Vec::new();
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{}", target.name);
            for (number, seed) in seeds.iter().enumerate() {
                assert!(seed.len() <= target.longest, "{} {number}: {}", target.name, seed.len());
                if !(target.run)(seed) {
                    refused.push(format!("{} {number}", target.name));
                }
            }
        }
        assert!(refused.is_empty(), "{refused:?}");
    }

    #[test]
    fn a_seed_that_is_cut_or_has_one_bit_changed_breaks_nothing() {
        for target in TARGETS {
            for seed in (target.seeds)() {
                for at in 0..seed.len() {
                    (target.run)(&seed[..at]);
                    let mut changed = seed.clone();
                    changed[at] ^= 1 << (at % 8);
                    (target.run)(&changed);
                }
            }
        }
    }

    #[test]
    fn what_once_broke_a_target_breaks_it_no_more() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
        let mut names = BTreeSet::new();
        for of_target in fs::read_dir(folder).into_iter().flatten() {
            let of_target = of_target.unwrap();
            let name = of_target.file_name().into_string().unwrap();
            let target = target(&name).unwrap_or_else(|| panic!("no target is called {name}"));
            for file in fs::read_dir(of_target.path()).unwrap() {
                (target.run)(&fs::read(file.unwrap().path()).unwrap());
            }
            assert!(names.insert(name));
        }
    }
}
