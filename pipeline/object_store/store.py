"""The door to object stores: what is below a prefix of a bucket, read and written."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from pipeline.errors import StorageError

SCHEME = "s3://"
TIMEOUT_S = 5
READ_TIMEOUT_S = 60
NUM_ATTEMPTS = 3
NUM_CONNECTIONS = 16


def is_url(place: str) -> bool:
    """True for an address in an object store, such as s3://bucket/prefix."""
    return place.startswith(SCHEME)


def split_url(url: str) -> tuple[str, str]:
    """Bucket and prefix of s3://bucket/prefix; the prefix ends with "/" unless it is empty.

    Raises:
        StorageError: the bucket is missing.
    """
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    if not is_url(url) or not bucket:
        raise StorageError(f"{url}: is not a place in an object store; expected s3://bucket/prefix")
    return bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""


@dataclass(frozen=True)
class Listing:
    """The objects below a prefix at one moment.

    Attributes:
        num_objects: number of objects.
        sha256: of all keys, sizes and ETags; a changed, new or removed object gives another one.
        age_s: seconds since the newest object was written, by the store's own clock; infinite if there is none.
    """

    num_objects: int
    sha256: str
    age_s: float


class Stored(NamedTuple):
    """An object: its size, and the store's name for its content."""

    num_bytes: int
    etag: str


class Store:
    """The objects below a prefix of a bucket; a key is what follows the prefix.

    Address and credentials come from the environment: AWS_ENDPOINT_URL, AWS_PROFILE, AWS_ACCESS_KEY_ID, ... Each method
    tries three times, then raises `StorageError`: the store cannot be reached, or refuses.

    Args:
        url: s3://bucket/prefix.

    Attributes:
        prefix: of the bucket's own keys; ends with "/" unless it is empty.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._bucket, self.prefix = split_url(url)
        with self._explained():
            self._client = _connect()

    def list_keys(self, below: str = "") -> list[str]:
        """The keys that begin with `below`."""
        return list(self.list_objects(below))

    def list_objects(self, below: str = "") -> dict[str, Stored]:
        """Size and ETag of each object whose key begins with `below`, by key."""
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self.prefix + below
            )
            items = (item for page in pages for item in page.get("Contents", ()))
            return {item["Key"].removeprefix(self.prefix): Stored(item["Size"], item["ETag"]) for item in items}

    def listing(self) -> Listing:
        """What is there now, without a download."""
        digest, num_objects, newest, now = hashlib.sha256(), 0, -inf, 0.0
        with self._explained():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self.prefix):
                now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
                for item in page.get("Contents", ()):
                    digest.update(f"{json.dumps([item['Key'], item['Size'], item['ETag']])}\n".encode())
                    newest = max(newest, item["LastModified"].timestamp())
                    num_objects += 1
        return Listing(num_objects, digest.hexdigest(), now - newest)

    def download(self, key: str, path: Path) -> None:
        """Downloads an object into a file, whole or not at all."""
        with self._explained():
            self._fetch(key, path)

    def sha256_of(self, key: str) -> str:
        """SHA-256 of an object, which is downloaded and not kept; "": there is no such object."""
        with self._explained(), _missing_skipped(), TemporaryDirectory() as temporary:
            self._fetch(key, Path(temporary) / "object")
            with (Path(temporary) / "object").open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        return ""

    def read(self, key: str, max_bytes: int) -> bytes:
        """The first `max_bytes` of an object; none if there is no such object."""
        with self._explained(), _missing_skipped():
            body = self._client.get_object(Bucket=self._bucket, Key=self.prefix + key)["Body"]
            return bytes(body.read(max_bytes))
        return b""

    def upload(self, path: Path, key: str) -> None:
        """Uploads a file of up to 5 GB in one request, so that an object is there whole or not at all."""
        with self._explained(), path.open("rb") as file:
            self._client.put_object(Bucket=self._bucket, Key=self.prefix + key, Body=file)

    def delete(self, key: str) -> None:
        """Deletes an object, if it is there."""
        with self._explained():
            self._client.delete_object(Bucket=self._bucket, Key=self.prefix + key)

    def _fetch(self, key: str, path: Path) -> None:
        """To a file, which is written anew if an answer breaks off; a hash alone would take its beginning twice."""
        self._client.download_file(self._bucket, self.prefix + key, str(path), Config=TransferConfig(use_threads=False))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, Boto3Error, ClientError, ValueError) as err:
            raise StorageError(f"{self.url}: {_explain(err)}") from err


@contextmanager
def _missing_skipped() -> Iterator[None]:
    try:
        yield
    except ClientError as err:
        if err.response.get("Error", {}).get("Code") not in ("NoSuchKey", "404"):
            raise


def _connect() -> Any:
    config = Config(
        connect_timeout=TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": NUM_ATTEMPTS, "mode": "standard"},
        max_pool_connections=NUM_CONNECTIONS,
    )
    return boto3.session.Session().client("s3", config=config)


def _explain(err: Exception) -> str:
    where = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "Amazon S3"
    if isinstance(err, NoCredentialsError | PartialCredentialsError):
        return (
            f"no credentials for {where}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, "
            "in the environment"
        )
    if not isinstance(err, ClientError):
        return f"{where} cannot be reached: {err}; check AWS_ENDPOINT_URL and the network, then start again"
    code = err.response.get("Error", {}).get("Code", "")
    if code in ("NoSuchBucket", "404"):
        return f"{where} has no such bucket; correct the name, or AWS_ENDPOINT_URL if it is on another server"
    if code in ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"):
        return (
            f"{where} refuses these credentials ({code}); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "AWS_SESSION_TOKEN, and that they may list and read the bucket, and write to it if this publishes"
        )
    return f"{where} answered {err}; fix that and start again"
