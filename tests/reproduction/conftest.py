"""A registered project that the tests of this folder only read."""

from tests.provenance.conftest import champion as champion
