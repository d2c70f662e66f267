#!/usr/bin/env bash
# Tests the tool from the command line: the whole job for every model, equal bytes on any number of threads, and exit code 2
# for bad input. Usage: tool_test.sh <spat program>
set -euo pipefail
spat=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
fail() { printf 'FAIL %s\n' "$*"; failures=$((failures + 1)); }

# refuses <text of the message> <arguments>...: exit code 2, the text on standard error, no model written.
refuses() {
  local expected=$1 code=0
  shift
  "$spat" "$@" > /dev/null 2> error.txt || code=$?
  [ "$code" -eq 2 ] || fail "exit code $code instead of 2: spat $*"
  grep -qF -- "$expected" error.txt || fail "no \"$expected\" in the message of spat $*: $(cat error.txt)"
  [ ! -e bad/dense.safetensors ] || fail "a model was written by spat $*"
}

small=(run --synthetic --rows 700 --lookback 24 --horizon 6 --layers 3 --width 16 --ffn 16 --heads 2
  --latency-seconds 0)

# One training, the same with two workers, and one that stops after its first epoch and is resumed.
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
for key in seed command dense pruned modules mse mae parameters macs latency_ms median p10 p90 name score kept dead_parts; do
  grep -q "\"$key\"" one/report.json || fail "report.json lacks $key"
done

# The written files can be used.
"$spat" inspect one/pruned.safetensors > inspect.txt
grep -q 'modules .*1' inspect.txt || fail "inspect shows no mask"
"$spat" forecast --model one/pruned.safetensors --synthetic --rows 700 --out forecast.csv
[ "$(wc -l < forecast.csv)" -eq 7 ] || fail "forecast.csv has not a header and six rows"
head -2 forecast.csv | tail -1 | grep -q '^2016-07-30 04:00:00,' || fail "the dates are not continued: $(head -2 forecast.csv | tail -1)"
"$spat" evaluate --model one/pruned.safetensors --synthetic --rows 700 | grep -q 'MSE' || fail "evaluate prints no MSE"

# The same bytes after a resume, for a model with batch statistics; and its sizes by the names of its fields.
patches=("${small[@]}" --model patchtst --set patch=8 --set stride=4 --epochs 2 --quiet)
"$spat" "${patches[@]}" --out whole > /dev/null
"$spat" "${patches[@]}" --stop-after 1 --out parts > /dev/null 2>&1
"$spat" "${patches[@]}" --resume --out parts > /dev/null
for file in dense pruned; do
  cmp -s "whole/$file.safetensors" "parts/$file.safetensors" || fail "a resumed PatchTST has other bytes: $file"
done
"$spat" inspect whole/dense.safetensors > inspect.txt
grep -q '^stride  *4$' inspect.txt || fail "--set stride=4 made $(grep stride inspect.txt)"

# Modules kept by number, and the dead parts of a model without any attention.
"$spat" "${small[@]}" --epochs 1 --quiet --keep 000 --out kept > kept.txt
"$spat" inspect kept/pruned.safetensors > inspect.txt
grep -q '^modules  *000 ' inspect.txt || fail "--keep 000 kept $(grep modules inspect.txt)"
for file in kept.txt inspect.txt kept/report.json; do
  grep -q 'time marks' "$file" || fail "$file does not say that the time marks are dead"
done

# Nothing to remove: the dense model alone.
"$spat" "${small[@]}" --epochs 1 --quiet --drop 0 --out whole_only > whole_only.txt
[ ! -e whole_only/pruned.safetensors ] || fail "a pruned model was written, with nothing removed"
grep -q '"pruned": null' whole_only/report.json || fail "report.json has a pruned model, with nothing removed"
! grep -q 'change' whole_only.txt || fail "the table compares with a pruned model, with nothing removed"

# A trained model, pruned by each criterion; by each budget; by each schedule.
prune=(prune --model one/dense.safetensors --synthetic --rows 700 --finetune-epochs 1 --latency-seconds 0 --quiet)
for criterion in $("$spat" prune --help | tr -d ',\n' | sed 's/.*Criterion that ranks the modules: \(.*fisher *entropy\).*/\1/'); do
  "$spat" "${prune[@]}" --criterion "$criterion" --out by_criterion > run.txt 2> error.txt || fail "--criterion $criterion: $(cat error.txt)"
  grep -q "^criterion  $criterion" run.txt || fail "the table does not name the criterion $criterion"
  rm -r by_criterion
