#!/bin/sh
# usage: expect_hang.sh WHAT WHO COMMAND ..
# Runs a program that hangs; succeeds if the watchdog ended it with status 1 and said what hung, and WHO (a pattern).
what=$1
who=$2
shift 2
out=$("$@" 2>&1)
rc=$?
echo "$out"
echo "status $rc"
[ $rc -eq 1 ] || exit 1
echo "$out" | grep -q "rank [01] (phase drill): $what on \"[a-z]*\" has waited" || exit 1
echo "$out" | grep -q "$who" || exit 1
