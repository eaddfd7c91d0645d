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
    /// The PIN of an existing key. At a terminal it is asked for until it is one; standard input has one chance.
    pub fn pin(self, prompt: &str) -> Result<Pin, CliError> {
        if self.pin_stdin { pin_of_stdin() } else { until_a_pin(|| typed(prompt)) }
    }

    /// A new PIN, typed twice.
    pub fn new_pin(self) -> Result<Pin, CliError> {
        if self.pin_stdin {
            return pin_of_stdin();
        }
        loop {
            let once = until_a_pin(|| typed("New PIN (six digits): "))?;
            if until_a_pin(|| typed("The same again: "))?.is_same(&once) {
                return Ok(once);
            }
            eprintln!("the two PINs differ: type a new one again");
        }
    }
}

fn pin_of_stdin() -> Result<Pin, CliError> {
    Pin::parse(&line_of_stdin("PIN")?).map_err(|error| CliError::Input(error.to_string()))
}

/// Asks until a PIN is typed. An empty line, which a terminal that is closed also gives, is an end.
fn until_a_pin(mut ask: impl FnMut() -> Result<Zeroizing<String>, CliError>) -> Result<Pin, CliError> {
    loop {
        let text = ask()?;
        if text.trim().is_empty() {
            return Err(CliError::Input("no PIN was typed".into()));
        }
        match Pin::parse(&text) {
            Ok(pin) => return Ok(pin),
            Err(error) => eprintln!("{error}: type it again (it did not count as a try), or nothing to stop"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn typing(texts: &[&str]) -> (Result<Pin, CliError>, usize) {
        let mut asked = 0;
        let pin = until_a_pin(|| {
            asked += 1;
            Ok(Zeroizing::new(texts[asked - 1].to_owned()))
        });
        (pin, asked)
    }

    #[test]
    fn what_is_no_pin_is_asked_for_again() {
        let (pin, asked) = typing(&["27182", "27182a", "271828", "000000"]);
        assert!(pin.unwrap().is_same(&Pin::parse("271828").unwrap()));
        assert_eq!(asked, 3);
    }

    #[test]
    fn an_empty_line_ends_the_asking() {
        let (pin, asked) = typing(&["27182", "", "271828"]);
        assert!(matches!(pin, Err(CliError::Input(_))));
        assert_eq!(asked, 2);
    }
}