done
removed() {  # removed <how many> <arguments>: checks how many modules are removed
  local expected=$1 found
  shift
  "$spat" "${prune[@]}" "$@" --out budget > run.txt 2> error.txt || fail "spat prune $*: $(cat error.txt)"
  found=$(grep -c ' removed$' run.txt || true)
  [ "$found" -eq "$expected" ] || fail "spat prune $* removes $found modules instead of $expected"
}
removed 2 --drop 2
removed 2 --drop-ratio 0.67
removed 3 --drop-below 1e9
removed 1 --reduce-macs 0.1
removed 3 --reduce-parameters 0.5
removed 0 --latency-ms 1000
removed 3 --loss-increase 1000
removed 2 --drop 2 --when iterative
grep -q '^reference: dense, .*; the pruned model had 2 epochs)$' run.txt || fail "iterative: the reference is not named: $(cat run.txt)"
removed 2 --drop 2 --when in-training
removed 1 --drop 1 --distill 0.5 --when in-training
removed 1 --drop 1 --distill 0.5 --search
"$spat" prune --model one/pruned.safetensors --synthetic --rows 700 --drop 0 --latency-seconds 0 --quiet --out none > run.txt
! grep -q 'before fine-tuning\|change\|pruned.safetensors\|reference' run.txt || fail "nothing was removed, and is compared: $(cat run.txt)"
[ ! -e none/pruned.safetensors ] && grep -q '"pruned": null' none/report.json || fail "nothing was removed, and a pruned model reported"
for part in '<svg' 'Pareto' 'fine-tuned'; do grep -q "$part" budget/report.html || fail "report.html has no $part"; done
refuses 'the best that dropping modules reaches is MACs' "${prune[@]}" --reduce-macs 0.99 --out bad
refuses 'a latency of' "${prune[@]}" --latency-ms 1e-9 --out bad
refuses 'unknown pruning schedule "zzz"; expected one-shot' "${prune[@]}" --when zzz --out bad
refuses 'unknown search "zzz"; expected automatic' "${prune[@]}" --search --search-method zzz --drop 1 --out bad
for method in exhaustive greedy; do
  "$spat" "${prune[@]}" --drop 1 --search --search-method "$method" --out "by_$method" > /dev/null
done
count() { grep -o '"on_front"' "$1/report.json" | wc -l; }
[ "$(count by_exhaustive)" -eq 8 ] && [ "$(count by_greedy)" -eq 7 ] ||
  fail "exhaustive and greedy search report $(count by_exhaustive) and $(count by_greedy) masks of 8 and 7"
refuses 'no criterion is called "zzz"; there are send' "${prune[@]}" --criterion zzz --out bad

# A budget that no training can meet is refused before any, with the option, the value and the rule.
never() { refuses "$1" "${small[@]}" --quiet --out bad "${@:2}"; }
never '--reduce-macs 1.5: a reduction of MACs must lie in [0, 1], found 1.5' --reduce-macs 1.5
never 'the best that dropping modules reaches is MACs' --reduce-macs 0.99
never '--reduce-parameters -1: a reduction of parameters must lie in [0, 1], found -1' --reduce-parameters -1
never '--latency-ms -5: a latency must be positive and finite, found -5 ms' --latency-ms -5
never '--drop 99: cannot drop 99 modules: the model has 3' --drop 99
never '--drop-ratio: expected a finite number, found "nan"' --drop-ratio nan
never '--drop-below: expected a finite number, found "nan"' --drop-below nan
never '--loss-increase -2: the change of a loss must be above -1' --loss-increase -2
never '--origins: must be a number of at least 2, found "1"' --loss-increase 0.1 --origins 1
never 'at most one per validation window' --loss-increase 0.1 --origins 100000
for rate in -1 0 nan inf; do
  never "--finetune-rate: must be a positive, finite number, found \"$rate\"" --finetune-rate "$rate"
  never "--rate: must be a positive, finite number, found \"$rate\"" --rate "$rate"
done
for value in -0.1 1 nan; do
  never "--dropout: must be a number in [0, 1), found \"$value\"" --dropout "$value"
  never "--layer-drop: must be a number in [0, 1)" --layer-drop "$value"
  never "--average-decay: must be a number in [0, 1)" --average-decay "$value"
