"""The clone in which scheduled runs work, and the branch that keeps a commit of each.

A run's commit has the files of the commit whose code it ran, but data.dvc, dvc.lock and source.json as the run left
them. Its parents are the run before it and that commit. A second branch names the last run that came to its end: a
commit is pushed before its model is registered. The clone is `.segline/runs/` of a project; the project's own files are
never touched, and the branches are only ever pushed forward.
"""

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.disk.files import part_of
from pipeline.errors import RepositoryError
from pipeline.repository.git import git
from pipeline.runtime.locks import FOLDER

BRANCH = "segline/runs"
"""Of the commits of scheduled runs."""
FINISHED = "segline/finished"
"""Its newest commit is that of the last run whose model was rejected, or registered."""
CLONE = FOLDER / "runs"
DATA_DVC, DVC_LOCK, SOURCE = "data.dvc", "dvc.lock", "source.json"
OF_A_RUN = (DATA_DVC, DVC_LOCK, SOURCE)
"""Files in which a run's commit differs from the commit whose code it ran."""
NUM_PUSHES = 5
CORRECT = "correct the remote `origin` of this clone, or its credentials, and run again"
REF = "ref: refs/heads/"
ALL_BRANCHES = "+refs/heads/*:refs/remotes/origin/*"


@dataclass(frozen=True)
class Start:
    """What a run starts from.

    Attributes:
        code: the commit whose code and params it runs, 40 hex digits.
        last: the newest commit of the branch of runs; None: there is none.
        last_code: the commit whose code that run ran.
        is_last_finished: its model was rejected, or registered; False if there is no last run.
    """

    code: str
    last: str | None
    last_code: str | None
    is_last_finished: bool


