"""Tests of addresses and messages without secrets."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import StorageError
from pipeline.secrets import without_secrets

ENDS = ("S3cr3t", "9assW0rd")
"""How each made-up password begins and ends, so that a part of it is found in whatever is shown."""
SCHEMES = ("http", "https", "postgresql+psycopg2", "mysql", "s3", "ssh", "redis")
PARAMETERS = ("password", "sslpassword", "token", "X-Amz-Signature", "X-Amz-Security-Token", "api_key", "pass%77ord")
MARKS = "@/:?&=%#+!$~;,.-_"


def passwords(letters: str) -> st.SearchStrategy[str]:
    """Passwords of these letters."""
    return st.text(letters, max_size=12).map(lambda text: f"{ENDS[0]}{text}{ENDS[1]}")


@st.composite
def messages(draw: st.DrawFn) -> str:
    """Errors as libraries word them, around an address that holds a password somewhere."""
    scheme, host = draw(st.sampled_from(SCHEMES)), draw(st.sampled_from(("host", "127.0.0.1:5000", "[::1]:9")))
    raw = draw(passwords(string.ascii_letters + string.digits + MARKS))
    encoded = quote(raw, safe="")
    address = draw(
        st.sampled_from(
            [
                f"{scheme}://me:{raw}@{host}/db",
                f"{scheme}://{raw}@{host}",
                f"{scheme}://me:{encoded}@{host}/db?sslmode=require",
                quote(f"{scheme}://me:{raw}@{host}/db", safe=""),
                *(f"{scheme}://{host}/db?a=1&{name}={encoded}&b=2" for name in PARAMETERS),
                f"{scheme}:///db?host={host}&password={encoded}",
            ]
        )
    )
    around = st.sampled_from(
        ["{}", "{} fails: refused", "could not open '{}'", "HTTPPool(host): url: {} (Caused by x)"]
    )
    return draw(around).format(address)


@given(messages())
def test_no_password_is_shown(message: str) -> None:
    """Neither end of a password is left, wherever in an address it stands and whatever it is made of."""
    for text in (without_secrets(message), str(StorageError(message))):
        assert not any(end in text for end in ENDS)


@given(passwords(string.printable + "äß"))
def test_password_of_the_environment_is_shown_nowhere(password: str) -> None:
    """A password may hold blanks and quotes if the environment holds the address; it is hidden by itself, too."""
    with pytest.MonkeyPatch.context() as patch:
        address = f"http://me:{password}@host:5000/".replace("\x00", "")
        patch.setenv("MLFLOW_TRACKING_URI", address)
        patch.setenv("AWS_SECRET_ACCESS_KEY", f"aws {password}")
        assert without_secrets(f"MLflow at {address} fails") == "MLflow at http://host:5000/ fails"
        text = without_secrets(f"login as {password} failed; key 'aws {password}' is unknown")
        assert not any(end in text for end in ENDS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:secret@127.0.0.1:9 fails", "http://127.0.0.1:9 fails"),
        ("git@host:team/project.git", "git@host:team/project.git"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("connect(host=h password='a b' user=me)", "connect(host=h password=*** user=me)"),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("//me:pw@host and http://you:pw@host", "//host and http://host"),
        ("found num_levels=4, author=me, passed=3", "found num_levels=4, author=me, passed=3"),
        ("postgresql:///db?user=me&password=a@b&x=1", "postgresql:///db?user=me&password=***&x=1"),
    ],
)
def test_the_rest_stays(text: str, shown: str) -> None:
    """Hosts, paths and harmless parameters are shown as they are."""
    assert without_secrets(text) == shown


@pytest.mark.parametrize("name", ["SEGLINE_TUNE_STORAGE", "HTTPS_PROXY", "MLFLOW_BACKEND_STORE_URI", "SENTRY_DSN"])
def test_the_password_of_a_variable_with_an_address_is_found_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library's message may name it without the address."""
    monkeypatch.setenv(name, "postgresql://me:hunter2hunter2@host/base")
    assert without_secrets("password hunter2hunter2 is wrong") == "password *** is wrong"


def test_folder_of_the_process_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables such as PWD and XAUTHORITY hold paths, which messages need."""
    monkeypatch.setenv("PWD", "/home/me/project")
    monkeypatch.setenv("SSL_KEY", "/home/me/project/key.pem")
    assert without_secrets("/home/me/project/key.pem: not found") == "/home/me/project/key.pem: not found"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("part", ["9", "a//", "x%3", "https://a", "key'"])
@pytest.mark.parametrize("first", ["", "x@"])
def test_a_long_text_takes_no_longer_than_its_length(part: str, first: str) -> None:
    """The time grows with the length and not with its square, which took minutes."""
    text = first + part * 60_000
    assert without_secrets(text) == text


def test_a_name_after_a_long_word_is_found() -> None:
    """Wherever the parameter stands in a run of letters."""
    assert without_secrets("a" * 1000 + "%3Dx token=abc 'x'secret=abc") == "a" * 1000 + "%3Dx token=*** 'x'secret=***"
