//! What `open` and `opening` share.

use std::path::{Path, PathBuf};

use yinqiao_bid_tool::document::{FileError, item_id, results};
use yinqiao_bid_tool::envelope::Envelope;
use yinqiao_bid_tool::{Trust, clock};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_protocol::Task;
use yinqiao_protocol::outcome::Outcome;

use super::CliError;

/// Encrypted files that one holder opens, and the one-time key that their content keys are wrapped anew for. The key
/// lives in this process only: whoever has the broker's memory opens nothing.
pub struct Decryption {
    one_time_key: PrivateKey,
    pub files: Vec<(Envelope, PathBuf)>,
}

impl Decryption {
    /// # Errors
    /// When there is no randomness.
    pub fn new(files: Vec<(Envelope, PathBuf)>) -> Result<Self, CliError> {
        Ok(Self { one_time_key: PrivateKey::generate()?, files })
    }

    /// The session's task.
    pub fn task(&self) -> Result<Task, CliError> {
        let wrapped =
            (1..).zip(&self.files).map(|(number, (envelope, _))| Ok(envelope.wrapped_key(item_id(number)?)));
        Ok(Task::Decrypt {
            one_time_key: self.one_time_key.public_key().to_sec1().as_slice().into(),
            items: wrapped.collect::<Result<_, _>>().map_err(FileError::Identifier)?,
        })
    }

    /// Opens the files with a verified result.
    pub fn open(&self, outcome: &Outcome) -> Result<(), CliError> {
        for ((envelope, target), item) in self.files.iter().zip(&outcome.items) {
            envelope.open(target, &item.id, item.value.as_slice(), &self.one_time_key)?;
        }
        Ok(())
    }
}

/// The encrypted files with the paths of what they become: the plaintext's name as its holder signed it.
pub fn read(files: &[PathBuf], out: &Path, trust: &Trust) -> Result<Vec<(Envelope, PathBuf)>, CliError> {
    let now = clock::now();
    let envelopes = files.iter().map(|path| Envelope::read(path, trust, now));
    let envelopes = envelopes.collect::<Result<Vec<_>, _>>()?;
    let mut names = Vec::with_capacity(envelopes.len());
    for (path, envelope) in files.iter().zip(&envelopes) {
        let name = &envelope.document.name;
        // The name is what somebody signed, not what may leave the folder.
        if Path::new(name).file_name() != Some(name.as_ref()) {
            return Err(CliError::Content(format!("{}: \"{name}\" is no file name", path.display())));
        }
        if names.contains(name) {
            return Err(FileError::Twice(path.clone()).into());
        }
        names.push(name.clone());
    }
    let paths = results(out, &names, "")?;
    Ok(envelopes.into_iter().zip(paths).collect())
}
