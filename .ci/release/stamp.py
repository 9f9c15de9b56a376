"""Makes the source of a release ready: python3 .ci/release/stamp.py TAG REPOSITORY_URL NOTES_FILE

Fills in `repository` of Cargo.toml, and writes the changelog's section of the version to NOTES_FILE. Refuses a tag that is
not the version of Cargo.toml, a version without a section, and an address that is none.
"""

import pathlib
import re
import sys
import tomllib


def section(changelog, version):
    """The text below the heading of a version, `## 0.1.0 - 2026-12-01`."""
    heading = re.compile(rf"^## \[?{re.escape(version)}\]?( .*)?$", re.MULTILINE)
    found = heading.search(changelog)
    if not found:
        sys.exit(f"CHANGELOG.md has no section `## {version}`: name the release there before it is tagged")
    text = changelog[found.end() :].split("\n## ", 1)[0].strip()
    return text or sys.exit(f"the section `## {version}` of CHANGELOG.md is empty")


def stamped(manifest, repository):
    """Cargo.toml with the address of the repository."""
    if not re.fullmatch(r"https?://[^/\s\"]+/[^/\s\"]+/[^/\s\"]+", repository):
        sys.exit(f"`{repository}` is no address of a repository, https://HOST/OWNER/NAME")
    named = tomllib.loads(manifest)["package"].get("repository")
    if named not in (None, repository):
        sys.exit(f"Cargo.toml names the repository {named}, and this is {repository}")
    if named:
        return manifest
    return manifest.replace("[package]\n", f'[package]\nrepository = "{repository}"\n', 1)


def main():
    if len(sys.argv) != 4 or not all(sys.argv[1:]):
        sys.exit(__doc__)
    tag, repository, notes = sys.argv[1:]
    root = pathlib.Path(__file__).parents[2]
    manifest = (root / "Cargo.toml").read_text()
    version = tomllib.loads(manifest)["package"]["version"]
    if tag != f"v{version}":
        sys.exit(f"the tag is `{tag}`, and Cargo.toml has version {version}: tag `v{version}`")
    text = section((root / "CHANGELOG.md").read_text(), version)
    (root / "Cargo.toml").write_text(stamped(manifest, repository))
    pathlib.Path(notes).write_text(text + "\n")
    print(f"version={version}")


main()
