"""The `frescor` program."""

import pytest
from click.testing import CliRunner

from frescor import Cache
from frescor._store.permissions import Topology, acl_rules
from frescor.cli.main import program
from frescor.embedded import find_binary
from frescor.testing import PrivateServer


@pytest.mark.skipif(find_binary() is None, reason="no valkey-server or redis-server on this machine")
def test_it_reads_address_and_namespace_from_the_command_line() -> None:
    with PrivateServer(namespaces=["shop"]) as server:
        with Cache.from_url(server.url, "shop") as cache:
            cache.set("a", 1)
        shown = CliRunner().invoke(program, ["--url", server.url, "--namespace", "shop", "keys"])
        assert shown.exit_code == 0
        assert "  a\n" in shown.output


def test_a_wrong_url_is_a_usage_error() -> None:
    shown = CliRunner().invoke(program, ["--url", "http://x", "--namespace", "shop", "status"])
    assert shown.exit_code == 2
    assert "redis://" in shown.output


def test_without_an_address_it_says_which_option_is_missing() -> None:
    shown = CliRunner().invoke(program, ["--namespace", "shop", "status"], env={"REDIS_URL": None})
    assert shown.exit_code == 2
    assert "--url" in shown.output


def test_acl_prints_rules_that_a_server_takes_and_needs_no_address() -> None:
    shown = CliRunner().invoke(program, ["acl", "--namespace", "shop"], env={"REDIS_URL": None})
    assert shown.exit_code == 0
    assert shown.output == acl_rules("shop") + "\n"
    assert CliRunner().invoke(program, ["--namespace", "shop", "acl"]).output == shown.output
    line = CliRunner().invoke(program, ["acl", "--namespace", "shop", "--user", "web"])
    assert line.output == f"user web on {acl_rules('shop')}\n"


@pytest.mark.parametrize("topology", ["server", "sentinel", "cluster"])
def test_acl_prints_the_rules_of_each_topology(topology: Topology) -> None:
    shown = CliRunner().invoke(program, ["acl", "--namespace", "shop", "--topology", topology])
    assert shown.output == acl_rules("shop", topology) + "\n"


def test_acl_says_what_is_missing_or_wrong() -> None:
    shown = CliRunner().invoke(program, ["acl"])
    assert shown.exit_code == 2
    assert "--namespace" in shown.output
    shown = CliRunner().invoke(program, ["acl", "--namespace", "a b ~*"])
    assert shown.exit_code == 2
    assert "a namespace is" in shown.output
