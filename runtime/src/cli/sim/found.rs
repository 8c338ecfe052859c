//! Scenario files, as they are named on the command line.

use crate::exit::{CommandResult, Stop};
use colloquy_sim::scenario::{Scenario, from_file};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A scenario and the file that it was read from.
#[derive(Debug)]
pub struct Found {
    pub file: PathBuf,
    pub scenario: Scenario,
}

/// All scenarios of these files and folders; those of a folder in the order of their names.
///
/// # Errors
/// There are none, or one cannot be used: all that is wrong is told at once.
pub fn find(paths: &[PathBuf]) -> CommandResult<Vec<Found>> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        if let Err(e) = collect(path, true, &mut files) {
            problems.push(format!("{}: {e}", path.display()));
        }
    }
    let mut found = Vec::new();
    for file in files {
        match read(&file) {
            Ok(scenario) => found.push(Found { file, scenario }),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() && found.is_empty() {
        return Err(Stop::wrong("no scenarios there: files that end in .yaml or .yml are read"));
    }
    if problems.is_empty() { Ok(found) } else { Err(Stop::wrong(problems.join("\n"))) }
}

/// One scenario.
///
/// # Errors
/// It cannot be used.
pub fn one(file: &Path) -> CommandResult<Scenario> {
    read(file).map_err(Stop::Wrong)
}

fn read(file: &Path) -> Result<Scenario, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    from_file(file).map_err(|e| wrong(&e))
}

/// A file that is named is taken whatever it is called.
fn collect(path: &Path, named: bool, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        let mut inside: Vec<PathBuf> = fs::read_dir(path)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
        inside.sort();
        return inside.iter().try_for_each(|p| collect(p, false, files));
    }
    if named || path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
        files.push(path.to_owned());
    }
    Ok(())
}
