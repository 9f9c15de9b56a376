#!/usr/bin/env bash
# Downloads the archive of VERSION for this runner from REPOSITORY, and puts the program on the path of the steps that
# follow. Nothing of an archive with another digest than SHA256 is unpacked or run.
set -euo pipefail

fail() {
  echo "::error title=widctl was not installed::$*"
  exit 1
}

[[ $SHA256 =~ ^[0-9a-f]{64}$ ]] || fail "\`sha256\` is no SHA-256 in small hex: take it from the release's SHA256SUMS"
[[ $VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$ ]] || fail "\`version\` is no version, such as 0.1.0"
case "$RUNNER_OS-$RUNNER_ARCH" in
  Linux-X64) target=x86_64-unknown-linux-gnu ending=tar.gz ;;
  Linux-ARM64) target=aarch64-unknown-linux-gnu ending=tar.gz ;;
  macOS-X64) target=x86_64-apple-darwin ending=tar.gz ;;
  macOS-ARM64) target=aarch64-apple-darwin ending=tar.gz ;;
  Windows-X64) target=x86_64-pc-windows-msvc ending=zip ;;
  *) fail "there is no release for $RUNNER_OS on $RUNNER_ARCH" ;;
esac

name=widctl-$VERSION-$target
folder=$(mktemp -d "$RUNNER_TEMP/widctl.XXXXXX")
archive=$folder/$name.$ending
url=$GITHUB_SERVER_URL/$REPOSITORY/releases/download/v$VERSION/$name.$ending
curl --fail --silent --show-error --location --retry 3 --output "$archive" "$url" || fail "could not download $url"
found=$({ sha256sum "$archive" 2>/dev/null || shasum -a 256 "$archive"; } | cut -d ' ' -f 1)
found=${found#\\} # of a path with backslashes, as Windows has it
[[ $found == "$SHA256" ]] || fail "$name.$ending has the digest $found, and \`sha256\` is $SHA256: nothing of it was run"
case $ending in
  zip) unzip -q "$archive" -d "$folder" ;;
  *) tar -xzf "$archive" -C "$folder" ;;
esac
"$folder/$name/widctl" --version
echo "$folder/$name" >> "$GITHUB_PATH"