done
never '--clip: must be a finite number and not negative' --clip nan
never '--distill: must be a number in [0, 1], found "2"' --distill 2
refuses '--latency-seconds: must be a finite number and not negative' run --synthetic --latency-seconds -1 --out bad
never '--epochs: must be a number of at least 1, found "0"' --epochs 0
never '--batch: must be a number of at least 1' --batch 0
never '--threads: must be a number of at least 1' --threads 0
never '--scores-of best is for --when one-shot' --scores-of best --when iterative
refuses '--scoring-batches: must be a number of at least 1' "${prune[@]}" --scoring-batches 0 --out bad

# Scores after the last epoch, or after the best one; seeds of 64 bits, and a training of one resumed.
for scores in last best; do
  "$spat" "${small[@]}" --epochs 4 --seed 18446744073709551615 --scores-of "$scores" --quiet --out "of_$scores" > "of_$scores.txt"
  grep -q '^scores are those after epoch . of the training, weights those of epoch ., the best one$' "of_$scores.txt" ||
    fail "the table does not name the epochs of scores and weights: $(cat "of_$scores.txt")"
done
"$spat" "${small[@]}" --epochs 4 --seed 18446744073709551615 --stop-after 2 --quiet --out big > /dev/null 2>&1
"$spat" "${small[@]}" --epochs 4 --seed 18446744073709551615 --resume --quiet --out big > /dev/null
cmp -s big/pruned.safetensors of_last/pruned.safetensors || fail "a resumed training of a large seed has other bytes"

# Pruning during training, and tests on other data (zero-shot).
"$spat" "${small[@]}" --epochs 4 --when in-training --drop 2 --quiet --out early > run.txt
[ "$(grep -c ' removed$' run.txt)" -eq 2 ] || fail "in-training removes $(grep -c ' removed$' run.txt) modules"
[ ! -e early/dense.safetensors ] || fail "in-training writes a dense model"
for stop in 1 3; do
  "$spat" "${small[@]}" --epochs 4 --when in-training --drop 2 --stop-after "$stop" --quiet --out late > /dev/null 2>&1
  [ ! -e late/pruned.safetensors ] || fail "a training that stopped before its end wrote a finished model"
  "$spat" "${small[@]}" --epochs 4 --when in-training --drop 2 --resume --quiet --out late > /dev/null
  cmp -s early/pruned.safetensors late/pruned.safetensors || fail "stopped after epoch $stop, in-training has other bytes"
  rm -r late
done
# A state is resumed by the same run alone; the message names the first difference.
another() { refuses "one/training.safetensors: was written by a run with $1" "${small[@]}" --epochs 3 --resume --out one "${@:2}"; }
another 'pruning.schedule=one-shot, this one has pruning.schedule=in-training' --when in-training --drop 1
another 'criterion=send, this one has criterion=entropy' --criterion entropy
another 'criterion.variant=signed_sum, this one has criterion.variant=absolute_mean' --send-variant absolute_mean
another 'training.seed=1, this one has training.seed=2' --seed 2
another 'pruning.budget_value=1, this one has pruning.budget_value=2' --drop 2
another 'data.stride=1, this one has data.stride=2' --window-stride 2
refuses 'was written by a run with data.rows=700, this one has data.rows=701' "${small[@]/#700/701}" --epochs 3 --resume --out one
another 'model.marks=4, this one has model.marks=5' --marks t
another 'fine_tuning.patience=3, this one has fine_tuning.patience=1' --finetune-patience 1
refuses 'need a dense model' "${small[@]}" --epochs 4 --when in-training --drop 2 --search --out bad
refuses '--finetune-epochs must be at least 1' prune --model one/dense.safetensors --synthetic --rows 700 --drop 1 --when in-training --finetune-epochs 0 --out bad
refuses '--keep fixes the modules' "${small[@]}" --when iterative --keep 101 --out bad
"$spat" "${small[@]}" --epochs 2 --when in-training --drop 0 --quiet --out nothing > run.txt
[ -e nothing/dense.safetensors ] && grep -q 'test MSE  *0' run.txt || fail "in-training that removes nothing has no result: $(cat run.txt)"
# Resumed after the end of training: the same choice, by a criterion whose scores lie close together.
close=(run --synthetic --rows 700 --lookback 24 --horizon 6 --layers 4 --width 16 --ffn 16 --heads 2 --epochs 2 --batch 64 --finetune-epochs 0
  --drop 2 --criterion taylor2 --seed 3 --latency-seconds 0 --quiet --out close)
