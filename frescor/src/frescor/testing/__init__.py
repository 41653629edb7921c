"""For tests of an application with a cache: private servers that start in milliseconds, and the tests that every store
has to pass."""

from frescor.testing.conformance import StoreConformance
from frescor.testing.private_cluster import PrivateCluster, PrivateSentinels
from frescor.testing.private_server import PrivateServer

__all__ = ["PrivateCluster", "PrivateSentinels", "PrivateServer", "StoreConformance"]
