"""The command line: the engine over files, without a server. `.venv/bin/python cli.py --help`, or scripts/pare."""

from pathlib import Path
from typing import Annotated

import typer

EXITS = "\n\n".join(
    (
        "Exit codes:",
        "0: all is well",
        "1: a file failed, or something does not work",
        "2: a wrong option or setting; nothing was done",
        "3: every file was worked on, but for some --max-bytes or --min-score was out of reach",
        "129, 130, 143: interrupted by a terminal that closed, Ctrl-C, SIGTERM",
        "141: nobody reads the output any more",
    )
)
app = typer.Typer(
    help="Pare makes image files smaller and proves that nothing a person would see was lost.",
    epilog=EXITS,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config = typer.Typer(help="The service's settings.", no_args_is_help=True)
app.add_typer(config, name="config")
library = typer.Typer(help="What /v1 and /api/v1 keep.", no_args_is_help=True)
app.add_typer(library, name="library")

Files = Annotated[list[Path], typer.Argument(help="Images; folders with --recursive.", show_default=False)]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Images in folders, too, by their first bytes.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=256, help="Files at once (default: CPUs).")]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON for each file, and one for the sum.")]
Quality = Annotated[str | None, typer.Option(help="1-100, or auto: the smallest that reaches --min-score.")]
MinScore = Annotated[str | None, typer.Option(help="SSIMULACRA2 that the result has to reach.")]
MaxBytes = Annotated[str | None, typer.Option(help="Byte budget, such as 200kb.")]
Format = Annotated[str | None, typer.Option(help="original, auto, or formats with commas: the smallest is taken.")]
Metadata = Annotated[str | None, typer.Option(help="safe, none or all.")]
Effort = Annotated[str | None, typer.Option(help="fast, balanced or best.")]
Lossless = Annotated[bool, typer.Option("--lossless", help="Pixels stay exactly equal.")]


def end(code: int) -> None:
    """Leave with an exit code."""
    raise typer.Exit(code)


@app.command(epilog=EXITS)
def optimize(
    files: Files,
    recursive: Recursive = False,
    quality: Quality = None,
    min_score: MinScore = None,
    max_bytes: MaxBytes = None,
    format: Format = None,
    metadata: Metadata = None,
    effort: Effort = None,
    lossless: Lossless = False,
    in_place: Annotated[bool, typer.Option("--in-place", help="Write over the originals that get smaller.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder for all results, with the folders they were in.")] = None,
    keep_mtime: Annotated[bool, typer.Option("--keep-mtime", help="Results keep the time of their originals.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do all the work, write nothing.")] = False,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Make images smaller. photo.jpg becomes photo.pare.jpg beside it, unless --output or --in-place says otherwise.

    Nothing is written over without --in-place, and nothing is written where a file would not get smaller or cleaner.
    """
    from commands.exits import run
    from commands.optimize import optimize
    from commands.saving import Saving

    options = _options(quality, min_score, max_bytes, format, metadata, effort, lossless)
    saving = Saving(in_place, output, keep_mtime)
    end(run(optimize(files, options, saving, recursive=recursive, jobs=jobs, dry_run=dry_run, json=json)))


@app.command(epilog=EXITS)
def estimate(
    files: Files,
    recursive: Recursive = False,
    quality: Quality = None,
    min_score: MinScore = None,
    max_bytes: MaxBytes = None,
    format: Format = None,
    metadata: Metadata = None,
    effort: Effort = None,
    lossless: Lossless = False,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Tell what optimize would leave of images, without doing it."""
    from commands.estimate import estimate
    from commands.exits import run

    options = _options(quality, min_score, max_bytes, format, metadata, effort, lossless)
    end(run(estimate(files, options, recursive=recursive, jobs=jobs, json=json)))


@app.command(epilog=EXITS)
def health(
    url: Annotated[str | None, typer.Option(help="Ask the service at this address instead.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say which tools and formats work here: every tool encodes a tiny picture."""
    from commands.exits import run
    from commands.health import health

    end(run(health(url, json=json)))


@app.command(epilog=EXITS)
def sign(
    path: Annotated[str, typer.Argument(help="The original, as in /images/PATH.", show_default=False)],
    query: Annotated[list[str] | None, typer.Argument(help="What is asked of it: w=600 format=auto …")] = None,
    expires_in: Annotated[
        int | None, typer.Option(min=1, help="Seconds that the URL is good for (default: always).")
    ] = None,
    key_id: Annotated[str | None, typer.Option(help="Which secret of SIGNING_KEY signs (default: the first).")] = None,
) -> None:
    """Print the signed path and query of an image, by SIGNING_KEY."""
    from commands.exits import run
    from commands.sign import sign

    end(run(sign(path, query or [], expires_in, key_id)))


@config.command(epilog=EXITS)
def check(json: Annotated[bool, typer.Option("--json", help="One line of JSON for each setting.")] = False) -> None:
    """Explain every setting: its value, where that comes from (environment, .env, default), and what is wrong."""
    from commands.configuration import check
    from commands.exits import run

    end(run(check(as_json=json)))


@library.command(epilog=EXITS)
def sweep(
    mend: Annotated[
        bool, typer.Option("--mend", help="Delete what no row needs; let what is not whole be made anew.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Find objects that no row needs, rows whose objects are gone, and images that were begun and never ended."""
    from commands.exits import run
    from commands.library import swept

    end(run(swept(mend=mend, json=json)))


@library.command(epilog=EXITS)
def move(
    target: Annotated[
        str, typer.Argument(help="Where to: s3://BUCKET, gs://BUCKET, file://FOLDER.", show_default=False)
    ],
    source: Annotated[str | None, typer.Option(help="Where from (default: STORAGE_URL).")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Copy every object of the library to another store and verify it; cut off, it goes on where it was."""
    from commands.exits import run
    from commands.library import moved

    end(run(moved(target, source, json=json)))


def _options(
    quality: str | None,
    min_score: str | None,
    max_bytes: str | None,
    format: str | None,
    metadata: str | None,
    effort: str | None,
    lossless: bool,
) -> dict[str, str | None]:
    """What was said, by the names of the service's options."""
    return {
        "quality": quality,
        "min_score": min_score,
        "max_bytes": max_bytes,
        "format": format,
        "metadata": metadata,
        "effort": effort,
        "lossless": "true" if lossless else None,
    }


if __name__ == "__main__":
    app(prog_name="pare")
