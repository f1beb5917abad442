"""All rows of the table, section by section, in the order they are printed."""

from tests.faults.rows import deaths, redis, postgres, deploys, provider  # noqa: F401, I001
