"""Ways to fail with real libraries: each takes a word that differs from one run to the next."""

from __future__ import annotations

import asyncio
import csv
import decimal
import json
import sqlite3
import subprocess
import sys
import tomllib
import urllib.request
import zoneinfo
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import httpx2
import jinja2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel

__all__ = ["WAYS"]

_NOBODY_LISTENS = 1


class Order(BaseModel):
    """What pydantic checks."""

    id: int
    day: str


class Row(msgspec.Struct):
    """What msgspec checks."""

    id: int
    day: str


def json_value(word: str) -> None:
    """Read JSON with no value where one must be."""
    json.loads(f'{{"{word}": ' + "}")


def json_rest(word: str) -> None:
    """Read JSON with something behind its end."""
    json.loads(f'"{word}" x')


def no_table(word: str) -> None:
    """Ask SQLite for a table that is not there."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("SELECT * FROM orders WHERE id = ?", (word,))


def no_other_table(word: str) -> None:
    """Ask it for another one."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("SELECT * FROM customers WHERE id = ?", (word,))


def not_unique(word: str) -> None:
    """Insert a key twice."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE orders (id PRIMARY KEY)")
        for _ in range(2):
            connection.execute("INSERT INTO orders VALUES (?)", (word,))


def pydantic_int(word: str) -> None:
    """Validate text where a number must be."""
    Order.model_validate({"id": word + "x", "day": word})


def pydantic_missing(word: str) -> None:
    """Validate an object without a field."""
    Order.model_validate({"id": 1, word: word * 40})


def msgspec_type(word: str) -> None:
    """Decode a row whose day is a number."""
    msgspec.json.decode(f'[{{"id": 1, "day": {len(word)}}}]', type=list[Row])


def msgspec_missing(word: str) -> None:
    """Decode a row without a field."""
    msgspec.json.decode(f'[{{"day": "{word}"}}]', type=list[Row])


def httpx_refused(word: str) -> None:
    """Connect to where nobody listens."""
    httpx2.get(f"http://127.0.0.1:{_NOBODY_LISTENS}/{word}", trust_env=False)


def httpx_not_found(word: str) -> None:
    """Get an answer that is an error of the client."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(404))
    with httpx2.Client(transport=transport) as client:
        client.get(f"https://api.example.com/orders/{word}").raise_for_status()


def httpx_unavailable(word: str) -> None:
    """Get an answer that is an error of the server."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(503))
    with httpx2.Client(transport=transport) as client:
        client.get(f"https://api.example.com/orders/{word}").raise_for_status()


def urllib_refused(word: str) -> None:
    """Connect to where nobody listens with the standard library."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"http://127.0.0.1:{_NOBODY_LISTENS}/{quote(word)}")


def no_zone(word: str) -> None:
    """Look for a time zone that is not there."""
    zoneinfo.ZoneInfo(f"Nowhere/{word}")


def no_program(word: str) -> None:
    """Start a program that is not there."""
    subprocess.run([f"/nowhere/{word}"], check=True)


def exit_status(word: str) -> None:
    """Run a program that ends with a status."""
    code = f"import sys; sys.exit({len(word)})"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)


def took_too_long(word: str) -> None:
    """Run a program for longer than it may."""
    seconds = 0.001 * len(word)
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    subprocess.run(program, timeout=seconds)  # noqa: PLW1510 - it is ended before


def bad_key(word: str) -> None:
    """Load a key that is none."""
    load_pem_private_key(word.encode(), password=None)


def bad_signature(word: str) -> None:
    """Check a signature that is not right."""
    Ed25519PrivateKey.generate().public_key().verify(bytes(64), word.encode())


def no_file(word: str) -> None:
    """Read a file that is not there."""
    Path(f"/nowhere/{word}.csv").read_text()


def a_folder(word: str) -> None:
    """Read a folder as if it were a file."""
    Path(f"/tmp/../tmp/./{'../tmp/' * len(word)}").read_text()


def not_a_number(word: str) -> None:
    """Read a number that is none."""
    decimal.Decimal(f"{word}!")


def bad_toml(word: str) -> None:
    """Read TOML with a key twice."""
    tomllib.loads(f"day = 1\n{'# ' + word}\nday = 2\n")


def bad_csv(word: str) -> None:
    """Read CSV in a strict way that does not allow it."""
    list(csv.reader([f'"{word}" x, y'], strict=True))


def no_template_name(word: str) -> None:
    """Fill in a template that names what is not given."""
    jinja2.Template("{{ order.id }}", undefined=jinja2.StrictUndefined).render(day=word)


def timed_out(word: str) -> None:
    """Wait for longer than one may, in a loop of asyncio."""

    async def wait() -> None:
        async with asyncio.timeout(0.0001 * len(word)):
            await asyncio.sleep(60)

    asyncio.run(wait())


def in_thread(word: str) -> None:
    """Fail in a thread of a pool."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(json_value, word).result()


def group(word: str) -> None:
    """Fail in several tasks at once, in an order that nobody knows."""

    async def fail(way: Callable[[str], None]) -> None:
        way(word)

    async def both() -> None:
        ways = (json_value, no_table)
        async with asyncio.TaskGroup() as tasks:
            for way in ways if len(word) % 2 else reversed(ways):
                tasks.create_task(fail(way))

    asyncio.run(both())


def chained(word: str) -> None:
    """Fail because of something else, after so many tries."""
    error: Exception | None = None
    for number in range(len(word)):
        try:
            try:
                no_table(word)
            finally:
                if error is not None:
                    raise RuntimeError(f"try {number} failed") from error
        except Exception as raised:  # noqa: BLE001 - each becomes the cause of the next
            error = raised
    raise RuntimeError(f"order {word!r} cannot be loaded") from error


def chained_to_another(word: str) -> None:
    """Fail in the same place because of another thing."""
    try:
        no_file(word)
    except OSError as error:
        raise RuntimeError(f"order {word!r} cannot be loaded") from error


WAYS: Mapping[str, Callable[[str], None]] = {
    way.__name__: way
    for way in (
        json_value,
        json_rest,
        no_table,
        no_other_table,
        not_unique,
        pydantic_int,
        pydantic_missing,
        msgspec_type,
        msgspec_missing,
        httpx_refused,
        httpx_not_found,
        httpx_unavailable,
        urllib_refused,
        no_zone,
        no_program,
        exit_status,
        took_too_long,
        bad_key,
        bad_signature,
        no_file,
        a_folder,
        not_a_number,
        bad_toml,
        bad_csv,
        no_template_name,
        timed_out,
        in_thread,
        group,
        chained,
        chained_to_another,
    )
}
