#!/usr/bin/env bash
# Puts widctl where later steps find it: the archive at WIDCTL_ARCHIVE, if its digest is WIDCTL_SHA256.
set -euo pipefail

: "${WIDCTL_ARCHIVE:?is the https address of a .tar.gz that holds widctl}"
: "${WIDCTL_SHA256:?is the SHA-256 of that archive}"
temporary=${RUNNER_TEMP:-${AGENT_TEMPDIRECTORY:?is set by the runner}}

archive="$temporary/widctl.tar.gz"
curl --fail --silent --show-error --location --proto '=https' --output "$archive" "$WIDCTL_ARCHIVE"
echo "$WIDCTL_SHA256  $archive" | sha256sum --check --quiet

folder="$temporary/widctl"
mkdir -p "$folder"
tar -xzf "$archive" -C "$folder"
program=$(find "$folder" -type f -name widctl | head -n 1)
: "${program:?no file of the archive is called widctl}"
chmod +x "$program"

if [ -n "${GITHUB_PATH:-}" ]; then
  dirname "$program" >>"$GITHUB_PATH"
else
  echo "##vso[task.prependpath]$(dirname "$program")"
fi
