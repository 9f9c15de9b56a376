//! Whether this widctl may read the profile.

use semver::{Prerelease, Version};

use crate::profile::findings::{Finding, Findings};
use crate::profile::read::texts::REQUIRED_VERSION;
use crate::profile::schema::RootFile;

/// Compares `required_version` with this widctl's version. A pre-release counts as its release: the
/// requirement is about what the format means, not about stability.
pub(crate) fn check(root: &RootFile, widctl_version: &Version, findings: &mut Findings) {
    let Some(required) = &root.required_version else {
        return;
    };
    let release = Version { pre: Prerelease::EMPTY, ..widctl_version.clone() };
    if !required.value.0.matches(&release) {
        let message =
            format!("this is widctl {widctl_version}, the profile asks for {}", required.value.0);
        findings.add(Finding::new(&REQUIRED_VERSION, required.at, message));
    }
}