"$spat" "${close[@]}" > /dev/null && cp close/pruned.safetensors close.safetensors && "$spat" "${close[@]}" --resume > /dev/null
cmp -s close.safetensors close/pruned.safetensors || fail "a training resumed after its end prunes otherwise"
refuses '--layer-drop skips attention modules, and smamba has none' run --synthetic --model smamba --layer-drop 0.2 --out bad
{ printf 'date,a,b\n'; for i in $(seq 100 799); do printf '%s,%s,%s\n' "$i" "$((i % 24))" "$((i % 7))"; done; } > other.csv
refuses 'other.csv: no column' "${small[@]}" --epochs 1 --test-data other.csv --out bad
"$spat" run --data other.csv --lookback 24 --horizon 6 --layers 2 --width 16 --ffn 16 --heads 2 --epochs 2 --finetune-epochs 1 \
  --latency-seconds 0 --quiet --test-data other.csv:custom --out zero > run.txt
grep -q '^zero-shot' run.txt || fail "no zero-shot errors in the table"

# A model's own data as test data gives the figures of the table: read by the protocol and marks of the model, columns by name.
seq -f '@%.0f' 0 3600 $((3600 * 14399)) | date -u -f - '+%F %T' |
  awk 'BEGIN { print "date,a,b" } { print $0 "," NR % 24 + NR % 5 "," NR % 7 * 2 + NR / 1000 }' > hours.csv
awk -F, -v OFS=, '{ print $1, $3, $2 }' hours.csv > turned.csv
hours=(--data hours.csv --window-stride 40 --test-stride 40 --drop 1 --finetune-epochs 1 --latency-seconds 0 --quiet
  --test-data hours.csv --test-data turned.csv --out hours)
same_figures() {  # same_figures <command>: the zero-shot rows repeat pruned MSE and change of the table
  local expected row
  expected=$(awk '/^test MSE/ { print $5, $6 }' run.txt)
  for row in hours turned; do
    [ "$(awk -v row="$row" '$1 == row { print $3, $4 }' run.txt)" = "$expected" ] ||
      fail "spat $1: test data $row has other figures than the table, $expected: $(cat run.txt)"
  done
}
"$spat" run "${hours[@]}" --protocol ett-hourly --marks t --target a --lookback 24 --horizon 6 --layers 2 --width 16 --ffn 16 --heads 2 \
  --epochs 2 > run.txt
same_figures run
"$spat" prune "${hours[@]}" --model hours/dense.safetensors --scoring-batches 2 > run.txt
same_figures prune
"$spat" evaluate --model hours/dense.safetensors --data turned.csv > turned.txt
"$spat" evaluate --model hours/dense.safetensors --data hours.csv | cmp -s - turned.txt || fail "evaluate depends on the order of columns"
refuses '--marks d contradicts the model, which was trained with --marks t' \
  evaluate --model hours/dense.safetensors --data hours.csv --marks d
cut -d, -f2,3 hours.csv > undated.csv
refuses 'time marks need a column of dates, which the series lacks' \
  prune --data hours.csv --model hours/dense.safetensors --test-data undated.csv --out bad
refuses '--synthetic: no column "b"; the columns are' \
  evaluate --model hours/dense.safetensors --synthetic

# A saved model meets other data: it is scaled by the model's scaler, and the model knows the missing code and the calendar.
awk -F, -v OFS=, 'NR == 1 { print; next } { print $1, 2 * $2 + 100, 2 * $3 + 100 }' hours.csv > shifted.csv
"$spat" evaluate --model hours/dense.safetensors --data shifted.csv > deployed.txt
"$spat" evaluate --model hours/dense.safetensors --data shifted.csv --refit-scaler > refit.txt
grep -q 'scaler of the model' deployed.txt || fail "evaluate does not say that the scaler is the model's: $(cat deployed.txt)"
cmp -s <(grep '^MSE' refit.txt) <(grep '^MSE' turned.txt) || fail "--refit-scaler: a shifted series has other errors: $(cat refit.txt)"
cmp -s <(grep '^MSE' deployed.txt) <(grep '^MSE' refit.txt) && fail "--refit-scaler changes nothing"
means() { grep -ao '"mean":.*"lookback"' "$1"; }
moved=(prune --model hours/dense.safetensors --window-stride 40 --drop 1 --finetune-epochs 1 --scoring-batches 2 --latency-seconds 0 --quiet)
head -12000 hours.csv > newer.csv
"$spat" "${moved[@]}" --data newer.csv --protocol custom --out moved > /dev/null
cmp -s <(means moved/pruned.safetensors) <(means hours/dense.safetensors) || fail "prune on newer data changes the scaler"
"$spat" "${moved[@]}" --data shifted.csv --out moved > run.txt 2> warnings.txt
grep -q 'deviations from that of the data that the model was trained on: the scaler is fitted anew' warnings.txt ||
  fail "prune on data far away does not fit the scaler anew: $(cat warnings.txt)"
