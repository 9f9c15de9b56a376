"""Runs the program of an image's root with a name server and an https server beside it, as root: chroot.py ROOT

Prints what it was asked and what the program said: without the server's authority among those of the image, and with it.
"""

import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

# A loopback address that no resolver of the machine listens on.
NAME_SERVER, HOST = "127.0.0.77", "login.widctl.test"
names, requests = [], []


def answer(query):
    """One address record, 127.0.0.1, or no record for other types. RFC 1035, section 4."""
    end = query.index(b"\0", 12)
    name, rest = [], query[12:end]
    while rest:
        name.append(rest[1 : 1 + rest[0]].decode())
        rest = rest[1 + rest[0] :]
    is_address = query[end + 1 : end + 3] == b"\0\1"
    names.append(".".join(name))
    head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_address else b"\0\0") + b"\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if is_address else b""
    return head + query[12 : end + 5] + record


def serve_names(server):
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query), client)


def serve_https(server):
    while True:
        try:
            connection, _ = server.accept()
            with connection:
                requests.append(connection.recv(4096).split(b"\r\n")[0].decode())
                body = b'{"error":"invalid_request","error_description":"AADSTS90002: the test has no tenant"}'
                head = f"HTTP/1.1 400 Bad Request\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
                connection.sendall(head.encode() + body)
        except (ssl.SSLError, ConnectionError):
            pass  # a client that does not trust the server


def certificate(folder):
    """A certificate that nobody has signed, for the one name."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=widctl-test"
    extensions = [f"subjectAltName=DNS:{HOST}", "basicConstraints=critical,CA:FALSE"]
    added = [word for extension in extensions for word in ("-addext", extension)]
    subprocess.run(command.split() + added, cwd=folder, check=True, stderr=subprocess.DEVNULL)
    return folder / "cert.pem", folder / "key.pem"


def run(root):
    variables = ["HOME=/home/nonroot", "WIDCTL_CLOUD_FILE=/clouds.toml", "AZURE_CLIENT_SECRET=any"]
    ids = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID"]
    variables += [f"{name}=00000000-0000-4000-8000-000000000001" for name in ids]
    program = ["chroot", "--userspec=65532:65532", root, "/usr/bin/widctl", "plan", "/teams.toml"]
    ran = subprocess.run(["env", "-i", f"PATH={os.environ['PATH']}", *variables, *program], capture_output=True, text=True)
    return {"code": ran.returncode, "stderr": ran.stderr}


def main():
    root = pathlib.Path(sys.argv[1])
    name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name_server.bind((NAME_SERVER, 53))
    https = socket.create_server(("127.0.0.1", 0))
    with tempfile.TemporaryDirectory() as folder:
        certificate_file, key = certificate(pathlib.Path(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_file, key)
        trusted = certificate_file.read_text()
    threading.Thread(target=serve_names, args=[name_server], daemon=True).start()
    server = context.wrap_socket(https, server_side=True)
    threading.Thread(target=serve_https, args=[server], daemon=True).start()
    # What a container engine writes.
    (root / "etc/resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    base = f"https://{HOST}:{server.getsockname()[1]}"
    (root / "clouds.toml").write_text(f'[clouds.test]\narm = "{base}"\nauthority_host = "{base}"\n')
    untrusted = run(root)
    with open(root / "etc/ssl/certs/ca-certificates.crt", "a") as authorities:
        authorities.write("\n" + trusted)
    print(json.dumps({"untrusted": untrusted, "trusted": run(root), "names": names, "requests": requests}))


main()
