"""Money: an exact amount with its currency."""

from decimal import Decimal

import strawberry


@strawberry.type(description="An amount of money.")
class Money:
    """An amount of money."""

    amount: Decimal = strawberry.field(description="Exact amount.")
    currency: str = strawberry.field(description="Currency, ISO 4217.")
