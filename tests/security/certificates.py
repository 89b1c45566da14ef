"""Makes certificates, good and bad, with the openssl command."""

import subprocess
from pathlib import Path


def make(folder: Path) -> Path:
    """Write authority.pem and a certificate and key per case into a folder."""
    authority(folder, "authority", "Test Authority")
    authority(folder, "stranger", "Unknown Authority")
    signed(folder, "good", "localhost", "authority", 30)
    signed(folder, "other_name", "other.example", "authority", 30)
    signed(folder, "expired", "localhost", "authority", -1)
    signed(folder, "unknown_authority", "localhost", "stranger", 30)
    run(
        folder,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", "self_signed.key", "-out", "self_signed.pem"),
    )
    return folder


def authority(folder: Path, name: str, title: str) -> None:
    run(
        folder,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"),
        *("-subj", f"/CN={title}", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
    )


def signed(folder: Path, name: str, host: str, by: str, days: int) -> None:
    run(
        folder,
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
    )
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n")
    run(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial"),
        *("-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
    )


def run(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
