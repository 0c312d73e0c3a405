//! Builds the source of an extension, a cargo package for `wasm32-wasip2`, into a component.
//!
//! The one difficulty is the target's standard library. A [`Toolchain`] uses the one that the user's toolchain has; or
//! has rustup add it; or, where rustup cannot, builds it from the distribution's source package into a *private sysroot*
//! below a folder of our own. That way never touches the user's toolchain, and installs nothing.
//!
//! Everything here blocks. It runs other programs and knows nothing of manifests, of grants or of running extensions.

mod build;
mod compiler;
mod distribution;
mod origin;
mod run;
mod sysroot;
mod target;

use std::ffi::OsStr;
use std::path::PathBuf;

pub use build::BuildError;
pub use run::RunError;
pub use target::{Target, TargetError};

/// The target that components are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// rustup's own word for "install nothing by yourself", with the value `0`.
pub(crate) const AUTO_INSTALL: &str = "RUSTUP_AUTO_INSTALL";

/// What builds extensions.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// Where private sysroots are kept, and a script that is run: outside of anything that is masked from builds. It is made if it is missing.
    pub tools: PathBuf,
    /// The programs that are used.
    pub programs: Programs,
}

/// The programs that a [`Toolchain`] uses, by name or by path.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The build tool.
    pub cargo: PathBuf,
    /// The compiler.
    pub rustc: PathBuf,
    /// What adds a target to a toolchain; `None` leaves the toolchain as it is. That is also how it begins where the
    /// environment has `RUSTUP_AUTO_INSTALL=0`.
    pub rustup: Option<PathBuf>,
    /// What fetches the distribution's packages; `None` leaves the distribution alone.
    pub apt: Option<Apt>,
}

/// The distribution's programs.
#[derive(Debug, Clone)]
pub struct Apt {
    /// Fetches.
    pub get: PathBuf,
    /// Looks up.
    pub cache: PathBuf,
    /// Unpacks.
    pub dpkg_deb: PathBuf,
}

impl Toolchain {
    /// The programs on the `PATH`, and private sysroots below `tools`.
    pub fn new(tools: impl Into<PathBuf>) -> Self {
        Self { tools: tools.into(), programs: Programs::default() }
    }
}

impl Default for Programs {
    fn default() -> Self {
        let apt = Apt { get: "apt-get".into(), cache: "apt-cache".into(), dpkg_deb: "dpkg-deb".into() };
        let rustup = if installs_nothing() { None } else { Some("rustup".into()) };
        Self { cargo: "cargo".into(), rustc: "rustc".into(), rustup, apt: Some(apt) }
    }
}

/// Whether the environment says that rustup is to install nothing by itself.
pub(crate) fn installs_nothing() -> bool {
    std::env::var_os(AUTO_INSTALL).as_deref() == Some(OsStr::new("0"))
}
