from pathlib import Path

from controles.importing.progress import at_work, progress_of


def test_one_works_at_a_time_and_the_next_one_after_it(tmp_path: Path) -> None:
    with at_work(tmp_path / "novo", 1) as first:
        assert first is not None
        with at_work(tmp_path / "novo", 1) as second:
            assert second is None
        with at_work(tmp_path / "novo", 2) as other:
            assert other is not None
    with at_work(tmp_path / "novo", 1) as again:
        assert again is not None


def test_the_progress_is_read_while_somebody_works_and_never_after(tmp_path: Path) -> None:
    assert progress_of(tmp_path, 1) is None
    with at_work(tmp_path, 1) as report:
        assert report is not None
        for share, shown in ((0.0, 0), (0.426, 42), (7.0, 100), (-1.0, 0)):
            report(share)
            assert progress_of(tmp_path, 1) == shown
    assert progress_of(tmp_path, 1) is None
