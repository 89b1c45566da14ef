"""One process at a time, and no network file systems."""

import subprocess
import sys
from pathlib import Path

import pytest

from auraos.storage.folder import (
    DataFolder,
    FolderInUseError,
    FolderLinkError,
    NetworkFolderError,
    file_system_of,
    refuse_network,
)

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 22 0:30 / /srv rw shared:2 - nfs4 server:/srv rw
32 31 0:31 / /srv/local\\040disk rw shared:3 - xfs /dev/vdb rw
33 22 0:32 / /home/share rw - fuse.sshfs host:/ rw
broken line
"""

HOLDER = """
import sys
from pathlib import Path
from auraos.storage.folder import DataFolder
folder = DataFolder.claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_that_another_process_holds_is_refused_and_free_again_when_that_process_was_killed(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUseError, match=f"number {holder.pid}"):
            DataFolder.claim(tmp_path)
        holder.kill()
        holder.wait()
    DataFolder.claim(tmp_path).release()


def test_a_claimed_folder_is_refused_within_the_same_process_until_it_is_released(tmp_path: Path) -> None:
    first = DataFolder.claim(tmp_path)
    with pytest.raises(FolderInUseError):
        DataFolder.claim(tmp_path)
    first.release()
    DataFolder.claim(tmp_path).release()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/data", "ext4"),
        ("/srv/data", "nfs4"),
        ("/srvdata", "ext4"),
        ("/srv/local disk/data", "xfs"),
        ("/home/share", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_says_what_a_folder_lies_on(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused_by_name() -> None:
    with pytest.raises(NetworkFolderError, match="nfs4"):
        refuse_network(Path("/srv/data"), MOUNTS)


def test_a_local_disk_below_a_network_mount_is_taken() -> None:
    refuse_network(Path("/srv/local disk/data"), MOUNTS)


@pytest.mark.parametrize(
    "name", ["engine.lock", "engine.sock", "auraos.json", "auraos.json.new", "auraos.db", "auraos.db-wal"]
)
def test_a_prepared_folder_whose_files_lead_elsewhere_is_refused_and_nothing_is_changed(
    tmp_path: Path, name: str
) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_text("mine")
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    (prepared / name).symlink_to(treasure)
    with pytest.raises(FolderLinkError, match=f"{name} is a link"):
        DataFolder.claim(prepared)
    assert treasure.read_text() == "mine"
    assert [entry.name for entry in prepared.iterdir()] == [name]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    DataFolder.claim(tmp_path / "link").release()
    assert (tmp_path / "real" / "engine.lock").is_file()
