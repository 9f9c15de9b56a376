"""Packs the program of this platform: python3 .ci/release/archive.py PROGRAM TARGET FOLDER

Writes FOLDER/widctl-VERSION-TARGET.tar.gz, or .zip for Windows: the program, licences, README, changelog, manual pages and
completions, which the program itself prints. The same program and SOURCE_DATE_EPOCH give the same bytes.
"""

import gzip
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).parents[2]
# The highest level takes three times as long for one percent less.
LEVEL = 6
PAGES = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"]
SHELLS = {
    "bash": "widctl.bash",
    "elvish": "widctl.elv",
    "fish": "widctl.fish",
    "powershell": "_widctl.ps1",
    "zsh": "_widctl",
}


def output(program, *arguments):
    return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE).stdout


def contents(program):
    """The files of the archive, by name."""
    files = {f"widctl{program.suffix}": program.read_bytes()}
    files |= {name: (ROOT / name).read_bytes() for name in PAGES}
    files |= {f"completions/{name}": output(program, "completions", shell) for shell, name in SHELLS.items()}
    with tempfile.TemporaryDirectory() as folder:
        output(program, "man", "--out-dir", folder)
        files |= {f"man/{page.name}": page.read_bytes() for page in pathlib.Path(folder).iterdir()}
    return dict(sorted(files.items()))


def mode(name):
    return 0o755 if name.startswith("widctl") else 0o644


def tar(files, top, epoch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode, entry.mtime = len(data), mode(name), epoch
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), LEVEL, mtime=0)


def zipped(files, top, epoch):
    packed = io.BytesIO()
    # A zip knows no time before 1980.
    moment = time.gmtime(max(epoch, 315532800))[:6]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(f"{top}/{name}", moment)
            entry.external_attr, entry.compress_type = (0o100000 | mode(name)) << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return packed.getvalue()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    program, target, folder = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], pathlib.Path(sys.argv[3])
    version = output(program, "--version").decode().split()[1]
    top, epoch = f"widctl-{version}-{target}", int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    pack, ending = (zipped, "zip") if "windows" in target else (tar, "tar.gz")
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{top}.{ending}"
    written.write_bytes(pack(contents(program), top, epoch))
    print(written)


main()
