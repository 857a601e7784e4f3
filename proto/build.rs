//! Compiles the protocol files without protoc: protox parses them, tonic generates the code.
//!
//! The descriptor sets are written beside the generated code, so that a test can hold them against a table.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for name in ["tfplugin5", "plugin"] {
        let descriptors = protox::compile([format!("{name}.proto")], ["proto"])?;
        fs::write(out.join(format!("{name}.descriptors")), descriptors.encode_to_vec())?;
        // The client half serves our own tests; the linker drops it from the provider. Methods that a server does not
        // implement answer UNIMPLEMENTED, which Core understands.
        tonic_prost_build::configure()
            .build_transport(false)
            .generate_default_stubs(true)
            .compile_fds(descriptors)?;
    }
    Ok(())
}
