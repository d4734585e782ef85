"""Fuzz the feed reader, or the probe and the decoder, and say what came of it.

Inputs are made by Atheris (libFuzzer guided by the coverage of imgassets' and pillow's own Python
code; `pip install atheris`) where it is installed, else by random mutation of the seeds. A feed
must be read without an exception and with every row accounted for; a picture file must be probed
and decoded without an exception, a dead process or a time-out, and the probe must tell the size of
what is decoded. Inputs that fail are kept in a folder, one file each.

    python benchmarks/fuzz.py feeds --seconds 180
    python benchmarks/fuzz.py images --seconds 180 [--seeds FOLDER …] [--failures FOLDER]
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import io
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

if atheris:
    with atheris.instrument_imports(include=["imgassets.ingest", "imgassets.vision", "PIL"]):
        from imgassets.ingest import feeds, probe
else:
    from imgassets.ingest import feeds, probe

import numpy as np
import polars as pl
from fuzz_task import decoded_size
from PIL import Image

from imgassets.settings import FetchSettings
from imgassets.vision import decode
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits

EXTENSIONS = ("csv", "jsonl", "parquet")
MAX_INPUT = 2**16


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", choices=["feeds", "images"])
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seeds", nargs="*", type=Path, default=[], help="folders of more seeds")
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    options = parser.parse_args()
    seeds = list(feed_seeds() if options.target == "feeds" else image_seeds())
    files = [p for folder in options.seeds for p in sorted(folder.rglob("*")) if p.is_file()]
    seeds += [data for data in (p.read_bytes() for p in files) if len(data) <= MAX_INPUT]
    check = check_feed if options.target == "feeds" else image_checker()
    session = Session(check, options.seconds, options.failures)
    if atheris:
        run_atheris(session, seeds, options.failures.parent / f"fuzz-corpus-{options.target}")
    else:
        run_mutations(session, seeds)


class Session:
    """Runs inputs until the time is up, then reports and ends the process."""

    def __init__(self, check: Callable[[bytes], str], seconds: float, failures: Path) -> None:
        self._check = check
        self._end = time.monotonic() + seconds
        self._failures = failures
        self._outcomes: Counter[str] = Counter()
        self._slowest = (0.0, b"")
        self._failed: Counter[str] = Counter()

    def run(self, data: bytes) -> None:
        """Run one input; `check` names the outcome and raises where it is a failure."""
        started = time.perf_counter()
        try:
            self._outcomes[self._check(data)] += 1
        except Exception as error:
            self._failed[type(error).__name__] += 1
            self._keep(data, f"{type(error).__name__}: {error}")
        self._slowest = max(self._slowest, (time.perf_counter() - started, data))
        if time.monotonic() > self._end:
            self._report()
            sys.stdout.flush()
            os._exit(1 if self._failed else 0)  # libFuzzer would catch SystemExit.

    def _keep(self, data: bytes, why: str) -> None:
        self._failures.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(data).hexdigest()[:16]
        (self._failures / name).write_bytes(data)
        print(f"failure {name}: {why[:300]}", flush=True)

    def _report(self) -> None:
        seconds, data = self._slowest
        print(f"inputs: {self._outcomes.total() + self._failed.total()}")
        print(f"failures: {self._failed.total()} {dict(self._failed)}, kept in {self._failures}")
        print(f"slowest: {seconds * 1e3:.1f} ms, {len(data)} bytes starting with {data[:24]!r}")
        for outcome, count in self._outcomes.most_common():
            print(f"  {count:9d} {outcome}")


def run_atheris(session: Session, seeds: list[bytes], corpus: Path) -> None:
    """Let libFuzzer choose the inputs; it keeps those that reach new code in `corpus`."""
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    limits = [f"-max_len={MAX_INPUT}", "-rss_limit_mb=0", "-timeout=120", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], session.run)
    atheris.Fuzz()


def run_mutations(session: Session, seeds: list[bytes]) -> None:
    """Flip, overwrite, cut, repeat and splice the seeds at random."""
    rng = random.Random(0)
    while True:
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 8)):
            at, size = rng.randrange(len(data) + 1), rng.randint(1, 32)
            match rng.randrange(5):
                case 0 if at < len(data):
                    data[at] ^= 1 << rng.randrange(8)
                case 1:
                    data[at : at + size] = rng.choice([b"\0", b"\xff", b"\x7f"]) * size
                case 2:
                    del data[at : at + rng.choice([size, len(data)])]
                case 3:
                    data[at:at] = data[at : at + size]
                case _:
                    other = rng.choice(seeds)
                    data[at:] = other[rng.randrange(len(other)) :]
        session.run(bytes(data))


def check_feed(data: bytes) -> str:
    """Read a feed whose first byte chooses the format."""
    extension = EXTENSIONS[data[0] % len(EXTENSIONS)] if data else "csv"
    parsed = feeds.read_feed(
        data[1:], f"2026-01-05/a.{extension}", dt.date(2026, 1, 5), "a", "/base"
    )
    rows = [*parsed.offers["feed_row"], *parsed.quarantine["feed_row"]]
    if rows == [None]:
        return f"{extension}: refused, {parsed.quarantine['rule_id'][0]}"
    if sorted(rows) != list(range(1, len(rows) + 1)):
        raise AssertionError(f"rows are not accounted for: {rows}")
    if parsed.shares["n_rows"].sum() != len(rows):
        raise AssertionError("the shares do not add up to the rows")
    return f"{extension}: read, {'some' if parsed.offers.height else 'no'} offers"


def image_checker() -> Callable[[bytes], str]:
    """Return the check of picture files."""
    pool = GuardedPool(decoded_size, 1, WorkerLimits(10.0, 512))
    limits = FetchSettings()

    def check(data: bytes) -> str:
        found = probe.probe(data, limits)
        outcome = pool.call(data)
        seen = "passes" if isinstance(found, probe.Probe) else f"refuses ({found.rule_id})"
        if isinstance(outcome, WorkerFailure):
            if outcome.rule_id != "decode_memory":
                raise AssertionError(f"{outcome.rule_id}: {outcome.measured}; probe {seen}")
            return f"probe {seen}, decoder: decode_memory"
        if isinstance(outcome, str):
            return f"probe {seen}, decoder: {outcome}"
        if isinstance(found, probe.Probe) and outcome != (found.height, found.width):
            longest = max(found.height, found.width)
            if longest < 2 * decode.WORKING_SIDE:
                raise AssertionError(f"probe says {found}, decoded {outcome}")
        return f"probe {seen}, decoder: a picture"

    return check


def feed_seeds() -> Iterator[bytes]:
    """Yield a small valid feed in each format, its format's number first."""
    columns = {
        "product_id": ["p1", "p2"],
        "category": ["Mens Tees", "mens-tees"],
        "image_url": ["http://h/a.jpg", "b.jpg"],
        "position": [1, 2],
        "title": ["A", 'say "hi", é'],
        "description": [None, "two\nlines"],
        "is_curated": [True, False],
    }
    frame = pl.DataFrame(columns)
    out = io.BytesIO()
    frame.write_parquet(out)
    yield b"\0" + frame.write_csv().encode()
    yield b"\1" + frame.write_ndjson().encode()
    yield b"\2" + out.getvalue()


def image_seeds() -> Iterator[bytes]:
    """Yield small valid files of every format and mode."""
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (9, 14, 4), np.uint8), "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in decode.FORMATS:
        for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK"):
            out = io.BytesIO()
            try:
                colour.convert("RGB" if mode == "CMYK" else mode).convert(mode).save(
                    out, kind, exif=exif
                )
            except (OSError, ValueError):
                continue  # The format has no such mode.
            yield out.getvalue()
    colour.convert("RGB").save(out := io.BytesIO(), "JPEG", progressive=True)
    yield out.getvalue()
    frames = [colour.rotate(90 * k).convert("RGB") for k in range(3)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF", "MPO"):
        frames[0].save(out := io.BytesIO(), kind, save_all=True, append_images=frames[1:])
        yield out.getvalue()


if __name__ == "__main__":
    main()
