"""The targets that scripts/portability.py builds for: how each is compiled and run, and what is checked there."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    name: str
    compiler: tuple        # the command
    flags: tuple           # what the target needs, in every call of the compiler
    checks: tuple          # see KINDS in portability.py
    packages: tuple = ()   # of Debian 12
    runner: tuple = ()     # what runs a program that this machine cannot
    needs: tuple = ()      # files, programs or flags of the processor ("cpu:avx2") beside compiler and runner
    suffix: str = ""       # of a program's name
    note: str = ""         # what the table says beside compiler and flags


def debian(name, machine, checks, flags=(), emulator=None, **more):
    """A target of Debian's cross compilers, run by qemu's emulator of user programs if it has one."""
    compiler = f"{machine}-g++"
    runner = (f"qemu-{emulator}", "-L", f"/usr/{machine}") if emulator else ()
    return Target(name, (compiler,), flags, checks, packages=(f"g++-{machine}",) + (("qemu-user",) if emulator else ()),
                  runner=runner, **more)


def clang(version, library, checks, *flags, name=""):
    """A target of clang with one of the two standard libraries; Debian installs one libc++ at a time."""
    libcxx = library == "libc++"
    return Target(name or f"clang-{version}-{library}", ("clang++" if version == 14 else f"clang++-{version}",),
                  (*flags, *(("-stdlib=libc++",) if libcxx else ())), checks,
                  packages=("clang" if version == 14 else f"clang-{version}",) +
                  ((f"libc++-{version}-dev", f"libc++abi-{version}-dev") if libcxx else ()),
                  needs=(f"/usr/lib/llvm-{version}/include/c++/v1/vector",) if libcxx else ())


BASICS = ("parse", "quickstart")
X86_64 = {"v3": ("cpu:avx2", "cpu:fma", "cpu:bmi2"), "v4": ("cpu:avx512f", "cpu:avx512dq", "cpu:avx512bw", "cpu:avx512vl")}

TARGETS = [
    Target("native", ("g++",), (), (*BASICS, "tool")),
    Target("native-scalar", ("g++",), ("-DSPAT_SCALAR",), ("quickstart",)),
    *(Target(f"native-{level}", ("g++",), (f"-march=x86-64-{level}",), ("quickstart",), needs=needs)
      for level, needs in X86_64.items()),
    Target("native-c++23", ("g++",), ("-std=c++23",), BASICS),

    clang(14, "libstdc++", BASICS),
    clang(14, "libc++", ("refused spat: needs libc++ 16 or newer",)),
    clang(16, "libc++", (*BASICS, "tests core", "tests io")),
    clang(19, "libstdc++", BASICS),
    clang(19, "libc++", (*BASICS, "tests core", "tests io")),
    clang(19, "libstdc++", ("parse",), "-std=c++26", name="clang-19-c++26"),

    debian("aarch64", "aarch64-linux-gnu",
           (*BASICS, "tests core", "tests io", "tests data", "tests kernels", "tests train: determinism arithmetic allocations",
            "parity criteria", "parity models", "identity", "tool"), emulator="aarch64", note="NEON"),
    debian("armv7", "arm-linux-gnueabihf", (*BASICS, "tests core", "tests io", "tests kernels"), ("-Wno-psabi",), emulator="arm",
           note="hard float, scalar, 32 bits"),
    debian("riscv64", "riscv64-linux-gnu", (*BASICS, "tests kernels"), emulator="riscv64", note="scalar"),
    debian("i686-sse2", "i686-linux-gnu", (*BASICS, "tests core", "tests io", "tests kernels", "tests models: config checkpoint"),
           ("-msse2", "-mfpmath=sse"), note="32 bits"),
    debian("i686-x87", "i686-linux-gnu", ("refused spat: this target computes with more digits than a float has",),
           note="32 bits"),
    debian("s390x", "s390x-linux-gnu", ("refused spat: this target is big endian",), note="big endian"),

    Target("windows-mingw", ("x86_64-w64-mingw32-g++-posix",), ("-static", "-Wa,-mbig-obj"),
           (*BASICS, "tests core", "tests io", "tests data", "tests prune", "tool"),
           packages=("g++-mingw-w64-x86-64-posix", "wine64"), runner=("/usr/lib/wine/wine64",), suffix=".exe"),
    Target("macos-arm64", ("zig", "c++"), ("-target", "aarch64-macos"), ("parse", "link"),
           note="zig of npm; not run"),
]
