"""The commands."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console

from bpm_crm import __version__
from bpm_crm.cli import bpmn, companies, diagrams, log_files, maintenance, processes, replays, tables
from bpm_crm.cli import demo as demo_commands
from bpm_crm.cli import logs as log_commands
from bpm_crm.cli.alone import become, run_below
from bpm_crm.cli.faults import reported
from bpm_crm.cli.provision import provisioned
from bpm_crm.cli.supervisor import Supervisor, api_command, child_environment, worker_command
from bpm_crm.config import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=f"bpm_crm {__version__}: formal, measurable processes for customer requests.",
)
processes.app.command("export-bpmn")(bpmn.export_command)
processes.app.command("import-bpmn")(bpmn.import_command)
processes.app.command("diagram")(diagrams.diagram)
app.add_typer(processes.app, name="process")
app.add_typer(companies.app, name="company")
processes.app.command("replay")(replays.replay)
processes.app.command("what-if")(replays.what_if)
app.command("import-log")(log_commands.import_log)
app.command("export-log")(log_files.export_log)
app.command("import-leads")(tables.import_leads)
app.command("rebuild")(maintenance.rebuild)
app.command("verify")(maintenance.verify)
out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)

PORT_PATIENCE_SECONDS = 1.0
"""How long a taken port is waited for: the API of a `bpm-crm run` that was killed lets go of it a moment later."""


def tell(text: str) -> None:
    """Say what goes on, on standard error."""
    err.print(f"[dim]{text}[/dim]", highlight=False)


@app.command()
@reported
def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    demo: Annotated[bool, typer.Option(help="Load demo data at the first start.")] = True,
) -> None:
    """Start everything: database (private unless BPM_CRM_DATABASE_URL is set), API and worker; print where and how to sign in."""
    settings = _with(Settings(), host, port)
    _require_free(settings)
    with provisioned(settings, tell) as provision:
        keys = asyncio.run(demo_commands.ensure(provision, load=demo, console=err)) if demo else []
        supervisor = Supervisor(provision, child_environment(provision.settings, os.environ), tell)
        supervisor.start()
        try:
            supervisor.wait_until_it_answers()
            demo_commands.print_welcome(out, provision.settings, keys)
            supervisor.watch()
        finally:
            supervisor.stop()


@app.command()
@reported
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Run the API alone. With BPM_CRM_APP_DATABASE_URL it needs nothing else of the database."""
    settings = _with(Settings(), host, port)
    _require_free(settings)
    _run_alone(api_command(settings), settings, settings.app_database_url)


@app.command()
@reported
def worker() -> None:
    """Run one worker alone; any number may run. With BPM_CRM_WORKER_DATABASE_URL it needs nothing else of the database."""
    settings = Settings()
    _run_alone(worker_command(), settings, settings.worker_database_url)


@app.command()
@reported
def migrate() -> None:
    """Prepare the database and bring its schema up to date."""
    with provisioned(Settings(), tell) as provision:
        place = "the private server" if provision.server is not None else "BPM_CRM_DATABASE_URL"
        out.print(f"The schema of {place} is up to date.")


@app.command()
@reported
def demo() -> None:
    """Load the demo company with a year of leads, unless it is loaded; print a token for each role."""
    with provisioned(Settings(), tell) as provision:
        keys = asyncio.run(demo_commands.ensure(provision, load=True, console=err))
        demo_commands.print_tokens(out, keys)


@app.command()
@reported
def token(
    user: Annotated[str, typer.Argument(help="E-mail address of the user.")],
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
    hours: Annotated[float, typer.Option(min=0.01, max=8760, help="How long it is valid.")] = 12,
) -> None:
    """Make a token of the built-in issuer for a user."""
    with provisioned(Settings(), tell, migrate=False) as provision:
        made = asyncio.run(demo_commands.token_for(provision, tenant, user, datetime.now(UTC), timedelta(hours=hours)))
        sys.stdout.write(made + "\n")


@app.command()
@reported
def schema(
    check: Annotated[
        Path | None, typer.Option(help="Compare with this file instead of printing; fails if it differs.")
    ] = None,
) -> None:
    """Print the GraphQL schema, sorted."""
    # A process of its own: the other commands need not wait for the schema's types to load.
    made = subprocess.run([sys.executable, "-m", "bpm_crm.api"], stdout=subprocess.PIPE, text=True, check=True)
    text = made.stdout
    if check is None:
        sys.stdout.write(text)
    elif not check.is_file() or check.read_text(encoding="utf-8") != text:
        err.print(f"{check} is not the schema of this code; run `make schema` and commit it.")
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


def _with(settings: Settings, host: str | None, port: int | None) -> Settings:
    update = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    found = settings.model_copy(update=update)
    return found if found.port else found.model_copy(update={"port": _free_port(found.host)})


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free(settings: Settings) -> None:
    until = time.monotonic() + PORT_PATIENCE_SECONDS
    while (error := _in_the_way(settings)) is not None:
        if time.monotonic() >= until:
            err.print(
                f"Port {settings.port} of {settings.host} is taken ({error.strerror}). "
                f"Stop what uses it, or choose another: BPM_CRM_PORT={settings.port + 1} make run"
            )
            raise typer.Exit(1) from error
        time.sleep(0.05)


def _in_the_way(settings: Settings) -> OSError | None:
    """Why the port cannot be listened on, if it cannot."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return error
    return None


def _run_alone(command: list[str], settings: Settings, url: SecretStr | None) -> None:
    """Run a part until it ends: in place of this process, unless this one has to keep a private server meanwhile.

    With a URL of the part's own there is nothing to prepare: whoever made that URL has.
    """
    if url is not None:
        become(command, child_environment(settings, os.environ))
    with provisioned(settings, tell, migrate=False) as provision:
        environment = child_environment(provision.settings, os.environ)
        if provision.server is None or not provision.server.owned:
            become(command, environment)
        raise typer.Exit(run_below(command, environment))
