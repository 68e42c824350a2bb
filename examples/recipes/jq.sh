#!/bin/sh
# The failures of a run with their codes, and the longest documents:  jq.sh RESULTS.jsonl
jq -r 'select(.status == "error") | [.id, .error.code, .error.message] | @tsv' "$1"
jq -r 'select(.status == "ok") | [.source.tokens, .id, .summary[:60]] | @tsv' "$1" | sort -rn | head -n 5
