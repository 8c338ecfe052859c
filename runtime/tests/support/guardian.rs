//! What has to be taken back on the machine whatever becomes of the test: also when its process is killed.

use std::process::{Child, Command, Stdio};

/// A process of its own that waits for this one to let go, or to end, and then runs a script.
pub struct Guardian(Child);

impl Guardian {
    /// `undo` is a shell's.
    pub fn new(undo: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("cat >/dev/null; {undo}")]).current_dir("/");
        // What kills this process's group must leave it alive.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("sh"))
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
