//! The `landfall` command.

fn main() -> std::process::ExitCode {
    landfall::cli::main(std::env::args_os())
}
