#!/bin/sh
# Two processes that share a folder of results; each takes one file at a time:  xargs.sh FOLDER OUTPUT
find "$1" -name '*.txt' -print0 | xargs -0 -n1 -P2 bbp summarize -q --output-dir "$2"
