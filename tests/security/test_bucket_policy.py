"""deploy/s3/analyst-policy.json, given to a user of a real S3 server that checks policies."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.conftest import REPOSITORY
from tests.servers import free_port

_SET_UP = 6
"""Requests of the fixture, which the server answers before it begins to check policies."""


@pytest.fixture(scope="module")
def analyst() -> Iterator[Any]:
    """A client whose user has the policy alone, for a bucket with a table and something else."""
    address = f"http://127.0.0.1:{(port := free_port())}"

    def client(service: str, key: str = "testing", secret: str = "testing") -> Any:
        return boto3.client(
            service,
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_SET_UP)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        store, users = client("s3"), client("iam")
        _make_bucket(store)
        store.put_object(Bucket="lake", Key="warehouse/main/a.parquet", Body=b"rows")
        store.put_object(Bucket="lake", Key="mlflow/model", Body=b"weights")
        policy = (REPOSITORY / "deploy" / "s3" / "analyst-policy.json").read_text("utf-8")
        users.create_user(UserName="reader")
        users.put_user_policy(
            UserName="reader", PolicyName="read", PolicyDocument=policy.replace("BUCKET", "lake")
        )
        key = users.create_access_key(UserName="reader")["AccessKey"]
        yield client("s3", key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        server.kill()
        server.wait()


def _make_bucket(store: Any) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            store.create_bucket(Bucket="lake")
            return
        except EndpointConnectionError:
            assert time.monotonic() < deadline, "the S3 server did not come up"
            time.sleep(0.1)


def test_an_analyst_reads_and_lists_tables(analyst: Any) -> None:
    key = "warehouse/main/a.parquet"
    assert analyst.get_object(Bucket="lake", Key=key)["Body"].read() == b"rows"
    listed = analyst.list_objects_v2(Bucket="lake", Prefix="warehouse/")
    assert [found["Key"] for found in listed["Contents"]] == [key]


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("put_object", {"Key": "warehouse/main/a.parquet", "Body": b"other rows"}),
        ("delete_object", {"Key": "warehouse/main/a.parquet"}),
        ("put_object", {"Key": "images/new", "Body": b"bytes"}),
        ("get_object", {"Key": "mlflow/model"}),
        ("delete_bucket", {}),
    ],
    ids=["overwrite", "delete", "add", "read elsewhere", "delete the bucket"],
)
def test_an_analyst_can_do_nothing_else(
    analyst: Any, action: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(analyst, action)(Bucket="lake", **arguments)
