"""Jobs that delete many tags, and the removal of a repository, whose worker is killed with -9 at every request."""

from tests.system.test_write_crash import Case, dying, registry

__all__ = ["dying", "registry"]


def killed_until_done(case: Case, action: str) -> int:
    """The first worker dies at its first request, the next at its second, and so on. How many died."""
    step = 1
    while not case.die(action, {}, step, "after"):
        step += 1
        assert step < 60
    return step - 1


def test_a_job_goes_on_where_it_was(registry, dying) -> None:
    case = Case(registry, dying)
    dying.call("start_bulk", case.name)
    assert killed_until_done(case, "bulk") >= 3
    assert dying.call("bulk_state", case.name) == ["done", 3, 3]
    assert case.held() == {}
    state = case.state()
    assert (state["tags"], state["count"], state["open"]) == ({}, 0, 0)
    deleted = sorted(target for action, target in state["events"] if action == "repo.tag.delete")
    assert deleted == [f"{case.full_name}:{tag}" for tag in ("1.0", "2.0", "stable")], "each once"


def test_a_removal_goes_on_where_it_was(registry, dying) -> None:
    case = Case(registry, dying)
    dying.call("delete_repository", case.name)
    assert killed_until_done(case, "remove") > 10
    assert dying.call("removals") == 0
    assert case.held() == {}
    assert [registry.digest(case.full_name, digest) for digest in (case.old, case.new)] == ["", ""]
