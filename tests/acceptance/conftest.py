"""The running product, shared by the acceptance tests of one worker."""

from collections.abc import Iterator

import pytest

from tests.acceptance.product import Product


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A fresh installation, started once."""
    home = tmp_path_factory.mktemp("product") / "home"
    for folder in (home.parent, home.parent.parent, home.parent.parent.parent):
        folder.chmod(0o755)
    found = Product(home)
    found.start()
    try:
        yield found
    finally:
        found.stop()
