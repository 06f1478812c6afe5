"""`python -m bpm_crm.api` prints the GraphQL schema, sorted."""

import sys

from bpm_crm.api.schema import build_schema, sorted_sdl

sys.stdout.write(sorted_sdl(build_schema()))
