#!/usr/bin/env python3
"""Compares what `spat import` makes of checkpoints with PyTorch's forecasts, and reads the words of its refusals.

  import.py SPAT

The checkpoints are the state dicts of the reference files (SPAT_FIXTURES, else ../shared/fixtures beside the source tree),
written by PyTorch: zip and legacy, under prefixes, with an optimizer beside them. Each is imported with a series that ends with
the window of the reference file, and forecast: the largest difference from PyTorch's forecast is at most 1e-5 of its range.
Without PyTorch (/usr/bin/python3) safetensors files take the place of its checkpoints; without reference files only refusals
and the commands that follow an import are tested. Both are said.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import import_files as files
from tool_check import Check

TORCH = "/usr/bin/python3"
FIXTURES = pathlib.Path(os.environ.get("SPAT_FIXTURES",
                                       pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "fixtures"))
# A reference file, the model, and the options that its shapes do not say; their values are in its metadata.
REFERENCES = [("itransformer_small_seed1", "itransformer", {"--heads": "heads"}),
              ("itransformer_mid_seed1", "itransformer", {"--heads": "heads"}),
              ("patchtst_small_seed1", "patchtst", {"--heads": "heads", "--lookback": "L", "--set stride": "stride"}),
              ("patchtst_mid_seed1", "patchtst", {"--heads": "heads", "--lookback": "L"}),
              ("crossformer_small_seed1", "crossformer", {"--heads": "heads", "--lookback": "L", "--horizon": "T"}),
              ("crossformer_pad_seed1", "crossformer", {"--heads": "heads", "--lookback": "L", "--horizon": "T"}),
              ("dlinear_small_seed1", "dlinear", {}),
              ("tsmixer_small_seed1", "tsmixer", {}),
              ("smamba_small_seed1", "smamba", {})]
FORMS = [("zip", ""), ("legacy", ""), ("zip", "module."), ("legacy", "_orig_mod.module."), ("lightning", "model.")]
RECORDS = {"heads": "n_heads", "L": "seq_len", "T": "pred_len", "stride": "stride"}


def write_torch(jobs, work):
    """Has PyTorch write checkpoints. Returns whether there is one."""
    todo = work / "jobs.json"
    todo.write_text(json.dumps(jobs))
    try:
        done = subprocess.run([TORCH, pathlib.Path(__file__).with_name("import_torch.py"), todo], capture_output=True, text=True)
    except FileNotFoundError:
        return False
    if done.returncode not in (0, 3):
        raise SystemExit(f"import_torch.py: {done.stderr}")
    return done.returncode == 0


def options_of(wanted, metadata):
    all_options = []
    for option, key in wanted.items():
        all_options += ["--set", f"{option[6:]}={metadata[key]}"] if option.startswith("--set ") else [option, metadata[key]]
    return all_options


def forecast(check, model, data):
    done = check.call("forecast", "--model", model, "--data", data)
    if not check.that(done.returncode == 0, f"forecast: {done.stderr[:300]}"):
        return None
    return [[float(cell) for cell in line.split(",")[1:]] for line in done.stdout.splitlines()[1:]]  # without steps


def compare(check, work, torch):
    """The forecasts of imported reference files."""
    jobs, imports = [], []
    for name, model, wanted in REFERENCES:
        tensors, metadata = files.read(FIXTURES / f"{name}.safetensors")
        lookback, channels = tensors["fixture.x"][1][1:]
        x, out = files.floats(tensors["fixture.x"][2]), files.floats(tensors["fixture.out"][2])
        window = [x[i * channels:(i + 1) * channels] for i in range(lookback)]  # of the first sample
        data = work / f"{name}.csv"
        scalers = files.series(data, channels, window)
        right = out[:tensors["fixture.out"][1][1] * channels]
        for number, (form, prefix) in enumerate(FORMS if torch else [("safetensors", ""), ("safetensors", "module.")]):
            source = files.write(work / f"{name}_{number}.safetensors", files.under(prefix, files.state_dict(tensors)))
            path = work / f"{name}_{number}.pth" if torch else source
            records = [(RECORDS[key], int(metadata[key])) for key in wanted.values()]
            jobs.append({"tensors": str(source), "out": str(path), "form": form, "records": records})
            given = [] if form == "lightning" else options_of(wanted, metadata)
            imports.append((name, model, form, prefix, path, data, given, right, scalers))
    if torch:
        write_torch(jobs, work)
    worst = {}
    for name, model, form, prefix, path, data, given, right, scalers in imports:
        check.name = f"{name}, {form}, prefix \"{prefix}\""
        out = check.place() / "model.safetensors"
        done = check.call("import", path, "--model", model, *given, "--data", data, "--out", out)
        if not check.that(done.returncode == 0, f"exit code {done.returncode}: {done.stderr[:400]}"):
            continue
        full = ("state_dict." if form == "lightning" else "") + prefix
        check.that((f"under the prefix \"{full}\"" in done.stdout) == bool(full), f"does not say the prefix: {done.stdout}")
        found = forecast(check, out, data)
        if found is None:
            continue
        for c, (mean, deviation) in enumerate(scalers):
            column = right[c::len(scalers)]
            spread = max(right) - min(right)
            for row, value in zip(found, column):
                difference = abs((row[c] - mean) / deviation - value) / spread
                worst[model] = max(worst.get(model, 0), difference)
                if not check.that(difference <= 1e-5, f"column {c}: {difference} of the range from PyTorch's"):
                    break
    for model, difference in worst.items():
        print(f"import {model}: largest difference from PyTorch {difference:.1e} of the range")


def torch_forms(check, work):
    """What only PyTorch writes: other types, and a whole module."""
    data = work / "forms.csv"
    files.series(data, 3)
    source = files.write(work / "source.safetensors", files.itransformer())
    forms = ["zip", "half", "bfloat", "double", "whole"]
    write_torch([{"tensors": str(source), "out": str(work / f"{form}.pth"), "form": form} for form in forms], work)
    usual = ["--model", "itransformer", "--heads", "2", "--data", data]
    results = {}
    for form, extra in (("zip", []), ("half", []), ("bfloat", []), ("double", ["--narrow"])):
        check.name = f"a checkpoint of {form}"
        out = check.place() / "model.safetensors"
        done = check.call("import", work / f"{form}.pth", *usual, *extra, "--out", out)
        if check.that(done.returncode == 0, done.stderr[:300]):
            results[form] = forecast(check, out, data)
    check.name = "types"
    if check.that(len(results) == 4, "not all types were read"):
        check.that(results["double"] == results["zip"], "float to double and back changes the forecast")
        for form, bound in (("half", 0.05), ("bfloat", 0.5)):
            apart = max(abs(a - b) for x, y in zip(results[form], results["zip"]) for a, b in zip(x, y))
            check.that(0 < apart < bound, f"{form}: forecasts differ by {apart}")
    check.name = "F64 without --narrow"
    check.refused(work / "double.pth", "F64 loses digits", "--narrow", command=["import", work / "double.pth", *usual])
    check.name = "a whole module"
    check.refused(work / "whole.pth", "whole.pth", "state_dict", command=["import", work / "whole.pth", *usual])


def commands(check, work):
    """What follows an import: inspect, evaluate, forecast, prune, and an import that takes its scaler."""
    check.name = "commands"
    data, out = work / "commands.csv", work / "commands.safetensors"
    files.series(data, 3, dated=True)
    path = files.write(work / "checkpoint.safetensors", files.itransformer())
    usual = ["import", path, "--model", "itransformer", "--heads", "2"]
    done = check.call(*usual, "--data", data, "--out", out)
    check.that(done.returncode == 0 and "marks = 4" in done.stdout, f"import: {done.stdout} {done.stderr}")
    for command in (["inspect", out], ["evaluate", "--model", out, "--data", data],
                    ["forecast", "--model", out, "--data", data]):
        done = check.call(*command)
        check.that(done.returncode == 0, f"{command[0]}: {done.stderr[:300]}")
    done = check.call("prune", "--model", out, "--data", data, "--drop", "1", "--finetune-epochs", "1", "--scoring-batches", "2",
                      "--latency-seconds", "0", "--quiet", "--out", work / "pruned")
    check.that(done.returncode == 0 and (work / "pruned" / "pruned.safetensors").exists(), f"prune: {done.stderr[:300]}")
    same, none = work / "same.safetensors", work / "none.safetensors"
    done = check.call(*usual, "--scaler-from", out, "--out", same)
    check.that(done.returncode == 0 and same.read_bytes() == out.read_bytes(), f"--scaler-from: {done.stderr[:300]}")
    done = check.call(*usual, "--data", data, "--no-scaler", "--quiet", "--out", none)
    check.that(done.returncode == 0 and not done.stdout, f"--no-scaler --quiet: {done.stdout} {done.stderr[:300]}")
    about = json.loads(files.read(none)[1]["spat.data"])
    check.that(about["mean"] == [0, 0, 0] and about["deviation"] == [1, 1, 1], f"--no-scaler: {about}")
    done = check.call("prune", "--model", none, "--data", data, "--drop", "1", "--finetune-epochs", "0", "--scoring-batches", "2",
                      "--latency-seconds", "0", "--quiet", "--out", work / "unscaled")
    about = json.loads(files.read(work / "unscaled" / "pruned.safetensors")[1]["spat.data"])
    check.that(done.returncode == 0 and about["mean"] == [0, 0, 0], f"prune of a model without scaler: {done.stderr} {about}")
    check.name = "pruned checkpoint"
    lacking = {name: one for name, one in files.itransformer().items() if ".1.attention." not in name}
    path = files.write(work / "lacking.safetensors", lacking)
    done = check.call("import", path, *usual[2:], "--data", data, "--out", out)
    check.that(done.returncode == 0 and "count as pruned: 10" in done.stderr, f"{done.stderr}")
    check.that("modules      10" in check.call("inspect", out).stdout, "inspect shows other modules")
    check.name = "map"
    other = {"last.bias" if name == "projection.bias" else name.replace("encoder.attn_layers.", "blocks."): one
             for name, one in files.itransformer().items()}
    path, names = files.write(work / "other.safetensors", other), work / "names.txt"
    names.write_text("# names\nblocks. = encoder.attn_layers.\nlast.bias = projection.bias\n")
    done = check.call("import", path, *usual[2:], "--map", names, "--data", data, "--out", out)
    check.that(done.returncode == 0 and out.read_bytes() == same.read_bytes(), f"a map gives another model: {done.stderr}")


def refusals(check, work):
    """Each refusal in its words; nothing is written."""
    data = work / "refusals.csv"
    files.series(data, 3, dated=True)
    usual = ["--model", "itransformer", "--heads", "2", "--data", data]
    made = files.itransformer()

    def refused(name, tensors, *expected, options=usual, metadata=None, extra=()):
        check.name = name
        path = files.write(check.place() / "checkpoint.safetensors", tensors, metadata)
        return check.refused(path, *expected, command=["import", path, *options, *extra])

    def without(*names, **more):
        return {**{name: one for name, one in made.items() if name not in names}, **more}

    refused("unknown model", made, "unknown model \"itransfomer\"", options=["--model", "itransfomer", "--data", data])
    refused("no scaler", made, "--data FILE", "--scaler-from", options=usual[:4])
    refused("all options at once", made, "--heads N", "--data FILE", options=usual[:2])
    refused("heads", made, "heads must divide width: heads 3, width 8", options=["--model", "itransformer", "--heads", "3",
                                                                              "--data", data])
    refused("contradiction", made, "--width 16", "has width 8", "enc_embedding.value_embedding.weight [8, 8]",
            extra=["--width", "16"])
    refused("contradicting records", made, "--heads 2", "hyper_parameters.n_heads = 4",
            metadata={"hyper_parameters.n_heads": "4"})
    refused("another activation", made, "activation = relu", metadata={"hyper_parameters.activation": "relu"})
    refused("dimensions", without(**{"encoder.attn_layers.0.conv1.weight": files.tensor([12, 8])}),
            "encoder.attn_layers.0.conv1.weight", "expected 3 dimensions, found shape [12, 8]")
    refused("shape", without(**{"encoder.norm.bias": files.tensor([7])}), "\"encoder.norm.bias\"", "[8]", "[7]")
    refused("missing", without("encoder.norm.bias", **{"encoder.norm.bais": files.tensor([8])}),
            "1 of the 38 tensors of iTransformer are missing", "\"encoder.norm.bias\" (nearest: \"encoder.norm.bais\" [8])")
    refused("a part of an attention", without("encoder.attn_layers.1.attention.key_projection.bias"),
            "\"encoder.attn_layers.1.attention.key_projection.bias\"")
    refused("another variant", without(**{"revin.affine_weight": files.tensor([3])}),
            "does not know 1 of its tensors", "\"revin.affine_weight\" [3]")
    refused("none of the model", {"a.weight": files.tensor([2])}, "no tensor has a name of iTransformer", "\"a.weight\"")
    refused("two prefixes", {**files.under("model.", made), **files.under("ema.", made)}, "\"ema.\"", "\"model.\"")
    refused("a prefix that is none", made, "no tensor of iTransformer is under the prefix \"net\"", extra=["--prefix", "net"])
    nan = struct.pack("<f", float("nan")) + made["encoder.norm.weight"][2][4:]
    refused("NaN", without(**{"encoder.norm.weight": ("F32", [8], nan)}), "encoder.norm.weight", "number 0 is not finite")
    double = struct.pack("<8d", *[1.0] * 8)
    refused("F64", without(**{"encoder.norm.weight": ("F64", [8], double)}), "\"encoder.norm.weight\"", "F64", "--narrow")
    refused("integers", without(**{"encoder.norm.weight": ("I64", [8], bytes(64))}), "\"encoder.norm.weight\"", "I64")
    refused("a model file of spat", made, "is a model file of spat already", metadata={"spat.model": "itransformer"})
    refused("--marks", made, "--marks has no effect without --data", options=[*usual[:4], "--scaler-from", data, "--marks", "h"])
    refused("--no-scaler", made, "--no-scaler has no effect without --data", options=[*usual[:4], "--no-scaler", "--scaler-from", data])
    for name, text, *expected in (("map without =", "a b\n", "names.txt, line 1:", "found \"a b\""),
                                  ("map of half a prefix", "\na. = b\n", "names.txt, line 2:", "prefix"),
                                  ("map twice", "encoder.norm.bias = x\nencoder.norm.bias = y\n", "line 2:", "named before"),
                                  ("map of nothing", "encoder.nrm.bias = x\n", "line 1:", "nearest: \"encoder.norm.bias\""),
                                  ("map to nothing", "encoder.norm.bias = encoder.nrm.bias\n", "line 1:",
                                   "iTransformer has no tensor \"encoder.nrm.bias\"; nearest: \"encoder.norm.bias\"")):
        names = check.place() / "names.txt"
        names.write_text(text)
        refused(name, made, *expected, extra=["--map", names])
    for name, content, words in (("empty", b"", "is empty"), ("text", b"no checkpoint at all", "is neither a checkpoint of PyTorch"),
                                 ("cut", struct.pack("<Q", 99) + b"{", "does not fit")):
        check.name = name
        check.refused(content, words, name="checkpoint.pth", command=["import", check.write(content, "checkpoint.pth"), *usual])
    tsmixer = {}
    for number, (name, shape) in enumerate({"model.0.temporal.0": [4, 8], "model.0.temporal.2": [8, 4],
                                            "model.0.channel.0": [4, 5], "model.0.channel.2": [5, 4],
                                            "projection": [2, 8]}.items()):
        tsmixer[name + ".weight"], tsmixer[name + ".bias"] = files.tensor(shape, seed=number), files.tensor(shape[:1])
    refused("channels", tsmixer, "has 5 channels (model.0.channel.0.weight [4, 5])", "has 3", "--columns",
            options=["--model", "tsmixer", "--data", data])
    check.name = "out"
    path = files.write(work / "fine.safetensors", made)
    done = check.call("import", path, *usual, "--out", work / "no folder" / "model.safetensors")
    check.that(done.returncode == 2 and "no folder/model.safetensors" in done.stderr, f"{done.returncode} {done.stderr}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        check = Check(str(pathlib.Path(sys.argv[1]).resolve()), work)
        torch = write_torch([], work)
        if not torch:
            print(f"SKIPPED: {TORCH} has no PyTorch: safetensors files take the place of its checkpoints")
        if FIXTURES.is_dir():
            compare(check, work, torch)
        else:
            print(f"SKIPPED: there are no reference files in {FIXTURES}")
        if torch:
            torch_forms(check, work)
        commands(check, work)
        refusals(check, work)
        print(f"{check.failures} failures")
        return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
