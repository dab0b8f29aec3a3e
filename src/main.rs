//! The `landfall` command.

use mimalloc::MiMalloc;

/// The doubles allocate for each request that they serve, and the system's allocator takes longer over that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    landfall::cli::main(std::env::args_os())
}
