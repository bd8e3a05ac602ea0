//! The proxy between real sockets.
