#!/usr/bin/env bash
# The tool as a user meets it: the whole job, the same bytes whoever computes them, and bad input answered with exit code 2.
# Usage: tool_test.sh <spat program>
set -euo pipefail
spat=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
fail() { printf 'FAIL %s\n' "$*"; failures=$((failures + 1)); }

small=(run --synthetic --rows 700 --lookback 24 --horizon 6 --layers 3 --width 16 --ffn 16 --heads 2 --finetune-epochs 1)

# One run, then the same with two workers, and one that stops after its first epoch and goes on.
"$spat" "${small[@]}" --epochs 3 --quiet --out one > one.txt
"$spat" "${small[@]}" --epochs 3 --quiet --threads 2 --out two > /dev/null
for file in dense pruned training; do
  cmp -s "one/$file.safetensors" "two/$file.safetensors" || fail "$file.safetensors differs between one and two workers"
done
"$spat" "${small[@]}" --epochs 3 --stop-after 1 --quiet --out three > /dev/null 2>&1
[ ! -e three/dense.safetensors ] || fail "a stopped training wrote a finished model"
"$spat" "${small[@]}" --epochs 3 --resume --quiet --out three > /dev/null
cmp -s one/dense.safetensors three/dense.safetensors || fail "a resumed training has other bytes"
cmp -s one/pruned.safetensors three/pruned.safetensors || fail "a resumed training prunes to other bytes"
grep -q 'removed' one.txt || fail "the table names no removed module"
for key in seed command dense pruned modules mse mae parameters macs latency_ms median p10 p90 name send kept; do
  grep -q "\"$key\"" one/report.json || fail "report.json lacks $key"
done

# What was written can be used.
"$spat" inspect one/pruned.safetensors > inspect.txt
grep -q 'modules .*1' inspect.txt || fail "inspect shows no mask"
"$spat" forecast --model one/pruned.safetensors --synthetic --rows 700 --out forecast.csv
[ "$(wc -l < forecast.csv)" -eq 7 ] || fail "forecast.csv has not a header and six rows"
head -2 forecast.csv | tail -1 | grep -q '^2016-07-30 04:00:00,' || fail "the dates are not continued: $(head -2 forecast.csv | tail -1)"
"$spat" evaluate --model one/pruned.safetensors --synthetic --rows 700 | grep -q 'MSE' || fail "evaluate prints no MSE"

# refuses <text of the message> <arguments>...: exit code 2, the text on standard error, no model written.
refuses() {
  local expected=$1 code=0
  shift
  "$spat" "$@" > /dev/null 2> error.txt || code=$?
  [ "$code" -eq 2 ] || fail "exit code $code instead of 2: spat $*"
  grep -qF -- "$expected" error.txt || fail "no \"$expected\" in the message of spat $*: $(cat error.txt)"
  [ ! -e bad/dense.safetensors ] || fail "a model was written by spat $*"
}
csv() { { printf 'date,a,b\n'; for i in $(seq 10 40); do printf '2020-01-01 00:%s:00,%s,1%s\n' "$i" "$i" "$i"; done; } > bad.csv; }
bad() { refuses "$1" run --data bad.csv --lookback 4 --horizon 2 --heads 2 --width 16 --quiet --out bad; }

refuses 'absent.csv' run --data absent.csv --out bad
: > bad.csv; bad 'bad.csv'
csv; sed -i '5s/,.*,/,/' bad.csv; bad 'bad.csv:5'
csv; sed -i '7s/,1[0-9]*$/,n\/a/' bad.csv; bad 'bad.csv:7: column "b": "n/a" is not a number'
csv; sed -i '7s/,1[0-9]*$/,nan/' bad.csv; bad 'bad.csv:7'
csv; sed -i '7s/,1[0-9]*$/,inf/' bad.csv; bad 'bad.csv:7'
csv; sed -i '9s/^2020/2019/' bad.csv; bad 'bad.csv:9'
csv; sed -i '9,$d' bad.csv; bad 'rows'
csv; refuses 'no column "zzz"' run --data bad.csv --target zzz --out bad
head -c 3000000 /dev/zero | tr '\0' '1' > bad.csv; bad 'bad.csv:1'
refuses 'heads must divide width' run --synthetic --heads 7 --out bad
refuses 'cannot drop 9 modules' run --synthetic --drop 9 --out bad
refuses '--bogus' run --synthetic --bogus
refuses 'unknown protocol' run --synthetic --protocol zzz --out bad
refuses 'unknown schedule' run --synthetic --schedule zzz --out bad
head -c 500 one/dense.safetensors > cut.safetensors
refuses 'cut.safetensors' inspect cut.safetensors
refuses 'cut.safetensors' forecast --model cut.safetensors --synthetic
refuses 'was written with another seed' "${small[@]}" --epochs 3 --seed 2 --resume --out one
csv; refuses 'no column "demand"' forecast --model one/dense.safetensors --data bad.csv

# A full disk leaves the older file whole.
cp one/report.json kept.json
code=0
(trap '' XFSZ; ulimit -f 4; "$spat" "${small[@]}" --epochs 1 --quiet --out one > /dev/null 2> error.txt) || code=$?
[ "$code" -eq 2 ] && grep -q 'one/.*: ' error.txt || fail "a full disk: exit code $code, $(cat error.txt)"
[ -z "$(find one -newer kept.json -type f)" ] || fail "a full disk left something half-written"
cmp -s kept.json one/report.json || fail "a full disk harmed an older file"

# A gap and a repeated time are warnings that name the row, and errors when asked for.
csv; sed -i '12d' bad.csv
"$spat" run --data bad.csv --lookback 4 --horizon 2 --heads 2 --width 16 --epochs 1 --finetune-epochs 0 --quiet --out warned > /dev/null 2> error.txt ||
  fail "a gap is not accepted: $(cat error.txt)"
grep -q 'warning: bad.csv:12' error.txt || fail "no warning names the gap: $(cat error.txt)"
refuses 'bad.csv:12' run --data bad.csv --lookback 4 --horizon 2 --strict-times --out bad

[ "$failures" -eq 0 ] && echo "the tool: all checks passed"
exit "$failures"
