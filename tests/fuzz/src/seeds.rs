//! `yinqiao-fuzz-seeds FOLDER`: writes each target's seeds to `FOLDER/TARGET/`, and prints a line `TARGET LONGEST` for each.

// A command line prints: that is what it is for.
#![allow(clippy::print_stdout)]

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use yinqiao_fuzz::TARGETS;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("give a folder")?);
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
        println!("{} {}", target.name, target.longest);
    }
    Ok(())
}
