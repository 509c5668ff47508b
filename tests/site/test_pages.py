"""The project itself passes every check."""

import pytest

from sitekit import check

CHECKS = check.checks()


@pytest.mark.parametrize("name", CHECKS)
def test_the_project_passes(name):
    problems = CHECKS[name](check.ROOT)
    assert not problems, "\n".join(["", *problems])
