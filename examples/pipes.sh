#!/bin/sh
# bbp in pipes: text and PDF come in on stdin, summaries go out on stdout, everything else to stderr.
set -eu
cd "$(dirname "$0")"

# Any text can be piped in; the count shows that nothing but the summary is on stdout.
words=$(cat ./*.txt | bbp summarize --length 80 | wc -w)
echo "$words words of summary for $(cat ./*.txt | wc -w) words of text"

# A PDF is known by its content, not by its name.
bbp summarize --length 40 < river-survey.pdf

# Names from another program, one model load for all of them, one JSON record a line.
find . -name '*.txt' -print0 | sort -z | bbp summarize --files-from - -0 --json --length 30 -q |
    python3 -c '
import json, sys
for line in sys.stdin:
    record = json.loads(line)
    print(record["id"] + ":", record["summary"])'
