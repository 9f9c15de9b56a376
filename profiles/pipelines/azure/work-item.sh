#!/usr/bin/env bash
# Keeps one work item about drift: it is opened, updated or closed, and without drift nothing is opened.
# work-item.sh true|false PLAN, as a step of Azure Pipelines with the organization, the project and, in
# AZURE_DEVOPS_EXT_PAT, a token that may edit work items.
# https://learn.microsoft.com/azure/devops/cli/log-in-via-pat#use-the-azure_devops_ext_pat-environment-variable
set -euo pipefail

# Every process has this type. What a closed one is called differs: Closed (Agile, CMMI) or Done (Basic, Scrum).
# https://learn.microsoft.com/azure/devops/boards/work-items/guidance/choose-process
type=Task
closed=${WIDCTL_CLOSED_STATE:-Closed}
tag=widctl-drift
# A plan may be of any length, and a description is read by people.
longest=200000

organization=(--organization "$SYSTEM_COLLECTIONURI")
# A quote in a query is written twice, and a query without a project is one of the whole organization.
# https://learn.microsoft.com/azure/devops/boards/queries/wiql-syntax
query="SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = '${SYSTEM_TEAMPROJECT//\'/\'\'}' \
AND [System.Tags] CONTAINS '$tag' AND [System.State] NOT IN ('Closed', 'Done', 'Removed') ORDER BY [System.Id]"
number=$(az boards query "${organization[@]}" --wiql "$query" --query '[0].id' --output tsv)

# The description is HTML, and what a plan quotes of servers stays text.
described() {
  page=$(mktemp)
  escaped=(sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')
  if [ "$(wc -c < "$1")" -le "$longest" ]; then
    { printf '<pre>'; "${escaped[@]}" "$1"; printf '</pre>'; } > "$page"
  else
    # The last line may be half of one.
    { printf '<pre>'; head -c "$longest" "$1" | sed '$d' | "${escaped[@]}"; printf '</pre>'; } > "$page"
    printf '<p>Cut here. The artifact drift has all of it.</p>' >> "$page"
  fi
  echo "@$page"
}

case "$1:$number" in
  true:)
    az boards work-item create "${organization[@]}" --project "$SYSTEM_TEAMPROJECT" --type "$type" \
      --title "Azure and the clusters differ from the profile" --fields "System.Tags=$tag" \
      --description "$(described "$2")" --output none ;;
  true:*)
    az boards work-item update "${organization[@]}" --id "$number" --description "$(described "$2")" --output none ;;
  false:) echo "No drift, and no work item is open." ;;
  false:*)
    az boards work-item update "${organization[@]}" --id "$number" --state "$closed" \
      --discussion "No drift any more." --output none ;;
  *) echo "The plan set no output." >&2; exit 1 ;;
esac
