#!/usr/bin/env bash
# No dead keys: the field that each option of a config fills is read outside of src/script.
. "$(dirname "$0")/lib.sh"
table=$source_dir/src/script/options.c
[ -f "$table" ] || { echo "skipped: the sources are not here"; exit 77; }
# "key" field: of every row of the table; SEARCH(x), RULES(x), GATE(x) stand for longer names.
rows=$(sed -nE 's/.*\("([a-z_0-9.]+)", (OPTION_[A-Z]+, )?([a-zA-Z_.0-9()[]+\]?\)?),.*/\1 \3/p' "$table")
n=0
while read -r key field; do
  name=${field%%[])]*}     # without what closes it ..
  name=${name%%[[]*}       # .. and an index,
  name=${name##*[.(]}      # the last part of it
  where=("$source_dir"/src/{app,search,selfplay,replay,train,match,game,nn,comm})
  [[ $field == via.* ]] && where=("$source_dir/src/script")
  grep -rqE --include='*.c' --exclude=options.c "(\.|->)$name\b" "${where[@]}" ||
    { : >"$work/out"; fail "$key: nobody reads $field ($name)"; }
  n=$((n + 1))
done <<<"$rows"
: >"$work/out"
[ "$n" -eq "$("$tengen" help config | grep -cE '^  [a-z_0-9]+(\.[a-z_0-9]+)*( \*)?$')" ] || fail "$n rows of the table were read"
echo "1 passed, 0 failed"
