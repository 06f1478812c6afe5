"""The Relay `Node`: anything that has a global id."""

import strawberry


@strawberry.interface(description="Anything with a global id; `node(id)` finds it again.")
class Node:
    """Anything with a global id."""

    id: strawberry.ID = strawberry.field(description="Global id, opaque.")