[ "$("$spat" evaluate --model moved/pruned.safetensors --data shifted.csv | awk '/^MSE/ { printf "%.4f", $2 }')" = \
  "$(awk '/^test MSE/ { print $5 }' run.txt)" ] || fail "a model pruned on other data has other errors than its report: $(cat run.txt)"
bars=(--model rlinear --epochs 1 --latency-seconds 0 --quiet)
seq -f '@%.0f' 0 1800 $((1800 * 48 * 60)) | TZ=UTC0 date -u -f - '+%F %T,%u,%H%M' |
  awk -F, 'BEGIN { print "date,a" } $2 < 6 && $3 >= 900 && $3 <= 1530 { print $1 "," (NR % 5 ? NR % 14 : -999) }' > bars.csv
"$spat" run --data bars.csv --missing-code -999 "${bars[@]}" --lookback 24 --horizon 4 --out bars > /dev/null 2> warnings.txt
[ "$(wc -l < warnings.txt)" -eq 1 ] || fail "not one warning about missing codes: $(cat warnings.txt)"
head -n -2 bars.csv > cut.csv  # the last day ends at 14:30
"$spat" forecast --model bars/dense.safetensors --data cut.csv 2> /dev/null | cut -d, -f1 | cut -c12-16 | paste -sd' ' > times.txt
[ "$(cat times.txt)" = ' 15:00 15:30 09:00 09:30' ] || fail "half hours of a market go on with $(cat times.txt)"
"$spat" forecast --model bars/dense.safetensors --data cut.csv 2> /dev/null | awk -F, 'NR > 1 && $2 < 0 { exit 1 }' ||
  fail "the missing code was forgotten"
refuses '--missing-code -1 contradicts the model, which was trained with --missing-code -999' \
  forecast --model bars/dense.safetensors --data bars.csv --missing-code -1
refuses 'the series has frequency h, the one that the model was trained on 30min B 09:00-15:30; --frequency overrides' \
  forecast --model bars/dense.safetensors --data hours.csv
cut -d, -f1,2 hours.csv > one.csv
"$spat" forecast --model bars/dense.safetensors --data one.csv --frequency h 2> /dev/null | tail -1 | grep -q ' 03:00:00,' ||
  fail "--frequency does not override the calendar of the model"
refuses 'frequency "x": expected a number and one of' run --synthetic --frequency x --out bad
refuses '--marks h: rlinear reads no time marks' run --synthetic --model rlinear --marks h --out bad
# Any number of columns; the features of one read one.
awk 'BEGIN { for (r = 0; r < 61; ++r) { line = r ? "" : "date"; if (r) line = sprintf("2024-03-%02d", (r - 1) % 31 + 1);
  if (r > 31) line = sprintf("2024-04-%02d", r - 31); for (c = 0; c < 1500; ++c) line = line "," (r ? (r * c) % 17 : "s" c); print line } }' > wide.csv
"$spat" run --data wide.csv --model rlinear --lookback 6 --horizon 2 --epochs 1 --latency-seconds 0 --quiet --out wide > /dev/null
"$spat" evaluate --model wide/dense.safetensors --data wide.csv | grep -q '^MSE' || fail "1500 columns cannot be read again"
"$spat" run --data wide.csv "${bars[@]}" --lookback 6 --horizon 2 --features S --target s3 --out single > /dev/null
cut -d, -f1,5 wide.csv > narrow.csv
"$spat" forecast --model single/dense.safetensors --data narrow.csv | grep -q '^date,s3$' || fail "features S need other columns"

