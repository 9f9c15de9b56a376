#!/usr/bin/env bash
# Runs widctl with ARGUMENTS, one a line: no shell reads them.
set -euo pipefail
arguments=()
while IFS= read -r line; do
  [[ -z $line ]] || arguments+=("$line")
done <<< "$ARGUMENTS"
exec widctl "${arguments[@]}"
