//! The `meshobs` program; see [`meshobs::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    meshobs::cli::main()
}
