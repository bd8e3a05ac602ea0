//! The tree as a whole, over a scripted catalog and origin. The clock is paused where time matters.

mod collect;
mod crashes;
mod hooks;
mod leadership;
mod shutdown;
mod sources;
mod watch;
