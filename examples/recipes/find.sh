#!/bin/sh
# Every text below a folder, whatever its name, as JSON Lines:  find.sh FOLDER
find "$1" -name '*.txt' -print0 | sort -z | bbp summarize -q --files-from - -0 --json
