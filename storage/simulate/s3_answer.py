"""What S3 answers to a request: an object, a listing, or why neither."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from .http_wire import Reply
from .s3_listing import bucket_reply
from .s3_objects import Refusal, object_reply

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .http_wire import Request

#: The address served: other machines have no way to it.
LOOPBACK = "127.0.0.1"


def answer(buckets: Mapping[str, Path], request: Request) -> Reply:
    """Return the reply to a request.

    Parameters
    ----------
    buckets
        Resolved folder by bucket name.
    request
        What is asked.
    """
    try:
        return _answer(buckets, request)
    except Refusal as refusal:
        return refusal.reply()
    except PermissionError:
        return Refusal(HTTPStatus.FORBIDDEN, "AccessDenied", "The folder may not be read.").reply()
    except OSError as error:
        return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", str(error)).reply()


def _answer(buckets: Mapping[str, Path], request: Request) -> Reply:
    host = request.headers.get("host", LOOPBACK).rsplit(":", 1)[0]
    if host not in {LOOPBACK, "localhost"}:  # also keeps out web pages that give our address a name of theirs
        message = f"Host {host} is not served: address buckets by path, at {LOOPBACK}."
        raise Refusal(HTTPStatus.BAD_REQUEST, "InvalidRequest", message)
    if request.method not in {"GET", "HEAD"}:
        raise Refusal(HTTPStatus.FORBIDDEN, "AccessDenied", "Access Denied: this server only reads.")
    bucket, _, key = request.path[1:].partition("/")
    if not bucket:
        raise Refusal(HTTPStatus.FORBIDDEN, "AccessDenied", "Access Denied: name a bucket.")
    if bucket not in buckets:
        raise Refusal(HTTPStatus.NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist")
    if key:
        return object_reply(buckets[bucket], key, request)
    if request.method == "HEAD":
        return Reply(HTTPStatus.OK, {"x-amz-bucket-region": "us-east-1"})
    return bucket_reply(bucket, buckets[bucket], request.query)
