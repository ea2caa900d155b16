"""Certificates for tests, made with the openssl command: authorities, servers, clients."""

import subprocess


def _openssl(*args, cwd):
    made = subprocess.run(
        ["openssl", *args], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    if made.returncode != 0:
        raise AssertionError(f"openssl {args}: {made.stderr}")


class Authority:
    """A certificate authority in a directory of a test: `file` is its certificate."""

    def __init__(self, directory, name):
        self.directory = directory
        self.name = name
        self.file = directory / f"{name}.crt"
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2", "-subj", f"/CN={name}",
            cwd=directory,
        )

    def issue(self, file, subject, purpose, names=""):
        """`(certificate, key)`, two files."""
        extensions = f"extendedKeyUsage={purpose}\nkeyUsage=digitalSignature\n"
        if names:
            extensions += f"subjectAltName={names}\n"
        (self.directory / f"{file}.ext").write_text(extensions, encoding="utf-8")
        _openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", f"{file}.key", "-out", f"{file}.csr", "-subj", subject,
            cwd=self.directory,
        )
        _openssl(
            "x509", "-req", "-in", f"{file}.csr", "-days", "1", "-CA", f"{self.name}.crt",
            "-CAkey", f"{self.name}.key", "-CAcreateserial", "-extfile", f"{file}.ext",
            "-out", f"{file}.crt",
            cwd=self.directory,
        )
        return self.directory / f"{file}.crt", self.directory / f"{file}.key"

    def client(self, file, subject):
        return self.issue(file, subject, "clientAuth")

    def server(self, file, names="IP:127.0.0.1,DNS:localhost"):
        return self.issue(file, "/CN=server", "serverAuth", names)
