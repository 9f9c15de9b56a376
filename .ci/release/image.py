"""Makes OCI images without a container engine, as OCI image layouts (https://github.com/opencontainers/image-spec).

python3 .ci/release/image.py build PROGRAM LAYOUT          the image of this machine's platform
python3 .ci/release/image.py join LAYOUT LAYOUT...          the first is written: one image of the platforms of the others

The image has the program, the loader and libraries that it names, certificate authorities, and a user without rights. They
are this machine's, a Debian or Ubuntu, with their licences and dpkg's records, by which scanners know them. The same files
and SOURCE_DATE_EPOCH give the same bytes. WIDCTL_REPOSITORY and WIDCTL_REVISION are written as labels.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tarfile
import time

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
PROGRAM = "/usr/bin/widctl"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# The user `nonroot` of Google's distroless images, which policies of clusters know.
USER = 65532
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def libraries(program):
    """The loader and the libraries that a program names, with their libraries."""
    return sorted(set(re.findall(r"(/\S+) \(0x", output("ldd", program))))


def package(file):
    """The Debian package of a file. On a merged /usr dpkg knows one of the two names."""
    for name in (file, f"/usr{file}", file.removeprefix("/usr")):
        found = subprocess.run(["dpkg-query", "--search", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if found.returncode == 0:
            return found.stdout.split(":", 1)[0]
    sys.exit(f"no package of this machine has {file}: build the image on Debian or Ubuntu")


def files(program):
    """What is in the image, by path: mode and bytes."""
    found = {PROGRAM: (0o755, pathlib.Path(program).read_bytes())}
    needed = libraries(program)
    found |= {library: (0o755, pathlib.Path(library).read_bytes()) for library in needed}
    found[AUTHORITIES] = (0o644, pathlib.Path(AUTHORITIES).read_bytes())
    for name in sorted({package(library) for library in needed} | {"ca-certificates"}):
        licence = f"/usr/share/doc/{name}/copyright"
        found[licence] = (0o644, pathlib.Path(licence).read_bytes())
        found[f"/var/lib/dpkg/status.d/{name}"] = (0o644, output("dpkg-query", "--status", name).encode())
    for name in ("LICENSE-APACHE", "LICENSE-MIT"):
        found[f"/usr/share/doc/widctl/{name}"] = (0o644, (pathlib.Path(__file__).parents[2] / name).read_bytes())
    written = {
        "/etc/passwd": f"nonroot:x:{USER}:{USER}::/home/nonroot:/sbin/nologin\n",
        "/etc/group": f"nonroot:x:{USER}:\n",
        # Names are looked up as everywhere: /etc/hosts first, then DNS.
        "/etc/nsswitch.conf": "hosts: files dns\n",
    }
    return found | {path: (0o644, text.encode()) for path, text in written.items()}


def layer(found):
    """A tar of files and of the folders above them."""
    packed = io.BytesIO()
    parents = {str(parent) for path in found for parent in pathlib.PurePosixPath(path).parents}
    folders = {folder: (0o755, 0) for folder in parents - {"/"}}
    folders |= {"/home": (0o755, 0), "/home/nonroot": (0o755, USER), "/tmp": (0o1777, 0)}
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folders | found):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mtime = EPOCH
            if path in folders:
                entry.type, (entry.mode, entry.uid) = tarfile.DIRTYPE, folders[path]
                entry.gid = entry.uid
                archive.addfile(entry)
            else:
                entry.mode, data = found[path]
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def blob(layout, media_type, data):
    """Writes a blob and describes it."""
    digest = hashlib.sha256(data).hexdigest()
    folder = layout / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def document(layout, media_type, value):
    return blob(layout, media_type, json.dumps(value, indent=2, sort_keys=True).encode())


def finish(layout, descriptor):
    """Names the one image of a layout."""
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    named = descriptor | {"annotations": {"org.opencontainers.image.ref.name": "widctl"}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}
    (layout / "index.json").write_text(json.dumps(index, indent=2))
    print(descriptor["digest"])


def build(program, layout):
    version = output(program, "--version").split()[1]
    labels = {"title": "widctl", "version": version, "licenses": "MIT OR Apache-2.0"}
    labels |= {
        key: os.environ[name]
        for key, name in (("source", "WIDCTL_REPOSITORY"), ("revision", "WIDCTL_REVISION"))
        if os.environ.get(name)
    }
    labels = {f"org.opencontainers.image.{key}": value for key, value in labels.items()}
    system = {"architecture": ARCHITECTURES[platform.machine()], "os": "linux"}
    unpacked = layer(files(program))
    packed = blob(layout, LAYER, gzip.compress(unpacked, 6, mtime=0))
    config = system | {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH)),
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["PATH=/usr/bin", "HOME=/home/nonroot"],
            "Entrypoint": [PROGRAM],
            "WorkingDir": "/home/nonroot",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(unpacked).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": document(layout, CONFIG, config),
        "layers": [packed],
        "annotations": labels,
    }
    finish(layout, document(layout, MANIFEST, manifest) | {"platform": system})


def join(layout, *parts):
    manifests = []
    for part in parts:
        for file in (part / "blobs" / "sha256").iterdir():
            blob(layout, "", file.read_bytes())
        manifests += json.loads((part / "index.json").read_text())["manifests"]
    for manifest in manifests:
        del manifest["annotations"]
    finish(layout, document(layout, INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}))


def main():
    match sys.argv[1:]:
        case ["build", program, layout]:
            build(program, pathlib.Path(layout))
        case ["join", layout, *parts] if parts:
            join(*map(pathlib.Path, [layout, *parts]))
        case _:
            sys.exit(__doc__)


main()
