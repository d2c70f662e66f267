"""What `spat export --onnx` and --verify refuse, and in which words."""
import os
import re
import subprocess

from foreign_files import HORIZON, LOOKBACK, dated, hours, wave

SMALL = f"--lookback {LOOKBACK} --horizon {HORIZON} --epochs 1 --quiet --latency-seconds 0".split()

# Programs that take the place of python3 in --verify: what they do, and what is said then.
RUNTIMES = [
    ("exit 3", "--verify needs ONNX Runtime, and there is none: install one with pip install onnxruntime"),
    ("echo Traceback >&2; echo 'Fail: no such operator' >&2; exit 1", "ONNX Runtime (python3) fails on the file: Fail: no such operator"),
    ("kill -9 $$", "ONNX Runtime (python3) fails on the file"),
    ("printf abcd > \"$2/output\"; echo 9.9", "not written: the forecast of ONNX Runtime 9.9 (python3) has 1 numbers, that of spat 48"),
    ("head -c 192 /dev/zero > \"$2/output\"; echo 9.9", "not written: a forecast of ONNX Runtime 9.9 (python3) is "),
    ("head -c 192 /dev/zero | tr '\\0' '\\377' > \"$2/output\"", "not written: a forecast of ONNX Runtime"),  # no numbers
]


def check_words(check):
    check.name = "words"
    columns = {"load": wave(200, 10, 3), "temp": wave(200, -40, 90)}
    wide = check.write(dated(hours(200), columns))
    model = check.train(wide, model=["--model", "rlinear", *SMALL])
    small = "--set width=8 --set ffn_width=8 --set depth=1 --keep 1".split()
    mamba = check.train(wide, model=["--model", "smamba", *small, *SMALL])
    long = check.write("date,id,load\n" + "".join(f"{time},{name},{value}\n" for name, values in columns.items()
                                                   for time, value in zip(hours(200), values)))
    alone = check.train(long, "--long", "id,date,load", model=["--model", "rlinear", *SMALL])

    def refused(words, *arguments, env=None):
        out = check.place() / "out.onnx"
        done = subprocess.run([check.spat, "export", *map(str, arguments), "--onnx", out], capture_output=True, text=True, env=env)
        check.that(done.returncode == 2 and words in done.stderr, f"{arguments}: {done.returncode}, no \"{words}\" in {done.stderr!r}")
        check.that(not list(out.parent.iterdir()), f"{arguments}: left {list(out.parent.iterdir())}")
        check.that(not done.stdout, f"{arguments}: printed {done.stdout}")

    refused("S-Mamba", mamba)
    refused("S-Mamba", mamba, "--scaled")
    refused("(scaled)", alone)
    check.that(check.call("export", alone, "--scaled", "--quiet", "--onnx", check.place() / "a.onnx").returncode == 0, "alone, scaled")
    bare = check.write(without_data(model.read_bytes()), "bare.safetensors")
    refused("has no data description, so that its scaler is unknown: export it with --scaled", bare)
    check.that(check.call("export", bare, "--scaled", "--quiet", "--onnx", check.place() / "a.onnx").returncode == 0, "bare, scaled")
    done = check.call("export", model, "--onnx", "/nowhere/x.onnx")
    check.that(done.returncode == 2 and "/nowhere/x.onnx: cannot be written" in done.stderr, f"{done.returncode}, {done.stderr}")
    done = check.call("export", model, "--scaled", "--onnx", check.place() / "a.onnx", "--quiet")
    check.that(done.returncode == 0 and not done.stdout, f"--quiet: {done.returncode}, {done.stdout}")
    for script, words in RUNTIMES:
        folder = check.place()
        (folder / "python3").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (folder / "python3").chmod(0o755)
        temporary = check.place()
        refused(words, model, "--verify", env={"PATH": str(folder), "TMPDIR": str(temporary)})
        check.that(not list(temporary.iterdir()), f"{script}: left {list(temporary.iterdir())}")
    refused("--verify needs ONNX Runtime", model, "--verify", env={"PATH": str(check.place())})


def without_data(content):
    """A model's file without its data description, in the same places: the key is another one."""
    return content.replace(b'"spat.data"', b'"spat.none"')


def check_verified(check):
    """--verify in the real ONNX Runtime of some files."""
    for name, model in check.models_to_verify:
        for options in [], ["--scaled"]:
            check.name = " ".join(["verify", name, *options]).replace("/", " ")
            out = check.place() / "out.onnx"
            done = check.call("export", model, "--onnx", out, "--verify", *options)
            found = re.search(r"^verified +by ONNX Runtime \d\S* \(\w+\), 3 windows of noise: largest difference (\S+) of the range",
                              done.stdout, re.M)
            if check.that(done.returncode == 0 and found, f"exit code {done.returncode}: {done.stdout} {done.stderr}"):
                check.that(0 <= float(found[1]) <= 1e-5, f"difference {found[1]}")
            check.that(out.exists() and os.path.getsize(out) > 1000, "no file")
    check.name = "verify a high level"
    high = check.write(dated(hours(200), {"load": wave(200, 1e6, 2)}))
    model = check.train(high, model=["--model", "dlinear", *SMALL])
    for options in [], ["--scaled"]:
        said = check.call("export", model, "--onnx", check.place() / "out.onnx", "--verify", *options).stdout
        check.that(("as float has no more digits at the level of the data" in said) == (not options), f"{options}: {said}")
