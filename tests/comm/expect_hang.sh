#!/bin/sh
# Runs a program that hangs; succeeds if the watchdog ended it with status 1 and said what hung.
out=$("$@" 2>&1)
rc=$?
echo "$out"
echo "status $rc"
[ $rc -eq 1 ] || exit 1
echo "$out" | grep -q 'rank 0 (phase drill): barrier on "train" has waited' || exit 1
