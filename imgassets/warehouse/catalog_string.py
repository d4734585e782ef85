"""The password in a catalog's connection string, and the string without it.

DuckDB repeats a connection string in its error messages and in ``duckdb_databases()``. A password
is therefore taken out at once and given to DuckDB as a secret, which it never shows.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

POSTGRES = "ducklake:postgres:"
_PASSWORD = re.compile(r"(?:^|(?<=\s))password\s*=\s*(?:'((?:\\.|[^'\\])*)'|((?:\\.|[^\s\\])*))\s*")
_ESCAPE = re.compile(r"\\(.)")


def without_password(catalog: str) -> tuple[str, SecretStr | None]:
    """Split a catalog's connection string into the string without a password, and the password.

    Args:
        catalog: ``ducklake:postgres:`` with what libpq takes, ``key=value …`` or a URI; any other
            catalog has no password.

    Returns:
        The string, and the password or None where it names none; libpq then looks for one in
        PGPASSWORD and in the file of PGPASSFILE.
    """
    if not catalog.startswith(POSTGRES):
        return catalog, None
    told = catalog.removeprefix(POSTGRES)
    if "://" in told:
        parts = urlsplit(told)
        if parts.password is None:
            return catalog, None
        user, _, host = parts.netloc.rpartition("@")
        shown = parts._replace(netloc=f"{user.partition(':')[0]}@{host}").geturl()
        return POSTGRES + shown, SecretStr(unquote(parts.password))
    found = _PASSWORD.search(told)
    if found is None:
        return catalog, None
    quoted, plain = found.groups()
    password = _ESCAPE.sub(r"\1", plain if quoted is None else quoted)
    return POSTGRES + _PASSWORD.sub("", told).strip(), SecretStr(password)
