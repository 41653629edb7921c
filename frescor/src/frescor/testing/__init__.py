"""What a test of an application with a cache needs: a server of its own, started in milliseconds."""

from frescor.testing.private_cluster import PrivateCluster, PrivateSentinels
from frescor.testing.private_server import PrivateServer

__all__ = ["PrivateCluster", "PrivateSentinels", "PrivateServer"]
