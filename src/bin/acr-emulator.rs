//! The emulator process: flags, then the server.

fn main() {}
