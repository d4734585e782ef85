"""Object stores: opening a folder or URL through fsspec, and what S3 is reached with.

Credentials, region and endpoint come from where every S3 client looks (botocore's own chain: the
variables ``AWS_…``, ``~/.aws``, a pod's or a machine's role); no setting of imgassets holds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import fsspec

S3 = "s3://"

_OPTIONS: dict[str, Any] = {
    # What other processes have written in the meantime must be seen.
    "use_listings_cache": False,
    # A store that hangs is given up after about three minutes, s3fs's own five tries included.
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 10,
        "max_pool_connections": 32,
        "retries": {"mode": "standard", "max_attempts": 3},
    },
}
_EXTRA = "needs what is in the extra 's3': pip install 'imgassets[s3]'"


class StoreError(RuntimeError):
    """An object store cannot be used; the message says what to do."""


@dataclass(frozen=True)
class S3Access:
    """What an S3 client other than botocore's needs.

    Attributes:
        endpoint: host and port.
        use_ssl: whether it speaks HTTPS.
        region: e.g. ``eu-central-1``.
        path_style: whether the bucket is in the path, not in the host name: so with every endpoint
            but Amazon's own.
        key_id: access key.
        secret: its secret.
        token: of credentials that end; empty where they do not.
    """

    endpoint: str
    use_ssl: bool
    region: str
    path_style: bool
    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)


def storage_options(root: str) -> dict[str, Any]:
    """Return fsspec's options of a folder or URL: timeouts and tries of S3, nothing of others."""
    return _OPTIONS if root.startswith(S3) else {}


def open_root(root: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the file system of a folder or URL, and the path in it.

    Raises:
        StoreError: its package is not installed.
        ValueError: no file system has such URLs.
    """
    try:
        fs, path = fsspec.core.url_to_fs(root, **storage_options(root))
    except ImportError as error:
        raise StoreError(f"{root} {_EXTRA}" if root.startswith(S3) else str(error)) from error
    return fs, path


def store_failed(error: Exception) -> bool:
    """Tell whether an error is a folder's or an object store's, not the program's.

    What a store answers reaches callers as an OSError, what botocore meets on the way there
    (no answer, no credentials) as an error of its own.
    """
    return isinstance(error, OSError) or type(error).__module__ == "botocore.exceptions"


class S3Login:
    """What S3 is reached with, found out once; credentials that end are renewed in time.

    Raises:
        StoreError: botocore is not installed, its configuration is wrong, or there are no
            credentials.
    """

    def __init__(self) -> None:
        try:
            import botocore.session
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise StoreError(f"s3:// {_EXTRA}") from error
        try:
            session = botocore.session.Session()
            self._meta = session.create_client("s3").meta
            self._credentials = session.get_credentials()
        except BotoCoreError as error:
            raise StoreError(f"the configuration of S3 is wrong: {error}") from error
        if self._credentials is None:
            raise StoreError(
                "no credentials for s3://: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "name a profile with AWS_PROFILE"
            )

    def access(self) -> S3Access:
        """Return what S3 is reached with at this moment.

        Raises:
            StoreError: credentials that ended cannot be renewed.
        """
        from botocore.exceptions import BotoCoreError

        try:
            keys = self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise StoreError(f"no credentials for s3://: {error}") from error
        endpoint = urlsplit(self._meta.endpoint_url)
        host = endpoint.hostname or ""
        return S3Access(
            endpoint=endpoint.netloc,
            use_ssl=endpoint.scheme == "https",
            region=self._meta.region_name,
            path_style=not host.endswith((".amazonaws.com", ".amazonaws.com.cn")),
            key_id=keys.access_key,
            secret=keys.secret_key,
            token=keys.token or "",
        )
