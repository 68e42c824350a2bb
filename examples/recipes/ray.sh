#!/bin/sh
# Many documents on a Ray cluster, into one file of records; the same line again continues after whatever stopped it.
# With --ray auto it runs on a machine of the cluster, for example by  ray job submit -- sh ray.sh FOLDER RECORDS
bbp summarize -q "$1" --json -o "$2" --resume --ray "${RAY_CLUSTER:-auto}"
