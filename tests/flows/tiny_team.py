"""A team's project with quick stages: a person's clone, as the current directory, and remotes of git and DVC."""

from pathlib import Path

from pipeline.dataset.versions import add_data
from pipeline.repository.git import git
from tests.flows.tiny_flow import write_tiny_flow

REMOTE = """\
    remote = store
['remote "store"']
    url = {}
"""


def write_team(project: Path, folder: Path) -> None:
    """Writes the project of `write_tiny_flow` into the current directory, and commits and pushes it.

    Args:
        project: the current directory, with the repository's settings under git.
        folder: gets the remotes, `remote.git` and `store`.
    """
    write_tiny_flow(project)
    (project / "classes.yaml").write_text("classes:\n- name: sky\n- name: road\n")
    stages = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(stages.replace("cp data/images/a ", "ls data/images > "))
    add_data()
    with (project / ".dvc/config").open("a") as file:
        file.write(REMOTE.format(folder / "store"))
    (folder / "store").mkdir()
    git("init", "--quiet", "--bare", "--initial-branch", "main", str(folder / "remote.git"))
    git("branch", "--move", "main")
    git("remote", "add", "origin", str(folder / "remote.git"))
    save("first")
    git("push", "--quiet", "--set-upstream", "origin", "main")


def save(message: str) -> None:
    """A person's commit."""
    git("add", "--all")
    git("commit", "--quiet", "--message", message)
