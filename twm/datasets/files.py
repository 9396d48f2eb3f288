"""Files of data: where they are looked for, how they are checked, and how they are fetched."""

import gzip
import hashlib
import os
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from twm.errors import UserError
from twm.paths import write_atomically

#: Seconds that a mirror has to answer.
_TIMEOUT = 30


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Attributes:
        name: without the ending of a compressed copy.
        digest: SHA-256 of the file; of the unpacked one where mirrors pack it each in their own way.
        packed: whether a copy with the ending ``.gz`` will do, and is what mirrors hold.
        folders: names of folders, below the one searched, in which it may lie too.
        mirrors: addresses of folders that hold it.
        says: what a wrong or missing file is called in messages.
    """

    name: str
    digest: str
    packed: bool = False
    folders: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = field(default=(), repr=False)
    says: str = "a data file"

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which it may lie."""
        return (self.name, f"{self.name}.gz") if self.packed else (self.name,)


def cache_dir() -> Path:
    """Return the folder into which downloads go: below XDG_CACHE_HOME, or where the system keeps caches."""
    asked = os.environ.get("XDG_CACHE_HOME")
    if asked:
        return Path(asked).expanduser() / "twm"
    home = Path.home()
    return home / "Library" / "Caches" / "twm" if sys.platform == "darwin" else home / ".cache" / "twm"


def data_folders() -> list[Path]:
    """Return the folders in which data is looked for, the first one first.

    Raises:
        UserError: if TWM_DATA_DIR is set to something that is no folder.
    """
    asked = os.environ.get("TWM_DATA_DIR")
    if not asked:
        return [cache_dir()]
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        raise UserError(f"TWM_DATA_DIR={asked} is not a folder: set it to the one that holds the data, or leave it out")
    return [folder, cache_dir()]


def find_file(wanted: DataFile) -> Path | None:
    """Return where a file lies on this machine, unchecked; ``None`` if nowhere."""
    for folder in data_folders():
        for place in (folder, *(folder / name for name in wanted.folders)):
            for name in wanted.names:
                if (place / name).is_file():
                    return place / name
    return None


def read_file(wanted: DataFile) -> bytes:
    """Return the content of a file, unpacked and checked; download it if it is not on this machine.

    Raises:
        UserError: if a file found here is not what it should be, or the file is not here and cannot be downloaded.
    """
    path = find_file(wanted)
    if path is None:
        return _download(wanted)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    content, reason = _check(wanted, content, path.name.endswith(".gz") and wanted.packed)
    if reason:
        raise UserError(f"{path} is not {wanted.says} ({reason}): replace it, or move it away to have it downloaded")
    return content


def _check(wanted: DataFile, content: bytes, packed: bool) -> tuple[bytes, str]:
    """Return the unpacked content, and why it is wrong; an empty text if it is right."""
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return b"", "it is cut short, or not packed with gzip"
    found = hashlib.sha256(content).hexdigest()
    return content, "" if found == wanted.digest else f"its SHA-256 begins {found[:8]}, not {wanted.digest[:8]}"


def _download(wanted: DataFile) -> bytes:
    from urllib.request import urlopen

    name, reasons = wanted.names[-1], []
    for mirror in wanted.mirrors:
        try:
            with urlopen(f"{mirror}{name}", timeout=_TIMEOUT) as stream:
                fetched = stream.read()
        except OSError as error:
            reasons.append(str(getattr(error, "reason", error)))
            continue
        content, reason = _check(wanted, fetched, wanted.packed)
        if not reason:
            try:
                write_atomically(cache_dir() / name, fetched)
            except OSError:
                # Without a cache it is fetched again the next time.
                pass
            return content
        reasons.append(f"what {mirror} sent is not it: {reason}")
    folder = os.environ.get("TWM_DATA_DIR") or "a folder that TWM_DATA_DIR names"
    why = f"could not be downloaded ({'; '.join(dict.fromkeys(reasons))})" if reasons else "has no mirror"
    raise UserError(f"{wanted.says}, {name}, is not on this machine and {why}: put it in {folder}")
