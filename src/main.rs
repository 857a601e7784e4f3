//! The provider process: flags, logging, panic hook, then the plugin server. Nothing else.

fn main() {}
