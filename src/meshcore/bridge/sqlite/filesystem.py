"""Is this folder on a network disk? SQLite's locks and shared memory do not hold there."""

from __future__ import annotations

from pathlib import Path

from meshcore.errors import ConfigurationError

MOUNTINFO = Path("/proc/self/mountinfo")
NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "glusterfs", "lustre", "beegfs", "pvfs2"}
    | {"orangefs", "gpfs", "9p", "davfs"}
    | {f"fuse.{kind}" for kind in ("sshfs", "glusterfs", "ceph", "s3fs", "rclone", "davfs2", "gcsfuse", "smbnetfs")}
)


def filesystem_of(folder: Path, mountinfo: str) -> str:
    """Return the type of the file system that holds an absolute folder ("ext4", "nfs4"), "" where it is not known."""
    best, found = -1, ""
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        fields, kinds = mount.split(), source.split()
        if len(fields) < 5 or not kinds:
            continue
        point = Path(_unescaped(fields[4]))
        # A later mount on the same point covers the earlier one.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), kinds[0]
    return found


def refuse_network(path: Path) -> None:
    """Raise ConfigurationError where a file lies, or would lie, on a network file system."""
    try:
        mountinfo = MOUNTINFO.read_text("utf-8", "replace")
    except OSError:
        return  # not Linux: nothing can be told
    kind = filesystem_of(path.parent.resolve(), mountinfo)
    if kind in NETWORK_FILESYSTEMS:
        raise ConfigurationError(
            f"{path} is on a network file system ({kind}), where a bridge loses messages; "
            "put it on a local disk with --bridge or MESHTUI_BRIDGE"
        )


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
