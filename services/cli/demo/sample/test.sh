#!/bin/sh
# Pretends to test one version of something.
echo "testing version $1"
test "$1" -gt 0
