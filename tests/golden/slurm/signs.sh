#!/bin/bash
#SBATCH --job-name=resolute-tiny-0123456789ab-1
#SBATCH --comment="it's \"small\" #1 \\ $(id) ü"
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --chdir="/home/user/My Suites/100 %j \"x\" $HOME"
#SBATCH --output="/shared/it's 100 %%j \"x\" #1 é `id`/log/%j.log"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --no-kill
#SBATCH --kill-on-invalid-dep=yes
#SBATCH --signal=B:USR1@120
#SBATCH --dependency=singleton
#SBATCH --export=ALL

# Until resolute listens, SLURM's notice must not end the shell.
trap '' USR1
cd -- '/home/user/My Suites/100 %j "x" $HOME' 2>/dev/null || {
  TZ=UTC printf '%(%Y-%m-%d %H:%M:%SZ)T resolute: node %s %s\n' -1 "${SLURMD_NODENAME:-?}" 'has no folder '\''/home/user/My Suites/100 %j "x" $HOME'\'' (it is where the suite was submitted); submit from one that every node sees' >&2
  exit 2
}
command -v '/opt/my programs/resolute' >/dev/null || {
  TZ=UTC printf '%(%Y-%m-%d %H:%M:%SZ)T resolute: node %s %s\n' -1 "${SLURMD_NODENAME:-?}" 'has no program '\''/opt/my programs/resolute'\''; install it where every node sees it' >&2
  exit 2
}
# SIGTERM comes to the program too, SLURM's notice to this shell alone.
trap : TERM
'/opt/my programs/resolute' suite allocation --submission '/shared/it'\''s 100 %j' '' &
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
exec '/opt/my programs/resolute' suite allocation --submission '/shared/it'\''s 100 %j' '' --killed-by "$((code - 128))"
