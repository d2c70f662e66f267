#!/bin/sh
# Trains, prunes and exports a forecaster, runs it on an emulated Cortex-M4, and compares its
# forecast with that of the tool.
#
#   run.sh SPAT [FOLDER]     SPAT is the tool; FOLDER, for all files, is build/cortex_m4 without it
#
# WEIGHTS is the type of the weights, f32, bf16 or int8. LIMIT is the largest difference, as a share
# of a column's range, that is not an error.
set -eu
: "${WEIGHTS:=int8}"
case $WEIGHTS in
  int8) : "${LIMIT:=0.02}" ;;
  bf16) : "${LIMIT:=0.01}" ;;
  *) : "${LIMIT:=1e-5}" ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
spat=$(cd "$(dirname "${1:?run.sh SPAT [FOLDER]}")" && pwd)/$(basename "$1")
folder=${2:-build/cortex_m4}
for needed in arm-none-eabi-gcc qemu-system-arm; do
  if ! command -v $needed > /dev/null; then
    echo "SKIPPED: $needed is not installed"
    exit 0
  fi
done
mkdir -p "$folder"
cd "$folder"

# two months of hours: a load, the temperature and the wind
awk 'BEGIN {
  print "temperature,wind,load"
  for (i = 0; i < 1440; ++i) {
    day = 6.2831853 * i / 24; noise = (i * i * 37) % 101 / 101
    t = 12 + 6 * sin(day - 2) + 4 * sin(day / 9) + noise; w = 5 + 2 * sin(day / 3.3) + 2 * noise
    printf "%.3f,%.3f,%.3f\n", t, w, 300 + 80 * sin(day - 1) - 5 * t + 3 * w + 10 * noise
  } }' > plant.csv
"$spat" run --data plant.csv --model itransformer --lookback 48 --horizon 12 --layers 3 \
  --width 32 --ffn 32 --heads 4 --epochs 3 --drop 2 --quiet --latency-seconds 0 --out model
"$spat" export model/pruned.safetensors --c plant.c --weights "$WEIGHTS"

# the last 48 rows of the file
{ echo "static const float history[] = {"
  tail -n 48 plant.csv | sed 's/,/f, /g; s/^/  /; s/$/f,/'
  echo "};"; } > window.h
arm-none-eabi-gcc -std=c99 -Wall -Wextra -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 \
  -mfloat-abi=hard -Os -ffunction-sections -fdata-sections -Wl,--gc-sections -nostartfiles \
  -specs=nosys.specs -I . -T "$here/board.ld" "$here/board.c" "$here/main.c" plant.c -lm \
  -o plant.elf
arm-none-eabi-size plant.elf
qemu-system-arm -M netduinoplus2 -nographic -monitor none -serial none \
  -semihosting-config enable=on,target=native -kernel plant.elf > board.csv 2>&1
cat board.csv

"$spat" forecast --model model/pruned.safetensors --data plant.csv --quiet |
  tail -n +2 | cut -d , -f 2- > tool.csv
paste -d , tool.csv board.csv | awk -F , -v limit="$LIMIT" '
  { for (i = 1; i <= NF / 2; ++i) {
      d = $i - $(i + NF / 2); if (d < 0) d = -d; if (d > off[i]) off[i] = d
      if (NR == 1 || $i > high[i]) high[i] = $i
      if (NR == 1 || $i < low[i]) low[i] = $i } }
  END { for (i in high) { share = off[i] / (high[i] - low[i]); if (share > most) most = share }
        printf "largest difference from spat forecast: %.1e of the range of a column\n", most
        exit !(NR == 12 && most <= limit) }'
