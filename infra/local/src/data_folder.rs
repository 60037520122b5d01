//! The data folder: what is kept between runs, and the lock that keeps a second Saldo out.
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

use crate::StartError;

/// Where each part keeps its data; nowhere when nothing outlives the process.
pub(crate) struct DataFolder {
    folder: Option<PathBuf>,
    _lock: Option<File>,
}

const FILES: [&str; 5] = ["table.db", "queue.db", "stripe.db", "issuer.key", "webhook.secret"];

impl DataFolder {
    /// Opens and locks `folder`; with `fresh` everything Saldo kept there is forgotten.
    pub(crate) fn open(folder: Option<&Path>, fresh: bool) -> Result<DataFolder, StartError> {
        let Some(folder) = folder else { return Ok(DataFolder { folder: None, _lock: None }) };
        std::fs::create_dir_all(folder).map_err(|error| StartError::file("make", folder, &error))?;
        let path = folder.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| StartError::file("open", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::DataInUse(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(StartError::file("lock", &path, &error)),
        }
        let opened = DataFolder { folder: Some(folder.to_owned()), _lock: Some(lock) };
        if fresh {
            opened.forget()?;
        }
        Ok(opened)
    }

    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(name))
    }

    /// The secret that Stripe's stand-in signs its webhooks with.
    pub(crate) fn webhook_secret(&self) -> Result<String, StartError> {
        let Some(file) = self.file("webhook.secret") else { return new_secret() };
        if file.exists() {
            let secret = std::fs::read_to_string(&file);
            return secret
                .map(|secret| secret.trim().to_owned())
                .map_err(|error| StartError::file("read", &file, &error));
        }
        let secret = new_secret()?;
        write_secret(&file, secret.as_bytes())?;
        Ok(secret)
    }

    fn forget(&self) -> Result<(), StartError> {
        for name in FILES {
            for end in ["", "-wal", "-shm"] {
                let Some(file) = self.file(&format!("{name}{end}")) else { continue };
                if file.exists() {
                    std::fs::remove_file(&file).map_err(|error| StartError::file("remove", &file, &error))?;
                }
            }
        }
        Ok(())
    }
}

/// Writes `content` where only the owner reads it, whole or not at all.
pub(crate) fn write_secret(file: &Path, content: &[u8]) -> Result<(), StartError> {
    let half = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&half)
        .and_then(|mut out| out.write_all(content).and_then(|()| out.sync_all()))
        .and_then(|()| std::fs::rename(&half, file))
        .map_err(|error| StartError::file("write", file, &error))
}

fn new_secret() -> Result<String, StartError> {
    let mut bytes = [0; 24];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| StartError::Key("no webhook secret could be made".to_owned()))?;
    Ok(format!("whsec_{}", URL_SAFE_NO_PAD.encode(bytes)))
}
