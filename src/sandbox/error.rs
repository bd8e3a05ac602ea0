//! Why a program could not be run. None of it is about what the program did.

use std::io;

/// A program that did not run. No message carries an argument or a value of the environment.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Programs are confined by means of Linux.
    #[error("programs can be run only on Linux")]
    Unsupported,
    /// The kernel, or the profile that this container runs under, lacks what confines programs.
    #[error("programs cannot be confined here: {0}")]
    Unconfined(String),
    /// No folder for programs can be made where they were told to be.
    #[error("no folder for programs can be made in {path}: {error}")]
    WorkDir {
        /// The folder of folders.
        path: std::path::PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The wrapper or the program could not be started; mostly for want of memory, processes or descriptors, which says
    /// nothing about the next time.
    #[error("the sandbox could not be started: {0}")]
    Start(io::Error),
    /// The program could not be executed, and will not be as it is: it is not there, or is no executable for this
    /// machine. Never said of what is built in.
    #[error("the program could not be executed: {0}")]
    Program(io::Error),
    /// More than the kernel passes to a program.
    #[error("the arguments and variables are too long for a program")]
    TooLong,
    /// The wrapper ended without saying how the program did; everything that the program had started was killed.
    #[error("the sandbox broke off")]
    Broken,
}
