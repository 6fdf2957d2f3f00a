"""The suite's modules are no test modules by name, but their assertions explain themselves too."""

import pytest

pytest.register_assert_rewrite("tests.providers.rig", "tests.providers.suite")