# Intervals: in the file, in forecasts, and their coverage of the test part.
"$spat" forecast --model one/pruned.safetensors --synthetic --rows 700 --intervals 80,95 > bands.csv
awk -F, 'NR == 1 { n = NF; exit (n - 1) % 5 } ' bands.csv || fail "two intervals make not five columns of one: $(head -1 bands.csv)"
awk -F, 'NR > 1 { c = (NF - 1) / 5; for (i = 2; i <= c + 1; ++i) { l = c + 2 * (i - 1); if (!($l <= $i && $i <= $(l + 1) && $(l + 2 * c) <= $l)) exit 1 } }' bands.csv ||
  fail "intervals do not lie in each other: $(head -2 bands.csv)"
refuses 'no intervals of 70 %; the model has those of 50, 80, 90, 95, 99' forecast --model one/pruned.safetensors --synthetic --rows 700 --intervals 70
"$spat" evaluate --model one/pruned.safetensors --synthetic --rows 700 > covers.txt
grep -q '^ *80 % *[0-9.]* %' covers.txt || fail "evaluate says nothing of the coverage of intervals: $(cat covers.txt)"

# Files in other forms: the form is told, remembered where it is ambiguous, and that of the forecast.
awk 'BEGIN { print "Zeit;Last;Ort"; for (r = 0; r < 80; ++r) { m = r % 12 + 1; printf "01/%02d/%d;%d,5;x\n", m, 1990 + (r - r % 12) / 12, r * r % 17 } }' > german.csv
"$spat" run --data german.csv "${bars[@]}" --lookback 6 --horizon 2 --out german > /dev/null 2> notes.txt
for note in 'fields are separated by ";"' 'numbers have a decimal comma' 'is read as dmy' 'column "Ort", such as "x" holds text'; do
  grep -qF "$note" notes.txt || fail "the note is missing that $note: $(cat notes.txt)"
done
[ "$("$spat" forecast --model german/dense.safetensors --data german.csv 2> /dev/null | cut -d, -f1 | paste -sd' ')" = 'Zeit 01/09/1996 01/10/1996' ] ||
  fail "a forecast does not go on in the form of its file"
head -8 german.csv > short.csv  # too short to tell days from months; the model knows
"$spat" forecast --model german/dense.safetensors --data short.csv 2> /dev/null | grep -q '^01/08/1990,' || fail "the form of ambiguous dates was forgotten"
printf 'date,a\n01/02/2023,1\n01/03/2023,2\n01/04/2023,3\n' > both.csv
refuses '--date-format' run --data both.csv "${bars[@]}" --out bad
refuses 'undated.csv: there are no dates to make time marks of: without --marks' run --data undated.csv --marks h --out bad
refuses 'columns 2 and 3 are both called "a"' run --data <(printf 'date,a,a\n2023-01-01,1,2\n') "${bars[@]}" --out bad
refuses '--separator: expected one sign or tab, found ",,"' run --data german.csv --separator ,, --out bad

# The comparison of criteria is the same twice, times aside; options that make modules removable are taken.
compare=(compare "${small[@]:1:13}" --epochs 3 --finetune-epochs 1 --latency-seconds 0 --layer-drop 0.2 --averaging ema --quiet)
for turn in first second; do
  "$spat" "${compare[@]}" --threads 2 --out "$turn" | sed '/^written/d' > "$turn.txt"
  sed -i '/seconds\|command/d' "$turn/compare.json"
done
cmp -s first.txt second.txt && cmp -s first/compare.json second/compare.json || fail "spat compare differs from itself"
for row in send leave_one_out random drop_last 'best in hindsight'; do grep -q "^$row " first.txt || fail "no row $row in the comparison"; done
refuses 'no criterion scores the modules' compare --model dlinear --synthetic --epochs 1 --out bad

"$spat" latency --synthetic --lookback 24 --horizon 6 --layers 3 --width 16 --ffn 16 --heads 2 --seconds 0 --csv > latency.csv
[ "$(wc -l < latency.csv)" -eq 9 ] || fail "spat latency has $(wc -l < latency.csv) lines for three modules"

