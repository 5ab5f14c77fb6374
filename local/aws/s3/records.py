"""What the local S3 keeps on disk, so that a server that starts again finds it: buckets, their settings and tags, and objects with all their
versions, delete markers, metadata and tags. Uploads in parts that were not completed are not kept, as the rest of the local AWS is not."""

import contextlib
import pickle
import sqlite3
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeBucket, FakeKey, MultipartDict, S3Backend, s3_backends
from moto.s3.responses import S3Response
from moto.s3.utils import _VersionedKeyStore

from local.aws.s3.base import PATCHES
from local.aws.s3.content import FOLDER, pieces_of
from local.errors import LocalError

_PARTITION = "aws"

_TABLES = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (bucket TEXT, key TEXT, state BLOB NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
"""


class Records:
    """The records of a folder, in which the files of the objects are too.

    Args:
        folder: the folder, which is made if it does not exist.

    Raises:
        LocalError: if the records are damaged or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._files = folder / "content"
        self._files.mkdir(parents=True, exist_ok=True)
        path = folder / "records.sqlite"
        try:
            # In autocommit, since each statement is a change of its own.
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # A crash of this process loses nothing. A crash of the machine also ends the containers.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.executescript(_TABLES)
            FOLDER.use(self._files)
            self._load()
        except (sqlite3.Error, pickle.UnpicklingError, AttributeError, ImportError, LookupError, TypeError) as error:
            raise LocalError(
                f"{path} cannot be read ({type(error).__name__}: {error}). Remove the stack with its data: make local-down"
            ) from None

    def close(self) -> None:
        """Keeps the files and ends. Objects that are deleted in memory from now on stay on disk."""
        FOLDER.deletes = False
        with self._lock:
            self._database.close()

    def save_bucket(self, backend: S3Backend, name: str) -> None:
        """Records the settings and tags of a bucket, or that it does not exist."""
        with self._lock:
            bucket = backend.buckets.get(name)
            if bucket is None:
                self._database.execute("DELETE FROM buckets WHERE name = ?", (name,))
                self._database.execute("DELETE FROM objects WHERE bucket = ?", (name,))
                return
            settings = {key: value for key, value in vars(bucket).items() if key not in ("keys", "multiparts")}
            state = pickle.dumps((settings, backend.tagger.get_tag_dict_for_resource(bucket.arn)))
            self._database.execute("REPLACE INTO buckets VALUES (?, ?)", (name, state))

    def save_objects(self, backend: S3Backend, bucket_name: str, keys: Iterable[str]) -> None:
        """Records all versions of objects with their tags, or that they do not exist."""
        with self._lock:
            bucket = backend.buckets.get(bucket_name)
            for key in keys:
                versions = bucket.keys.getlist(key, []) if bucket else []
                if not versions:
                    self._database.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket_name, key))
                    continue
                arns = [version.arn for version in versions if isinstance(version, FakeKey)]
                tags = {arn: found for arn in arns if (found := backend.tagger.get_tag_dict_for_resource(arn))}
                # One document for all versions, because delete markers refer to the versions that they hide.
                state = pickle.dumps((versions, tags))
                self._database.execute("REPLACE INTO objects VALUES (?, ?, ?)", (bucket_name, key, state))

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._database.execute("DELETE FROM buckets")
            self._database.execute("DELETE FROM objects")

    def _load(self) -> None:
        backend = s3_backends[DEFAULT_ACCOUNT_ID][_PARTITION]
        for name, state in self._database.execute("SELECT name, state FROM buckets"):
            settings, tags = pickle.loads(state)
            bucket = cast(FakeBucket, FakeBucket.__new__(FakeBucket))
            vars(bucket).update(settings, keys=_VersionedKeyStore(), multiparts=MultipartDict())
            backend.buckets[name] = bucket
            s3_backends.bucket_accounts[name] = (_PARTITION, bucket.account_id)
            _tag(backend, bucket.arn, tags)
        used: set[Path] = set()
        for name, key, state in self._database.execute("SELECT bucket, key, state FROM objects"):
            versions, tags = pickle.loads(state)
            kept = [version for version in versions if not isinstance(version, FakeKey) or _has_content(version)]
            if kept and name in backend.buckets:
                dict.__setitem__(backend.buckets[name].keys, key, kept)
                used |= {path for version in kept for path in _paths(version)}
            for arn, found in tags.items():
                _tag(backend, arn, found)
        for path in self._files.iterdir():
            if path not in used:
                path.unlink()


def _tag(backend: S3Backend, arn: str, tags: dict[str, str]) -> None:
    if tags:
        backend.tagger.tag_resource(arn, backend.tagger.convert_dict_to_tags_input(tags))


def _paths(version: Any) -> list[Path]:
    return pieces_of(version).paths if isinstance(version, FakeKey) else []


def _has_content(key: FakeKey) -> bool:
    """Whether the files of an object exist. They do not if the process was killed while it deleted the object."""
    return all(path.exists() for path in _paths(key))


_records: Records | None = None


@contextlib.contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Loads what an earlier process kept in a folder, and keeps everything there until the block ends.

    Raises:
        LocalError: if the records are damaged or of another version.
    """
    global _records
    _records = records = Records(folder)
    try:
        yield
    finally:
        _records = None
        records.close()


@PATCHES.replaces(FakeKey.__getstate__)
def state_without_content(original: Callable[..., Any], self: FakeKey) -> dict[str, Any]:
    """The state of an object with the names of its files in place of their content."""
    return {name: value for name, value in vars(self).items() if name != "lock"}


@PATCHES.replaces(FakeKey.__setstate__)
def restore_state(original: Callable[..., Any], self: FakeKey, state: dict[str, Any]) -> None:
    """Restores an object with its files."""
    vars(self).update(state, lock=threading.Lock())


@PATCHES.replaces(S3Response.bucket_response)
def record_bucket(original: Callable[..., Any], self: S3Response, request: Any, full_url: str, headers: Any) -> Any:
    """Records the changes of a call on a bucket before it is answered."""
    answer = original(self, request, full_url, headers)
    if _records and request.method not in ("GET", "HEAD"):
        name = self.parse_bucket_name_from_url(request, full_url)
        if request.method != "POST":
            _records.save_bucket(self.backend, name)
        elif self.is_delete_keys():
            keys = [element.findtext("{*}Key") or "" for element in ET.fromstring(self.body).iterfind("{*}Object")]
            _records.save_objects(self.backend, name, keys)
        else:  # an upload by a form
            _records.save_objects(self.backend, name, self.querystring.get("key", []))
    return answer


@PATCHES.replaces(S3Response.key_response)
def record_object(original: Callable[..., Any], self: S3Response, request: Any, full_url: str, headers: Any) -> Any:
    """Records the changes of a call on an object before it is answered."""
    answer = original(self, request, full_url, headers)
    if _records and request.method not in ("GET", "HEAD"):
        name = self.parse_bucket_name_from_url(request, full_url)
        _records.save_objects(self.backend, name, [self.parse_key_name()])
    return answer


@PATCHES.replaces(S3Backend.reset)
def forget_records(original: Callable[..., None], self: S3Backend) -> None:
    """Forgets the records of all objects too."""
    original(self)
    if _records:
        _records.clear()
