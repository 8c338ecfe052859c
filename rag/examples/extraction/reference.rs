//! What other programs read out of a file.

use std::{path::Path, process::Command};

/// The reference's text; nothing when there is no reference for this kind or it fails. Nobody waits longer than a minute.
pub fn text(file: &Path) -> Option<String> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    let mut command = Command::new("timeout");
    command.arg("60");
    match extension.as_str() {
        "pdf" => command.args(["pdftotext", "-enc", "UTF-8"]).arg(file).arg("-"),
        "docx" | "odt" | "epub" | "html" | "htm" | "md" | "rtf" => {
            command.args(["pandoc", "--to", "plain", "--wrap", "none", "--sandbox"]).arg(file)
        }
        _ => return None,
    };
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(if extension == "pdf" { joined(&text) } else { text })
}

/// Words that are cut at a line's end, put together again: `pdftotext` leaves them cut.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let cut = out.strip_suffix("-\n").is_some_and(|t| t.ends_with(char::is_alphabetic));
        if cut && line.starts_with(char::is_lowercase) {
            out.truncate(out.len() - 2);
        }
        out.push_str(line);
    }
    out
}
