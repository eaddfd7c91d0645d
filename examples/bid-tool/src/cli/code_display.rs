//! Showing a session's code: in the terminal, and in files from which a script hands it to a phone.

use std::fs;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use clap::Args;

use yinqiao_bid_tool::document::FileError;
use yinqiao_bid_tool::{Client, qr};
use yinqiao_protocol::SessionId;

use super::CliError;

/// Where the code is shown beside the terminal.
#[derive(Args, Clone, Debug)]
pub struct CodeDisplay {
    /// Keep the current code's text in this file while the session waits for a scan.
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// Keep a picture of the current code in this file while the session waits for a scan.
    #[arg(long, value_name = "FILE.png")]
    code_picture: Option<PathBuf>,
}

impl CodeDisplay {
    /// Shows a code in place of the one before.
    pub fn show(&self, client: &Client, session: SessionId, text: &str, json: bool) -> Result<(), CliError> {
        if let Some(path) = &self.code_file {
            replace(path, text.as_bytes())?;
        }
        if let Some(path) = &self.code_picture {
            replace(path, &client.qr_picture(session)?)?;
        }
        if !json && stdout().is_terminal() {
            let drawn = qr::half_blocks(text).map_err(|error| CliError::Content(error.to_string()))?;
            // Home and clear, so that the code stays in its place.
            println!("\x1b[H\x1b[2J{drawn}");
        }
        Ok(())
    }

    /// Shows no code any more.
    pub fn clear(&self, json: bool) {
        for path in self.code_file.iter().chain(&self.code_picture) {
            // A code that stays is worth nothing: the session takes no second phone.
            let _ = fs::remove_file(path);
        }
        if !json && stdout().is_terminal() {
            print!("\x1b[H\x1b[2J");
        }
    }
}

/// Puts new content in a file's place in one step, so that a reader never finds half a code.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    fs::write(&temporary, bytes).map_err(FileError::io(&temporary))?;
    fs::rename(&temporary, path).map_err(FileError::io(path))
}
