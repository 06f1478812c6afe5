"""The running product, shared by the acceptance tests of one worker."""

from collections.abc import Iterator

import pytest

from tests.acceptance.product import Product
from tests.homes import an_open_home


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """A fresh installation, started once."""
    with an_open_home() as folder:
        found = Product(folder / "home")
        found.start()
        try:
            yield found
        finally:
            found.stop()
