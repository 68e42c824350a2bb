#!/bin/sh
# A git hook that summarizes the changed documents of a commit and adds the summaries to it:
#   ln -s ../../examples/recipes/pre-commit.sh .git/hooks/pre-commit
set -e
changed=$(mktemp)
trap 'rm -f "$changed"' EXIT
git diff --cached --name-only -z --diff-filter=ACM -- 'docs/*.txt' > "$changed"
if [ -s "$changed" ]; then
  bbp summarize -q --files-from "$changed" -0 --output-dir summaries
  git add summaries
fi
