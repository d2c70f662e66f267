"""The processes that compare.py times. Each is a source of slices for one setting: (names, slice(), close())."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
KEEPS_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(256 << 20)}
LARGE = 300  # tokens in a batch from which on PyTorch's malloc is tuned: all of ECL and Traffic
TORCH = [sys.executable, "-B", HERE / "torch_times.py"]
ORT = ["node", HERE / "ort_times.mjs"]


class Spat:
    """bench_times; a process for each answer."""

    def __init__(self, program):
        self.program = program
        self.about = self.ask("about")
        self.configs = self.about["configs"]

    def ask(self, *words):
        command = [self.program, *map(str, words)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def peak(self, threads, seconds):
        return self.ask("peak", threads, min(0.2, seconds))["gflops"]

    def tokens(self, setting):
        config = self.configs[setting["config"]]
        if config["model"] == "patchtst":
            return setting["batch"] * config["channels"] * ((config["lookback"] - config["patch"]) // config["stride"] + 2)
        return setting["batch"] * (config["channels"] + config["marks"])


class SpatSlices:
    def __init__(self, spat, setting):
        self.spat, self.setting = spat, setting
        self.names = ("spat", "scored") if setting["task"] == "train" else ("spat",)

    def slice(self, name, prune, seconds):
        s = self.setting
        if name == "scored" and prune != "none":
            return {"times_us": []}  # SEND scores attention
        task = "train_scored" if name == "scored" else s["task"]
        return self.spat.ask(s["config"], s["batch"], s["threads"], task, prune, seconds)

    def close(self):
        pass


class Child:
    """A process that answers each line of JSON with one; RuntimeError when it has ended."""

    def __init__(self, command, environment=None, stderr=None):
        self.name = pathlib.Path(command[-1]).name
        self.process = subprocess.Popen(command, env=environment, text=True, stderr=stderr,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, kind, **request):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({kind: request}) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError(f"{self.name} ended; its message is above")
        return json.loads(line)

    def slice(self, name, prune, seconds):
        answer = self.ask("slice", peer=name, prune=prune, seconds=seconds)
        self.wait_until_asleep()
        return answer

    def wait_until_asleep(self):
        """Idle pools spin before they sleep: libgomp's for milliseconds, ONNX Runtime's for 40 ms to over a second."""
        after, end = self.spent(), time.monotonic() + 3
        while time.monotonic() < end:
            time.sleep(0.02)
            before, after = after, self.spent()
            if after - before < 500_000:
                break

    def spent(self):
        """Nanoseconds of processor time of all its threads."""
        total = 0
        for file in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # a thread may end meanwhile
                total += int(file.read_text().split()[0])
        return total

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def torch_environment(threads, tuned):
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(threads)
    return {**environment, **(KEEPS_MEMORY if tuned else {})}


class Torch(Child):
    """A process of its own for each setting: what malloc keeps does not pile up."""

    def __init__(self, spat, setting, malloc, prunes=("none", "all")):
        self.names = ("eager", "jit") if setting["task"] == "predict" else ("eager",)
        self.tuned = malloc == "tuned" or (malloc == "auto" and spat.tokens(setting) >= LARGE)
        super().__init__(TORCH, torch_environment(setting["threads"], self.tuned))
        self.missing = self.ask("setup", config=spat.configs[setting["config"]], batch=setting["batch"],
                                task=setting["task"], prunes=prunes)["missing"]
        self.wait_until_asleep()


class Ort(Child):
    """ONNX Runtime's own attention node is `ort-mha`. PyTorch writes the files, in a process that ends before any slice."""

    names = ("ort", "ort-mha")

    def __init__(self, spat, setting):
        config, batch = spat.configs[setting["config"]], setting["batch"]
        with tempfile.TemporaryDirectory() as folder:
            writer = Child(TORCH, torch_environment(setting["threads"], False))
            try:
                writer.ask("export", config=config, batch=batch, folder=folder)
            finally:
                writer.close()
            super().__init__(ORT)
            self.missing = self.ask("setup", folder=folder, shape=[batch, config["lookback"], config["channels"]],
                                    threads=setting["threads"])["missing"]
        self.wait_until_asleep()


def present(peers, notes):
    """What each of the peers that are here says about itself, {"torch": {...}, "ort": {...}}; notes say what is missing."""
    found = {}
    for peer, command, remedy in (("torch", TORCH, "Debian: python3-torch, libopenblas0-openmp"),
                                  ("ort", ORT, "Debian: nodejs, npm")):
        if peer not in peers and not (peer == "torch" and "ort" in peers):
            continue
        try:
            run = subprocess.run(command, env=torch_environment(1, False), input='{"about": {}}', text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if run.returncode == 0:
                found[peer] = json.loads(run.stdout)
                continue
            problem = (run.stderr.strip().splitlines() or ["no message"])[-1]
        except OSError as error:
            problem = f"no {error.filename}"
        notes.add(f"Without {peer}: {problem} ({remedy})")
    if "ort" in found and "torch" not in found:
        del found["ort"]
        notes.add("Without ort: PyTorch writes its ONNX files")
    return {peer: about for peer, about in found.items() if peer in peers}