# Features S: the last column from itself alone, in its own units.
"$spat" "${small[@]}" --epochs 1 --quiet --features S --out single > /dev/null
"$spat" evaluate --model single/dense.safetensors --synthetic --rows 700 | grep -q 'MSE' || fail "features S: no MSE"
"$spat" forecast --model single/dense.safetensors --synthetic --rows 700 > forecast.csv
[ "$(head -1 forecast.csv)" = date,oil_temperature ] || fail "features S: the forecast's columns are $(head -1 forecast.csv)"
awk -F, 'NR > 1 && ($2 < 0 || $2 > 60) { exit 1 }' forecast.csv || fail "features S: another column's units: $(cat forecast.csv)"

# Every architecture: its line in the table, one epoch, pruning if it has modules, and use.
"$spat" models --markdown > table.md
tail -n "$(wc -l < table.md)" "$root/docs/models.md" | cmp -s - table.md ||
  fail "docs/models.md has another table than the tool; sed -i '/^Default conf/,\$d' docs/models.md; spat models --markdown >> docs/models.md"
for model in $(sed -n '5,$s/^| \([^ ]*\).*/\1/p' table.md); do
  "$spat" models "$model" > fields.txt
  tiny=(run --model "$model" --synthetic --rows 600 --lookback 48 --horizon 12 --epochs 1 --latency-seconds 0 --quiet)
  [[ ! $model =~ ^(dlinear|rlinear|tsmixer)$ ]] ||
    refuses "--finetune-epochs has no effect without modules, and $model has no modules to remove" "${tiny[@]}" --finetune-epochs 1 --out bad
  for size in width=8 ffn_width=8 heads=2 depth=2; do
    ! grep -q "^${size%=*} = " fields.txt || tiny+=(--set "$size")
  done
  "$spat" "${tiny[@]}" --out "$model" > run.txt || { fail "$model is not trained"; continue; }
  "$spat" inspect "$model/dense.safetensors" > inspect.txt
  kept=$(sed -n 's/^modules  *\([01]*\) .*/\1/p' inspect.txt)
  grep -q '^heads = ' fields.txt || refuses "--heads: $model has no heads; it has lookback = 96" "${tiny[@]}" --heads 2 --out bad
  [ -n "$kept" ] || refuses "$model has no modules to remove" "${tiny[@]}" --drop 1 --out bad
  if [ -n "$kept" ] && [ ! -e "$model/pruned.safetensors" ]; then
    refuses '--keep MASK' "${tiny[@]}" --drop 1 --out bad
    "$spat" "${tiny[@]}" --keep "0${kept:1}" --out "$model" > run.txt || fail "$model is not pruned by name"
  fi
  for file in dense pruned; do
    [ "$file" = dense ] || [ -n "$kept" ] || continue
    "$spat" inspect "$model/$file.safetensors" > inspect.txt
    grep -q '^parameters' inspect.txt || fail "$model, $file: inspect"
    "$spat" evaluate --model "$model/$file.safetensors" --synthetic --rows 600 | grep -q MSE || fail "$model, $file: evaluate"
    "$spat" forecast --model "$model/$file.safetensors" --synthetic --rows 600 > forecast.csv
    [ "$(wc -l < forecast.csv)" -eq 13 ] || fail "$model, $file: forecast"
  done
done

# Features MS where a model can: the last column from all, alone in the forecast, in its own units.
for model in $(sed -n '5,$s/^| \([^ ]*\).*/\1/p' table.md); do
  "$spat" models "$model" > fields.txt
  grep -q '^targets' fields.txt || continue
  "$spat" run --model "$model" --features MS --synthetic --rows 600 --lookback 48 --horizon 12 --width 8 --ffn 8 --heads 2 \
    --epochs 1 --latency-seconds 0 --quiet --out "$model" > /dev/null
  "$spat" evaluate --model "$model/dense.safetensors" --synthetic --rows 600 | grep -q MSE || fail "$model, features MS: evaluate"
  "$spat" forecast --model "$model/dense.safetensors" --synthetic --rows 600 > forecast.csv
  [ "$(head -1 forecast.csv)" = date,oil_temperature ] || fail "$model, features MS: the forecast is of $(head -1 forecast.csv)"
done

csv() { { printf 'date,a,b\n'; for i in $(seq 10 40); do printf '2020-01-01 00:%s:00,%s,1%s\n' "$i" "$i" "$i"; done; } > bad.csv; }
bad() { refuses "$1" run --data bad.csv --lookback 4 --horizon 2 --heads 2 --width 16 --ffn 16 --quiet --out bad; }

