"""What is fetched from npm is what was looked at."""

from tests.providers.independent.client import HERE


def test_the_lock_file_pins_every_package_by_its_hash_and_names_no_host() -> None:
    lock = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == lock.count('"node_modules/')
