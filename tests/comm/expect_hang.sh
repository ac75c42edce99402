#!/bin/sh
# usage: expect_hang.sh WHAT COMMAND ..
# Runs a program that hangs; succeeds if the watchdog ended it with status 1 and said what hung.
what=$1
shift
out=$("$@" 2>&1)
rc=$?
echo "$out"
echo "status $rc"
[ $rc -eq 1 ] || exit 1
echo "$out" | grep -q "rank [01] (phase drill): $what on \"train\" has waited" || exit 1
