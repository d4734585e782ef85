"""The downloader against wget and img2dataset, and killed and restarted.

    python benchmarks/ingest.py PICTURES [--images 5000] [--concurrency 16] [--rounds 3]
        [--img2dataset FOLDER/bin] [--kills 10] [--seed 0]

Serves --images distinct pictures, made of the JPEG files below PICTURES, from an nginx of its own
(Debian's package ``nginx-light`` will do) and downloads them all with each contender in turn,
--rounds times, with equal concurrency:

- ours: requests, address guard, probe, SHA-256, image store, journal, rows;
- wget: --concurrency processes that write the bodies to files, and do no more;
- wget alone: the same by a single process, one picture at a time;
- img2dataset: bytes and their SHA-256 to files, nothing encoded again; from an environment of its
  own, named by --img2dataset; with its threads in one process, as ours, and in one a core.

The time of ours and of img2dataset starts when their modules are loaded; img2dataset's start of its
worker processes counts, and so does wget's. Server and contender share the machine's cores.

Then a download is sent SIGKILL at a random moment, until --kills of them landed, and is left to
finish. Exit code 1 if a picture is lost or doubled, if its rows differ from an undisturbed run's,
or if the server was asked again for a picture that had been recorded.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from imgassets.ingest.fetch import fetch_images
from imgassets.ingest.journal import FetchJournal
from imgassets.ingest.store import ImageStore
from imgassets.settings import FetchSettings
from imgassets.warehouse.contracts import FetchedImages, SupplierOffers

SPAWN = multiprocessing.get_context("spawn")
NGINX = """
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    log_format path $request_uri;
    access_log {folder}/access.log path;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    open_file_cache max=20000;
    server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""
IMG2DATASET = """
import sys, time
from img2dataset import download
if __name__ == "__main__":
    urls, out, images, concurrency, processes = sys.argv[1:3] + [int(n) for n in sys.argv[3:]]
    started = time.monotonic()
    download(
        url_list=urls, input_format="txt", output_format="files", output_folder=out,
        processes_count=processes, thread_count=concurrency // processes,
        number_sample_per_shard=-(-images // (4 * processes)), resize_mode="no",
        disable_all_reencoding=True, compute_hash="sha256", enable_wandb=False, retries=2,
    )
    print(f"seconds {time.monotonic() - started}")
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--img2dataset", type=Path, help="bin folder that has its python")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_bytes = lay_out(arguments.pictures, folder / "www", arguments.images)
        with serving(folder) as base:
            urls = [f"{base}/{i}.jpg" for i in range(arguments.images)]
            (folder / "urls.txt").write_text("\n".join(urls) + "\n")
            seconds = race(arguments, folder, urls)
            report(seconds, arguments.images, n_bytes)
            whole = seconds["ours"][-1]
            return kill_and_restart(arguments, folder, urls, whole) if arguments.kills else 0


# --- The server -----------------------------------------------------------------------------------


def lay_out(pictures: Path, www: Path, images: int) -> int:
    """Write distinct JPEG files 0.jpg, 1.jpg, …; return their bytes in all."""
    sources = [path.read_bytes() for path in sorted(pictures.rglob("*.jpg"))]
    sources = [data for data in sources if data.startswith(b"\xff\xd8")]
    if not sources:
        raise SystemExit(f"no JPEG file below {pictures}")
    www.mkdir()
    total = 0
    for i in range(images):
        comment = f"{i:010d}".encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        data = sources[i % len(sources)]
        total += (www / f"{i}.jpg").write_bytes(data[:2] + segment + data[2:])
    return total


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run an nginx of our own, whose access log holds one path a line; give its base URL."""
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        raise SystemExit("nginx is needed: apt-get install nginx-light")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "nginx.conf"
    # A server started by root would otherwise drop to a user that may not enter the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        user + NGINX.format(folder=folder, port=port, workers=os.cpu_count() or 1)
    )
    server = subprocess.Popen([binary, "-c", str(configuration), "-e", str(folder / "error.log")])
    try:
        wait_for_own(server, folder / "nginx.pid")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def wait_for_own(server: subprocess.Popen[bytes], pid_file: Path) -> None:
    """Wait until this very server listens: another's on the same port would answer as well."""
    for _ in range(200):
        if server.poll() is not None:
            raise SystemExit("nginx did not start; what it said is above")
        # nginx writes it once its sockets are bound.
        if pid_file.exists() and pid_file.read_text().strip() == str(server.pid):
            return
        time.sleep(0.05)
    raise SystemExit("nginx did not start within 10 s")