class Checkout:
    """The clone of a project in which its scheduled runs work, or another one of its clones.

    Attributes:
        folder: of the clone.
    """

    def __init__(self, project: Path, clone: Path = CLONE) -> None:
        self.project = project.resolve()
        self.folder = self.project / clone

    def fetch(self, branch: str = "") -> Start:
        """Gets the newest commits of the project's remote `origin`, or of the project itself if it has none.

        Args:
            branch: whose newest commit is to be run; the default is the remote's own default branch.

        Raises:
            RepositoryError: there is no repository, remote or branch, or the remote refuses.
        """
        origin = find_origin(self.project)
        if not self.folder.exists():
            with part_of(self.folder) as part:
                git("clone", "--quiet", "--no-checkout", "--", origin, str(part), otherwise=CORRECT)
                part.rename(self.folder)
        self._git("remote", "set-url", "origin", origin)
        self._git("fetch", "--quiet", "--prune", "origin", ALL_BRANCHES, otherwise=CORRECT)
        branch = branch or self._find_default_branch()
        code, last = self._find(branch), self._find(BRANCH)
        if not code:
            raise RepositoryError(f"{origin}: has no branch {branch!r}; push it, or name another one")
        last_code = self._git("rev-parse", f"{last}^@").split()[-1] if last else None
        return Start(code, last, last_code, last is not None and last == self._find(FINISHED))

    def prepare(self, start: Start) -> None:
        """Checks the code out, and the data and lock of the last run unless a person has committed others since.

        Files that git ignores stay: outputs, checkpoints, DVC's settings.
        """
        self._git("checkout", "--quiet", "--force", "--detach", start.code)
        self._git("clean", "--quiet", "--force", "-d")
        if start.last and start.last_code:
            for name in OF_A_RUN:
                was, is_now = (self._git("ls-tree", commit, "--", name) for commit in (start.last_code, start.code))
                if was == is_now and self._git("ls-tree", start.last, "--", name):
                    self._git("checkout", "--quiet", start.last, "--", name)

    def list_changes(self, start: Start, paths: Sequence[str]) -> list[str]:
        """Paths of files that a person has changed since the last run; all of `paths` if there was none."""
        if not start.last_code:
            return list(paths)
        return self._git("diff", "--name-only", start.last_code, start.code, "--", *paths).splitlines()

    def list_unpushed(self, paths: Sequence[str]) -> list[str]:
        """What a person may expect to be run but is not on `origin`: changed files of the project, and its commit."""
        status = git("status", "--porcelain", "--no-renames", "--", *paths, folder=self.project)
        head = git("rev-parse", "HEAD", folder=self.project)
        is_pushed = False
        with suppress(RepositoryError):  # the clone does not know the commit
            is_pushed = bool(self._git("branch", "--remotes", "--contains", head))
        return [line[3:] for line in status.splitlines()] + ([] if is_pushed else [f"commit {head[:8]}"])

    def read(self, commit: str | None, name: str) -> str | None:
        """The text of a file in a commit; None if either is missing."""
        is_there = commit and self._git("ls-tree", commit, "--", name)
        return self._git("show", f"{commit}:{name}") if is_there else None

    def save(self, start: Start, message: str) -> str:
        """Commits the run's files and pushes the commit to the branch of runs; the clone is at the commit then.

        If another run was pushed meanwhile, the commit goes on top of it.

        Returns:
            The commit; that of the last run if this one repeats it.

        Raises:
            RepositoryError: the remote refuses, or others push all the time.
        """
        self._git("add", "--force", "--", *(name for name in OF_A_RUN if (self.folder / name).exists()))
        tree, last = self._git("write-tree"), start.last
        if last and start.code == start.last_code and tree == self._git("rev-parse", f"{last}^{{tree}}"):
            self._git("update-ref", "--no-deref", "HEAD", last)
            return last
        for _ in range(NUM_PUSHES):
            parents = [word for parent in (last, start.code) if parent for word in ("-p", parent)]
            commit = self._git("commit-tree", tree, *parents, "-m", message)
            try:
                self._git("push", "--quiet", "origin", f"{commit}:refs/heads/{BRANCH}", otherwise=CORRECT)
            except RepositoryError:
                self._git("fetch", "--quiet", "origin", ALL_BRANCHES, otherwise=CORRECT)
                if (newest := self._find(BRANCH)) == last:
                    raise
                last = newest
            else:
                self._git("update-ref", "--no-deref", "HEAD", commit)
                return commit
        raise RepositoryError(f"{NUM_PUSHES} times another run was pushed to {BRANCH} in the meantime; run again")

    def finish(self) -> None:
        """Marks the run that was saved as finished, unless a newer one is.

        Raises:
            RepositoryError: the remote refuses.
        """
        try:
            self._git("push", "--quiet", "origin", f"HEAD:refs/heads/{FINISHED}", otherwise=CORRECT)
        except RepositoryError:
            self._git("fetch", "--quiet", "origin", ALL_BRANCHES, otherwise=CORRECT)
            if not self._git("branch", "--remotes", "--list", f"origin/{FINISHED}", "--contains", "HEAD"):
                raise

    def _find_default_branch(self) -> str:
        head = self._git("ls-remote", "--symref", "origin", "HEAD", otherwise=CORRECT).partition("\t")[0]
        if not head.startswith(REF):
            raise RepositoryError("the remote `origin` has no default branch; name the branch to run with --branch")
        return head.removeprefix(REF)

    def _find(self, branch: str) -> str | None:
        """The newest commit of a branch of the remote."""
        with suppress(RepositoryError):
            return self._git("rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{branch}^{{commit}}")
        return None

    def _git(self, *words: str, otherwise: str = "delete .segline/runs, it is made again") -> str:
        who = {"NAME": "segline", "EMAIL": f"segline@{socket.gethostname()}"}
        identity = {f"GIT_{role}_{part}": text for role in ("AUTHOR", "COMMITTER") for part, text in who.items()}
        return git(*words, folder=self.folder, otherwise=otherwise, environment=identity)


def find_origin(project: Path) -> str:
    """Address of a project's remote `origin`; the project's own path if it has none.

    Raises:
        RepositoryError: the project is not a git repository with a commit.
    """
    otherwise = "run this in a clone of the project, or `git init` and commit its files"
    git("rev-parse", "--verify", "HEAD", folder=project, otherwise=otherwise)
    if "origin" not in git("remote", folder=project).split():
        return str(project.resolve())
    url = git("remote", "get-url", "origin", folder=project)
    return str((project / url).resolve()) if (project / url).exists() else url
