#!/bin/sh
#SBATCH --array=1-7
#SBATCH --cpus-per-task=4
# A share for each task of the array, and one file of all records when the last has ended:
#   job=$(sbatch --parsable slurm.sh FOLDER) && sbatch --dependency=afterok:$job --wrap 'bbp merge part-*.jsonl -o all.jsonl'
bbp summarize -q "$1" --json -o "part-$SLURM_ARRAY_TASK_ID.jsonl" --resume --shard auto
