"""The agent as a preset of CMakePresets.json builds it: vouch-agent and libvouch-device, and how this machine runs them."""
import pathlib
import re
import subprocess

import vouch

# preset: (ELF machine, emulator, the C library's folder, the other libraries' folder)
MACHINES = {
    "aarch64": ("AArch64", "qemu-aarch64", "/usr/aarch64-linux-gnu", "build-sysroot/arm64/usr/lib/aarch64-linux-gnu"),
    "armhf": ("ARM", "qemu-arm", "/usr/arm-linux-gnueabihf", "build-sysroot/armhf/usr/lib/arm-linux-gnueabihf"),
}
STRIP = {"aarch64": "aarch64-linux-gnu-strip", "armhf": "arm-linux-gnueabihf-strip"}


class Agent:
    """One preset in a folder of its own. `build` and then `words`."""

    def __init__(self, preset, folder):
        self.preset, self.folder = preset, pathlib.Path(folder)
        self.static = preset.endswith("-static")
        self.machine = next((name for name in MACHINES if name in preset), None)

    def build(self, jobs=2):
        for command in (["cmake", "--preset", self.preset, "-S", str(vouch.SOURCE), "-B", str(self.folder), "-DVOUCH_WERROR=ON"],
                        ["cmake", "--build", str(self.folder), f"-j{jobs}"]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=vouch.SOURCE)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        self.program = self.folder / "vouch-agent"
        self.library = self.folder / "src/devlib/libvouch-device.a"
        self.stripped = self.folder / "vouch-agent.stripped"
        subprocess.run([STRIP.get(self.machine, "strip"), "-o", str(self.stripped), str(self.program)], check=True)
        return self

    def words(self, *words):
        """The stripped program's command line here."""
        if not self.machine:
            return [str(self.stripped), *words]
        _, emulator, root, libraries = MACHINES[self.machine]
        return [emulator, "-L", root, "-E", f"LD_LIBRARY_PATH={vouch.SOURCE / libraries}", str(self.stripped), *words]

    def elf(self, *flags, file=None):
        return subprocess.run(["readelf", "-W", *flags, str(file or self.stripped)], capture_output=True, text=True, check=True).stdout

    def needed(self):
        """Shared libraries by name; none for a static program."""
        return re.findall(r"\(NEEDED\).*\[(.*)\]", self.elf("-d"))

    def loaded(self):
        """Bytes of the file that are loaded. arm64's may be longer by holes, for kernels with pages of 64 KiB."""
        return sum(int(size, 16) for size in re.findall(r"^ +LOAD +0x\w+ 0x\w+ 0x\w+ 0x(\w+)", self.elf("-l"), re.M))