# --- The contenders -------------------------------------------------------------------------------


def race(arguments: argparse.Namespace, folder: Path, urls: list[str]) -> dict[str, list[float]]:
    """Return each contender's seconds, round by round; each round runs all, one after the other."""
    contenders: dict[str, Callable[[Path], float]] = {
        "ours": partial(ours, urls=urls, concurrency=arguments.concurrency),
        "wget": partial(wget, urls=urls, concurrency=arguments.concurrency),
        "wget alone": partial(wget, urls=urls, concurrency=1),
    }
    if arguments.img2dataset:
        for processes in sorted({1, min(os.cpu_count() or 1, arguments.concurrency)}):
            contenders[f"img2dataset, {processes} process{'es' * (processes > 1)}"] = partial(
                img2dataset,
                python=arguments.img2dataset / "python",
                urls=folder / "urls.txt",
                images=len(urls),
                concurrency=arguments.concurrency,
                processes=processes,
            )
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, run in contenders.items():
            out = folder / "out"
            out.mkdir()
            seconds[name].append(run(out))
            files = sum(path.suffix in (".jpg", "") for path in out.rglob("*") if path.is_file())
            if files != len(urls):
                raise SystemExit(f"{name} wrote {files} of {len(urls)} pictures")
            shutil.rmtree(out)
    return seconds


def ours(out: Path, urls: list[str], concurrency: int) -> float:
    receiver, sender = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=download, args=(out, urls, concurrency, sender))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("our download failed")
    return float(receiver.recv())


def download(
    out: Path, urls: list[str], concurrency: int, sender: Connection | None = None
) -> None:
    """Fetch the URLs into a store below `out`; write the rows and send the seconds it took."""
    settings = FetchSettings(
        concurrency=concurrency, per_host_concurrency=concurrency, allowed_networks=["127.0.0.0/8"]
    )
    started = time.monotonic()
    with FetchJournal(out / "journal.sqlite") as journal:
        result = fetch_images(
            offers(urls),
            FetchedImages.create_empty(),
            ImageStore(str(out / "store")),
            settings,
            [],
            journal=journal,
        )
    if not result.quarantine.is_empty():
        raise SystemExit(f"refused: {result.quarantine.row(0, named=True)}")
    if sender is not None:
        sender.send(time.monotonic() - started)
    result.images.write_parquet(out / "rows.parquet")


def offers(urls: list[str]) -> pl.DataFrame:
    """Return one product's offers of these URLs."""
    day = dt.date(2026, 1, 5)
    frame = pl.DataFrame({"image_url": urls, "position": range(1, len(urls) + 1)})
    return SupplierOffers.conform(
        frame.with_columns(
            day=pl.lit(day), category=pl.lit("tees"), product_id=pl.lit("p"),
            supplier_id=pl.lit("acme"), image_location="image_url", title=pl.lit(None),
            description=pl.lit(None), is_curated=pl.lit(False), feed_file=pl.lit("d/acme.csv"),
            feed_row="position",
        )
    )  # fmt: skip


def wget(out: Path, urls: list[str], concurrency: int) -> float:
    """Let each of `concurrency` processes fetch its share over a connection that it keeps."""
    shares = [urls[i::concurrency] for i in range(concurrency)]
    for i, share in enumerate(shares):
        (out / f"{i}.txt").write_text("\n".join(share) + "\n")
    started = time.monotonic()
    processes = [
        subprocess.Popen(
            ["wget", "--quiet", "--no-proxy", f"--input-file={out}/{i}.txt", "-P", str(out)]
        )
        for i in range(concurrency)
    ]
    if {process.wait() for process in processes} != {0}:
        raise SystemExit("wget failed")
    return time.monotonic() - started


