//! The `flux-externalsource` binary.

fn main() {}
