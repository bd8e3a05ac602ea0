//! Programs that nobody trusts, in the sandbox. Everything here runs as a user who is not root: as root, half of the
//! limits do not bind, and files open that should not.

mod bed;
mod contained;
mod honest;
mod unprivileged;
