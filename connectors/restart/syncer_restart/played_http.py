"""What every request to the played portal goes through: user, password, known parameters."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from aiohttp import web

from syncer.testing import Problem
from syncer_restart.played_account import Account

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="RESTART", charset="UTF-8"'}


def account_of(request: web.Request, accounts: Mapping[str, Account]) -> Account:
    """Find the account whose user and password come with the request.

    Raises:
        Problem: 401 when they are missing, unreadable or wrong.
    """
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pair = ""
    user, colon, password = pair.partition(":")
    account = accounts.get(user)
    if scheme.lower() != "basic" or not colon or account is None:
        raise Problem(401, "NON_AUTORIZZATO", headers=_CHALLENGE)
    if not hmac.compare_digest(account.password.encode(), password.encode()):
        raise Problem(401, "NON_AUTORIZZATO", headers=_CHALLENGE)
    return account


def refuse_parameters(request: web.Request, known: frozenset[str] = frozenset()) -> None:
    """Refuse parameters that the route does not have, and repeated ones.

    Raises:
        Problem: 400.
    """
    names = list(request.query)
    if set(names) - known or len(names) != len(set(names)):
        raise Problem(400, "PARAMETRO_NON_VALIDO")
