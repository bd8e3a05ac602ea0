//! Programs that nobody trusts, in the sandbox. Everything here runs as a user who is not root: as root, half of the
//! limits do not bind, and files open that should not.

mod attack;
mod bed;
mod contained;
mod files;
mod honest;
mod network;
mod others;
mod survivors;
mod system;
mod unprivileged;
