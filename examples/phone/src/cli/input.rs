//! What a person types or a script hands over.

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use yinqiao_phone::Pin;
use yinqiao_protocol::Token;

use super::{CliError, PinInput};

/// Characters of the longest line: a code's text has at most 1,024.
const LONGEST_LINE: u64 = 2048;

/// One line of standard input without its end.
pub fn line_of_stdin(what: &str) -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin().lock().take(LONGEST_LINE).read_line(&mut line);
    read.map_err(|error| CliError::Io("standard input".into(), error))?;
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return Err(CliError::Input(format!("no {what} came on standard input")));
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}

/// A file's text without white space around it.
pub fn text_of_file(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::Io(path.display().to_string(), error))?;
    Ok(Zeroizing::new(Zeroizing::new(text).trim().to_owned()))
}

/// A secret typed at a prompt, without echo.
pub fn typed(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    let typed = rpassword::prompt_password(prompt).map_err(|error| {
        CliError::Io("the terminal (use standard input where there is none)".into(), error)
    })?;
    Ok(Zeroizing::new(typed))
}

/// A one-time code's text as a token.
pub fn token(text: &str) -> Result<Token, CliError> {
    Token::parse(text).ok_or_else(|| CliError::Input("the code has 1 to 128 visible characters".into()))
}

impl PinInput {
    /// The PIN of an existing key.
    pub fn pin(self, prompt: &str) -> Result<Pin, CliError> {
        let text = if self.pin_stdin { line_of_stdin("PIN")? } else { typed(prompt)? };
        Pin::parse(&text).map_err(|error| CliError::Input(error.to_string()))
    }

    /// A new PIN, typed twice.
    pub fn new_pin(self) -> Result<Pin, CliError> {
        let text = if self.pin_stdin {
            line_of_stdin("PIN")?
        } else {
            let (once, again) = (typed("New PIN (six digits): ")?, typed("The same again: ")?);
            if once != again {
                return Err(CliError::Input("the two PINs differ".into()));
            }
            once
        };
        Pin::parse(&text).map_err(|error| CliError::Input(error.to_string()))
    }
}

/// Asks a question to which the answer may be yes.
pub fn agrees(question: &str) -> Result<bool, CliError> {
    let terminal = |error| CliError::Io("the terminal".into(), error);
    eprint!("{question} [y/N] ");
    io::stderr().flush().map_err(terminal)?;
    let mut answer = String::new();
    io::stdin().lock().take(LONGEST_LINE).read_line(&mut answer).map_err(terminal)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "是"))
}
