"""What a person is shown: every figure, nothing that a server could slip in, and why there is nothing."""

from rich.console import Console, RenderableType

from frescor import PolicyStats, ServerInfo
from frescor.cli.sampling import Sample
from frescor.cli.tables import monitor_view, policy_table, server_lines


def shown(what: RenderableType) -> str:
    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


def test_a_server_that_does_not_answer_says_why_everywhere() -> None:
    sample = Sample(0.0, None, {}, "no answer in time")
    for view in (server_lines(sample), monitor_view(sample, None)):
        assert shown(view).strip() == "The cache's server does not answer: no answer in time"


def test_each_policy_has_a_line_and_what_another_callers_load_answered_is_a_hit() -> None:
    table = shown(policy_table({"prices": PolicyStats(hits=1200, shared=34, loads=10)}))
    (line,) = [one for one in table.splitlines() if "prices" in one]
    assert line.split() == ["prices", "1,244", "1,234", "99.2%", "10", "10", "0"]


def test_a_cache_that_nobody_asked_says_so() -> None:
    assert shown(policy_table({})).strip() == "Nothing has been asked of this cache yet."


def test_brackets_in_names_are_shown_and_are_no_markup() -> None:
    assert "[red]prices[/red]" in shown(policy_table({"[red]prices[/red]": PolicyStats(hits=1)}))
    info = ServerInfo("[bold]", "9", 1024, None, 20)
    text = shown(server_lines(Sample(0.0, info, {}), entries="3"))
    assert "[bold] 9" in text
    assert "without a limit of its own" in text
