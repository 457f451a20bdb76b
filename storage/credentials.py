"""Who we are to an object store, and where it is: looked up as every AWS tool does."""

from __future__ import annotations

import os
from typing import Any

from .endpoint import check_endpoint


class Credentials:
    """Look AWS credentials up as every AWS tool does: environment, profiles, instance roles.

    Picklable: only the profile's name travels, each process finds the secret for itself.
    """

    def __init__(self, profile: str | None) -> None:
        self.profile = profile

    def __call__(self) -> dict[str, Any]:
        """Return the credentials botocore finds, in obstore's form."""
        from datetime import UTC, datetime, timedelta

        from botocore.exceptions import ProfileNotFound
        from botocore.session import Session

        try:
            found = Session(profile=self.profile).get_credentials()
        except ProfileNotFound:
            raise PermissionError(f"no credentials: AWS profile {self.profile!r} does not exist") from None
        if found is None:
            raise PermissionError("no credentials found")
        frozen = found.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            # asked for again after a while, so that roles are renewed
            "expires_at": datetime.now(UTC) + timedelta(minutes=10),
        }


def endpoint(options: dict[str, str | bool]) -> str:
    """Return the server's address from the options, else from the environment; none is AWS's own."""
    given = options.get("endpoint_url")
    if given:
        return str(given)
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        found = os.environ.get(name)
        if found:
            check_endpoint(found, f"the environment's {name}")
            return found
    return ""


def region(options: dict[str, str | bool]) -> str:
    """Return the region of the profile or the environment."""
    from botocore.session import Session

    profile = str(options.get("profile") or "") or None
    try:
        return str(Session(profile=profile).get_config_variable("region") or "us-east-1")
    except Exception:  # noqa: BLE001  a profile that does not exist is told of when credentials are asked for
        return "us-east-1"
