#!/usr/bin/python3
"""check_size.py SOURCE_DIR SOURCES...: builds the library for small processors, prints what it costs and holds it to its bounds.

Code is what a program links that makes every call of the header but those that give words for people; RAM is struct vch_device and
the deepest stack under a call, from GCC's call graph. Callbacks of the caller's and the C library's functions are not in either."""
import pathlib
import re
import subprocess
import sys
import tempfile

CC = "arm-none-eabi-gcc"
CODE_MAX, RAM_MAX = 16 * 1024, 2 * 1024
HEADER = "include/vouch/device.h"
BOUND = "cortex-m4"  # held to the bounds; the others are printed


def run(*args, **kwargs):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True, **kwargs).stdout


def compile_all(source, files, cpu, folder):
    for file in files:
        run(CC, f"-mcpu={cpu}", "-mthumb", "-std=c11", "-pedantic", "-Os", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections",
            "-fcallgraph-info=su", f"-ffile-prefix-map={source}/=", f"-I{source}/src", f"-I{source}/include", "-c", file,
            "-o", folder / (pathlib.Path(file).stem + ".o"))


def linked(cpu, folder, calls):
    image = folder / "all.elf"
    run(CC, f"-mcpu={cpu}", "-mthumb", "-Os", "-nostdlib", "-Wl,--gc-sections", "-Wl,-e," + calls[0], *[f"-Wl,-u,{c}" for c in calls],
        "-Wl,--unresolved-symbols=ignore-all", "-o", image, *sorted(folder.glob("*.o")))
    sizes = {}
    for line in run("arm-none-eabi-size", "-A", image).splitlines():
        words = line.split()
        if len(words) == 3 and words[0].startswith("."):
            sizes[words[0]] = int(words[1])
    writable = sizes.get(".data", 0) + sizes.get(".bss", 0)
    return sizes[".text"] + sizes.get(".rodata", 0), writable


def stacks(folder):
    """Frame and callees of each function."""
    frames, edges = {}, {}
    for graph in folder.glob("*.ci"):
        text = graph.read_text()
        for name, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]*)"', text):
            used = re.search(r"(\d+) bytes \((\w+)\)", label)
            if used:
                assert used[2] == "static", f"{name}: the stack it takes is not fixed"
                frames[name] = int(used[1])
        for caller, callee in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            edges.setdefault(caller, set()).add(callee)
    return frames, edges


def deepest(name, frames, edges, path=()):
    assert name not in path, "recursion: " + " > ".join(path + (name,))
    below = [deepest(c, frames, edges, path + (name,)) for c in edges.get(name, ()) if c in frames]
    best = max(below, default=(0, ()), key=lambda b: b[0])
    return frames[name] + best[0], (name,) + best[1]


def device_size(source, cpu, folder):
    probe = folder / "probe.c"
    probe.write_text('#include "vouch/device.h"\nchar size_is[sizeof(struct vch_device)];\n')
    run(CC, f"-mcpu={cpu}", "-mthumb", f"-I{source}/include", "-c", probe, "-o", folder / "probe.out")
    return int(run("arm-none-eabi-nm", "-S", folder / "probe.out").split()[1], 16)


def measure(source, files, cpu, folder):
    compile_all(source, files, cpu, folder)
    calls = sorted(set(re.findall(r"\b(vch_device_[a-z]+(?:_[a-z]+)*)\(", re.sub(r"/\*.*?\*/", "", (source / HEADER).read_text(), flags=re.S))))
    plain = [c for c in calls if not c.endswith("_word")]
    assert "vch_device_rotate" in plain and len(calls) - len(plain) == 3, calls
    code, writable = linked(cpu, folder, plain)
    whole, _ = linked(cpu, folder, calls)
    frames, edges = stacks(folder)
    stack, path = max((deepest(c, frames, edges) for c in plain), key=lambda s: s[0])
    device = device_size(source, cpu, folder)
    print(f"{cpu}: code {code} bytes ({whole} with the words for people), struct vch_device {device}, deepest stack {stack}, RAM {device + stack}")
    print("  " + " > ".join(p.rsplit(":", 1)[-1] for p in path))
    assert writable == 0, f"{writable} bytes of writable data"
    return code, device + stack


def main():
    source, files = pathlib.Path(sys.argv[1]), sys.argv[2:]
    failed = False
    for cpu in ("cortex-m4", "cortex-m0plus"):
        with tempfile.TemporaryDirectory() as folder:
            code, ram = measure(source, files, cpu, pathlib.Path(folder))
        failed |= cpu == BOUND and (code > CODE_MAX or ram > RAM_MAX)
    print(f"bounds on {BOUND}: code {CODE_MAX}, RAM {RAM_MAX}")
    return 1 if failed else 0


sys.exit(main())
