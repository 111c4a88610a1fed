"""The door to object stores: S3 and servers with its protocol (`AWS_ENDPOINT_URL`)."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from pipeline.dataset.names import first_double, same_everywhere
from pipeline.disk.files import FULL, is_full
from pipeline.errors import StageError, StorageError
from pipeline.runtime.parallel import in_threads
from pipeline.runtime.progress import Progress
from pipeline.secrets import without_secrets

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


def download_folder(url: str, folder: Path, suffixes: Sequence[str]) -> int:
    """Downloads everything below s3://bucket/prefix into a new folder, under the same relative paths.

    Only names that end with one of the `suffixes`, given in lower case, are downloaded. Address and credentials come
    from the environment: AWS_ENDPOINT_URL, AWS_PROFILE, AWS_ACCESS_KEY_ID, ...

    Returns:
        Number of files downloaded.

    Raises:
        StorageError: the store cannot be reached, refuses, or has nothing there.
        StageError: the disk is full.
    """
    bucket, prefix = split_url(url)
    folder.mkdir(parents=True)
    try:
        client = _connect()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        names = (item["Key"] for page in pages for item in page.get("Contents", ()))
        keys = [key for key in names if key.lower().endswith(tuple(suffixes))]
        if not keys:
            raise StorageError(f"{url}: found nothing with {', '.join(suffixes)}; correct the bucket or the prefix")
        places = _places(folder, keys, prefix)
        progress = Progress(f"download of {without_secrets(url)}", len(keys), "files")
        for _ in in_threads(lambda key: _download(client, bucket, key, places[key]), keys, NUM_CONNECTIONS):
            progress.advance()
        progress.close()
        return len(keys)
    except (BotoCoreError, Boto3Error, ClientError, ValueError) as err:
        raise StorageError(f"{url}: {_explain(err)}") from err
    except OSError as err:
        if is_full(err):
            raise StageError(f"{url}: {FULL}, for the download; free some space and start again") from err
        raise StorageError(f"{url}: cannot be stored in {folder} ({err}); rename the object it names") from err


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


def read_listing(url: str) -> Listing:
    """Lists what is below a prefix, without a download.

    Raises:
        StorageError: the store cannot be reached, refuses, or has no such bucket.
    """
    bucket, prefix = split_url(url)
    digest, num_objects, newest, now = hashlib.sha256(), 0, -inf, 0.0
    try:
        for page in _connect().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
            for item in page.get("Contents", ()):
                digest.update(f"{json.dumps([item['Key'], item['Size'], item['ETag']])}\n".encode())
                newest = max(newest, item["LastModified"].timestamp())
                num_objects += 1
    except (BotoCoreError, ClientError, ValueError) as err:
        raise StorageError(f"{url}: {_explain(err)}") from err
    return Listing(num_objects, digest.hexdigest(), now - newest)


def _connect() -> Any:
    config = Config(
        connect_timeout=TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": NUM_ATTEMPTS, "mode": "standard"},
        max_pool_connections=NUM_CONNECTIONS,
    )
    return boto3.session.Session().client("s3", config=config)


def _places(folder: Path, keys: Sequence[str], prefix: str) -> dict[str, Path]:
    """The file of each object; on no machine do two objects have the same."""
    places = {key: _place(folder, key, prefix) for key in keys}
    if double := first_double(places, lambda key: same_everywhere(str(places[key]))):
        raise StorageError(f"objects {double[0]!r} and {double[1]!r} would be one file; rename one in the store")
    return places


def _place(folder: Path, key: str, prefix: str) -> Path:
    relative = PurePosixPath(key.removeprefix(prefix))
    if relative.is_absolute() or ".." in relative.parts or "\0" in key:
        raise StorageError(f"object {key!r} leads out of the folder; rename it in the store")
    return folder / relative


def _download(client: Any, bucket: str, key: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    client.download_file(bucket, key, str(path), Config=TransferConfig(use_threads=False))


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
            "AWS_SESSION_TOKEN, and that they may list and read the bucket"
        )
    return f"{where} answered {err}; fix that and start again"
