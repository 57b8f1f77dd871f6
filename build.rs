//! Lists the pages of docs/checks, so that `meshobs explain` has them in the binary.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    const PAGES: &str = "docs/checks";
    println!("cargo:rerun-if-changed={PAGES}");
    let variable = |name| env::var(name).map_err(io::Error::other);
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join(PAGES);
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut list = String::from("&[\n");
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        list += &format!("    ({id:?}, include_str!({:?})),\n", path.to_string_lossy());
    }
    list += "]\n";
    fs::write(Path::new(&variable("OUT_DIR")?).join("check_pages.rs"), list)
}