refuses 'absent.csv' run --data absent.csv --out bad
: > bad.csv; bad 'bad.csv'
csv; sed -i '5s/,.*,/,/' bad.csv; bad 'bad.csv:5'
csv; sed -i '7s/,1[0-9]*$/,n\/a/' bad.csv; bad 'bad.csv:7: column "b": "n/a" is not a number'
csv; sed -i '7s/,1[0-9]*$/,nan/' bad.csv; bad 'bad.csv:7'
csv; sed -i '7s/,1[0-9]*$/,inf/' bad.csv; bad 'bad.csv:7'
csv; sed -i '9s/^2020/2019/' bad.csv; bad 'bad.csv:9'
csv; sed -i '9,$d' bad.csv; bad 'rows'
csv; refuses 'no column "zzz"' run --data bad.csv --target zzz --out bad
head -c 20000000 /dev/zero | tr '\0' '1' > bad.csv; bad 'bad.csv:1'
refuses 'heads must divide width' run --synthetic --heads 7 --out bad
refuses 'cannot drop 9 modules' run --synthetic --drop 9 --out bad
refuses '--bogus' run --synthetic --bogus
for number in -1 010x 0x10 1e3 9223372036854775808; do
  refuses "found \"$number\"" run --synthetic --epochs "$number" --out bad
done
for number in nan inf 1e999 1x; do
  refuses "--finetune-rate: must be a positive, finite number, found \"$number\"" run --synthetic --finetune-rate "$number" --out bad
done
refuses '--missing-code: expected a finite number, found "nan"' run --synthetic --missing-code nan --out bad
refuses '--no-instance-norm: expected true or false, found "ff"' run --synthetic --no-instance-norm=ff --out bad
refuses '--quiet: expected true or false, found "2"' run --synthetic --quiet=2 --out bad
refuses '--set width=-8: width: expected a whole number, found "-8"' run --synthetic --set width=-8 --out bad
refuses 'width: expected a whole number, found "9223372036854775808"' run --synthetic --set width=9223372036854775808 --out bad
refuses 'unknown protocol' run --synthetic --protocol zzz --out bad
refuses 'unknown learning rate schedule' run --synthetic --schedule zzz --out bad
refuses 'unknown features' run --synthetic --features zzz --out bad
refuses 'unknown model "zzz"; expected one of' run --synthetic --model zzz --out bad
refuses 'unknown model "zzz"; expected one of' models zzz
refuses '--set patch=4: itransformer has no patch; it has lookback = 96, horizon = 96, width = 512' run --synthetic --set patch=4 --out bad
refuses '--set width: expected NAME=VALUE' run --synthetic --set width --out bad
refuses '--set width=x: width: expected a whole number, found "x"' run --synthetic --set width=x --out bad
refuses '--set instance_norm=2: instance_norm: expected true or false' run --synthetic --set instance_norm=2 --out bad
refuses '--set width=8: width is already set by --width' run --synthetic --width 16 --set width=8 --out bad
refuses 'channels come from the data' run --synthetic --set channels=3 --out bad
refuses 'itransformer forecasts every channel' run --synthetic --features MS --out bad
refuses '--keep: expected 2 digits 0 or 1, one per module, found "101"' run --synthetic --keep 101 --out bad
refuses '--keep: expected 2 digits 0 or 1' run --synthetic --keep 12 --out bad
refuses '--keep' run --synthetic --keep 10 --drop 1 --out bad
head -c 500 one/dense.safetensors > cut.safetensors
refuses 'cut.safetensors' inspect cut.safetensors
refuses 'cut.safetensors' forecast --model cut.safetensors --synthetic
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
"$spat" run --data bad.csv --lookback 4 --horizon 2 --heads 2 --width 16 --ffn 16 --epochs 1 --finetune-epochs 0 --latency-seconds 0 \
  --quiet --out warned > /dev/null 2> error.txt ||
  fail "a gap is not accepted: $(cat error.txt)"
grep -q 'warning: bad.csv:12' error.txt || fail "no warning names the gap: $(cat error.txt)"
refuses 'bad.csv:12' run --data bad.csv --lookback 4 --horizon 2 --strict-times --out bad

[ "$failures" -eq 0 ] && echo "the tool: all checks passed"
exit "$failures"
