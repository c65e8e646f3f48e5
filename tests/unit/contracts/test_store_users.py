"""Every user of the store has the commands of the functions that its program calls, and keys of its own."""

import re
from importlib import resources

import pytest

from services.contracts import store_users as users
from services.ledger.library import PARTS

CALLED = {
    users.INGEST: ("append", "mark_loss", "facts"),
    users.WORKER: (
        "commit",
        "dead_letter",
        "requeue",
        "dead_letters",
        "beat",
        "note",
        "reap",
        "prune",
        "forget_runs",
        "changes",
        "mark_loss",
        "facts",
    ),
    users.QUERY: ("changes", "audit", "mark_loss", "facts"),
}
"""User → functions that its program calls."""
FUNCTION = re.compile(r"^local function (\w+)\(.*?^end$", re.MULTILINE | re.DOTALL)
ONE_LINE = re.compile(r"^local function (\w+)\([^\n]* end$", re.MULTILINE)
REGISTERED = re.compile(r"^register\('(\w+)', (\w+)", re.MULTILINE)
COMMAND = re.compile(r"redis\.call\('(\w+)'(?:, '(DELCONSUMER)')?")


def lua() -> str:
    """Return the code of all functions."""
    folder = resources.files("services.ledger").joinpath("functions")
    return "\n".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in PARTS)


def bodies(code: str) -> dict[str, str]:
    """Return function → its text."""
    short = {match[1]: match[0] for match in ONE_LINE.finditer(code)}
    return {match[1]: match[0] for match in FUNCTION.finditer(ONE_LINE.sub("", code))} | short


def commands(name: str, texts: dict[str, str]) -> set[str]:
    """Return the commands of a function and of all functions that it calls."""
    reached, open_ends = {name}, [name]
    while open_ends:
        text = texts[open_ends.pop()]
        nearby = {other for other in texts if other not in reached and re.search(rf"\b{other}\(", text)}
        reached |= nearby
        open_ends += nearby
    calls = (match for other in reached for match in COMMAND.finditer(texts[other]))
    return {"|".join(filter(None, match.groups())).lower() for match in calls}


@pytest.mark.parametrize("user", users.SERVICES)
def test_a_service_has_the_commands_of_its_functions(user: str) -> None:
    """The store checks the caller's rights for the commands inside a function."""
    code = lua()
    texts, registered = bodies(code), dict(REGISTERED.findall(code))
    needed = {command for name in CALLED[user] for command in commands(registered[name], texts)}
    granted = set(users.RIGHTS[user].commands.split()) | set(users.REMOVE.replace("+", "").split())

    assert len(needed) > 5, "the functions were not read"
    assert needed - granted == set()


@pytest.mark.parametrize("user", [*users.SERVICES, users.BOOTSTRAP])
@pytest.mark.parametrize("command", ["eval", "function|flush", "flushall", "config|set", "keys", "xtrim", "@all"])
def test_nobody_but_the_administrator_may_do_harm(user: str, command: str) -> None:
    """No program has a command that changes the store as a whole."""
    rights = users.rights_of(user, namespace="lab").split()

    assert f"+{command}" not in rights
    assert "-@all" in rights


def test_services_share_no_user() -> None:
    """A stolen password is the password of one program; no password stands in the file."""
    file = users.users_file({user: f"secret-of-{user}" for user in users.USERS}, namespace="lab")

    assert file.startswith("user default off\n")
    assert len(set(re.findall(r"#([0-9a-f]{64})", file))) == len(users.USERS)
    assert "secret-of" not in file