def img2dataset(
    out: Path, python: Path, urls: Path, images: int, concurrency: int, processes: int
) -> float:
    script = out / "peer.py"
    script.write_text(IMG2DATASET)
    numbers = [str(n) for n in (images, concurrency, processes)]
    environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1", "no_proxy": "127.0.0.1"}
    command = [str(python), str(script), str(urls), str(out / "pictures"), *numbers]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    for line in answer.stdout.splitlines():
        if line.startswith("seconds "):
            return float(line.split()[1])
    raise SystemExit(f"img2dataset failed:\n{answer.stdout}\n{answer.stderr}")


def report(seconds: dict[str, list[float]], images: int, n_bytes: int) -> None:
    print(f"{images} pictures, {n_bytes / 1e6:.1f} MB; median (all rounds)")
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    for name, times in seconds.items():
        rates = ", ".join(f"{images / s:.0f}" for s in times)
        print(
            f"{name:24} {images / middle[name]:7.0f} images/s {n_bytes / 1e6 / middle[name]:7.1f}"
            f" MB/s ({rates})"
        )
    for peer in list(seconds)[1:]:
        ratios = [b / a for a, b in zip(seconds["ours"], seconds[peer], strict=True)]
        print(f"ours ÷ {peer}: {statistics.median(ratios):.2f}")


# --- Killed and restarted -------------------------------------------------------------------------


def kill_and_restart(
    arguments: argparse.Namespace, folder: Path, urls: list[str], whole: float
) -> int:
    """Compare a download that was killed --kills times with an undisturbed one."""
    peaceful, killed = folder / "peaceful", folder / "killed"
    for out in (peaceful, killed):
        out.mkdir()
    download(peaceful, urls, arguments.concurrency)
    log = folder / "access.log"
    rng = random.Random(arguments.seed)
    asked = asked_again = landed = 0
    finished = False
    while landed < arguments.kills or not finished:
        if finished:
            raise SystemExit(f"done after {landed} of {arguments.kills} kills: use more --images")
        recorded = journalled(killed, urls)
        position = log.stat().st_size
        process = SPAWN.Process(target=download, args=(killed, urls, arguments.concurrency))
        process.start()
        if landed < arguments.kills:
            wait_for_requests(log, position)
            time.sleep(rng.uniform(0.0, whole / (arguments.kills + 1)))
            process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            landed += 1
        elif process.exitcode:
            raise SystemExit("our download failed")
        else:
            finished = True
        time.sleep(0.2)  # until the server has logged what was under way
        paths = log.read_text()[position:].split()
        asked += len(paths)
        asked_again += sum(path in recorded for path in paths)
    rows, expected = (pl.read_parquet(out / "rows.parquet") for out in (killed, peaceful))
    files, unfinished = stored(killed / "store")
    whole_rows = rows.filter(pl.col("image_id").is_in(list(files)))
    lost = len(set(urls) - set(whole_rows["image_url"]))
    doubled = len(files - set(expected["image_id"])) + rows.height - rows["image_url"].n_unique()
    same = rows.equals(expected)
    print(
        f"\nkilled {landed} times: {lost} of {len(urls)} pictures lost, {doubled} doubled, rows "
        f"{'equal to' if same else 'DIFFER from'} an undisturbed run's; {asked} requests, "
        f"{asked_again} of them for a recorded picture; {unfinished} unfinished files left behind"
    )
    return int(bool(lost or doubled or asked_again) or not same)


def journalled(out: Path, urls: list[str]) -> set[str]:
    """Return the paths of the URLs that the journal holds."""
    with FetchJournal(out / "journal.sqlite") as journal:
        return {urlsplit(url).path for url in journal.find(urls)}


def wait_for_requests(log: Path, position: int) -> None:
    """Wait until the server has been asked for something, for a minute at most."""
    deadline = time.monotonic() + 60
    while log.stat().st_size == position and time.monotonic() < deadline:
        time.sleep(0.01)


def stored(store: Path) -> tuple[set[str], int]:
    """Return the names of a store's files that hash to their names, and how many others it has."""
    files = [path for path in store.rglob("*") if path.is_file()]
    right = {p.name for p in files if hashlib.sha256(p.read_bytes()).hexdigest() == p.name}
    return right, len(files) - len(right)


if __name__ == "__main__":
    sys.exit(main())
