//! On what was measured: without it a figure says nothing.

/// Prints processor, number of threads, and versions.
pub fn print() {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let threads = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!("machine: {}, {threads} threads", model.map_or("unknown", |(_, model)| model));
    println!("system: {} {}", std::env::consts::OS, std::env::consts::ARCH);
    println!("versions: pinhole {}, {}", env!("CARGO_PKG_VERSION"), rustc.unwrap_or_default());
}
