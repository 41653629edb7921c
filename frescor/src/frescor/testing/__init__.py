"""What tests of an application with a cache need: a server of their own that starts in milliseconds; and the tests for
a store of one's own."""

from frescor.testing.conformance import StoreConformance
from frescor.testing.private_cluster import PrivateCluster, PrivateSentinels
from frescor.testing.private_server import PrivateServer

__all__ = ["PrivateCluster", "PrivateSentinels", "PrivateServer", "StoreConformance"]
