#!/usr/bin/env bash
# Random damage (bit flips, cut lengths, missing files) to shards, checkpoints, networks, the manifest and what an open
# iteration left: every start goes on, or ends with a message that names the file; none crashes or hangs.
# DAMAGES (default 12) and SEED come from the environment.
. "$(dirname "$0")/lib.sh"
damages=${DAMAGES:-12}
RANDOM=${SEED:-7}
opts=(--set selfplay.games=20 --set search.visits=16 --set train.min_rows=50 --set gate.every=2 --set gate.games=4 --set selfplay.threads=1
      --set replay.priority_alpha=0.6 --set cluster.watchdog_sec=30 --set cluster.pulse_sec=0.01 "${short[@]}")
config=$configs/tictactoe.lua
# Two runs to damage: one complete after 3 iterations, one left open in its third.
ok 1 train "$config" --run "$work/done" --iterations 3 "${opts[@]}"
"$tengen" train "$config" --run "$work/open" --iterations 4 "${opts[@]}" --inject stop@0:train:3 >"$work/out" 2>&1
status=$?
[ $status = 75 ] || fail "status $status, not 75"
big() { echo $((RANDOM * 32768 + RANDOM)); }

went_on=0 refused=0 start=$SECONDS
for ((i = 1; i <= damages; i++)); do
  from=$work/$([ $((RANDOM % 2)) = 0 ] && echo "done" || echo open)
  dir=$work/damaged
  rm -rf "$dir"
  cp -r "$from" "$dir"
  mapfile -t files < <(cd "$dir" && ls manifest.json checkpoint/* replay/*.h5 net/*)
  file=${files[RANDOM % ${#files[@]}]}
  bytes=$(stat -c %s "$dir/$file")
  case $((RANDOM % 5)) in
    0) truncate -s $(($(big) % bytes)) "$dir/$file"; what="cut short" ;;
    1) rm "$dir/$file"; what=missing ;;
    *)
      at=$(($(big) % bytes))
      byte=$(od -An -tu1 -j $at -N 1 "$dir/$file")
      printf "\\x$(printf %02x $((byte ^ (1 << (RANDOM % 8)))))" | dd of="$dir/$file" bs=1 seek=$at conv=notrunc status=none
      what="bit $at flipped"
      ;;
  esac
  timeout 60 "$tengen" train "$config" --run "$dir" --iterations 4 "${opts[@]}" >"$work/out" 2>&1
  status=$?
  if [ $status = 0 ]; then
    went_on=$((went_on + 1))
  else
    [ $status -le 2 ] || fail "$file, $what: status $status"
    grep -q "$(basename "$file")" "$work/out" || fail "$file, $what: the message does not name it"
    refused=$((refused + 1))
  fi
done
echo "$damages times damaged in $((SECONDS - start)) s: $went_on went on, $refused ended with a message that names the file, none crashed or hung"
echo "1 passed, 0 failed"
