"""For tests of an application with a cache: private servers that start in milliseconds, assertions on what a write
invalidates, and the tests that every store has to pass. The pytest fixtures are in `frescor.testing.plugin`."""

from frescor.testing.conformance import StoreConformance
from frescor.testing.keeping import assert_invalidates, assert_invalidates_async, assert_keeps, assert_keeps_async
from frescor.testing.private_cluster import PrivateCluster, PrivateSentinels
from frescor.testing.private_postgres import PrivatePostgres
from frescor.testing.private_server import PrivateServer

__all__ = [
    "PrivateCluster",
    "PrivatePostgres",
    "PrivateSentinels",
    "PrivateServer",
    "StoreConformance",
    "assert_invalidates",
    "assert_invalidates_async",
    "assert_keeps",
    "assert_keeps_async",
]
