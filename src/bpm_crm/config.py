"""Settings, read once from the environment and passed in; nothing below the entry points reads the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bpm_crm.embedded.home import default_home
from bpm_crm.records.bootstrap import role_urls

DATABASE = "bpm_crm"
ISSUER_KEY = "issuer.pem"
ROLE_PASSWORD = "role-password"  # noqa: S105  # the name of a file


class Settings(BaseSettings):
    """Everything that may be set, as `BPM_CRM_…` variables; each has a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix="BPM_CRM_", extra="ignore")

    home: Path | None = Field(
        default=None, description="Where the private server and secrets live; default: the user's data directory."
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL server to use instead of the private one: a role that may create roles, or owns the schema.",
    )
    app_database_url: SecretStr | None = Field(
        default=None, description="The API's own URL; default: derived from DATABASE_URL."
    )
    worker_database_url: SecretStr | None = Field(
        default=None, description="The worker's own URL; default: derived from DATABASE_URL."
    )
    through_pooler: bool = Field(default=False, description="Connections go through PgBouncer in transaction mode.")
    listen_database_url: SecretStr | None = Field(
        default=None, description="A direct URL for LISTEN where connections go through a pooler."
    )
    pool_size: int = Field(
        default=8,
        ge=2,
        le=200,
        description="Database connections of one process; moves have up to three of their own beside these.",
    )

    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port the API listens on; 0 takes a free one.")
    cors_origins: list[str] = Field(
        default_factory=list, description="Other origins whose pages may use the API, as a JSON list."
    )
    graphiql: bool = Field(default=True, description="Serve GraphiQL to browsers at /graphql.")
    deadline_seconds: float = Field(default=10.0, gt=0, description="Longest time one operation may take.")
    max_body_bytes: int = Field(default=1_000_000, ge=1_000, description="Longest request body.")
    log_format: Literal["json", "plain"] = Field(default="plain", description="Form of the log.")

    issuer: str = Field(default="bpm-crm", description="Issuer of the built-in tokens.")
    audience: str = Field(default="bpm-crm-api", description="Audience that tokens must name.")
    link_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Secret that signs links to files, the same for all API processes; default: derived from the key of the built-in tokens.",
    )
    oidc_issuer: str | None = Field(default=None, description="Issuer of tokens of an identity provider.")
    oidc_jwks_url: str | None = Field(default=None, description="Where the identity provider publishes its keys.")
    oidc_algorithms: list[str] = Field(
        default_factory=lambda: ["RS256", "ES256"], description="Algorithms accepted from it."
    )
    oidc_tenant_claim: str = Field(default="tenant", description="Claim that holds the tenant's id.")


def home_of(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Where the private server and the secrets of this installation live."""
    return settings.home or default_home(environment)


def app_url(settings: Settings, environment: Mapping[str, str]) -> str:
    """The URL by which the API reaches the database."""
    return _url(settings, environment, settings.app_database_url, "app")


def worker_url(settings: Settings, environment: Mapping[str, str]) -> str:
    """The URL by which the worker reaches the database."""
    return _url(settings, environment, settings.worker_database_url, "worker")


def listen_url(settings: Settings, url: str) -> str:
    """A direct URL for LISTEN."""
    return url if settings.listen_database_url is None else settings.listen_database_url.get_secret_value()


def database_of(url: str) -> str:
    """The database that a URL names; ours by default."""
    return urlsplit(url).path.lstrip("/") or DATABASE


def read_issuer_key(settings: Settings, environment: Mapping[str, str]) -> bytes | None:
    """The private key of the built-in issuer, PEM; None where this installation has none."""
    path = home_of(settings, environment) / ISSUER_KEY
    return path.read_bytes() if path.is_file() else None


def link_secret(settings: Settings, environment: Mapping[str, str]) -> bytes | None:
    """What links to files are signed with; None where this installation has neither that secret nor a key of its own."""
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value().encode()
    return read_issuer_key(settings, environment)


def _url(
    settings: Settings, environment: Mapping[str, str], own: SecretStr | None, part: Literal["app", "worker"]
) -> str:
    if own is not None:
        return own.get_secret_value()
    if settings.database_url is None:
        raise LookupError(
            f"set BPM_CRM_{part.upper()}_DATABASE_URL or BPM_CRM_DATABASE_URL, or start with `bpm-crm run`"
        )
    password = home_of(settings, environment) / ROLE_PASSWORD
    secret = password.read_text(encoding="ascii").strip() if password.is_file() else None
    url = settings.database_url.get_secret_value()
    urls = role_urls(url, database_of(url), secret)
    return urls.app if part == "app" else urls.worker
