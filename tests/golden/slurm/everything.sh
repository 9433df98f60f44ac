#!/bin/bash
#SBATCH --job-name=resolute-tiny-0123456789ab-1
#SBATCH --comment="resolute: Every kind of job, small"
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=64
#SBATCH --gres=gpu:a100:8
#SBATCH --time=1441
#SBATCH --partition=gpu,gpu-long
#SBATCH --account=reid
#SBATCH --qos=high
#SBATCH --constraint="[rack1|rack2]&nvlink"
#SBATCH --exclude="n[001-004],n017"
#SBATCH --reservation=week_12
#SBATCH --mem=0
#SBATCH --mail-user=somebody@example.org
#SBATCH --mail-type=END,FAIL,TIME_LIMIT_90
#SBATCH --exclusive
#SBATCH --licenses=matlab:1,x
#SBATCH --hold
#SBATCH --switches=1@2:00:00
#SBATCH --chdir=/home/user/suites
#SBATCH --output=/shared/store/suites/tiny/submissions/0123456789ab/batch-001/log/%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --no-kill
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --signal=B:USR1@300
#SBATCH --dependency=singleton,afterany:12
#SBATCH --export=ALL

# Until resolute listens, SLURM's notice must not end the shell.
trap '' USR1
cd -- /home/user/suites 2>/dev/null || {
  TZ=UTC printf '%(%Y-%m-%d %H:%M:%SZ)T resolute: node %s %s\n' -1 "${SLURMD_NODENAME:-?}" 'has no folder '\''/home/user/suites'\'' (it is where the suite was submitted); submit from one that every node sees' >&2
  exit 2
}
if ! type module >/dev/null 2>&1; then
  for file in /etc/profile.d/{modules,lmod,z00_lmod,z01_lmod}.sh; do
    if [ -r "$file" ]; then . "$file"; break; fi
  done
fi
module load gcc/12.2 || {
  TZ=UTC printf '%(%Y-%m-%d %H:%M:%SZ)T resolute: node %s %s\n' -1 "${SLURMD_NODENAME:-?}" 'cannot load the module '\''gcc/12.2'\'' (see above); mend '\''modules'\'' in the site file' >&2
  exit 2
}
module load openmpi/4.1.4-cuda || {
  TZ=UTC printf '%(%Y-%m-%d %H:%M:%SZ)T resolute: node %s %s\n' -1 "${SLURMD_NODENAME:-?}" 'cannot load the module '\''openmpi/4.1.4-cuda'\'' (see above); mend '\''modules'\'' in the site file' >&2
  exit 2
}
source /opt/site.sh
ulimit -n 65536
export RAIN_ROOT='/data/mlr images/it'\''s 100 %'
export EMPTY=''
command -v /opt/resolute/bin/resolute >/dev/null || {
  TZ=UTC printf '%(%Y-%m-%d %H:%M:%SZ)T resolute: node %s %s\n' -1 "${SLURMD_NODENAME:-?}" 'has no program '\''/opt/resolute/bin/resolute'\''; install it where every node sees it' >&2
  exit 2
}
# SIGTERM comes to the program too, SLURM's notice to this shell alone.
trap : TERM
/opt/resolute/bin/resolute suite allocation --submission /shared/store/suites/tiny/submissions/0123456789ab --batch 1 --generation 0 &
program=$!
trap 'kill -USR1 "$program" 2>/dev/null || :' USR1
until
  wait "$program" && code=0 || code=$?
  [ "$code" -le 128 ] || ! kill -0 "$program" 2>/dev/null
do :; done
if [ "$code" -gt 128 ]; then
  wait "$program" 2>/dev/null && again=0 || again=$?
  [ "$again" = 127 ] || code=$again
fi
[ "$code" -gt 128 ] || exit "$code"
# Killed, as the kernel does when memory runs out: once more, to settle what follows. Born deaf as the first.
trap '' USR1
exec /opt/resolute/bin/resolute suite allocation --submission /shared/store/suites/tiny/submissions/0123456789ab --batch 1 --generation 0 --killed-by "$((code - 128))"
