"""Whether a Prefect server answers at the address in PREFECT_API_URL."""

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from pipeline.errors import StageError
from pipeline.secrets import without_secrets

TIMEOUT = httpx.Timeout(5.0, connect=1.5)  # seconds; connecting is tried four times


def check_address(address: str) -> None:
    """Finds out whether Prefect answers at the address in PREFECT_API_URL, and takes our key if it wants one.

    Raises:
        StageError: nobody answers in time, it is no Prefect, another version of it, or it refuses us.
    """
    try:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(httpx_settings={"timeout": TIMEOUT}, sync_client=True) as client,
        ):
            client.read_flows(limit=1)
    except Exception as err:
        raise StageError(
            f"Prefect's server at {without_secrets(address)} fails: {_reason(err)}; correct PREFECT_API_URL, which "
            "ends in /api, or PREFECT_API_AUTH_STRING, start that server, or unset PREFECT_API_URL to do with our own"
        ) from err


def _reason(err: BaseException) -> str:
    """The cause of it all, in a line."""
    while err.__cause__ and not isinstance(err, httpx.HTTPError):
        err = err.__cause__
    return without_secrets(str(err).partition("\n")[0]) or type(err).__name__
